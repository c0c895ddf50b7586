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
"""Spreads over the splits within which a printed figure counts as reproduced."""

WIDEST = 0.05
"""Share of a printed figure beyond which no spread over the splits makes it reproduced."""

MAD_TO_SD = 1.4826
"""The standard deviation of a normal distribution over its median distance from the median."""


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
    tolerance : float
        Share of it by which ours may always differ.
    values : tuple of float
        Ours, one for each split.
    ours : float
        Their mean, or their median if `summary` says so.
    summary : str
    spread : float or None
        Their standard deviation; about a median 1.4826 times the median distance from it. None for one split.
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
    tolerance: float
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
    spread = _spread(values, recipe.summary)
    verdict, reason = judge(figure, summary(values), spread)
    return Finding(
        recipe=recipe.id,
        document=recipe.document,
        title=recipe.title,
        run=run.name,
        model=run.model,
        data=data,
        figure=figure.label,
        printed=figure.printed,
        tolerance=figure.tolerance,
        values=tuple(values),
        ours=summary(values),
        summary=recipe.summary,
        spread=spread,
        honest=summary(known) if known else None,
        beside={
            name: statistics.fmean(split.beside[name] for split in measured) for name in measured[0].beside
        },
        seconds=statistics.fmean(split.seconds for split in measured),
        n_unknown=sum(split.n_unknown for split in measured),
        verdict=verdict,
        reason=reason,
    )


def _spread(values: Sequence[float], summary: str) -> float | None:
    """How far the splits lie apart; about a median one fit that ends in a worse place does not move it."""
    if len(values) < 2:
        return None
    if summary == "mean":
        return statistics.stdev(values)
    middle = statistics.median(values)
    return MAD_TO_SD * statistics.median(abs(value - middle) for value in values)


def judge(figure: Figure, ours: float, spread: float | None) -> tuple[str, str]:
    """The verdict on a figure of ours with its spread over the splits, None for one split, and its reason.

    A printed figure is one draw of one split: it counts as reproduced within two spreads of ours, but not
    beyond 5 % of it, and always within the figure's tolerance.
    """
    if figure.printed is None:
        return "no figure", figure.reason or "The document printed none."
    if figure.mistake:
        return "no target", figure.mistake
    allowed = figure.tolerance * abs(figure.printed)
    if spread is not None:
        allowed = max(allowed, min(SPREADS * spread, WIDEST * abs(figure.printed)))
    difference = ours - figure.printed
    if abs(difference) <= allowed:
        return "reproduced", ""
    if difference * BETTER.get(figure.measure, 0) > 0.0:
        return "better", figure.reason
    return "differs", figure.reason or "The reason is not known."
