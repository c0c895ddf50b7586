"""What diversity costs: measured once for each model, in a thread, while the pages go on."""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

from tastemap.errors import TastemapError
from tastemap.evaluation.diversity import price_of_diversity
from tastemap.models.recommender import Recommender
from tastemap.service.live.beside import in_thread

Fields = dict[str, Any]

_measured: WeakKeyDictionary[Recommender, asyncio.Task[Fields]] = WeakKeyDictionary()


def price(recommender: Recommender) -> Fields:
    """What is known so far; the first call begins to measure. Needs a running event loop.

    Returns
    -------
    dict
        ``state`` (``measuring``, ``ready`` or ``absent``) and ``rows``: ``diversity, ndcg,
        similarity_within_list, n_users``.
    """
    task = _measured.get(recommender)
    if task is None:
        task = _measured[recommender] = asyncio.create_task(_measure(recommender))
    return task.result() if task.done() and not task.cancelled() else {"state": "measuring", "rows": []}


async def _measure(recommender: Recommender) -> Fields:
    try:
        frame = await in_thread(price_of_diversity, recommender)
    except TastemapError as error:
        return {"state": "absent", "rows": [], "said": error.message}
    return {"state": "ready", "rows": frame.to_dicts()}
