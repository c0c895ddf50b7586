"""What the artifact's own record says of how good the model is, beside the baselines."""

from __future__ import annotations

import math
from typing import Any

from tastemap.evaluation.names import HEADLINE, is_better, metric_of
from tastemap.evaluation.records import EvaluationRecord, ModelResult
from tastemap.evaluation.slices import ITEM_POPULARITY, USER_ACTIVITY
from tastemap.evaluation.summary import BASELINE_OF
from tastemap.models.recommender import Recommender
from tastemap.service.answers.report import measured, record_of

Fields = dict[str, Any]

LABELS = {"rmse": "RMSE", "ndcg": "NDCG", "recall": "Recall", "coverage": "Coverage"}
PLAIN = {
    "rmse": "RMSE is how far predicted ratings are from those given, in the units of the ratings.",
    "ndcg": "NDCG is 1 where a list begins with all that somebody liked, 0 where it has none of it.",
}
"""For readers who do not know the metrics that the sentences name."""
SHOWN = ("rmse", "ndcg", "recall", "coverage")


def evaluated(recommender: Recommender) -> Fields | None:
    """Figures of the model and of the baselines, and where the model is weak; None without a record of it."""
    record = record_of(recommender)
    if record is None or recommender.name not in {row.model for row in record.models}:
        return None
    own = record.result(recommender.name)
    names = [name for stem in SHOWN for name in own.metrics if name.partition("@")[0] == stem]
    rows = [own, *(row for row in record.models if row.is_baseline and row.model != own.model)]
    return {
        "data": record.data,
        "split": record.protocol.split,
        "k": record.protocol.k,
        "n_test": record.counts.n_test,
        "n_users": record.counts.n_users,
        "measured": measured(record, recommender),
        "notes": list(record.notes),
        "metrics": [_metric(name) for name in names],
        "said": [sentence for name in names if (sentence := _said(record, own, name)) is not None],
        "rows": [
            {
                "model": row.model,
                "is_baseline": row.is_baseline,
                "is_own": row.model == own.model,
                "figures": [_estimate(row.metrics.get(name)) for name in names],
            }
            for row in rows
        ],
        "slices": [part for part in (_slices(record, own.model, by) for by in _SLICED) if part is not None],
    }


def _said(record: EvaluationRecord, own: ModelResult, name: str) -> str | None:
    """A headline figure beside that of its baseline, in words; None for other metrics, and for a baseline."""
    stem = name.partition("@")[0]
    baseline = BASELINE_OF.get(stem)
    found = own.metrics[name].value
    others = [row.metrics[name].value for row in record.models if row.model == baseline and name in row.metrics]
    if not others or baseline == own.model or not math.isfinite(found):
        return None
    task = "Its predicted ratings" if stem == "rmse" else "Its lists"
    better = "better" if is_better(name, found, others[0]) else "worse"
    pairs = [
        one
        for one in record.differences
        if one.metric == name and {one.model, one.other} == {own.model, baseline}
    ]
    sure = "" if not pairs else ", beyond chance" if pairs[0].clear else ", perhaps by chance"
    gap = abs(found - others[0])
    return (
        f"{task} are {better} than those of the baseline {baseline}{sure}: "
        f"{LABELS[stem]} {found:.3f}, {gap:.3f} {'lower' if found < others[0] else 'higher'}."
    )


_SLICED = {
    USER_ACTIVITY: ("By how much is known of a user", "users"),
    ITEM_POPULARITY: ("By how often an item was rated", "rows"),
}


def _metric(name: str) -> Fields:
    metric = metric_of(name)
    stem, at, k = name.partition("@")
    return {
        "name": name,
        "label": f"{LABELS[stem]}{at}{k}",
        "better": metric.better,
        "summary": metric.summary,
        "plain": PLAIN.get(stem),
    }


def _estimate(found: Any) -> Fields | None:
    return None if found is None else {"value": found.value, "low": found.low, "high": found.high}


def _slices(record: EvaluationRecord, model: str, by: str) -> Fields | None:
    """One headline figure of the model for each part, the weakest part marked."""
    parts = [part for part in record.slices if part.by == by and model in part.figures]
    names = [name for part in parts for name in part.figures[model]]
    chosen = next((name for stem in HEADLINE for name in names if name.partition("@")[0] == stem), None)
    if chosen is None:
        return None
    kind = "interactions" if record.is_implicit else "ratings"
    title, unit = _SLICED[by]
    rows: list[Fields] = [
        {"label": _label(part.label, kind), "n": part.n, "value": part.figures[model][chosen]}
        for part in parts
        if chosen in part.figures[model]
    ]
    worst = (max if metric_of(chosen).better == "lower" else min)(row["value"] for row in rows)
    for row in rows:
        row["is_weakest"] = row["value"] == worst and len(rows) > 1
    return {"title": title, "unit": unit, "metric": _metric(chosen), "rows": rows}


def _label(label: str, kind: str) -> str:
    """As an evaluation names a part, in words for people: ``10–27 in training`` is ``10–27 ratings``."""
    return f"no {kind}" if label == "unknown" else label.replace("in training", kind)
