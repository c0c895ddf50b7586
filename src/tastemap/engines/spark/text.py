"""Text with a header as a Spark table: lines with too many fields are refused, quoted line breaks are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tastemap.engines.spark.names import shown
from tastemap.engines.spark.session import Cluster
from tastemap.errors import DataError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SEPARATORS = ",\t;|"
SURPLUS = "_tastemap_surplus"
"""Holds the first field beyond the named ones, which Spark would leave out without a word."""


def read_text(cluster: Cluster, source: str) -> DataFrame:
    """The columns of text files, all text.

    Raises
    ------
    DataError
        If there is no header, or a line has more fields than the header names.

    Notes
    -----
    Two passes. Files are read in parts unless a line break is quoted: then one task reads each file.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.types import StringType, StructField, StructType

    lines = cluster.spark.read.text(source)
    first = lines.first()
    header = "" if first is None else str(first[0])
    separator = max(SEPARATORS, key=header.count)
    if not header.count(separator):
        raise DataError(
            f"{shown(source)} must begin with the names of its columns, separated by a comma, tab, "
            f"semicolon or bar. Got {header[:80]!r}; add such a line, or convert the file to Parquet."
        )
    is_open = F.length(F.regexp_replace("value", '[^"]', "")) % 2 == 1
    reader = cluster.spark.read.options(header=True, sep=separator, mode="PERMISSIVE", escape='"')
    reader = reader.option("multiLine", bool(lines.filter(is_open).take(1)))
    names = reader.csv(source).columns
    fields = [StructField(name, StringType()) for name in (*names, SURPLUS)]
    frame = reader.schema(StructType(fields)).csv(source)
    if frame.filter(F.col(SURPLUS).isNotNull()).take(1):
        raise DataError(
            f"{shown(source)}: a line has more fields than the {len(names)} that are expected "
            f"({', '.join(names[:12])}); quote fields that hold the separator, or mend the line."
        )
    return frame.drop(SURPLUS)
