"""What a reproduction found: a document's figure, ours, and a verdict."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from tastemap.reproduction.recipe import Figure, Measure, Recipe, Run
from tastemap.reproduction.run import Measured

BETTER: dict[Measure, int] = {"test_mse": -1, "ndcg@10": 1, "alike_neighbors": 1}
"""The sign of a change for the better; other measures have no better."""

SPREADS = 2.0
"""Standard deviations over the splits within which a printed figure counts as reproduced."""


@dataclass(frozen=True)
class Finding:
    """One figure of one run.

    Parameters
    ----------
    recipe, document, title : str
    run, model, data : str
        What was trained on what; `run` is empty where a recipe has one run.
    figure : str
        What was measured, in words.
    printed : float or None
        The document's figure.
    values : tuple of float
        Ours, one for each split.
    ours : float
        Their mean, or their median if `summary` says so.
    summary : str
    spread : float or None
        Their standard deviation; None for one split.
    honest : float or None
        What `ours` is if the epoch is chosen inside the training part, for a figure of the best epoch on the
        test rows.
    beside : dict of str to float
        Means of other models.
    seconds : float
        Of training, a split.
    n_unknown : int
        Test rows of all splits that were left out, since training does not know their user or item.
    verdict : str
        ``reproduced``, ``better``, ``differs``, ``no target`` or ``no figure``.
    reason : str
        Why, if it is not reproduced.
    """

    recipe: str
    document: str
    title: str
    run: str
    model: str
    data: str
    figure: str
    printed: float | None
    values: tuple[float, ...]
    ours: float
    summary: str
    spread: float | None
    honest: float | None
    beside: dict[str, float]
    seconds: float
    n_unknown: int
    verdict: str
    reason: str

    def as_json(self) -> dict[str, object]:
        """All fields."""
        return asdict(self)


def findings_of(recipe: Recipe, run: Run, data: str, measured: Sequence[Measured]) -> list[Finding]:
    """A finding for each figure of a run."""
    return [
        _finding(recipe, run, data, figure, [split.values[place] for split in measured], place, measured)
        for place, figure in enumerate(run.figures)
    ]


def _finding(
    recipe: Recipe,
    run: Run,
    data: str,
    figure: Figure,
    values: Sequence[float],
    place: int,
    measured: Sequence[Measured],
) -> Finding:
    honest = [split.honest[place] for split in measured]
    known = [value for value in honest if value is not None]
    summary = statistics.median if recipe.summary == "median" else statistics.fmean
    verdict, reason = judge(figure, values, summary(values))
    return Finding(
        recipe=recipe.id,
        document=recipe.document,
        title=recipe.title,
        run=run.name,
        model=run.model,
        data=data,
        figure=figure.label,
        printed=figure.printed,
        values=tuple(values),
        ours=summary(values),
        summary=recipe.summary,
        spread=statistics.stdev(values) if len(values) > 1 else None,
        honest=summary(known) if known else None,
        beside={
            name: statistics.fmean(split.beside[name] for split in measured) for name in measured[0].beside
        },
        seconds=statistics.fmean(split.seconds for split in measured),
        n_unknown=sum(split.n_unknown for split in measured),
        verdict=verdict,
        reason=reason,
    )


def judge(figure: Figure, values: Sequence[float], ours: float) -> tuple[str, str]:
    """The verdict on our values of a figure, summed up as `ours`, and its reason.

    A printed figure is one draw of one split: it counts as reproduced within two standard deviations of ours,
    or within the figure's tolerance where that is more.
    """
    if figure.printed is None:
        return "no figure", figure.reason or "The document printed none."
    if figure.mistake:
        return "no target", figure.mistake
    allowed = figure.tolerance * abs(figure.printed)
    if len(values) > 1:
        allowed = max(allowed, SPREADS * statistics.stdev(values))
    difference = ours - figure.printed
    if abs(difference) <= allowed:
        return "reproduced", ""
    if difference * BETTER.get(figure.measure, 0) > 0.0:
        return "better", figure.reason
    return "differs", figure.reason or "The reason is not known."
