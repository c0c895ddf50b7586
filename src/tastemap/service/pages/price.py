"""What diversity costs: measured once for each model, in a thread, while the pages go on."""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

from tastemap.errors import TastemapError
from tastemap.evaluation.diversity import price_of_diversity
from tastemap.models.base import Model
from tastemap.service.live.beside import in_thread
from tastemap.service.live.serving import Serving

Fields = dict[str, Any]

LEAST_USERS, MOST_USERS = 200, 1_000
MOST_SCORES = 20_000_000
"""Scores of users for items that a step may cost, with more than the least users: seconds for all steps."""

_measured: WeakKeyDictionary[Model, tuple[frozenset[str], asyncio.Task[Fields]]] = WeakKeyDictionary()
"""With the users whose rows were left out."""


def price(serving: Serving) -> Fields:
    """What is known so far; the first call, and the first after an erasure, begins to measure.

    It is measured on the version without what came in by events. Needs a running event loop.

    Returns
    -------
    dict
        ``state`` (``measuring``, ``ready`` or ``absent``) and ``rows``: ``diversity, ndcg,
        ndcg_change, low, high, similarity_within_list, n_users``, as
        :func:`tastemap.evaluation.price_of_diversity` has them.
    """
    model = serving.fitted_model
    found = _measured.get(model)
    # One at a time: each holds rows of its own.
    if found is None or (found[0] != serving.erased and found[1].done()):
        found = _measured[model] = serving.erased, asyncio.create_task(_measure(serving))
    task = found[1]
    return task.result() if task.done() and not task.cancelled() else {"state": "measuring", "rows": []}


async def _measure(serving: Serving) -> Fields:
    n_users = min(MOST_USERS, max(LEAST_USERS, MOST_SCORES // serving.fitted_model.n_items))
    try:
        frame = await in_thread(lambda: price_of_diversity(serving.fitted, n_users=n_users))
    except TastemapError as error:
        return {"state": "absent", "rows": [], "said": error.message}
    return {"state": "ready", "rows": frame.to_dicts()}
