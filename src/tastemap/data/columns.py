"""Which column is the user, the item, the rating and the time: by usual names, or as the caller says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tastemap.errors import ColumnError, did_you_mean

# Names are compared without case, spaces and punctuation; earlier names win.
USER_NAMES = (
    "userid user uid u customerid customer reviewerid reviewer accountid account memberid member "
    "visitorid visitor sessionid session personid person"
).split()
ITEM_NAMES = (
    "itemid item iid i movieid movie filmid film productid product parentasin asin bookid book isbn songid "
    "song trackid track artistid artist gameid game articleid article businessid business sku contentid showid"
).split()
RATING_NAMES = "rating ratings stars star score overall ratingvalue bookrating userrating value".split()
COUNT_NAMES = (
    "count counts weight plays playcount listens listencount clicks views frequency quantity purchases"
).split()
TIME_NAMES = (
    "timestamp ts time unixtimestamp unixreviewtime unixtime datetime date createdat eventtime reviewtime"
).split()
TITLE_NAMES = "title name movietitle itemtitle itemname productname label".split()


@dataclass(frozen=True)
class Columns:
    """The columns of a table that matter.

    Parameters
    ----------
    user, item : str
    value : str or None
        Ratings, or counts where `is_count`; None where every row counts as one interaction.
    time : str or None
    is_count : bool
        Whether values are counts of implicit feedback rather than ratings.
    notes : tuple of str
        Choices that a person should know of.
    """

    user: str
    item: str
    value: str | None
    time: str | None
    is_count: bool
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The columns, each once."""
        roles = (self.user, self.item, self.value, self.time)
        return list(dict.fromkeys(name for name in roles if name is not None))

    @property
    def is_implicit(self) -> bool:
        """Whether the table holds interactions without ratings."""
        return self.value is None or self.is_count


def simple_name(name: str) -> str:
    """A column name without case, punctuation, spaces and a ``:type`` ending: ``"User ID"`` is ``"userid"``."""
    bare = re.sub(r":(token|token_seq|float|float_seq)$", "", name.strip().casefold())
    return re.sub(r"[\W_]+", "", bare)


def is_usual_name(name: str) -> bool:
    """Whether a field looks like the name of a user, item, rating, count or time column."""
    known = {*USER_NAMES, *ITEM_NAMES, *RATING_NAMES, *COUNT_NAMES, *TIME_NAMES}
    return simple_name(name) in known


def find_column(names: Sequence[str], usual: Sequence[str]) -> str | None:
    """The column whose simple name comes first in `usual`, or None."""
    by_simple = {simple_name(name): name for name in reversed(names)}
    return next((by_simple[name] for name in usual if name in by_simple), None)


def choose_columns(
    names: Sequence[str],
    *,
    label: str,
    user_col: str | None = None,
    item_col: str | None = None,
    rating_col: str | None = None,
    time_col: str | None = None,
    implicit: bool = False,
) -> Columns:
    """Find the columns of a table.

    Parameters
    ----------
    names : sequence of str
        The columns of the table.
    label : str
        What the table is called in messages.
    user_col, item_col, rating_col, time_col : str or None
        What the caller says; None looks for a usual name.
    implicit : bool
        Whether to leave a rating column aside. A `rating_col` given beside it holds counts.

    Raises
    ------
    ColumnError
        If a column that was named, or a user or item column, is not there; lists the columns found. If one
        column is named for two things.
    """
    given = {"user_col": user_col, "item_col": item_col, "rating_col": rating_col, "time_col": time_col}
    for argument, name in given.items():
        if name is not None and name not in names:
            raise ColumnError(
                f"{argument}={name!r} is not a column of {label}. {_listed(names)}{did_you_mean(name, names)}",
                column=name,
                columns=list(names),
            )
    taken = [name for name in given.values() if name is not None]
    twice = next((name for name in taken if taken.count(name) > 1), None)
    if twice is not None:
        raise ColumnError(
            f"Column {twice!r} of {label} is named for two things; name one for each.", column=twice
        )
    free = [name for name in names if name not in taken]
    user = _required(user_col or find_column(free, USER_NAMES), "user", names, taken, label)
    item = _required(
        item_col or find_column([n for n in free if n != user], ITEM_NAMES), "item", names, taken, label
    )
    free = [name for name in free if name not in (user, item)]
    time = time_col or find_column(free, TIME_NAMES)
    value, is_count, notes = _choose_value([n for n in free if n != time], rating_col, implicit)
    return Columns(user, item, value, time, is_count, notes)


def _choose_value(
    names: Sequence[str], rating_col: str | None, implicit: bool
) -> tuple[str | None, bool, tuple[str, ...]]:
    """The value column, whether it holds counts, and what to say about it."""
    if rating_col is not None:
        return rating_col, implicit, ()
    rating, count = find_column(names, RATING_NAMES), find_column(names, COUNT_NAMES)
    if rating is not None and not implicit:
        return rating, False, ()
    notes: tuple[str, ...] = ()
    if rating is not None and count is None:
        notes = (f"Column {rating!r} is left aside: every row counts as one interaction.",)
    if count is not None:
        return count, True, (f"Implicit feedback with counts from column {count!r}.",)
    return None, False, (*notes, "No ratings: this is implicit feedback (objective `ranking`).")


def _required(found: str | None, side: str, names: Sequence[str], taken: Sequence[str], label: str) -> str:
    if found is None:
        besides = f", besides what is named for another thing ({', '.join(taken)})" if taken else ""
        raise ColumnError(
            f"{label} has no {side} column under a usual name{besides}. {_listed(names)} "
            f"Say which one it is with {side}_col (--{side}-col).",
            side=side,
            columns=list(names),
        )
    return found


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"Columns found: {shown}."
