"""The parts of an inspection that are about items: biases, maps, lengths and neighbors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from tastemap.charts import bias_chart, components_chart, item_map_chart, norms_chart
from tastemap.charts.plot_data import plot_data, titles_and_genres
from tastemap.inspection import (
    NeighborLists,
    bias_leaderboard,
    item_map,
    item_neighbors,
    item_norms,
    most_rated,
    neighbor_lists,
    principal_components,
)
from tastemap.inspection.item_map import LARGEST_MAP
from tastemap.inspection.items import item_biases, item_statistics, item_vectors
from tastemap.models.item_weights import ItemWeights
from tastemap.models.recommender import Recommender
from tastemap.progress import Progress
from tastemap.reports.inside import N_LISTED, Block, Models, Part, cell
from tastemap.reports.markup import Markup, tag
from tastemap.reports.page import data_block, slug, table_block
from tastemap.reports.pictures import Picture
from tastemap.reports.wording import listed, number

_HOW_TO = (
    "Search for a title; press genres below the picture to see only these. Drag to move, Shift and wheel to "
    "zoom (or two fingers, or the keys: arrows, + and -), double-click to go back."
)


def bias_part(models: Models) -> Part:
    """Leaderboards."""

    def of(label: str, recommender: Recommender) -> Block:
        if item_biases(recommender.model) is None:
            return Block(label, sentences=[f"{label} has no item biases."])
        board = bias_leaderboard(recommender)
        top, bottom = board["title"].head(3).to_list(), board["title"].tail(3).reverse().to_list()
        picture = Picture(
            f"{label}-biases",
            f"The {N_LISTED} highest and the {N_LISTED} lowest biases of {label}.",
            f"{label}: the highest biases are those of {listed(top)}, the lowest those of {listed(bottom)}.",
            lambda palette: bias_chart(board, k=N_LISTED, palette=palette),
        )
        return Block(label, [picture])

    lede = "A bias says how much an item is liked or disliked whatever one's taste: what is left of its mean "
    lede += "rating when the users who rated it, and their tastes, are accounted for."
    return Part("biases", "Liked by all, disliked by all", lede, [of(*pair) for pair in models.items()])


def components_part(models: Models) -> Part:
    """Principal components."""

    def of(label: str, recommender: Recommender) -> Block:
        found = principal_components(recommender)
        shares = ", ".join(f"{share:.0%}" for share in found.explained)
        axes = {
            column: f"component {number} ({share:.0%})"
            for number, (column, share) in enumerate(zip(found.names, found.explained, strict=True), start=1)
        }
        picture = Picture(
            f"{label}-components",
            f"The {len(found.frame):,} most popular items; the components hold {shares} of the variance. "
            f"Choose two of them. {_HOW_TO}",
            f"{label}: items along their principal components, which hold {shares} of the variance.",
            lambda palette: components_chart(found.frame, found.explained, palette=palette),
            points=lambda: plot_data(found.frame, axes, across=0, up=2, ticks=True),
        )
        return Block(label, [picture])

    lede = "The directions in which item vectors differ most. Read the titles at both ends of an axis: often "
    lede += "a taste can be seen there that nobody has told the model about."
    return Part("components", "The strongest directions", lede, _of_vectors(models, of))


def map_part(models: Models, progress: Progress) -> Part:
    """The map of items."""

    def of(label: str, recommender: Recommender) -> Block:
        progress.note(f"Laying out the items of {label} …")
        found = item_map(recommender, progress=progress)
        picture = Picture(
            f"{label}-map",
            f"{found.method} of {len(found.frame):,} items. {_HOW_TO}",
            f"{label}: a map of {len(found.frame)} items by {found.method}, colored by genre.",
            lambda palette: item_map_chart(found.frame, palette=palette),
            points=lambda: plot_data(found.frame, {"x": "x", "y": "y"}),
        )
        return Block(label, [picture], sentences=found.notes)

    lede = "Items whose vectors point the same way lie together. Distances across the map, and how wide a "
    lede += "group is, mean little."
    return Part("map", "A map of the items", lede, _of_vectors(models, of))


def norms_part(models: Models) -> Part:
    """Norms of all models in one picture."""
    with_vectors = {label: one for label, one in models.items() if item_vectors(one.model) is not None}
    lede = (
        "A dot product rewards long vectors. Where popular items have the longest, lists by dot product lean "
    )
    lede += "towards them; where rare ones do, the model is guessing."
    blocks = _of_vectors({label: one for label, one in models.items() if label not in with_vectors}, _nothing)
    if with_vectors:
        frames = {label: _most_popular(item_norms(one)) for label, one in with_vectors.items()}
        picture = Picture(
            "norms",
            "Drag over a panel: the same items are marked in the others."
            if len(frames) > 1
            else "A point is an item; drag over some to mark them.",
            f"The length of item vectors against the number of interactions, for {listed(list(frames))}.",
            lambda palette: norms_chart(frames, palette=palette),
            canvas=True,
            controls=True,
        )
        blocks = [Block(listed(list(frames)), [picture]), *blocks]
    return Part("norms", "Length and popularity", lede, blocks)


def neighbors_part(models: Models) -> Part:
    """Cosine and dot neighbors of the most popular items."""

    def of(label: str, recommender: Recommender) -> Block:
        if item_vectors(recommender.model) is None and not isinstance(recommender.model, ItemWeights):
            return Block(label, sentences=[f"{label} has no item vectors, so items have no neighbors."])
        items = most_rated(recommender.train, 5).select("item_id", "title").rows()
        lists = neighbor_lists(recommender, k=N_LISTED)
        rest = lists.n_items - len(lists.items)
        said = f"Of the {len(lists.items):,} most popular items; tastemap similar lists those of the others."
        tables = [
            _finder(label, recommender, lists),
            *(_neighbors(label, recommender, *item) for item in items),
        ]
        return Block(label, tables=tables, sentences=[said] if rest else [])

    lede = "The nearest items by direction (cosine) and by dot product, which favors long vectors. Items that "
    lede += "fewer than five users have in common with an item are left out."
    return Part("neighbors", "Neighbors", lede, [of(*pair) for pair in models.items()])


def _finder(label: str, recommender: Recommender, lists: NeighborLists) -> Markup:
    """A place for the page's script to show the neighbors of the item that a reader chooses."""
    data = {**titles_and_genres(item_statistics(recommender.train)), "items": lists.items}
    for measure, near in lists.near.items():
        data[measure] = [[[item, round(similarity, 3)] for item, similarity in one] for one in near]
    name = f"spec-{slug(label)}-finder"
    said = f"{label}: neighbors of an item to choose"
    return Markup(
        tag("div", class_="finder", aria_label=said, role="group", data_spec=name) + data_block(data, name)
    )


