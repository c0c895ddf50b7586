"""The charts of pages that look inside, by the parts of the reports; nothing where the extra is not installed.

The reports are imported when a chart is asked for: without the extra `explore` they cannot be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tastemap.errors import MissingExtraError
from tastemap.evaluation.comparison import Comparison
from tastemap.service.answers.kept import Kept, kept_by_version
from tastemap.service.answers.report import MOST_COMPARISONS, comparison_of, digests_of, record_of
from tastemap.service.live.serving import Serving
from tastemap.service.pages.evaluated import evaluated

if TYPE_CHECKING:
    from tastemap.reports.inside import Part


@dataclass(frozen=True)
class Drawn:
    """Markup of charts by the names that templates use.

    Parameters
    ----------
    charts : dict of str to str
        HTML whose texts are escaped.
    verdict : list of str
        Sentences on the whole.
    missing : str or None
        What to install, where nothing could be drawn.
    """

    charts: dict[str, str] = field(default_factory=dict)
    verdict: list[str] = field(default_factory=list)
    missing: str | None = None


def or_missing(draw: Callable[[], Drawn]) -> Drawn:
    """What is drawn, or the sentence that says what to install."""
    try:
        return draw()
    except MissingExtraError as error:
        return Drawn(missing=error.message)


@kept_by_version
def data_charts(serving: Serving) -> Drawn:
    """Histograms of users and items, with groups to choose from."""

    def draw() -> Drawn:
        from tastemap.reports.inside_data import data_part

        return Drawn(_pictures([data_part(serving.recommender.train)]))

    return or_missing(draw)


@kept_by_version
def training_charts(serving: Serving) -> Drawn:
    """Curves, predictions against ratings, biases, norms."""

    def draw() -> Drawn:
        from tastemap.reports.inside import predictions_part, training_part
        from tastemap.reports.inside_items import bias_part, norms_part

        models = {serving.recommender.name: serving.recommender}
        parts = [training_part(models), predictions_part(models, None), bias_part(models), norms_part(models)]
        return Drawn(_pictures(parts))

    return or_missing(draw)


def report_charts(serving: Serving, against: int | None) -> Drawn:
    """The evaluation of the served version, and its comparison with another one."""
    own = _evaluation_charts(serving)
    if against is None or own.missing is not None:
        return own
    pair = digests_of(serving, against)
    compared = _comparisons.of(pair, lambda: _comparison_charts(comparison_of(serving, against)))
    return replace(own, charts=own.charts | compared)


@kept_by_version
def _evaluation_charts(serving: Serving) -> Drawn:
    def draw() -> Drawn:
        from tastemap.reports.evaluation import evaluation_sections
        from tastemap.reports.verdict import headline_metrics, verdict

        record = record_of(serving.recommender)
        if record is None:
            return Drawn()
        markup = "".join(part.markup for part in evaluation_sections(record))
        best = (verdict(record, metric) for metric in headline_metrics(record))
        own = evaluated(serving.recommender)  # a verdict is of the best model of a record: perhaps another one
        said = own["said"] if own and own["said"] else [text for text in best if text]
        return Drawn({"evaluation": markup}, said)

    return or_missing(draw)


_comparisons: Kept[tuple[str, str], dict[str, str]] = Kept({}, most=MOST_COMPARISONS)


def _comparison_charts(found: Comparison) -> dict[str, str]:
    from tastemap.reports.comparison import comparison_sections

    return {"comparison": "".join(part.markup for part in comparison_sections(found))}


def _pictures(parts: Sequence[Part]) -> dict[str, str]:
    """All pictures of each part, by the name of the part."""
    from tastemap.reports.pictures import figure

    return {
        part.name: "".join(figure(one) for block in part.blocks for one in block.pictures) for part in parts
    }
