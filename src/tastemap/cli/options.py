"""Options that several commands share, declared once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tastemap.cli.output import say

if TYPE_CHECKING:
    from tastemap.data import Dataset, Id
    from tastemap.models.recommender import Recommender
    from tastemap.progress import Progress


class UsageError(typer.TyperException):
    """Options that do not go together, or a value that cannot be read; the exit status is 2."""

    exit_code = 2


Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A data set (ml-100k, ml-100k:u1.train), a folder or a file: .zip .csv .tsv .dat .jsonl .parquet.",
    ),
]
Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="A saved model, as `tastemap fit -o DIR` wrote it.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
UserCol = Annotated[str | None, typer.Option(metavar="NAME", help="Column of user ids, if not found by name.")]
ItemCol = Annotated[str | None, typer.Option(metavar="NAME", help="Column of item ids, if not found by name.")]
RatingCol = Annotated[str | None, typer.Option(metavar="NAME", help="Column of ratings, if not found by name.")]
TimeCol = Annotated[str | None, typer.Option(metavar="NAME", help="Column of times, if not found by name.")]
UserFeatures = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Table of user features, with a column user_id.")
]
ItemFeatures = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Table of titles and item features, with a column item_id."),
]
Seed = Annotated[int, typer.Option(min=0, metavar="N", help="The same seed gives the same bytes.")]
Database = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar="TASTEMAP_DATABASE",
        show_envvar=False,
        help="sqlite:///FILE or postgresql://USER@HOST/NAME; default: a file beside DIR. Put a URL with a "
        "password into the variable TASTEMAP_DATABASE, which other users of the machine cannot read.",
    ),
]
K = Annotated[int, typer.Option("-k", min=1, metavar="N", help="Length of a list.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting of the model; give it again for more."),
]


@contextmanager
def service_extra() -> Iterator[None]:
    """Around imports of what only the service needs: what is missing is told with what installs it."""
    from tastemap.errors import MissingExtraError

    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("tastemap"):
            raise
        raise MissingExtraError(
            f"This needs {error.name}, which is not installed. Install it: pip install 'tastemap[service]'."
        ) from error


def load_data(
    source: str,
    columns: Sequence[str | None],
    features: Sequence[Path | None],
    progress: Progress,
) -> Dataset:
    """Load SOURCE with the column options (user, item, rating, time) and feature files (users, items)."""
    from tastemap.data import load

    user_col, item_col, rating_col, time_col = columns
    user_features, item_features = features
    return load(
        source,
        user_col=user_col,
        item_col=item_col,
        rating_col=rating_col,
        time_col=time_col,
        user_features=user_features,
        item_features=item_features,
        progress=progress,
    )


def load_model(folder: Path) -> Recommender:
    """Load a saved model."""
    from tastemap.artifacts import load

    return load(folder)


def named_item(recommender: Recommender, name: str) -> Id:
    """The id of the item of this id or title; says so if it was chosen among several titles."""
    from tastemap.inference import find_item

    found = find_item(recommender, name)
    if found.others:
        say(f"{name!r}: taking the most popular of {len(found.others) + 1} matching titles.")
    return recommender.items.to_id(found.item_index)


def parse_settings(pairs: Sequence[str] | None) -> dict[str, object]:
    """``["n_factors=32", "schedule=constant"]`` as a dict; values read as JSON where they are, else as text."""
    import json

    settings: dict[str, object] = {}
    for pair in pairs or ():
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"--set takes KEY=VALUE, such as --set n_factors=32. Got {pair!r}.")
        try:
            value: Any = json.loads(text)
        except ValueError:
            value = text
        settings[key.strip()] = value
    return settings
