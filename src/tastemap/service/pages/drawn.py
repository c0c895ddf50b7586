"""The charts of pages that look inside, by the parts of the reports.

The reports are imported when a chart is asked for: without the extra `explore` they cannot be. A process of its
own draws (:mod:`tastemap.service.pages.draw`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tastemap.evaluation.comparison import Comparison
from tastemap.models.recommender import Recommender
from tastemap.service.answers.report import record_of

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
        Why nothing is drawn, where nothing will be.
    is_soon : bool
        They are being drawn.
    """

    charts: dict[str, str] = field(default_factory=dict)
    verdict: list[str] = field(default_factory=list)
    missing: str | None = None
    is_soon: bool = False


def data_charts(recommender: Recommender) -> Drawn:
    """Histograms of users and items, with groups to choose from."""
    from tastemap.reports.inside_data import data_part

    return Drawn(_pictures([data_part(recommender.train)]))


def training_charts(recommender: Recommender) -> Drawn:
    """Curves, predictions against ratings, biases, norms."""
    from tastemap.reports.inside import predictions_part, training_part
    from tastemap.reports.inside_items import bias_part, norms_part

    models = {recommender.name: recommender}
    parts = [training_part(models), predictions_part(models, None), bias_part(models), norms_part(models)]
    return Drawn(_pictures(parts))


def report_charts(recommender: Recommender) -> Drawn:
    """The evaluation that a model carries; empty where it carries none."""
    from tastemap.reports.evaluation import evaluation_sections
    from tastemap.reports.verdict import headline_metrics, verdict

    record = record_of(recommender)
    if record is None:
        return Drawn()
    markup = "".join(part.markup for part in evaluation_sections(record))
    said = (verdict(record, metric) for metric in headline_metrics(record))
    return Drawn({"evaluation": markup}, [sentence for sentence in said if sentence])


def comparison_charts(found: Comparison) -> Drawn:
    """One version held against another."""
    from tastemap.reports.comparison import comparison_sections

    return Drawn({"comparison": "".join(part.markup for part in comparison_sections(found))})


def _pictures(parts: Sequence[Part]) -> dict[str, str]:
    """All pictures of each part, by the name of the part."""
    from tastemap.reports.pictures import figure

    return {
        part.name: "".join(figure(one) for block in part.blocks for one in block.pictures) for part in parts
    }
