"""From a table of any ids to pairs of dense indices, counted and without repeats, never through the driver.

An index is the place of an id among the sorted ids, as :class:`tastemap.data.IdMap` has it, so that artifacts
of both engines agree. Spark sorts distinct ids into ranges, one a partition; an index is the place in its
partition plus the number of ids in the partitions before it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

from tastemap.data.columns import Columns, choose_columns
from tastemap.data.interactions import RatingScale
from tastemap.data.rating_scale import scale_between
from tastemap.engines.columns import BAD_TIME, BAD_VALUE, CANONICAL, DROPPED, KEPT, Cleaning
from tastemap.engines.spark.read import Opened
from tastemap.engines.spark.readable import time_form, unreadable
from tastemap.engines.spark.session import Cluster
from tastemap.errors import ColumnError, DataError

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

ROWS_PER_TASK = 1_000_000
IDS = {"tinyint", "smallint", "int", "bigint", "string"}
FLOATS = {"float", "double"}
NUMBERS = {"tinyint", "smallint", "int", "bigint", "float", "double", "boolean"}


@dataclass(frozen=True, eq=False)
class Encoded:
    """A table as the models see it.

    Parameters
    ----------
    pairs : DataFrame
        ``user int, item int, value float, time long`` (null without times), distinct, in ranges of users, each
        partition sorted by user, then item. Checkpointed.
    users, items : DataFrame
        ``index int, id``: persisted.
    n_users, n_items, n_pairs, n_rows, n_merged : int
    dropped : dict of str to int
    rating_scale : RatingScale or None
    notes : tuple of str
    """

    pairs: DataFrame
    users: DataFrame
    items: DataFrame
    n_users: int
    n_items: int
    n_pairs: int
    n_rows: int
    n_merged: int
    dropped: dict[str, int]
    rating_scale: RatingScale | None
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Clean:
    """Rows with ids of one type a side, read as :class:`tastemap.engines.columns.Cleaning` says."""

    frame: DataFrame
    columns: Columns
    n_rows: int
    n_kept: int
    dropped: dict[str, int]
    low: float
    high: float
    notes: tuple[str, ...] = field(default=())


def clean(cluster: Cluster, opened: Opened, given: dict[str, str | None], *, implicit: bool = False) -> Clean:
    """Read the columns that matter; the frame is ``user, item, value, time, row`` of usable rows, persisted.

    Raises
    ------
    ColumnError
        If a column is missing or of a type that cannot be what it stands for.
    DataError
        If there is no usable row, or a rating or a time cannot be read; shows three.
    """
    from pyspark.sql import functions as F

    columns = choose_columns(opened.frame.columns, label=opened.name, implicit=implicit, **given)
    opened = opened.read_once(columns.names)
    _ensure_whole(opened, columns)
    raw = _roles(opened, columns)
    wholes = _integer_sides(raw, opened, columns)
    times, notes = time_form(raw, columns, has_given_time=given.get("time_col") is not None)
    how = Cleaning(*wholes, opened.is_text, columns.is_count, columns.value is not None, times)
    rows = raw.withColumn("row", F.monotonically_increasing_id()).mapInArrow(how, how.schema).persist()
    counted = {
        int(one["reason"]): one
        for one in rows.groupBy("reason")
        .agg(F.count("*").alias("n"), F.min("value").alias("low"), F.max("value").alias("high"))
        .collect()
    }
    for reason, column in ((BAD_VALUE, columns.value), (BAD_TIME, columns.time)):
        if reason in counted:
            raise unreadable(raw, columns, str(column), int(counted[reason]["n"]), reason, times)
    if KEPT not in counted:
        raise DataError(f"{opened.name} has no usable rows; give a table with one interaction per row.")
    kept = counted.pop(KEPT)
    return Clean(
        frame=rows.filter(F.col("reason") == KEPT).drop("reason"),
        columns=columns,
        n_rows=int(kept["n"]) + sum(int(one["n"]) for one in counted.values()),
        n_kept=int(kept["n"]),
        dropped={DROPPED[reason]: int(one["n"]) for reason, one in sorted(counted.items())},
        low=float(kept["low"]),
        high=float(kept["high"]),
        notes=(*columns.notes, *notes),
    )


def encode(cluster: Cluster, rows: Clean) -> Encoded:
    """Number the ids and settle repeated pairs: of ratings the last by time, of counts the sum."""
    from pyspark.sql import functions as F

    n_tasks = cluster.spread(rows.n_kept, ROWS_PER_TASK)
    users, n_users = number(rows.frame.select(F.col("user").alias("id")))
    items, n_items = number(rows.frame.select(F.col("item").alias("id")))
    indexed = rows.frame.join(users.withColumnsRenamed({"id": "user", "index": "u"}), "user").join(
        items.withColumnsRenamed({"id": "item", "index": "i"}), "item"
    )
    if rows.columns.is_implicit:
        value = F.sum(F.col("value").cast("double")).cast("float")
    else:  # nulls come first, so without times the last row counts, as far as rows of files have an order
        value = F.max(F.struct("time", F.when(F.col("time").isNull(), F.col("row")), "value"))["value"]
    pairs = indexed.groupBy(F.col("u").alias("user"), F.col("i").alias("item")).agg(
        value.alias("value"), F.max("time").alias("time")
    )
    pairs = pairs.repartitionByRange(n_tasks, "user").sortWithinPartitions("user", "item").checkpoint()
    n_pairs = pairs.count()
    scale, notes = None, rows.notes
    if not rows.columns.is_implicit:
        scale, said = scale_between(rows.low, rows.high, rows.n_kept)
        notes = (*notes, said)
    return Encoded(
        pairs,
        users,
        items,
        n_users,
        n_items,
        n_pairs,
        rows.n_rows,
        rows.n_kept - n_pairs,
        rows.dropped,
        scale,
        notes,
    )


def number(ids: DataFrame) -> tuple[DataFrame, int]:
    """Distinct ids (a column ``id``) with the place of each among all of them sorted, ``index int``; and how
    many.

    Text is in order of code points, as UTF-8 sorts by bytes. The driver learns one count a partition.
    """
    from pyspark.sql import functions as F

    places = ids.distinct().orderBy("id").withColumn("place", F.monotonically_increasing_id()).persist()
    partition = F.shiftright("place", 33)
    counts = {
        int(one["part"]): int(one["n"])
        for one in places.groupBy(partition.alias("part")).agg(F.count("*").alias("n")).collect()
    }
    sizes = [counts.get(part, 0) for part in range(max(counts) + 1)]
    before = F.array(*[F.lit(n) for n in accumulate([0, *sizes[:-1]])])
    index = before[partition.cast("int")] + F.col("place").bitwiseAND(F.lit((1 << 33) - 1))
    return places.select("id", index.cast("int").alias("index")), sum(sizes)


def _roles(opened: Opened, columns: Columns) -> DataFrame:
    """The columns that matter, by what they are: ``user, item`` and perhaps ``value, time``."""
    from pyspark.sql import functions as F

    roles = {"user": columns.user, "item": columns.item, "value": columns.value, "time": columns.time}
    types = dict(opened.frame.dtypes)
    chosen: list[Column] = []
    for role, name in roles.items():
        if name is None:
            continue
        column, kind = F.col(f"`{name}`"), types[name]
        if kind.startswith(("decimal", "char", "varchar")):
            kind = "double" if kind.startswith("decimal") else "string"
            # An id of a decimal type is a whole number: databases write their integers so.
            column = column.cast("bigint" if role in ("user", "item") and kind == "double" else kind)
            kind = "bigint" if role in ("user", "item") and kind == "double" else kind
        _check_kind(opened, role, name, kind)
        chosen.append(column.alias(role))
    return opened.frame.select(*chosen)


def _check_kind(opened: Opened, role: str, name: str, kind: str) -> None:
    if role in ("user", "item") and kind not in IDS | FLOATS:
        raise _no_ids(opened, name, kind)
    if role == "value" and kind not in NUMBERS | {"string"}:
        raise ColumnError(
            f"Column {name!r} of {opened.name} must hold numbers. Got {kind}; convert it.", column=name
        )
    if role == "time" and kind not in NUMBERS | {"string", "date", "timestamp", "timestamp_ntz"}:
        raise ColumnError(
            f"Column {name!r} of {opened.name} must hold times: numbers, text, dates or timestamps. "
            f"Got {kind}; convert it, or name another with --time-col.",
            column=name,
        )


def _ensure_whole(opened: Opened, columns: Columns) -> None:
    """Raise a ColumnError where an id of a decimal type has a fraction, or more than 64 bits."""
    from pyspark.sql import functions as F

    types = dict(opened.frame.dtypes)
    for name in (columns.user, columns.item):
        if types[name].startswith("decimal"):
            column = F.col(f"`{name}`")
            is_odd = (column != F.floor(column)) | ~column.between(-(2**63), 2**63 - 1)
            if opened.frame.filter(is_odd).take(1):
                raise _no_ids(opened, name, f"{types[name]} with fractions, or larger ones")


def _no_ids(opened: Opened, name: str, got: str) -> ColumnError:
    return ColumnError(
        f"Column {name!r} of {opened.name} must hold ids: integers within 64 bits, or text. Got {got}; "
        "convert it to text first.",
        column=name,
    )


def _integer_sides(raw: DataFrame, opened: Opened, columns: Columns) -> tuple[bool, bool]:
    """Whether the ids of each side are integers: of a text table only if every one is canonical."""
    from pyspark.sql import functions as F

    types = dict(raw.dtypes)
    odd: dict[str, Column] = {}
    for side in ("user", "item"):
        column = F.col(side)
        if types[side] in FLOATS:
            odd[side] = column.isNotNull() & ((column != F.floor(column)) | (F.abs(column) >= 2.0**53))
        elif types[side] == "string" and opened.is_text:
            bare = F.trim(column)
            is_whole = bare.rlike(CANONICAL) & F.try_to_number(bare, F.lit("S9999999999999999999")).between(
                -(2**63), 2**63 - 1
            )
            odd[side] = (bare != "") & ~F.coalesce(is_whole, F.lit(False))
    counted = raw.agg(
        F.lit(0).alias("none"), *[F.sum(flag.cast("int")).alias(side) for side, flag in odd.items()]
    )
    n_odd = counted.first()
    assert n_odd is not None, "an aggregate has one row"
    for side in odd:
        if n_odd[side] and types[side] in FLOATS:
            name = columns.user if side == "user" else columns.item
            raise _no_ids(opened, name, f"{types[side]} with fractions")
    user, item = (types[side] != "string" or (side in odd and not n_odd[side]) for side in ("user", "item"))
    return user, item
