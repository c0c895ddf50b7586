"""Options that several commands share, declared once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tastemap.cli.output import say

if TYPE_CHECKING:
    import polars as pl

    from tastemap.data import DatabaseQuery, Dataset, Id
    from tastemap.models.recommender import Recommender
    from tastemap.progress import Progress


class UsageError(typer.TyperException):
    """Options that do not go together, or a value that cannot be read; the exit status is 2."""

    exit_code = 2


Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A data set (ml-100k, ml-100k:u1.train), a folder or a file: .zip .csv .tsv .dat .jsonl .parquet; "
        "or, with --query, sqlite:///FILE or postgresql://USER@HOST/NAME.",
    ),
]
Query = Annotated[
    str | None,
    typer.Option(
        metavar="SQL", help="What to read from a database: a SELECT with these columns, or the name of a table."
    ),
]
Table = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Table of the database in --out; its rows are replaced, all at once or not at all.",
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
PositiveMin = Annotated[
    float | None,
    typer.Option(help="Ranking: learn from ratings of at least this; lower ones only keep items out of lists."),
]
MaxMemory = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Fit nothing that is predicted to need more memory, such as 4GB; als and ials keep data that "
        "are larger on disk.",
    ),
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
    query: str | None = None,
    watermark: str | None = None,
    max_memory: int | None = None,
) -> Dataset:
    """Load SOURCE with the column options (user, item, rating, time) and feature files (users, items)."""
    from tastemap.data import load

    user_col, item_col, rating_col, time_col = columns
    user_features, item_features = features
    return load(
        queried(source, query, watermark),
        user_col=user_col,
        item_col=item_col,
        rating_col=rating_col,
        time_col=time_col,
        user_features=user_features,
        item_features=item_features,
        max_memory=max_memory,
        progress=progress,
    )


def data_limit(model: str, max_memory: str | None) -> int | None:
    """Bytes above which data stay on disk, for models that work on such; else None.

    Raises
    ------
    InvalidValueError, UnknownNameError
        If the size cannot be read, or there is no such model.
    """
    from tastemap.training.registry import get
    from tastemap.tuning.units import size_bytes

    if max_memory is None:
        return None
    limit = size_bytes("max_memory", max_memory)
    return limit if get(model).goes_on else None


def queried(source: str, query: str | None, watermark: str | None = None) -> str | DatabaseQuery:
    """SOURCE with what is asked of it, where it is a database."""
    from tastemap.data import DatabaseQuery
    from tastemap.data.sql.urls import is_database_url

    if is_database_url(source):
        return DatabaseQuery(source, query, watermark)
    if query is not None or watermark is not None:
        option = "--query" if query is not None else "--watermark"
        raise UsageError(f"{option} is for databases, and SOURCE names none: sqlite:///FILE or postgresql://….")
    return source


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


def check_out(out: str | None, table: str | None) -> None:
    """Refuse --out and --table that do not go together, before any work."""
    from tastemap.data.sql.urls import is_database_url
    from tastemap.data.sql.writing import check_target

    if out is not None and is_database_url(out):
        check_target(out, table)
    elif table is not None:
        raise UsageError("--table is for databases; give --out sqlite:///FILE or postgresql://… with it.")


def write_out(frame: pl.DataFrame, out: str, table: str | None) -> None:
    """Write a table to a file, or in the place of the rows of a table of a database."""
    from tastemap.data import write_rows, write_table

    if table is None:
        write_table(frame, Path(out))
    else:
        write_rows(frame, out, table)


def place_of(out: str, table: str | None) -> dict[str, str]:
    """Where something was written, as --json says it."""
    return {"out": out} if table is None else {"out": _database(out), "table": table}


def place_in_words(out: str, table: str | None) -> str:
    """Where something was written."""
    return out if table is None else f"the table {table} of {_database(out)}"


def _database(url: str) -> str:
    from tastemap.data.sql.urls import DatabaseUrl

    return DatabaseUrl.of(url).shown
