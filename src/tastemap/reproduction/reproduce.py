"""Train the systems of the source documents again, and compare figures."""

from __future__ import annotations

from collections.abc import Sequence

from tastemap.data import Dataset
from tastemap.errors import InvalidValueError
from tastemap.plurals import plural
from tastemap.progress import SILENT, Progress
from tastemap.reproduction.data import large_data, recipe_data
from tastemap.reproduction.findings import Finding, findings_of
from tastemap.reproduction.recipe import Recipe, Run, choose
from tastemap.reproduction.run import run_split


def reproduce(
    ids: Sequence[str] = (), *, quick: bool = False, large: bool = False, progress: Progress = SILENT
) -> list[Finding]:
    """Train recipes and compare their figures with those that the documents printed.

    *Stability: experimental.*

    Parameters
    ----------
    ids : sequence of str
        Such as ``B12``; none for all.
    quick : bool
        One split only.
    large : bool
        The runs on 25 million ratings, on one split, instead of the others: on ml-25m where it was fetched,
        else on made-up ratings of that shape.
    progress : Progress

    Returns
    -------
    list of Finding
        One for each figure, in the order of the recipes.

    Raises
    ------
    UnknownNameError
        If there is no such recipe.
    InvalidValueError
        If none of the recipes has a run for 25 million ratings.
    MissingExtraError
        If PyTorch is not installed.

    Notes
    -----
    All recipes take some 20 minutes on two cores, a third of that with `quick`. `dot` takes a full batch as
    one part; `mlp` sums its gradients over parts of max(32,768, U + I) rows.
    """
    chosen = [(recipe, _runs(recipe, large=large)) for recipe in choose(ids)]
    if not any(runs for _, runs in chosen):
        raise InvalidValueError(
            f"large must be left out for {', '.join(recipe.id for recipe, _ in chosen)}: "
            "no run of theirs is made for 25 million ratings; B1, B2 and B3 have one."
        )
    whole = large_data(progress) if large else None
    found: list[Finding] = []
    for recipe, runs in chosen:
        if runs:
            data = recipe_data(recipe, progress) if whole is None else whole
            found += _reproduce(recipe, runs, data, recipe.seeds[: 1 if quick or large else None], progress)
    return found


def _runs(recipe: Recipe, *, large: bool) -> list[Run]:
    return [run for run in recipe.runs if run.large == large]


def _reproduce(
    recipe: Recipe, runs: Sequence[Run], data: Dataset, seeds: Sequence[int], progress: Progress
) -> list[Finding]:
    found: list[Finding] = []
    for run in runs:
        label = f"{recipe.id} {run.name}".strip()
        measured = [
            run_split(recipe, run, data, seed, progress, f"{label}, split {number} of {len(seeds)}")
            for number, seed in enumerate(seeds, start=1)
        ]
        found += findings_of(recipe, run, data.name, measured)
        seconds = sum(split.seconds for split in measured)
        progress.note(f"{label}: {plural(len(seeds), 'split')}, {seconds:.0f} s of training.")
    return found
