"""What diversity costs: measured once for each model, in a thread, while the pages go on."""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

from tastemap.errors import TastemapError
from tastemap.evaluation.diversity import price_of_diversity
from tastemap.models.base import Model
from tastemap.models.recommender import Recommender
from tastemap.service.live.beside import in_thread
from tastemap.service.live.serving import Serving

Fields = dict[str, Any]

_measured: WeakKeyDictionary[Model, tuple[frozenset[str], asyncio.Task[Fields]]] = WeakKeyDictionary()
"""With the users whose rows were left out."""


def price(serving: Serving) -> Fields:
    """What is known so far; the first call, and the first after an erasure, begins to measure.

    It is measured on the version without what came in by events. Needs a running event loop.

    Returns
    -------
    dict
        ``state`` (``measuring``, ``ready`` or ``absent``) and ``rows``: ``diversity, ndcg,
        similarity_within_list, n_users``.
    """
    found = _measured.get(serving.fitted.model)
    if found is None or found[0] != serving.erased:
        found = serving.erased, asyncio.create_task(_measure(serving.fitted))
        _measured[serving.fitted.model] = found
    task = found[1]
    return task.result() if task.done() and not task.cancelled() else {"state": "measuring", "rows": []}


async def _measure(recommender: Recommender) -> Fields:
    try:
        frame = await in_thread(price_of_diversity, recommender)
    except TastemapError as error:
        return {"state": "absent", "rows": [], "said": error.message}
    return {"state": "ready", "rows": frame.to_dicts()}
