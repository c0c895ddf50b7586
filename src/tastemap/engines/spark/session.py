"""A connection to a Spark master: what must be there, bounded waits, and logs that go to a file."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tastemap.engines.spark.starting import starting, stop
from tastemap.errors import EngineError, InvalidValueError, MissingExtraError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOWEST_JAVA = 17
CONNECT_S = 5.0
"""Wait for a master that is named by host and port."""
EXECUTORS_S = 120.0
"""Wait for the first executor; a free cluster has one within seconds."""
LOCAL = re.compile(r"local(-cluster)?(\[.*\])?")
ONE_PROCESS = re.compile(r"local(\[.*\])?")
PORTS = re.compile(r"(?P<host>[^:,/\[\]]+|\[[^\]]+\]):(?P<port>\d+)")
DEFAULTS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    # Indices are offsets of partitions, so a plan must not change its partitions between two jobs.
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.driver.maxResultSize": "4g",
    "spark.checkpoint.compress": "true",
    "spark.cleaner.referenceTracking.cleanCheckpoints": "true",
}
ON_THIS_MACHINE = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}


@dataclass(frozen=True, eq=False)
class Cluster:
    """A running application.

    Parameters
    ----------
    spark : SparkSession
    scratch : Path
        A folder of the driver for what the application leaves behind; gone at its end.
    log : Path
        Where the driver's own Java process writes.
    """

    spark: SparkSession
    scratch: Path
    log: Path

    @property
    def n_tasks(self) -> int:
        """Tasks that run at the same time."""
        return int(self.spark.sparkContext.defaultParallelism)

    @property
    def is_one_process(self) -> bool:
        """Whether the driver is the only executor, which sees what the driver sees."""
        return ONE_PROCESS.fullmatch(str(self.spark.sparkContext.master)) is not None

    def spread(self, n_rows: int, rows_per_task: int) -> int:
        """How many partitions so many rows are put into: two a task slot at least; shuffles make as many."""
        n = max(2 * self.n_tasks, -(-n_rows // rows_per_task))
        self.spark.conf.set("spark.sql.shuffle.partitions", str(n))
        return n


@contextmanager
def open_cluster(master: str, settings: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """Start an application on `master`, and end it.

    Parameters
    ----------
    master : str
        As Spark writes it: ``local[4]``, ``local-cluster[2,1,1024]``, ``spark://HOST:7077``, ``yarn``,
        ``k8s://https://HOST:PORT``.
    settings : mapping of str to str, optional
        Spark's own settings, such as ``spark.executor.memory``; they outweigh those of Tastemap.

    Raises
    ------
    MissingExtraError
        If pyspark or Java is not installed.
    EngineError
        If an application of Spark runs in this process already: it has settings of its own, and stays as it
        is. If the master does not answer within :data:`CONNECT_S`, or gives no executor within
        :data:`EXECUTORS_S`, or Spark does not start.

    Notes
    -----
    Starting takes some seconds: a Java process here and one for each executor.
    """
    _ensure_pyspark()
    _ensure_java()
    _ensure_reachable(master)
    _ensure_alone()
    scratch = Path(tempfile.mkdtemp(prefix="tastemap-spark-"))
    log = scratch / "driver.log"
    spark = None
    try:
        with starting(master, log):
            spark = _start(master, dict(settings or {}), scratch, log)
            _ensure_checkpoints(spark)
            _wait_for_executor(spark, master)
        cluster = Cluster(spark, scratch, log)
        # What is shuffled before the rows are counted is small, and Spark would make 200 tasks of it.
        cluster.spread(0, 1)
        yield cluster
    finally:
        stop(spark)
        shutil.rmtree(scratch, ignore_errors=True)


def _ensure_pyspark() -> None:
    try:
        import pandas  # noqa: F401  (Spark asks for it before it hands over Arrow tables)
        import pyarrow  # noqa: F401
        import pyspark  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"--engine spark needs {error.name}, which is not installed. Install the extra: "
            "pip install 'tastemap[spark]'."
        ) from error


def _ensure_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    remedy = (
        "install Debian's package: apt-get install openjdk-17-jre-headless; or point JAVA_HOME at "
        "the folder of another Java, the one that holds bin/java"
    )
    if java is None or not Path(java).exists():
        where = f"JAVA_HOME is {home!r}, where there is no bin/java" if home else "there is no java on the PATH"
        raise MissingExtraError(f"Spark needs Java {LOWEST_JAVA} or newer, and {where}; {remedy}.")
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', told)
    if found is not None and int(found[1]) < LOWEST_JAVA:
        raise MissingExtraError(f"Spark needs Java {LOWEST_JAVA} or newer. Got Java {found[1]}; {remedy}.")


def _ensure_reachable(master: str) -> None:
    """Ask the hosts of a ``spark://`` address, any of which may lead, whether somebody listens."""
    if not re.fullmatch(r"local(-cluster)?(\[.*\])?|yarn|spark://.+|k8s://.+", master):
        raise InvalidValueError(
            "master must be local[N], local-cluster[EXECUTORS,CORES,MB], spark://HOST:PORT, yarn or "
            f"k8s://URL. Got {master!r}; give the address that spark-submit takes."
        )
    if not master.startswith("spark://"):
        return
    said = "it names no HOST:PORT"
    for place in PORTS.finditer(master.removeprefix("spark://")):
        try:
            socket.create_connection((place["host"].strip("[]"), int(place["port"])), CONNECT_S).close()
            return
        except OSError as error:
            said = str(error.strerror or error)
    raise EngineError(
        f"The Spark master {master} does not answer ({said}); check the address, and that it runs."
    )


