"""What a person should know about a list: the same sentences on every surface."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tastemap.data import Id
from tastemap.inference.ranking import Ranking
from tastemap.inference.rules import Prepared
from tastemap.linalg.csr import CSR
from tastemap.models.config import positive_min_of
from tastemap.models.recommender import Recommender
from tastemap.plurals import plural


def unknown_items(n: int, named: Sequence[Id] = ()) -> list[str]:
    """A note if `n` items of a history are unknown; three of those `named` are written out."""
    if not n:
        return []
    which = f": {', '.join(repr(id) for id in named[:3])}" if named else ""
    return [f"{plural(n, 'item')} of the history unknown and left out{which}."]


def low_ratings(recommender: Recommender, history: CSR) -> list[str]:
    """A note if low ratings of a history, (1, I), count as interest, since the model reads no stars."""
    scale = recommender.train.interactions.rating_scale
    if recommender.objective == "rating" or scale is None or positive_min_of(recommender.resolved) is not None:
        return []
    middle = (scale.low + scale.high) / 2.0
    n_low = int((history.values < middle).sum())
    if not n_low:
        return []
    return [
        f"{recommender.name} reads which items were rated, not the stars: {plural(n_low, 'rating')} below "
        f"{middle:g} taken as interest. A model fitted with positive_min leaves low ratings aside."
    ]


def of_lists(found: Ranking, k: int, prepared: Prepared) -> list[str]:
    """Notes on the rules, and on lists that are shorter than `k` or in no order; 20 µs."""
    return [*prepared.notes, *_short_lists(found, k, prepared), *_flat_lists(found)]


def of_list(found: Ranking, k: int, prepared: Prepared) -> list[str]:
    """:func:`of_lists` for one list, which most often has none: then it takes a microsecond."""
    scores = found.scores[0]
    if scores.shape[0] == k > 1 and scores[-1] > -np.inf and scores[0] != scores[-1]:
        return list(prepared.notes)
    return of_lists(found, k, prepared)


def _short_lists(found: Ranking, k: int, prepared: Prepared) -> list[str]:
    lengths = (found.item_index >= 0).sum(axis=1)
    short = int((lengths < k).sum())
    if not short:
        return []
    allowed = prepared.allowed.copy()
    allowed[prepared.pins] = True
    if not allowed.any():
        return [f"No item is allowed: none of the {len(allowed):,} items meets all that was asked for."]
    return [
        f"{plural(short, 'list')} shorter than {k}: of {len(allowed):,} items {int(allowed.sum()):,} are "
        f"allowed, and of these the unseen ones are fewer than {k} (the shortest has {int(lengths.min())})."
    ]


def _flat_lists(found: Ranking) -> list[str]:
    there = found.item_index >= 0
    lowest = np.where(there, found.scores, np.inf).min(axis=1, initial=np.inf)
    highest = found.scores.max(axis=1, initial=-np.inf)
    flat = int(((there.sum(axis=1) > 1) & (lowest == highest)).sum())
    if not flat:
        return []
    lists = plural(flat, "list")
    return [f"{lists} in no particular order: all items score the same, as for somebody who liked nothing."]
