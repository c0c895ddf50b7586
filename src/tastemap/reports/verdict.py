"""The outcome of an evaluation in words: who is best, by how much, and whether that is more than chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from tastemap.evaluation.names import METRICS
from tastemap.evaluation.records import Difference, EvaluationRecord, ModelResult
from tastemap.reports.wording import estimate, listed, number, wording

_TASKS = {"rating": "predicts ratings best", "ranking": "makes the best lists"}


def headline_metrics(record: EvaluationRecord) -> list[str]:
    """The metrics that speak for the evaluation: ``rmse`` and ``ndcg@k``, else the first that is measured."""
    measured = metrics_of(record.models)
    wanted = ["rmse", f"ndcg@{record.protocol.k}"]
    chosen = [metric for metric in wanted if metric in measured]
    return chosen or measured[:1]


def metrics_of(models: Sequence[ModelResult]) -> list[str]:
    """Every metric that some model has, in the order of tables; unknown ones last."""
    order = list(METRICS)
    found = dict.fromkeys(metric for row in models for metric in row.metrics)
    stems = {metric: metric.partition("@")[0] for metric in found}
    return sorted(found, key=lambda name: order.index(stems[name]) if stems[name] in order else len(order))


def ranked(record: EvaluationRecord, metric: str) -> list[ModelResult]:
    """The models that have a finite figure for `metric`, best first; ties in the order of the record."""
    having = [
        row for row in record.models if metric in row.metrics and math.isfinite(row.metrics[metric].value)
    ]
    sign = 1.0 if wording(metric).lower_is_better else -1.0
    return sorted(having, key=lambda row: sign * row.metrics[metric].value)


def paired(record: EvaluationRecord, model: str, other: str, metric: str) -> Difference | None:
    """The difference `model` minus `other`, whichever way round the record keeps it."""
    for found in record.differences:
        if found.metric != metric:
            continue
        if (found.model, found.other) == (model, other):
            return found
        if (found.model, found.other) == (other, model):
            low, high = (None if end is None else -end for end in (found.high, found.low))
            return replace(found, model=model, other=other, value=-found.value, low=low, high=high)
    return None


def verdict(record: EvaluationRecord, metric: str) -> str:
    """Some sentences on `metric`: the best model, the best baseline, and whether their difference is clear.

    Empty if no model has the metric.
    """
    order = ranked(record, metric)
    if not order:
        return ""
    best, label = order[0], wording(metric).label
    figure = estimate(metric, best.metrics[metric])
    task = _TASKS.get(wording(metric).family, f"leads on {label}")
    if len(order) == 1:
        return f"{best.model} is the only model measured: {label} {figure}."
    if best.is_baseline:
        return _baseline_wins(record, metric, order, f"{label} {figure}")
    baseline = next((row for row in order if row.is_baseline), None)
    if baseline is None:
        return f"{best.model} {task}: {label} {figure}. No baseline was measured." + _runners_up(
            record, metric, order
        )
    gain = _gain(best, baseline, metric)
    clear = _clearness(paired(record, best.model, baseline.model, metric))
    return f"{best.model} {task}: {label} {figure}, {gain}. {clear}" + _runners_up(record, metric, order)


def _baseline_wins(record: EvaluationRecord, metric: str, order: Sequence[ModelResult], figure: str) -> str:
    best = order[0]
    rival = next((row for row in order if not row.is_baseline), None)
    if rival is None:
        return f"Only baselines were measured; {best.model} leads: {figure}."
    clear = _clearness(paired(record, best.model, rival.model, metric))
    return f"No model beats the baseline {best.model}: {figure}. Next is {rival.model}. {clear}"


def _gain(best: ModelResult, baseline: ModelResult, metric: str) -> str:
    """``3.1 % better than the best baseline, bias``; the figures themselves where a share makes no sense."""
    ours, theirs = best.metrics[metric].value, baseline.metrics[metric].value
    if theirs <= 0.0:
        return f"against {number(theirs, wording(metric).decimals)} for the best baseline, {baseline.model}"
    share = 100 * abs(ours - theirs) / theirs
    if share < 0.05:
        return f"level with the best baseline, {baseline.model}"
    if not wording(metric).lower_is_better and ours >= 2 * theirs:
        return f"{ours / theirs:.1f} times the best baseline, {baseline.model}"
    return f"{share:.{1 if share < 10 else 0}f}\u202f% better than the best baseline, {baseline.model}"


def _clearness(found: Difference | None) -> str:
    if found is None:
        return "The record holds no paired difference between them."
    if found.clear:
        return "The difference is clear: its interval leaves out zero."
    if found.low is None:
        return "Too few users were tested for an interval of the difference, so it may be chance."
    return "The difference is not clear: its interval holds zero, so it may be chance."


def _runners_up(record: EvaluationRecord, metric: str, order: Sequence[ModelResult]) -> str:
    """A sentence on the other models that cannot be told apart from the best."""
    best = order[0]
    level = [
        row.model
        for row in order[1:]
        if not row.is_baseline
        and (found := paired(record, best.model, row.model, metric)) is not None
        and not found.clear
    ]
    if not level:
        return ""
    return f" {best.model} and {listed(level)} cannot be told apart on this data."
