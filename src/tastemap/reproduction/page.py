"""The findings as a Markdown page: a table, then what each recipe trained."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby

from tastemap.reproduction.findings import Finding
from tastemap.reproduction.recipe import TOLERANCE, Recipe, Run, choose

HEADER = ("recipe", "what", "figure", "document", "ours", "honest", "s", "verdict")


def page(findings: Sequence[Finding]) -> str:
    """The page, ready to be written."""
    lines = [
        "# Reproductions",
        "",
        "The systems of the five source documents, trained again. This page is written by",
        "`tastemap reproduce --out docs/reproductions.md`; settings and notes are those of the recipes in",
        "`src/tastemap/reproduction/recipes/`. Documents are named by their numbers.",
        "",
        "*Ours* is the mean over the splits ± their standard deviation, or, where the recipe says so, their",
        "median ± 1.4826 times the median distance from it. Test rows of users and items that training does",
        "not know are left out. *Honest* is what a figure of the best epoch becomes if a tenth of the training",
        "rows chooses the epoch, not the test rows: among all epochs, or those at the last rate where the rate",
        "changes in steps. *s* are seconds of training, a split, without measuring on the test rows; for B20",
        "they include the choice of its epochs. A printed figure is reproduced within two of these spreads,",
        "but not beyond 5 % of it. Within 2 % it always is, or within the tolerance that its recipe names.",
        "",
        _row(HEADER),
        _row(["---"] * len(HEADER)),
        *(_row(cells(finding)) for finding in findings),
    ]
    for name, group in groupby(findings, key=lambda finding: finding.recipe):
        (recipe,) = choose([name])
        lines += ["", *_section(recipe, list(group))]
    return "\n".join(lines) + "\n"


def cells(finding: Finding) -> tuple[str, ...]:
    """One row of the table, as text."""
    ours = f"{finding.ours:.4f}"
    if finding.spread is not None:
        ours += f" ± {finding.spread:.4f}"
    return (
        finding.recipe,
        f"{finding.title}, {finding.run}" if finding.run else finding.title,
        finding.figure,
        "" if finding.printed is None else f"{finding.printed:g}",
        ours,
        "" if finding.honest is None else f"{finding.honest:.4f}",
        f"{finding.seconds:.1f}",
        finding.verdict,
    )


def remarks(finding: Finding) -> list[str]:
    """What a row of the table does not say, in sentences."""
    said = [finding.reason] if finding.reason and finding.verdict != "no figure" else []
    if finding.tolerance != TOLERANCE and finding.verdict not in ("no figure", "no target"):
        said.append(f"Tolerance: {finding.tolerance:.0%}.".replace("%", " %"))
    if finding.beside:
        said.append("Beside it: " + ", ".join(f"{name} {v:.4f}" for name, v in finding.beside.items()) + ".")
    return said


def _section(recipe: Recipe, findings: Sequence[Finding]) -> list[str]:
    lines = [
        f"## {recipe.id}: {recipe.title}",
        "",
        f"Document {recipe.document}; {_data(recipe, findings[0])}.",
    ]
    if recipe.notes:
        lines += ["", recipe.notes.strip()]
    for run in recipe.runs:
        of_run = [finding for finding in findings if finding.run == run.name]
        if of_run:
            lines += ["", _settings(run)]
            lines += [
                f"- {finding.figure}: {said}"
                for finding in of_run
                for said in (*_splits(finding), *remarks(finding))
            ]
    return lines


def _splits(finding: Finding) -> list[str]:
    if len(finding.values) < 2:
        return []
    return ["Splits: " + ", ".join(f"{value:.4f}" for value in finding.values) + "."]


def _data(recipe: Recipe, finding: Finding) -> str:
    keyed = ", items by title" if recipe.item_key == "title" else ""
    if recipe.split == "leave-last":
        return f"{finding.data}{keyed}; the last interaction of each user is the test"
    summed = f", the {finding.summary} of {len(finding.values)} splits" if len(finding.values) > 1 else ""
    left = f"; {finding.n_unknown} test rows left out" if finding.n_unknown else ""
    return f"{finding.data}{keyed}; a random {recipe.test_fraction:.0%} of the rows is the test{summed}{left}"


def _settings(run: Run) -> str:
    said = ", ".join(f"`{key}={json.dumps(value)}`" for key, value in run.settings.items())
    name = f"{run.name[:1].upper()}{run.name[1:]}: `{run.model}`" if run.name else f"`{run.model}`"
    aligned = ", each pair beside the rating of another" if run.targets == "misaligned" else ""
    return f"{name}{aligned}, with {said}." if said else f"{name}{aligned}, with its defaults."


def _row(texts: Sequence[str]) -> str:
    return f"| {' | '.join(texts)} |"
