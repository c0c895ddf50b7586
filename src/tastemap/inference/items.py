"""Items as people name them: by id, by exact title, or by a part of the title."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from tastemap.data import UNKNOWN, Id, Ids
from tastemap.errors import InvalidValueError, UnknownItemError, did_you_mean
from tastemap.inference.near import did_you_mean_among
from tastemap.linalg.types import Int64Array
from tastemap.models.recommender import Recommender, check_recommender

By = Literal["id", "title"]


@dataclass(frozen=True)
class FoundItem:
    """An item that was asked for, and the other items whose titles matched as well."""

    item_index: int
    others: tuple[str, ...] = ()


def find_item(recommender: Recommender, wanted: Id, *, by: By | None = None) -> FoundItem:
    """The item that `wanted` names: an exact id, else an exact title, else a part of a title.

    Of several titles that contain `wanted` the most popular item is taken, and the others are listed.

    Parameters
    ----------
    recommender : Recommender
    wanted : int or str
    by : {"id", "title"} or None
        Look at ids only, at titles only, or at both in this order.

    Raises
    ------
    UnknownItemError
        If nothing matches; near matches are listed.
    InvalidValueError
        If `wanted` is blank, or `by` is anything else.
    """
    if by not in ("id", "title", None):
        raise InvalidValueError(f"by must be 'id', 'title' or None. Got {by!r}.", by=str(by))
    check_recommender(recommender)
    items = recommender.items
    if by != "title":
        index = int(items.indices([wanted])[0])
        if index != UNKNOWN:
            return FoundItem(index)
    if not str(wanted).strip():
        raise InvalidValueError(
            f"The item must be an id, a title or a part of a title. Got {wanted!r}; name one.", item=str(wanted)
        )
    if by == "id":
        items.index(wanted)  # raises, with near ids
    titles = item_titles(recommender)
    if titles.null_count() == len(titles):
        raise UnknownItemError(
            f"No item has the id {wanted!r}, and this model knows no titles; fit it with --item-features FILE "
            f"(columns item_id, title).{did_you_mean(wanted, items.near(wanted))}",
            item=str(wanted),
        )
    found = _by_title(recommender, str(wanted))
    if len(found):
        return FoundItem(int(found[0]), tuple(titles.gather(found[1:]).to_list()))
    raise UnknownItemError(
        f"No item has the id or title {str(wanted)!r}.{did_you_mean_among(wanted, titles.drop_nulls())}",
        item=str(wanted),
    )


def id_list(ids: Ids | Id) -> Ids:
    """The ids as given, or one id alone as a list of it."""
    return ids if isinstance(ids, Sized) and not isinstance(ids, str) else [ids]


def item_titles(recommender: Recommender) -> pl.Series:
    """Titles in index order, shape (I,); null where the catalog knows none."""
    if "title" not in recommender.catalog.columns:
        return pl.Series("title", [None] * len(recommender.items), dtype=pl.String)
    return recommender.catalog["title"]


def matching_items(recommender: Recommender, words: str, n: int) -> Int64Array:
    """Indices of at most `n` items that the given words may mean; none for blank words.

    The item of exactly this id comes first. Others follow whose titles are, or else hold, the words, the most
    popular first; the id stands in for the title of an item that has none. Costs O(I).
    """
    check_recommender(recommender)
    if not words.strip():
        return np.zeros(0, np.int64)
    names = recommender.folded_titles
    if names.null_count():
        names = names.fill_null(recommender.items.ids.cast(pl.String).str.to_lowercase())
    found = _by_name(recommender, names, words)
    exact = int(recommender.items.indices([words.strip()])[0])
    if exact != UNKNOWN:
        found = np.concatenate([[exact], found[found != exact]]).astype(np.int64)
    return found[:n]


def _by_title(recommender: Recommender, wanted: str) -> Int64Array:
    """Items of this title, or else with a title that holds it, the most popular first; case does not count."""
    return _by_name(recommender, recommender.folded_titles, wanted)


def _by_name(recommender: Recommender, names: pl.Series, wanted: str) -> Int64Array:
    """As :func:`_by_title`, among names in index order and without regard to case, shape (I,)."""
    text = wanted.strip().casefold()
    for matches in (names == text, names.str.contains(text, literal=True)):
        found = matches.fill_null(False).arg_true().to_numpy().astype(np.int64)
        if len(found) and text:
            popularity = recommender.train.interactions.popularity[found]
            return found[np.lexsort((found, -popularity))]
    return np.zeros(0, np.int64)