def _ensure_alone() -> None:
    """Spark would give a second application the first one, whose owner would find it stopped."""
    from pyspark import SparkContext

    running = SparkContext._active_spark_context
    if running is not None:
        raise EngineError(
            f"An application of Spark, {running.appName!r}, runs in this process already, and a process has "
            "one; stop it first (spark.stop()), or fit in a process of its own."
        )


def _start(master: str, settings: dict[str, str], scratch: Path, log: Path) -> SparkSession:
    from pyspark.sql import SparkSession

    given = {**DEFAULTS, **(ON_THIS_MACHINE if LOCAL.fullmatch(master) else {}), **settings}
    if LOCAL.fullmatch(master):
        given.setdefault("spark.checkpoint.dir", str(scratch / "checkpoints"))
        given.setdefault("spark.local.dir", str(scratch / "local"))
        given.setdefault("spark.sql.warehouse.dir", str(scratch / "warehouse"))
    builder = SparkSession.builder.master(master).appName("tastemap")
    for name, value in given.items():
        builder = builder.config(name, value)
    with _environment(master, scratch, given), _output_to(log):
        spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def _ensure_checkpoints(spark: SparkSession) -> None:
    context = spark.sparkContext
    place = context.getConf().get("spark.checkpoint.dir")
    if not place:
        raise EngineError(
            "Spark needs a folder for checkpoints that all executors reach; name it: "
            "--conf spark.checkpoint.dir=hdfs:///tmp/tastemap."
        )
    if context.getCheckpointDir() is None:  # Spark 4 has made one of this setting; a second would hide it
        context.setCheckpointDir(place)


@contextmanager
def _environment(master: str, scratch: Path, given: Mapping[str, str]) -> Iterator[None]:
    """What the Java process reads from the environment, as it was afterwards."""
    wanted = {"PYSPARK_PYTHON": os.environ.get("PYSPARK_PYTHON", sys.executable)}
    if LOCAL.fullmatch(master):
        wanted |= {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_HOSTNAME": "localhost"}
        wanted |= {"SPARK_WORKER_DIR": str(scratch / "work"), "SPARK_LOCAL_DIRS": given["spark.local.dir"]}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _output_to(log: Path) -> Iterator[None]:
    """Let processes that are started meanwhile write into a file: Java warns before it can be told not to."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    with log.open("ab") as file:
        for place in (1, 2):
            os.dup2(file.fileno(), place)
    try:
        yield
    finally:
        for place, old in zip((1, 2), kept, strict=True):
            os.dup2(old, place)
            os.close(old)


def _wait_for_executor(spark: SparkSession, master: str) -> None:
    """Return once a task could run; on one machine there is an executor from the start."""
    if ONE_PROCESS.fullmatch(master):
        return
    context = spark.sparkContext._jsc.sc()  # Python has no name for the executors of an application
    end = time.monotonic() + EXECUTORS_S
    while not context.isStopped() and time.monotonic() < end:
        if context.getExecutorMemoryStatus().size() > 1:  # the driver is one of them
            return
        time.sleep(0.1)
    raise EngineError(
        f"{master} gave no executor within {EXECUTORS_S:.0f} s; check that workers are registered and "
        "have memory left, or ask for less: --conf spark.executor.memory=1g."
    )
