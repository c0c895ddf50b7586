"""Items: search, detail, neighbors."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from tastemap.inference.similar import MIN_COMMON_USERS
from tastemap.service.answers import items as answers
from tastemap.service.answers.asked import LONGEST_LIST
from tastemap.service.live.beside import in_thread
from tastemap.service.routes.common import Cursor, Limit, PathId, Shared, answered
from tastemap.service.routes.errors import documented
from tastemap.service.routes.schemas import ItemAnswer, ItemPage, SimilarAnswer

router = APIRouter(tags=["items"])

Words = Annotated[str | None, Query(max_length=200, description="an id, a title, or a part of a title")]
Neighbors = Annotated[int, Query(ge=1, le=LONGEST_LIST)]
Evidence = Annotated[int, Query(ge=0, le=2**31, description="fewest users who have both items")]


@router.get("/items", responses={200: {"model": ItemPage}, **documented(409, 422)})
async def search(service: Shared, q: Words = None, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """Items whose title or id fits, or all, the most popular first."""
    return answered(await in_thread(answers.search, service.serving, q, limit, cursor))


@router.get("/items/{item_id:id}/similar", responses={200: {"model": SimilarAnswer}, **documented(404, 422)})
async def similar(
    service: Shared,
    item_id: PathId,
    measure: Literal["cosine", "dot"] = "cosine",
    k: Neighbors = 10,
    min_common_users: Evidence = MIN_COMMON_USERS,
) -> Response:
    """Items like an item, with how many users have both."""
    return answered(await in_thread(answers.similar, service.serving, item_id, measure, k, min_common_users))


@router.get("/items/{item_id:id}", responses={200: {"model": ItemAnswer}, **documented(404, 422)})
async def item(service: Shared, item_id: PathId) -> Response:
    """What is known of an item."""
    return answered(await in_thread(answers.item, service.serving, item_id))
