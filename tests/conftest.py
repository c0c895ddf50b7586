"""What all tests share: how Hypothesis runs, and how golden files are refreshed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tastemap.plurals import plural
from tests.postgres import Cluster, newest_postgres

# No wall-clock limits: they fail on a busy machine, and where a kernel is compiled first.
# The same cases in every run; HYPOTHESIS_PROFILE=explore looks for new ones.
settings.register_profile("tastemap", deadline=None, max_examples=50, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "tastemap"))

TOOLS = {
    "chromium": "apt-get install chromium fonts-dejavu-core",
    "curl": "apt-get install curl",
    "java": "apt-get install openjdk-17-jre-headless",
    "JDBC": "apt-get install libpostgresql-jdbc-java",
    "postgres": "apt-get install postgresql",
    "wrk": "apt-get install wrk",
}
"""Programs that some tests need and pip does not bring, each with the command that installs it on Debian."""

JDBC_DRIVER = Path("/usr/share/java/postgresql.jar")
"""Where Debian puts it."""

LONGEST = ("tests/engines/", "tests/numerics/test_jit_off.py", "tests/docs/", "tests/browser/")
"""Where single tests take minutes: they come first, so that none is left alone at the end of a run."""

GoldenCheck = Callable[[Path, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--golden-update` is what `make golden-update` passes."""
    parser.addoption(
        "--golden-update",
        action="store_true",
        help="write golden files and the tutorial's outputs instead of comparing them",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest tests first; the others stay in their order."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> GoldenCheck:
    """Compare a text with a committed file; with `--golden-update`, write the file."""

    def check(path: Path, text: str) -> None:
        if request.config.getoption("--golden-update"):
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{path} does not exist yet; run: make golden-update"
        assert text == path.read_text(encoding="utf-8"), f"{path} is out of date; run: make golden-update"

    return check


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Debian's Chromium lies; without it the test is left out, or fails if every test must run."""
    return _tool("chromium", shutil.which("chromium"))


@pytest.fixture(scope="session")
def curl() -> str:
    """Where curl lies, by which the guide asks the service; without it treated as Chromium is."""
    return _tool("curl", shutil.which("curl"))


@pytest.fixture(scope="session")
def java() -> str:
    """Where Java lies, which Spark runs on; without it treated as Chromium is."""
    return _tool("java", shutil.which("java"))


@pytest.fixture(scope="session")
def jdbc_driver() -> str:
    """The jar by which Java asks PostgreSQL; without it treated as Chromium is."""
    return _tool("JDBC", str(JDBC_DRIVER) if JDBC_DRIVER.exists() else None)


@pytest.fixture(scope="session")
def wrk() -> str:
    """Where wrk lies, which makes many requests at once; without it treated as Chromium is."""
    return _tool("wrk", shutil.which("wrk"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL server of the tests' own; without Debian's programs treated as Chromium is."""
    found = _tool("postgres", newest_postgres() or shutil.which("postgres"))
    cluster = Cluster(Path(found).resolve().parent)
    yield cluster
    cluster.remove()


@pytest.fixture
def postgres_url(postgres: Cluster) -> Iterator[str]:
    """An empty database of it."""
    with postgres.database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'events.db'}"
    return str(request.getfixturevalue("postgres_url"))


def _tool(name: str, path: str | None) -> str:
    if path is None:
        said = f"{name} is not installed. Run: {TOOLS[name]}"
        if os.environ.get("TASTEMAP_TEST_ALL") == "1":
            pytest.fail(said)
        pytest.skip(said)
    return path


def pytest_unconfigure(config: pytest.Config) -> None:
    """Name the tools for want of which tests were left out, in the last line of all."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):
        return
    reasons = [str(report.longrepr) for report in reporter.stats.get("skipped", [])]
    for name, command in TOOLS.items():
        n = sum(f"{name} is not installed" in reason for reason in reasons)
        if n:
            reporter.write_line(f"Left out: {plural(n, 'test')} for want of {name}. Install it: {command}")
