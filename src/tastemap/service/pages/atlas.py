"""The map: a page that shows its picture at once, and a twin that says how far a layout is."""

from __future__ import annotations

from fastapi import Request

from tastemap.errors import InvalidValueError
from tastemap.inspection.items import item_vectors, most_popular
from tastemap.service.answers.kept import kept_by_version
from tastemap.service.answers.map import LABELS, columns, near, on_map
from tastemap.service.live.beside import in_thread
from tastemap.service.live.serving import Serving
from tastemap.service.pages.layouts import AllMaps, Maps
from tastemap.service.pages.page import Fields, Page, serving_of

N_LISTED = 40
"""Items that a reader without scripts sees."""


async def _page(request: Request) -> Fields:
    """What is there at once: the script of the page asks the twin for the items."""
    serving = serving_of(request)
    if item_vectors(serving.recommender.model) is not None:
        _maps(request).start()  # it may be done before anybody looks
    return _outline(serving)


async def _map(request: Request) -> Fields:
    """The items and their layouts; with ``layout`` one of these, with ``item`` its neighbors."""
    query = request.query_params
    if "item" in query:
        return await in_thread(near, serving_of(request), query["item"])
    maps = _maps(request)
    asked = query.get("layout")
    if asked is not None and asked not in LABELS:
        raise InvalidValueError(
            f"layout must be one of {', '.join(LABELS)}. Got {asked[:20]!r}.", argument="layout"
        )
    serving = serving_of(request)
    columns, _ = await in_thread(lambda: (_columns(serving), maps.principal))
    maps.start()
    layouts = {"tsne": maps.neighborly(), "pca": maps.principal}
    if asked:
        return layouts[asked]
    return {**columns, "newer": _newer(serving), "layouts": list(layouts.values())}


MAP = Page("/map", "map.html", _page, twin=_map)


def _outline(serving: Serving) -> Fields:
    recommender = serving.recommender
    order = most_popular(recommender, N_LISTED).tolist()
    return {
        "has_vectors": item_vectors(recommender.model) is not None,
        "n_items": len(serving.unhidden.items),
        "newer": _newer(serving),
        "popular": [
            {"item_id": serving.item_ids[i], "title": serving.titles[i], "popularity": serving.support[i]}
            for i in order
        ],
    }


def _maps(request: Request) -> Maps:
    state = request.app.state
    if not hasattr(state, "maps"):
        state.maps = AllMaps()
    maps: AllMaps = state.maps
    return maps.of(serving_of(request).unhidden)


@kept_by_version
def _columns(serving: Serving) -> Fields:
    """The rows stand where their places do, whichever worker answers and whoever is erased meanwhile."""
    return columns(serving.fitted, on_map(serving.unhidden))


def _newer(serving: Serving) -> int:
    """Items that came in by events: a map is of the version as it was fitted, and has no place for them."""
    return len(serving.recommender.items) - len(serving.unhidden.items)
