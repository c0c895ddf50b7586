"""Open a SOURCE as a Spark table: files by any address that Spark reads, databases, tables of its catalog."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tastemap.data import DatabaseQuery, Dataset
from tastemap.data import load as load_data
from tastemap.engines.spark.names import ADDRESS, TABLE, is_database, is_jdbc, name_of, shown
from tastemap.engines.spark.session import Cluster
from tastemap.engines.spark.text import read_text
from tastemap.errors import EngineError, InvalidValueError, SourceNotFoundError, did_you_mean
from tastemap.progress import Progress

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FORMATS = {
    ".parquet": "parquet",
    ".orc": "orc",
    ".jsonl": "json",
    ".ndjson": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
}
FULL = "No space left on device"
FETCHED_ROWS = 10_000
"""Rows that a database sends at a time. Where no number is named, the driver of PostgreSQL takes in the whole
result before its first row is read, and the memory of one executor must hold it.
"""


@dataclass(frozen=True, eq=False)
class Opened:
    """A table that Spark has opened, not read.

    Parameters
    ----------
    name : str
        For people.
    frame : DataFrame
    is_text : bool
        Whether its columns are all text.
    is_query : bool
        Whether each pass over it asks a database anew.
    """

    name: str
    frame: DataFrame
    is_text: bool
    is_query: bool = False

    def read_once(self, names: Sequence[str]) -> Opened:
        """Where each pass would ask anew, these columns of the answer of now; else the table as it is.

        Checkpointed, for an executor that is lost would ask again for what was only persisted there.
        """
        if not self.is_query:
            return self
        kept = self.frame.select(*[f"`{name}`" for name in names]).checkpoint()
        return Opened(self.name, kept, self.is_text)


def is_for_spark(source: str) -> bool:
    """Whether Spark itself reads a source; the others are small, and read by the driver."""
    return not is_database(source) and (
        is_jdbc(source)
        or source.startswith(TABLE)
        or ADDRESS.match(source) is not None
        or _ending(source) in FORMATS
        or (Path(source).is_dir() and any(Path(source).rglob("*.parquet")))
    )


def load_here(source: str, query: str | None, columns: Mapping[str, str | None], progress: Progress) -> Dataset:
    """A source that the driver reads, as a local fit does."""
    return load_data(
        DatabaseQuery(source, query) if is_database(source) else source,
        user_col=columns.get("user_col"),
        item_col=columns.get("item_col"),
        rating_col=columns.get("rating_col"),
        time_col=columns.get("time_col"),
        progress=progress,
    )


def open_source(cluster: Cluster, source: str, query: str | None = None) -> Opened:
    """Open what :func:`is_for_spark` says yes to.

    Parameters
    ----------
    cluster : Cluster
    source : str
        A path or an address (``hdfs://``, ``s3a://`` …) of Parquet, ORC, JSON lines or text with a header, by
        its ending, else Parquet; ``jdbc:…``; or ``table:NAME``.
    query : str, optional
        What is asked of a database, in SQL; with ``jdbc:`` only, and needed there.

    Raises
    ------
    SourceNotFoundError
        If there is nothing there; lists near matches.
    EngineError
        If a database refuses, its driver is missing, or a file cannot be read.
    """
    if is_jdbc(source) != (query is not None):
        raise InvalidValueError(
            "--query goes with a source that is a database, jdbc:…, and such a source needs one. "
            f"Got {shown(source)!r} {'with' if query else 'without'} a query."
        )
    if is_jdbc(source):
        with _telling(source):
            asked = {"url": source, "query": str(query), "fetchsize": str(FETCHED_ROWS)}
            asked |= _driver(cluster, source)
            frame = cluster.spark.read.format("jdbc").options(**asked).load()
            return Opened(name_of(source), frame, is_text=False, is_query=True)
    if source.startswith(TABLE):
        return _table(cluster, source.removeprefix(TABLE))
    name = name_of(source)
    form = FORMATS.get(_ending(source), "parquet")
    with _telling(source):
        if form == "csv":
            return Opened(name, read_text(cluster, source), is_text=True)
        return Opened(name, cluster.spark.read.format(form).load(source), is_text=False)


def _driver(cluster: Cluster, address: str) -> dict[str, str]:
    """The option that names a driver for an address, if there is one; Java itself looks past ``spark.jars``."""
    jvm: Any = cluster.spark.sparkContext._jvm
    loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
    known = jvm.java.util.ServiceLoader.load(jvm.java.lang.Class.forName("java.sql.Driver"), loader)
    names = [one.getClass().getName() for one in known.iterator() if one.acceptsURL(address)]
    return {"driver": names[0]} if names else {}


def _ending(source: str) -> str:
    return Path(re.sub(r"\.(gz|bz2)$", "", source.rstrip("/*").lower())).suffix


def _table(cluster: Cluster, name: str) -> Opened:
    from pyspark.errors import AnalysisException

    try:
        return Opened(name_of(TABLE + name), cluster.spark.table(name), is_text=False)
    except AnalysisException as error:
        database = name.rpartition(".")[0] or None
        try:
            known = [table.name for table in cluster.spark.catalog.listTables(database)]
        except AnalysisException:
            known = []
        hint = did_you_mean(name.rpartition(".")[2], known)
        raise SourceNotFoundError(
            f"There is no table {name!r} in the catalog of Spark.{hint} "
            f"It has {', '.join(known[:12]) or 'no tables'}.",
            source=name,
        ) from error


@contextmanager
def _telling(source: str) -> Iterator[None]:
    """Turn what Spark says of a source into a sentence, without what a URL may hold in confidence."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import AnalysisException, PySparkException

    try:
        yield
    except AnalysisException as error:
        if "PATH_NOT_FOUND" not in str(error):
            raise EngineError(f"Spark cannot read {shown(source)}: {_first(error, source)}") from None
        path = Path(source)
        beside = [str(one) for one in sorted(path.parent.iterdir())] if path.parent.is_dir() else []
        hint = did_you_mean(source, beside, part=lambda one: Path(one).stem)
        raise SourceNotFoundError(
            f"There is no file or folder {shown(source)!r}.{hint}", source=shown(source)
        ) from None
    except (PySparkException, Py4JJavaError) as error:
        raise EngineError(f"Spark cannot read {shown(source)}: {_first(error, source)}") from None


@contextmanager
def working() -> Iterator[None]:
    """Around jobs: what ends one for good becomes a sentence."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        if FULL in _said(error):
            raise EngineError(
                "A disk of the cluster is full: Spark found no room to spill or to keep its "
                "checkpoints; free some, or name other folders with --conf spark.local.dir=… "
                "--conf spark.checkpoint.dir=…."
            ) from error
        raise EngineError(f"Spark gave up: {_first(error)}") from error


def _said(error: Exception) -> str:
    """What is said of an error, with its causes, which Spark leaves out of the text."""
    return f"{error}\n{getattr(error, '_stackTrace', '')}"


def _first(error: Exception, source: str = "") -> str:
    """The innermost cause in one line, without credentials."""
    text = _said(error).replace(source, shown(source)) if source else _said(error)
    causes = re.findall(r"^(?:Caused by: |: )?[\w.$]+(?:Exception|Error): (.+)$", text, re.MULTILINE)
    line = (causes[-1] if causes else text.strip().split("\n")[0]).strip().rstrip(".")
    if "No suitable driver" in line:
        return "no JDBC driver for this address is loaded; name its jar: --conf spark.jars=/path/to/driver.jar."
    if "Connection" in line and "refused" in line:
        return "the database does not answer; check host and port, and that it runs."
    if re.search(r"(?i)password|authentic|access denied", line):
        return "the database refuses this user or password; check both."
    return f"{shown(line)[:300]}."
