"""People who are not in the training data: known by ratings on the command line or in a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tastemap.cli import options
from tastemap.errors import DataError, InvalidValueError

if TYPE_CHECKING:
    from tastemap.data import Id
    from tastemap.models.recommender import Recommender

Rated = Annotated[
    list[str] | None,
    typer.Option(metavar="TITLE_OR_ID=5", help="Something a new person rated; give it once for each item."),
]
History = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Table of a new person's items and ratings; without ratings: liked."),
]


def ratings_of(recommender: Recommender, rated: Sequence[str] | None, history: Path | None) -> dict[Id, float]:
    """The ratings of a newcomer by item id, from ``--rated`` or else from ``--history``."""
    if rated:
        return _parse(recommender, rated)
    assert history is not None, "one of the two is given"
    return _read(recommender, history)


def arguments_of(rated: Sequence[str] | None, history: Path | None) -> list[str]:
    """The options that name the same newcomer again."""
    if rated:
        return [word for text in rated for word in ("--rated", text)]
    return ["--history", str(history)]


def top_rating(recommender: Recommender) -> float:
    """What somebody gives who likes an item: the top of the rating scale, or 1 in implicit feedback."""
    scale = recommender.train.interactions.rating_scale
    return scale.high if scale else 1.0


def _parse(recommender: Recommender, rated: Sequence[str]) -> dict[Id, float]:
    """``TITLE_OR_ID=RATING``; the last rating of an item counts."""
    ratings: dict[Id, float] = {}
    for text in rated:
        name, equals, value = text.rpartition("=")
        try:
            rating = float(value)
        except ValueError:
            equals = ""
        if not equals:
            raise options.UsageError(
                f'--rated takes TITLE_OR_ID=RATING, such as --rated "Star Wars=5". Got {text!r}.'
            )
        ratings[options.named_item(recommender, name)] = rating
    return ratings


def _read(recommender: Recommender, path: Path) -> dict[Id, float]:
    """A table of ids or titles; without a rating column each item counts as liked."""
    from tastemap.data import read_history
    from tastemap.inference.history import history_of

    items, values = read_history(path)
    named = items.to_list()
    if items.name == "title":
        named = [options.named_item(recommender, title) for title in named]
    if values is None:
        values = [top_rating(recommender)] * len(items)
    ratings = dict(zip(named, values, strict=True))
    try:
        history_of(recommender, ratings)
    except InvalidValueError as error:  # here it is the file that is wrong, not the command
        raise DataError(f"{path.name}: {error.message}") from error
    return ratings
