"""What the data check can find: how bad it is, what harm it does, and what repairs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CONSTANT_FROM = 5
"""Ratings from which on a user who always gives the same one says nothing."""


@dataclass(frozen=True)
class Example:
    """A row that shows a finding: its place in the source and its values as they came, by role."""

    place: str
    values: Mapping[str, object]

    def __str__(self) -> str:
        return f"{self.place}: {', '.join(f'{role} {value!r}' for role, value in self.values.items())}"


@dataclass(frozen=True)
class Finding:
    """One thing that a person should know before training.

    Parameters
    ----------
    kind : str
        A stable name, such as ``duplicates``.
    severity : {"error", "warning", "note"}
        A load fails or misleads; some rows are lost or doubtful; worth knowing.
    count : int
        How many of `unit` are concerned.
    unit : {"rows", "users", "items"}
    rows : tuple of Example
        The first few.
    harm, fix : str
        One sentence each: what it does to a model, and what to do.
    fixable : bool
        Whether ``--fix`` repairs it.
    """

    kind: str
    severity: str
    count: int
    unit: str
    rows: tuple[Example, ...]
    harm: str
    fix: str
    fixable: bool


@dataclass(frozen=True)
class _Kind:
    severity: str
    harm: str
    fix: str
    fixable: bool = True


KINDS = {
    "wrong_delimiter": _Kind(
        "error",
        "The table has one column only, so users and items cannot be told apart.",
        "Put a comma, tab, semicolon, pipe, :: or space between the user, the item and what follows.",
        fixable=False,
    ),
    "empty_rows": _Kind("note", "Rows without any value say nothing.", "They are removed."),
    "missing_ids": _Kind(
        "warning",
        "A row without a user or an item cannot be learned from, and a load drops it.",
        "These rows are removed; if ids got lost in an export, export again.",
    ),
    "bad_ratings": _Kind(
        "error",
        "A rating or count that is missing, infinite or no number stops the load; counts must be above zero.",
        "These rows are removed.",
    ),
    "decimal_commas": _Kind(
        "error", "A decimal comma is not read as a number.", "It becomes a point: 3,5 is 3.5."
    ),
    "out_of_scale": _Kind(
        "error",
        "A single rating far off the scale stretches the scale and shifts every prediction.",
        "These rows are removed; if they are right, load with the true rating_scale.",
    ),
    "duplicates": _Kind(
        "warning",
        "The same rating of the same pair again says nothing new; a load merges these rows.",
        "One row is kept, the one that a load counts.",
    ),
    "conflicts": _Kind(
        "warning",
        "Ratings of one pair contradict each other; a load counts the last one alone.",
        "The last rating is kept: the user's present opinion.",
    ),
    "repeated_pairs": _Kind(
        "note",
        "Repeated interactions of one pair are summed to a count.",
        "Nothing, if repeats mean more interest.",
        fixable=False,
    ),
    "padded_ids": _Kind(
        "warning",
        "An id with blanks around it is another id for a program that does not strip them.",
        "The blanks are removed.",
    ),
    "respelled_ids": _Kind(
        "warning",
        "The same number in several spellings (7, 007, 7.0) splits one user or item into several.",
        "The plain number is written; keep the file as it is if these are really different ids.",
    ),
    "mixed_ids": _Kind(
        "note",
        "A few ids are of another kind than the rest (text among integers, or the reverse); all count as text.",
        "See whether they are placeholders such as 'guest'; if so, remove them.",
        fixable=False,
    ),
    "missing_times": _Kind(
        "warning", "A load drops rows without a time where others have one.", "These rows are removed."
    ),
    "bad_times": _Kind("error", "A value that is no time stops the load.", "These rows are removed."),
    "unused_times": _Kind(
        "note",
        "No value of the time column is a time, so it is left aside, and there are no splits by time.",
        "Name the right column with time_col (--time-col).",
        fixable=False,
    ),
    "fine_times": _Kind(
        "note",
        "Times are in a finer unit than seconds; a load recognizes that.",
        "They are written in seconds.",
    ),
    "mixed_time_units": _Kind(
        "error",
        "Times in different units put some rows thousands of years away, so no split by time is right.",
        "All are written in seconds, the unit of each recognized by its size.",
    ),
    "constant_times": _Kind(
        "warning",
        "All times are equal, so leave-last and temporal splits cannot tell what came last.",
        "Split at random, or find the true times.",
        fixable=False,
    ),
    "constant_raters": _Kind(
        "note",
        f"Users whose {CONSTANT_FROM} or more ratings are all equal tell what they rated, not what they like.",
        "Nothing, if they are few; else ask where the ratings come from.",
        fixable=False,
    ),
    "single_users": _Kind(
        "note",
        "Users with one interaction have nothing left to test on, and little to learn from.",
        "Nothing; they are counted wherever they are left out.",
        fixable=False,
    ),
    "single_items": _Kind(
        "note",
        "Items with one interaction are known from one user alone.",
        "Nothing; regularization keeps their factors small.",
        fixable=False,
    ),
    "long_tail": _Kind(
        "note",
        "The most popular tenth of the items has more than half of the interactions: lists drift towards it.",
        "Compare with `popularity`, and look at coverage beside NDCG.",
        fixable=False,
    ),
    "sparse": _Kind(
        "note",
        "Fewer than one pair in ten thousand is known, so simple models may do as well as large ones.",
        "Compare with `bias` or `popularity` first.",
        fixable=False,
    ),
}
"""All kinds, in the order in which findings are listed."""


def make_finding(kind: str, count: int, rows: tuple[Example, ...] = (), *, unit: str = "rows") -> Finding:
    """A finding of a known kind."""
    known = KINDS[kind]
    return Finding(kind, known.severity, count, unit, rows, known.harm, known.fix, known.fixable)
