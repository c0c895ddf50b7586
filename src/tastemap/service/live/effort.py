"""How long an answer takes: what the event loop makes itself, and what goes to a thread."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from tastemap.inference.explain import reasons
from tastemap.linalg.csr import CSR
from tastemap.models.base import Model
from tastemap.models.recommender import Recommender

MANY_ENTRIES = 1_000
"""Entries of a history, or ids of a request, from which on reading and folding in take milliseconds."""
MANY_PAIRS = 20_000
"""Entries of a history times items to explain, likewise."""

_ADDS_UP: WeakKeyDictionary[Model, bool] = WeakKeyDictionary()


def adds_up(recommender: Recommender) -> bool:
    """Whether the reasons of a model are additive; others, and its fold-in, follow a gradient and take long."""
    found = _ADDS_UP.get(recommender.model)
    if found is None:
        data = recommender.train.interactions
        times = None if data.timestamps is None else data.timestamps[:1]
        one = CSR(np.array([0, 1]), data.item_index[:1], data.values[:1], recommender.model.n_items, times)
        found = _ADDS_UP[recommender.model] = reasons(recommender, one, data.item_index[:1]).additive
    return found


def folds_in_long(recommender: Recommender, n_entries: int) -> bool:
    """Whether a history of so many entries is folded in beside the event loop."""
    return n_entries > MANY_ENTRIES or not adds_up(recommender)


def explains_long(recommender: Recommender, n_entries: int, n_items: int) -> bool:
    """Whether so many scores are split over so many entries beside the event loop."""
    return folds_in_long(recommender, n_entries) or n_entries * n_items > MANY_PAIRS
