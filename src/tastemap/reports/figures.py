"""Charts and tables of an evaluation, each chart with its words and its caption."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tastemap.charts import PAGE, Row, difference_chart, dot_chart, fold_chart, interval_chart, span
from tastemap.evaluation.records import Difference, Estimate, EvaluationRecord, ModelResult, Slice
from tastemap.reports.markup import Markup, block, render, tag
from tastemap.reports.page import chart_block, slug, table_block
from tastemap.reports.verdict import ranked
from tastemap.reports.wording import count, difference, estimate, interval, number, wording

_DIRECTION = {"lower": "lower is better", "higher": "higher is better", "neither": ""}
# A novel or even list is no better by itself, so nothing is best there.
_CONTEST = ("rating", "ranking")


def interval_figure(record: EvaluationRecord, metric: str) -> Markup:
    """The dots and intervals of one metric, best model first."""
    rows = [_row(result, metric) for result in ranked(record, metric)]
    said = wording(metric)
    title = _axis(metric)
    words = "; ".join(f"{row.name} {row.detail}" for row in rows)
    chart = chart_block(
        interval_chart(rows, title=title, palette=PAGE),
        f"{slug(metric)}-intervals",
        f"{said.label} with 95 % intervals, best first: {words}.",
    )
    caption = f"{said.label} with 95\u202f% intervals, best first. {said.sentence}"
    if any(row.hollow for row in rows):
        caption += " Baselines are the hollow diamonds."
    return block("figure", chart, tag("figcaption", caption))


def figures_table(record: EvaluationRecord, metrics: Sequence[str], caption: str) -> Markup:
    """One row per model that has any of the metrics, ordered by the first; intervals below the figures."""
    order = ranked(record, metrics[0])
    order += [
        row for row in record.models if row not in order and any(metric in row.metrics for metric in metrics)
    ]
    best = {metric: _best(record, metric) for metric in metrics}
    rows = [
        [_name(row), *(_cell(row, metric, row.model in best[metric]) for metric in metrics)] for row in order
    ]
    contests = {wording(metric).better for metric in metrics if wording(metric).family in _CONTEST}
    direction = _DIRECTION[contests.pop()] if len(contests) == 1 else ""
    said = f"{caption}; {direction}" if direction else caption
    head = ["Model", *(wording(metric).label for metric in metrics)]
    return table_block(said, head, rows, caption)


def difference_figures(record: EvaluationRecord, metric: str) -> list[Markup]:
    """Paired differences, one chart per model that the others are held against, then all of them as a table."""
    found = [one for one in record.differences if one.metric == metric and math.isfinite(one.value)]
    charts = [
        _difference_figure([one for one in found if one.other == other], metric, other)
        for other in dict.fromkeys(one.other for one in found)
    ]
    if not charts:
        return []
    rows = [
        [
            tag("th", f"{one.model} − {one.other}", scope="row"),
            tag("td", difference(one)),
            tag("td", _clearness(one)),
        ]
        for one in found
    ]
    caption = f"Paired differences in {wording(metric).label} with 95\u202f% intervals"
    table = table_block(caption, ["Pair", "Difference", "Verdict"], rows, caption)
    return [*charts, tag("details", tag("summary", "All differences as a table"), table)]


def fold_figure(record: EvaluationRecord, metric: str) -> Markup | None:
    """The figures of each fold; None where there was one split."""
    order = [row for row in ranked(record, metric) if len(row.metrics[metric].folds) > 1]
    if not order:
        return None
    label, decimals = wording(metric).label, wording(metric).decimals
    rows = [_row(result, metric) for result in order]
    names = ", ".join(row.name for row in rows)
    described = f"{label} of each fold around its mean, for {names}; the table below has the figures."
    chart = chart_block(fold_chart(rows, title=_axis(metric), palette=PAGE), f"{slug(metric)}-folds", described)
    n_folds = max(len(row.folds) for row in rows)
    cells = [
        [_name(result), *(tag("td", number(value, decimals)) for value in result.metrics[metric].folds)]
        for result in order
    ]
    caption = f"{label} of each fold"
    table = table_block(caption, ["Model", *(f"Fold {n + 1}" for n in range(n_folds))], cells, caption)
    caption_text = (
        f"{label} of each fold (strokes) and their mean. Where the strokes lie close, the figure is steady."
    )
    return Markup(
        block("figure", chart, tag("figcaption", caption_text))
        + tag("details", tag("summary", "Folds as a table"), table)
    )


def slice_panels(record: EvaluationRecord, parts: Sequence[Slice], metric: str) -> Markup:
    """One small chart per slice, all on one axis, models in the order of the whole evaluation."""
    order = [row for row in ranked(record, metric)] or list(record.models)
    values = [part.figures.get(row.model, {}).get(metric, math.nan) for part in parts for row in order]
    domain = span(values)
    panels = []
    for number_, part in enumerate(parts):
        rows = [
            _dot(row, part.figures[row.model][metric], metric)
            for row in order
            if math.isfinite(part.figures.get(row.model, {}).get(metric, math.nan))
        ]
        words = "; ".join(f"{row.name} {row.label}" for row in rows) or "no figures"
        chart = chart_block(
            dot_chart(rows, domain=domain, palette=PAGE),
            slug(f"{part.by} {metric} {number_}"),
            f"{wording(metric).label} for {part.by}, {part.label}: {words}.",
        )
        caption = tag("figcaption", tag("strong", part.label), f" · {count(part.n)} {_unit(part)}")
        panels.append(block("figure", caption, chart))
    return block("div", panels, class_="panels")


def slice_table(record: EvaluationRecord, parts: Sequence[Slice], metric: str) -> Markup:
    """The figures of the panels as a table: one row per model, one column per slice."""
    decimals = wording(metric).decimals
    rows = [
        [
            _name(row),
            *(
                tag("td", number(part.figures.get(row.model, {}).get(metric, math.nan), decimals))
                for part in parts
            ),
        ]
        for row in record.models
        if any(metric in part.figures.get(row.model, {}) for part in parts)
    ]
    caption = f"{wording(metric).label} by {parts[0].by}"
    return table_block(caption, ["Model", *(part.label for part in parts)], rows, caption)


def _difference_figure(found: Sequence[Difference], metric: str, other: str) -> Markup:
    said = wording(metric)
    decimals = said.decimals + 1
    found = sorted(found, key=lambda one: one.value, reverse=not said.lower_is_better)
    rows = [
        Row(
            one.model,
            one.value,
            *_ends(one),
            number(one.value, decimals, sign=True),
            difference(one),
            hollow=not one.clear,
        )
        for one in found
    ]
    side = "left" if said.lower_is_better else "right"
    title = (
        f"{said.label} minus that of {other} ({'negative' if said.lower_is_better else 'positive'} is better)"
    )
    words = "; ".join(f"{one.model} {difference(one)}, {_clearness(one)}" for one in found)
    chart = chart_block(
        difference_chart(rows, title=title, palette=PAGE),
        f"{slug(metric)}-against-{slug(other)}",
        f"{said.label} minus that of {other}, with 95 % intervals: {words}.",
    )
    caption = (
        f"Each model against {other}, on the same users. A dot {side} of the dashed line does better; "
        "a hollow dot's interval holds zero, or there is none, so the difference is not clear."
    )
    return block("figure", chart, tag("figcaption", caption))


def note(metric: str) -> Markup | None:
    """Which direction is better, as a small note beside a heading."""
    direction = _DIRECTION[wording(metric).better]
    return render([" ", tag("span", direction, class_="mark")]) if direction else None


def _axis(metric: str) -> str:
    said = wording(metric)
    direction = _DIRECTION[said.better]
    return f"{said.label} ({direction})" if direction else said.label


def _unit(part: Slice) -> str:
    many = "user" if "user" in part.by or "activity" in part.by else "test row"
    return many if part.n == 1 else f"{many}s"


def _row(result: ModelResult, metric: str) -> Row:
    found = result.metrics[metric]
    label = number(found.value, wording(metric).decimals)
    words = estimate(metric, found)
    return Row(result.model, found.value, *_ends(found), label, words, result.is_baseline, found.folds)


def _ends(found: Estimate | Difference) -> tuple[float, float]:
    """The interval; the figure twice where there is none."""
    low, high = (found.value if end is None else end for end in (found.low, found.high))
    return low, high


def _clearness(found: Difference) -> str:
    return "no interval" if found.low is None else "clear" if found.clear else "not clear"


def _dot(result: ModelResult, value: float, metric: str) -> Row:
    label = number(value, wording(metric).decimals)
    return Row(result.model, value, value, value, label, hollow=result.is_baseline)


def _name(result: ModelResult) -> Markup:
    mark = [" ", tag("span", "baseline", class_="mark")] if result.is_baseline else None
    return tag("th", result.model, mark, scope="row")


def _cell(result: ModelResult, metric: str, is_best: bool) -> Markup:
    found = result.metrics.get(metric)
    if found is None:
        return tag("td", "–", tag("span", "no figure", class_="hidden"))
    decimals = wording(metric).decimals
    spread = None
    if found.low is not None:
        spread = tag("span", interval(found.low, found.high, decimals), class_="range")
    best = tag("span", " best", class_="hidden") if is_best else None
    return tag("td", number(found.value, decimals), best, spread, class_="best" if is_best else None)


def _best(record: EvaluationRecord, metric: str) -> set[str]:
    """The models with the best figure; none where there is nothing to win."""
    order = ranked(record, metric)
    if wording(metric).family not in _CONTEST or len(order) < 2:
        return set()
    top = order[0].metrics[metric].value
    return {row.model for row in order if row.metrics[metric].value == top}
