from __future__ import annotations

import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tastemap.service.database import Receipt
from tastemap.service.live.serving import TakenIn
from tastemap.service.telemetry.metrics import Telemetry
from tests.architecture.source import ROOT
from tests.unit.service.guarded import serving_of


def answer(*item_ids: int, basis: str = "user", version: int = 3) -> tuple[str, int, tuple[int, ...]]:
    return basis, version, item_ids


def figures(telemetry: Telemetry) -> dict[str, float]:
    lines = telemetry.exposed()[0].decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


@pytest.fixture
def service() -> Any:
    return SimpleNamespace(serving=serving_of())


@pytest.fixture
def telemetry(service: Any) -> Telemetry:
    writer: Any = SimpleNamespace(depth=4)
    return Telemetry(service, writer)


def test_lists_count_by_what_they_rest_on(telemetry: Telemetry) -> None:
    for basis in ("user", "popularity", "popularity"):
        telemetry.observe_list(*answer(1, basis=basis))
    found = figures(telemetry)
    assert found['tastemap_lists_total{basis="user"}'] == 1
    assert found['tastemap_lists_total{basis="popularity"}'] == 2


def test_coverage_is_the_share_of_items_ever_listed(telemetry: Telemetry) -> None:
    assert figures(telemetry)["tastemap_catalog_coverage_ratio"] == 0
    telemetry.observe_list(*answer(1, 2))
    telemetry.observe_list(*answer(2))
    assert figures(telemetry)["tastemap_catalog_coverage_ratio"] == pytest.approx(2 / 5)


def test_novelty_is_the_mean_surprise_of_a_list(telemetry: Telemetry) -> None:
    # Of 6 users 4 have item 1, and 1 has item 5: log2(6/4) and log2(6/1), by hand 0.585 and 2.585.
    telemetry.observe_list(*answer(1, 5))
    found = figures(telemetry)
    assert found["tastemap_list_novelty_bits_sum"] == pytest.approx(1.585, abs=1e-3)
    assert found["tastemap_list_novelty_bits_count"] == 1


def test_an_empty_list_is_counted_and_has_no_novelty(telemetry: Telemetry) -> None:
    telemetry.observe_list(*answer())
    found = figures(telemetry)
    assert (found['tastemap_lists_total{basis="user"}'], found["tastemap_list_novelty_bits_count"]) == (1, 0)


def test_a_new_version_starts_its_coverage_anew(telemetry: Telemetry, service: Any) -> None:
    telemetry.observe_list(*answer(1, 2))
    service.serving = replace(service.serving, version=4, digest="cd" * 32)
    telemetry.observe_list(*answer(3, version=3))  # made before the change
    assert figures(telemetry)["tastemap_catalog_coverage_ratio"] == 0
    telemetry.observe_list(*answer(3, version=4))
    found = figures(telemetry)
    assert found["tastemap_model_version"] == 4
    assert found["tastemap_catalog_coverage_ratio"] == pytest.approx(1 / 5)


def test_items_that_came_in_by_events_leave_coverage_as_it_is(telemetry: Telemetry, service: Any) -> None:
    telemetry.observe_list(*answer(1, 2))
    before = service.serving
    is_new = np.array([False, False, False, False, True])
    train = before.recommender.train
    rows = train.interactions.select(~is_new[train.interactions.item_index])
    of_four = replace(before.recommender, train=replace(train, interactions=rows))
    service.serving = replace(before, taken_in=TakenIn(is_new, "ef" * 32, of_four))
    telemetry.observe_list(*answer(3))
    assert figures(telemetry)["tastemap_catalog_coverage_ratio"] == pytest.approx(3 / 5)
    writer: Any = SimpleNamespace(depth=0)
    started_later = Telemetry(service, writer)
    started_later.observe_list(*answer(1, 5))  # of the 4 items that it was fitted to
    assert figures(started_later)["tastemap_catalog_coverage_ratio"] == pytest.approx(1 / 4)


def test_events_count_once_and_the_queue_is_looked_at_when_asked(telemetry: Telemetry) -> None:
    telemetry.observe_events([Receipt(1, False), Receipt(2, False), Receipt(1, True)])
    found = figures(telemetry)
    assert (found["tastemap_events_accepted_total"], found["tastemap_events_queued"]) == (2, 4)


def test_requests_are_timed_by_route_method_and_status(telemetry: Telemetry) -> None:
    telemetry.observe_request("/v1/items", "GET", 200, 0.003)
    telemetry.observe_request("/v1/items", "BREW", 405, 20.0)
    found = figures(telemetry)
    name = 'tastemap_request_duration_seconds_%s{%smethod="%s",route="/v1/items",status="%d"}'
    assert found[name % ("bucket", 'le="0.002",', "GET", 200)] == 0
    assert found[name % ("bucket", 'le="0.005",', "GET", 200)] == 1
    assert found[name % ("sum", "", "other", 405)] == 20


WORKER = """
import os, sys, time
from types import SimpleNamespace
from tastemap.service.database import Receipt
from tastemap.service.telemetry.metrics import Telemetry
from tests.unit.service.guarded import serving_of
from tests.unit.service.telemetry.test_metrics import answer

telemetry = Telemetry(SimpleNamespace(serving=serving_of()), SimpleNamespace(depth=2))
for item_id in sys.argv[1:]:
    telemetry.observe_list(*answer(int(item_id)))
telemetry.in_flight.inc()
telemetry.observe_events([Receipt(1, False)])
print(telemetry.exposed()[0].decode())
print("pid", os.getpid())
"""


def test_workers_add_up_and_the_dead_are_not_in_flight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from prometheus_client.multiprocess import mark_process_dead

    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))

    def worker(*item_ids: int) -> str:
        code = textwrap.dedent(WORKER)
        arguments = [sys.executable, "-c", code, *map(str, item_ids)]
        return subprocess.run(arguments, capture_output=True, text=True, check=True, cwd=ROOT).stdout

    worker(1, 2)
    second = worker(2, 3)
    for line in (
        "tastemap_catalog_coverage_ratio 0.6",
        'tastemap_lists_total{basis="user"} 4.0',
        "tastemap_events_accepted_total 2.0",
        "tastemap_requests_in_flight 2.0",
        "tastemap_events_queued 4.0",
    ):
        assert line in second
    mark_process_dead(int(second.split("pid ")[1]), str(tmp_path))  # type: ignore[no-untyped-call]
    assert "tastemap_requests_in_flight 2.0" in worker()
