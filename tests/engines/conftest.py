from __future__ import annotations

from collections.abc import Iterator

import pytest

from tastemap.engines.spark import Cluster, open_cluster
from tests.conftest import JDBC_DRIVER
from tests.engines.cluster import MASTER, SETTINGS


@pytest.fixture(scope="package")
def cluster(java: str) -> Iterator[Cluster]:
    """One application for all tests: starting it takes longer than any of them."""
    jars = {"spark.jars": str(JDBC_DRIVER)} if JDBC_DRIVER.exists() else {}
    with open_cluster(MASTER, {**SETTINGS, **jars}) as opened:
        yield opened