def _neighbors(label: str, recommender: Recommender, item_id: object, title: str) -> Markup:
    found = item_neighbors(recommender, item_id, k=N_LISTED)  # type: ignore[arg-type]  # an id
    sides = [found.filter(pl.col("measure") == measure).to_dicts() for measure in ("cosine", "dot")]
    rows = [
        [cell(str(place + 1)), *(part for side in sides for part in _neighbor(side, place))]
        for place in range(max(map(len, sides)))
    ]
    head = ["", tag("th", "By cosine", scope="col", class_="text"), "cosine"]
    head += [tag("th", "By dot product", scope="col", class_="text"), "dot"]
    table = table_block(f"Neighbors of {title}", head, rows, f"{label}: neighbors of {title}")
    return tag("details", tag("summary", title), table)


def _neighbor(side: Sequence[Mapping[str, object]], place: int) -> list[Markup]:
    if place >= len(side):
        return [tag("td", ""), tag("td", "")]
    row = side[place]
    genres = row["genres"]
    below = tag("span", ", ".join(map(str, genres)), class_="range") if isinstance(genres, list) else None
    return [
        tag("td", str(row["title"]), below, class_="text"),
        tag("td", number(float(str(row["similarity"])))),
    ]


def _of_vectors(models: Models, of: Callable[[str, Recommender], Block]) -> list[Block]:
    """A block a model; for one without item vectors the sentence that says so."""
    return [
        of(label, recommender)
        if item_vectors(recommender.model) is not None
        else Block(label, sentences=[f"{label} has no item vectors."])
        for label, recommender in models.items()
    ]


def _nothing(label: str, recommender: Recommender) -> Block:
    return Block(label)


def _most_popular(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.sort("popularity", descending=True, maintain_order=True).head(LARGEST_MAP)
