"""Text with a header as a Spark table: lines with too many fields are refused, quoted line breaks are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from tastemap.engines.spark.names import shown
from tastemap.engines.spark.session import Cluster
from tastemap.errors import DataError

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

SEPARATORS = ",\t;|"
SURPLUS = "_tastemap_surplus"
"""Holds the first field beyond the named ones, which Spark would leave out without a word."""


def read_text(cluster: Cluster, source: str) -> DataFrame:
    """The columns of text files, all text.

    Raises
    ------
    DataError
        If there is no header, or not the same one in every file, or a line has more fields than the header
        names.

    Notes
    -----
    Two passes. Files are read in parts unless a line break is quoted: then one task reads each file.
    """
    from pyspark.sql.types import StringType, StructField, StructType

    header, has_breaks = _layout(cluster, source)
    separator = max(SEPARATORS, key=header.count)
    if not header.count(separator):
        raise DataError(
            f"{shown(source)} must begin with the names of its columns, separated by a comma, tab, "
            f"semicolon or bar. Got {header[:80]!r}; add such a line, or convert the file to Parquet."
        )
    reader = cluster.spark.read.options(header=True, sep=separator, mode="PERMISSIVE", escape='"')
    reader = reader.option("multiLine", has_breaks)
    names = reader.csv(source).columns
    fields = [StructField(name, StringType()) for name in (*names, SURPLUS)]
    frame = reader.schema(StructType(fields)).csv(source)
    if frame.filter(f"{SURPLUS} is not null").take(1):
        raise DataError(
            f"{shown(source)}: a line has more fields than the {len(names)} that are expected "
            f"({', '.join(names[:12])}); quote fields that hold the separator, or mend the line."
        )
    return frame.drop(SURPLUS)


def _layout(cluster: Cluster, source: str) -> tuple[str, bool]:
    """The header of all files, and whether a line break is quoted; in one pass over the lines.

    Spark takes the names of one file, and leaves out the first line of every file, whatever it says.
    """
    from pyspark.sql import functions as F

    lines = cluster.spark.read.text(source).select("value", "_metadata.file_path", "_metadata.file_block_start")
    lines = lines.filter(F.col("value").rlike(r"\S"))  # blank lines before a header are not shown either
    first = lines.first()
    if first is None:
        return "", False
    header, place = str(first["value"]), F.monotonically_increasing_id() * 2
    # Numbers alone, of which executors keep one a file: odd if the first line of a file is another one.
    differs = F.when(_bare(F.col("value")) == _bare(F.lit(header)), 0).otherwise(1)
    is_open = F.length(F.regexp_replace("value", '[^"]', "")) % 2
    numbered = lines.select(
        "file_path",
        F.when(F.col("file_block_start") == 0, place + differs).alias("place"),
        is_open.alias("is_open"),
    )
    files = numbered.groupBy("file_path").agg(F.min("place").alias("place"), F.max("is_open").alias("is_open"))
    other = F.min(F.when(F.col("place") % 2 == 1, F.col("file_path")))
    found = files.agg(other.alias("other"), F.max("is_open").alias("is_open")).first()
    assert found is not None, "an aggregate has one row"
    if found["other"] is not None:
        raise DataError(
            f"The files of {shown(source)} must begin with the same line, the names of the columns. "
            f"{_path(first['file_path'])} begins with {header[:80]!r}, {_path(found['other'])} does not; "
            "give each file this line, or make one file of them."
        )
    return header, bool(found["is_open"])


def _bare(line: Column) -> Column:
    """A header without what may differ between files that say the same: blanks and quotes."""
    from pyspark.sql import functions as F

    return F.translate(line, '" ', "")


def _path(address: str) -> str:
    """The address of a file as people write it: Spark quotes it, and puts a scheme before a path."""
    return shown(unquote(address).removeprefix("file://"))
