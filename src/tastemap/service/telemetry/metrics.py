"""Figures for Prometheus: how requests go, what events wait, and what the lists are like.

| name | kind | what |
|---|---|---|
| `tastemap_request_duration_seconds` | histogram | time to answer, by `route`, `method`, `status` |
| `tastemap_requests_in_flight` | gauge | requests begun and not yet answered |
| `tastemap_errors_total` | counter | answers that were errors, by `status` and `code` |
| `tastemap_events_accepted_total` | counter | events stored, repeated ones not counted again |
| `tastemap_events_queued` | gauge | events waiting to be written |
| `tastemap_writes_failed_total` | counter | writes to the database that failed |
| `tastemap_writes_failing` | gauge | workers whose last write failed: 0 where all is well |
| `tastemap_lists_total` | counter | lists made, by `basis`: `history` and `popularity` are the fallbacks |
| `tastemap_list_novelty_bits` | summary | of a list: the mean of −log2 of the share of users who have an item |
| `tastemap_catalog_coverage_ratio` | gauge | share of the items of the served version that were ever listed |
| `tastemap_model_version` | gauge | the version that is served |
| `tastemap_model_age_seconds` | gauge | since its manifest was written |

With several workers the figures are sums over all of them, since the start of the service.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    Summary,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from tastemap.data import Id
from tastemap.metrics.beyond import information
from tastemap.service.database.records import Receipt
from tastemap.service.database.writer import Writer
from tastemap.service.live.service import Service
from tastemap.service.live.serving import Serving
from tastemap.service.telemetry.coverage import Listed

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder in which workers share their figures; read by prometheus-client when it is imported."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Anybody can make up others, and each would be a series of its own."""
BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Telemetry:
    """The figures of one worker.

    Parameters
    ----------
    service : Service
        Tells which version is served.
    writer : Writer
        Tells how many events wait.
    """

    def __init__(self, service: Service, writer: Writer) -> None:
        folder = os.environ.get(FOLDER_VARIABLE)
        self._folder = None if folder is None else Path(folder)
        self._service = service
        self._writer = writer
        self._registry = registry = CollectorRegistry()
        self._requests = Histogram(
            "tastemap_request_duration_seconds",
            "Time to answer a request",
            ("route", "method", "status"),
            buckets=BUCKETS_S,
            registry=registry,
        )
        self.in_flight = _live_gauge("tastemap_requests_in_flight", "Requests not answered yet", registry)
        self._errors = Counter(
            "tastemap_errors", "Answers that were errors", ("status", "code"), registry=registry
        )
        self._accepted = Counter("tastemap_events_accepted", "Events stored", registry=registry)
        self._queued = _live_gauge("tastemap_events_queued", "Events waiting to be written", registry)
        self._failed = Counter("tastemap_writes_failed", "Writes that failed", registry=registry)
        self._failing = _live_gauge("tastemap_writes_failing", "Workers whose last write failed", registry)
        self._lists = Counter("tastemap_lists", "Lists made", ("basis",), registry=registry)
        self._novelty = Summary(
            "tastemap_list_novelty_bits", "Mean surprise of a list's items", registry=registry
        )
        # Looking a child up by its labels takes longer than all else here.
        self._timed: dict[tuple[str, str, int], Histogram] = {}
        self._by_basis: dict[str, Counter] = {}
        self._lists_of = _ListsOf(service.serving, self._folder)

    def observe_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request was answered; `route` is a template, so that there are few of them."""
        named = (route, method if method in METHODS else "other", status)
        timed = self._timed.get(named)
        if timed is None:
            timed = self._timed[named] = self._requests.labels(*named)
        timed.observe(seconds)

    def observe_error(self, status: int, code: str) -> None:
        """A request was answered with an error; codes are the few that stand in the code."""
        self._errors.labels(status, code).inc()

    def observe_events(self, receipts: Sequence[Receipt]) -> None:
        """Events were stored; those of an earlier request do not count again."""
        self._accepted.inc(sum(not receipt.duplicate for receipt in receipts))
        self._queued.set(self._writer.depth)

    def observe_write(self, succeeded: bool) -> None:
        """The database was written to, or was to be; whatever it was that was written."""
        self._failing.set(0 if succeeded else 1)
        if not succeeded:
            self._failed.inc()

    def observe_list(self, basis: str, version: int, item_ids: Sequence[Id]) -> None:
        """A list was made, by a version of the model.

        Costs a few microseconds, and one more for each item.
        """
        counter = self._by_basis.get(basis)
        if counter is None:
            counter = self._by_basis[basis] = self._lists.labels(basis)
        counter.inc()
        lists_of = self._of_served()
        if version == lists_of.serving.version:
            bits = lists_of.mark(item_ids)
            if bits is not None:
                self._novelty.observe(bits)

    def exposed(self) -> tuple[bytes, str]:
        """All figures of all workers in Prometheus' text format, and its media type."""
        self._queued.set(self._writer.depth)
        registry = self._registry
        if self._folder is not None:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(registry) + generate_latest(_of_model(self._of_served())), CONTENT_TYPE_LATEST

    def _of_served(self) -> _ListsOf:
        """The lists of the version that is served now; items that came in by events change nothing here."""
        if self._lists_of.serving.digest != self._service.serving.digest:
            self._lists_of = _ListsOf(self._service.serving, self._folder)
        return self._lists_of


class _ListsOf:
    """What the lists of one version were like, as far as the items go that it was fitted to."""

    def __init__(self, serving: Serving, folder: Path | None) -> None:
        interactions = serving.fitted.train.interactions
        # Rows with others than those of the version are as large as it is, and not to be kept.
        self.serving = replace(serving, recommender=serving.unhidden, taken_in=None, with_erased=None)
        item_ids = self.serving.item_ids
        self._bits = information(interactions.popularity, max(interactions.n_users, 1)).tolist()
        self._place = {item_id: index for index, item_id in enumerate(item_ids)}
        self.listed = Listed(len(item_ids), folder, serving.digest[:16])

    def mark(self, item_ids: Sequence[Id]) -> float | None:
        """Remember that these were listed; their mean surprise in bits, None where there are none."""
        found = [place for place in map(self._place.get, item_ids) if place is not None]
        if not found:
            return None
        self.listed.mark(np.array(found, np.int32))
        bits: float = sum([self._bits[place] for place in found])
        return bits / len(found)


class _OfModel(Collector):
    """What is looked up when somebody asks: the version, its age, and how much of the catalog was listed."""

    def __init__(self, lists_of: _ListsOf) -> None:
        self._lists_of = lists_of

    def collect(self) -> Iterator[Metric]:
        """The figures now."""
        serving = self._lists_of.serving
        for name, text, value in (
            ("tastemap_catalog_coverage_ratio", "Share of items ever listed", self._lists_of.listed.share()),
            ("tastemap_model_version", "The version that is served", serving.version),
            ("tastemap_model_age_seconds", "Since the manifest was written", time.time() - serving.saved),
        ):
            yield GaugeMetricFamily(name, text, value)


def _of_model(lists_of: _ListsOf) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_OfModel(lists_of))
    return registry


def _live_gauge(name: str, text: str, registry: CollectorRegistry) -> Gauge:
    """A gauge that is summed over the living workers."""
    return Gauge(name, text, registry=registry, multiprocess_mode="livesum")
