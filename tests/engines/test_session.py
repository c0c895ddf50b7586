"""What is told where Spark cannot start; no cluster is needed for it."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tastemap.cli.main import run
from tastemap.engines.spark import open_cluster
from tastemap.errors import EngineError, InvalidValueError, MissingExtraError


def test_without_java_the_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(MissingExtraError, match="openjdk-17-jre-headless"), open_cluster("local[1]"):
        pass
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(MissingExtraError, match="where there is no bin/java"), open_cluster("local[1]"):
        pass


def test_a_java_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(MissingExtraError, match="Got Java 11"), open_cluster("local[1]"):
        pass


@pytest.mark.parametrize("name", ["pyspark", "pandas"])
def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=rf"{name}.*tastemap\[spark\]"), open_cluster("local[1]"):
        pass


def test_a_master_that_does_not_listen_is_told_at_once(java: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        master = f"spark://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(EngineError, match="does not answer"), open_cluster(master):
            pass


def test_an_address_that_is_none_is_refused(java: str) -> None:
    with pytest.raises(InvalidValueError, match="master must be"), open_cluster("http://localhost"):
        pass


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--engine", "spark"], "needs --master"),
        (["--master", "local[1]"], "go with --engine spark"),
        (["--engine", "spark", "--master", "local[1]", "--tune"], "--tune does not go with"),
        (["--engine", "spark", "--master", "local[1]", "--conf", "memory=1g"], "takes a setting of Spark"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fit", "ml-100k", "--model", "als", *options]) == 2
    assert said in capsys.readouterr().err


FILES_LEFT = """
import json, os, sys
from pathlib import Path
from tastemap.engines.spark import open_cluster

checkpoints, local = map(Path, sys.argv[1:])
settings = {
    "spark.checkpoint.dir": str(checkpoints), "spark.local.dir": str(local), "spark.driver.memory": "512m"
}
with open_cluster("local[1]", settings) as cluster:
    cluster.spark.range(9).checkpoint().count()
    assert list(checkpoints.rglob("part-*"))
    assert list(local.iterdir())
    cluster.spark.range(9).write.saveAsTable("numbers")
    assert list(cluster.scratch.rglob("numbers/part-*"))
print(json.dumps([os.listdir(folder) for folder in (".", checkpoints, local)]))
"""


def test_files_go_with_the_application_and_none_come_where_it_is_started(java: str, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("started", "checkpoints", "local")]
    for folder in folders:
        folder.mkdir()
    command = [sys.executable, "-c", FILES_LEFT, *map(str, folders[1:])]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folders[0])
    assert done.stdout.strip() == "[[], [], []]", done.stderr
