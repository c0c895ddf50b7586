"""A Spark cluster of the tests' own: two executors in processes of their own, on this machine."""

from __future__ import annotations

from pathlib import Path

MASTER = "local-cluster[2,1,1024]"
QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Short jobs end before the second compiler of Java pays."""
SETTINGS = {"spark.driver.extraJavaOptions": QUICK, "spark.executor.extraJavaOptions": QUICK}


def executors(driver: int) -> list[int]:
    """The ids of the executors' processes among the descendants of a process."""
    parents: dict[int, int] = {}
    words: dict[int, str] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                words[int(folder.name)] = (folder / "cmdline").read_text()
            except OSError:  # ended meanwhile
                continue

    def descends(process: int) -> bool:
        while process in parents:
            process = parents[process]
            if process == driver:
                return True
        return False

    return [one for one, said in words.items() if "CoarseGrainedExecutorBackend" in said and descends(one)]
