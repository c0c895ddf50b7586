"""The charts of pages that look inside, by the parts of the reports; nothing where the extra is not installed.

The reports are imported when a chart is asked for: without the extra `explore` they cannot be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from tastemap.errors import MissingExtraError
from tastemap.service.answers.report import comparison_of, record_of
from tastemap.service.live.serving import Serving

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


@lru_cache(maxsize=2)
def data_charts(serving: Serving) -> Drawn:
    """Histograms of users and items, with groups to choose from."""

    def draw() -> Drawn:
        from tastemap.reports.inside_data import data_part

        return Drawn(_pictures([data_part(serving.recommender.train)]))

    return or_missing(draw)


@lru_cache(maxsize=2)
def training_charts(serving: Serving) -> Drawn:
    """Curves, predictions against ratings, biases, norms."""

    def draw() -> Drawn:
        from tastemap.reports.inside import predictions_part, training_part
        from tastemap.reports.inside_items import bias_part, norms_part

        models = {serving.recommender.name: serving.recommender}
        parts = [training_part(models), predictions_part(models, None), bias_part(models), norms_part(models)]
        return Drawn(_pictures(parts))

    return or_missing(draw)


@lru_cache(maxsize=4)
def report_charts(serving: Serving, against: int | None) -> Drawn:
    """The evaluation of the served version, and its comparison with another one."""

    def draw() -> Drawn:
        from tastemap.reports.comparison import comparison_sections
        from tastemap.reports.evaluation import evaluation_sections
        from tastemap.reports.verdict import headline_metrics, verdict

        record, charts, said = record_of(serving.recommender), {}, []
        if record is not None:
            charts["evaluation"] = "".join(part.markup for part in evaluation_sections(record))
            said = [text for text in (verdict(record, metric) for metric in headline_metrics(record)) if text]
        if against is not None:
            parts = comparison_sections(comparison_of(serving, against))
            charts["comparison"] = "".join(part.markup for part in parts)
        return Drawn(charts, said)

    return or_missing(draw)


def _pictures(parts: Sequence[Part]) -> dict[str, str]:
    """All pictures of each part, by the name of the part."""
    from tastemap.reports.pictures import figure

    return {
        part.name: "".join(figure(one) for block in part.blocks for one in block.pictures) for part in parts
    }
