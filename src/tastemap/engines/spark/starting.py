"""How an application ends, also one that never quite began: with a sentence, and with its Java process."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tastemap.engines.spark.names import shown
from tastemap.errors import EngineError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CAUSE = re.compile(r"^(?:Exception in thread \S+ |Caused by: |: )?[\w.$]+(?:Exception|Error): (.+)$")
FRAME = re.compile(r"^\s*(at |\.\.\. \d+ more|JVM stacktrace:)")
NO_NEWS = re.compile(r"^Error: (Could not create the Java|A fatal exception)")
"""What Java says after it has said what is wrong."""
GATEWAY_EXITED = "JAVA_GATEWAY_EXITED"
"""Java has ended before Python could speak with it: only its log says why."""
LONGEST = 300


@contextmanager
def starting(master: str, log: Path) -> Iterator[None]:
    """Around all that starts an application: what fails there becomes a sentence.

    Raises
    ------
    EngineError
        With what Java says of it, or its `log` where it could not say anything.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError, OSError, RuntimeError) as error:
        # No cause is kept: its text is asked of Java, which will have ended when somebody wants to read it.
        raise EngineError(
            f"Spark did not start on {shown(master)}: {_reason(error, log)}; check --master and each --conf."
        ) from None


def _reason(error: Exception, log: Path) -> str:
    """What failed, in one line: the outermost cause, for those within name neither a place nor a setting."""
    text = str(error)
    if GATEWAY_EXITED in text and log.exists():
        text = log.read_text(errors="replace")
    lines = [line for line in text.splitlines() if line.strip() and not NO_NEWS.match(line)]
    causes = [place for place, line in enumerate(lines) if CAUSE.match(line)]
    if causes:
        rest = lines[causes[0] + 1 :]
        more = takewhile(lambda line: not (FRAME.match(line) or CAUSE.match(line)), rest)
        told = [CAUSE.sub(r"\1", lines[causes[0]]), *more]
    else:
        told = [line for line in lines if not FRAME.match(line)][-1:] or [type(error).__name__]
    return shown(" ".join(line.strip(" :\t") for line in told))[:LONGEST].rstrip(" .")


def stop(spark: SparkSession | None) -> None:
    """End an application and its Java process, so that the next one starts with its own settings.

    None ends as much of one as has started.
    """
    from pyspark import SparkContext

    gateway, context = SparkContext._gateway, SparkContext._active_spark_context
    try:
        if spark is not None:
            _forget_checkpoints(spark)
    finally:
        if spark is not None:
            spark.stop()
        elif context is not None:
            context.stop()
    if gateway is None:
        return
    gateway.shutdown()
    process = getattr(gateway, "proc", None)
    if process is not None:
        process.stdin.close()
        process.wait()
    SparkContext._gateway = SparkContext._jvm = None


def _forget_checkpoints(spark: SparkSession) -> None:
    """Delete the folder that the application has in ``spark.checkpoint.dir``; Spark itself leaves it there."""
    from py4j.protocol import Py4JError

    place = spark.sparkContext.getCheckpointDir()
    if place is None:
        return
    try:
        jvm: Any = spark.sparkContext._jvm
        path = jvm.org.apache.hadoop.fs.Path(place)
        path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration()).delete(path, True)
    except (Py4JError, OSError):  # the work is done, or its own error is on the way: neither may be lost
        warnings.warn(f"The checkpoints in {place} could not be deleted; delete that folder.", stacklevel=2)
