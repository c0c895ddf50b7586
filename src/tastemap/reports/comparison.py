"""The comparison report: what changes if one recommender takes the place of another, and for whom."""

from __future__ import annotations

from collections.abc import Sequence

from tastemap.charts import PAGE, Row, difference_chart
from tastemap.evaluation.comparison import Comparison, ExposureChange, MetricChange, Overlap
from tastemap.reports.markup import Markup, block, tag
from tastemap.reports.page import chart_block, page, table_block
from tastemap.reports.sections import Section, section
from tastemap.reports.wording import THIN, interval, number, wording

_SOURCES = {
    "test": "test data",
    "validation": "validation rows that both kept",
    "evaluation": "evaluations saved with both",
}


def comparison_report(comparison: Comparison) -> str:
    """A comparison as one HTML page that loads nothing.

    *Stability: experimental.* The same comparison gives the same bytes, as in
    :func:`~tastemap.reports.evaluation_report`.
    """
    names = f"{comparison.a} and {comparison.b}"
    against = f"on {comparison.test}" if comparison.test else "without test data"
    lede = (
        f"{comparison.a} (A) is what there is, {comparison.b} (B) might replace it; compared {against}. "
        "A change is B minus A."
    )
    verdict = [tag("p", said) for said in comparison.sentences()] or [tag("p", "Nothing could be compared.")]
    return page(
        f"{names}: comparison",
        block(
            "header",
            tag("p", "Comparison report", class_="eyebrow"),
            tag("h1", names),
            tag("p", lede, class_="lede"),
        ),
        tag(
            "main",
            block("div", tag("h2", "Verdict"), verdict, class_="verdict"),
            [part.markup for part in comparison_sections(comparison)],
            tag("p", f"Seed {comparison.seed}; lists of {comparison.k}.", class_="note"),
            id="content",
        ),
    )


def comparison_sections(comparison: Comparison) -> list[Section]:
    """The parts of :func:`comparison_report` that hold figures, for another page."""
    parts = [_metrics(comparison), _segments(comparison), _overlap(comparison), _exposure(comparison)]
    return [part for part in parts if part is not None]


def _metrics(comparison: Comparison) -> Section | None:
    if not comparison.metrics:
        return None
    rows = [_metric_cells(change) for change in comparison.metrics]
    head = ["Metric", "A", "B", "Change", "Verdict", tag("th", "From", scope="col", class_="text")]
    caption = "Metrics of both, with 95\u202f% intervals of the change, paired by user"
    return section("metrics", "Metrics", _chart(comparison.metrics), table_block(caption, head, rows, caption))


def _metric_cells(change: MetricChange) -> list[Markup]:
    said = wording(change.metric)
    decimals = said.decimals + 1
    spread = None
    if change.low is not None and change.high is not None:
        spread = tag("span", interval(change.low, change.high, decimals, sign=True), class_="range")
    clear = "no interval" if spread is None else "clear" if change.clear else "not clear"
    return [
        tag("th", said.label, scope="row"),
        tag("td", number(change.a, said.decimals)),
        tag("td", number(change.b, said.decimals)),
        tag("td", number(change.change, decimals, sign=True), spread),
        tag("td", clear),
        tag("td", _SOURCES[change.source], class_="text"),
    ]


def _chart(changes: Sequence[MetricChange]) -> Markup | None:
    """Changes for the better as shares of A's figures, so that all metrics fit one axis."""
    rows = [_gain(change) for change in changes if change.a and wording(change.metric).better != "neither"]
    if not rows:
        return None
    words = "; ".join(f"{row.name} {row.detail}" for row in rows)
    chart = chart_block(
        difference_chart(rows, title="Change for the better, % of A's figure", palette=PAGE),
        "changes",
        f"Change for the better from A to B: {words}.",
    )
    caption = (
        "Right of the dashed line B is better, whatever the metric's direction. Where the interval holds "
        "zero, or there is none, the dot is hollow."
    )
    return block("figure", chart, tag("figcaption", caption))


def _gain(change: MetricChange) -> Row:
    said = wording(change.metric)
    scale = (-100.0 if said.lower_is_better else 100.0) / abs(change.a)
    ends = [change.change if end is None else end for end in (change.low, change.high)]
    low, high = sorted(end * scale for end in ends)
    value = change.change * scale
    label = f"{number(value, 1, sign=True)}{THIN}%"
    detail = f"{label} ({interval(low, high, 1, sign=True)}{THIN}%)" if change.low is not None else label
    return Row(said.label, value, low, high, label, detail, hollow=not change.clear)


def _segments(comparison: Comparison) -> Section | None:
    if not comparison.segments:
        return None
    rows = [
        [
            tag("th", part.label, scope="row"),
            tag("td", wording(part.metric).label),
            tag("td", f"{part.n_users:,}"),
            tag("td", number(part.a, wording(part.metric).decimals)),
            tag("td", number(part.b, wording(part.metric).decimals)),
            tag("td", _percent(part.share_better)),
            tag("td", _percent(part.share_worse)),
        ]
        for part in comparison.segments
    ]
    head = ["Users", "Metric", "Count", "A", "B", "Better off with B", "Worse off with B"]
    caption = "Figures of both for parts of the users"
    return section("segments", "Who gains and who loses", table_block(caption, head, rows, caption))


def _overlap(comparison: Comparison) -> Section | None:
    found = comparison.overlap
    if found is None:
        return None
    rows = [
        [tag("th", part.label, scope="row"), tag("td", f"{part.n_users:,}"), tag("td", _percent(part.overlap))]
        for part in found.by_activity
    ]
    caption = "Items in common by activity of the user"
    table = table_block(caption, ["Users", "Count", "Items in common"], rows, caption) if rows else None
    return section("overlap", "How alike the lists are", _overlap_facts(found), table)


def _overlap_facts(found: Overlap) -> Markup:
    facts = [
        ("users compared", f"{found.n_users:,}"),
        ("users known to both", f"{found.n_shared_users:,}"),
        ("items in common", _percent(found.overlap)),
        ("common among items of either list", _percent(found.jaccard)),
        ("identical lists", _percent(found.identical)),
    ]
    return block("dl", [tag("div", tag("dt", name), tag("dd", text)) for name, text in facts], class_="facts")


def _exposure(comparison: Comparison) -> Section | None:
    if not comparison.gain and not comparison.lose:
        return None
    more = _exposure_table(comparison.gain, "Items that B shows more often")
    less = _exposure_table(comparison.lose, "Items that B shows less often")
    return section("exposure", "What is shown more and less often", more, less)


def _exposure_table(changes: Sequence[ExposureChange], caption: str) -> Markup | None:
    rows = [
        [
            tag("th", row.title or str(row.item_id), scope="row"),
            tag("td", _percent(row.a)),
            tag("td", _percent(row.b)),
            tag("td", number(100 * row.change, 1, sign=True)),
        ]
        for row in changes
    ]
    if not rows:
        return None
    # The difference of two shares is no percentage of either.
    head = ["Item", "In lists of A", "In lists of B", "Change in percentage points"]
    return table_block(caption, head, rows, caption)


def _percent(share: float) -> str:
    return f"{number(100 * share, 1)}{THIN}%"
