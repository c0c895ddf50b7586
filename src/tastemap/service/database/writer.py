"""Group commit: one thread writes what has gathered, so that many clients share one wait for the disk."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from typing import NamedTuple

from tastemap.service.database.appending import check_event
from tastemap.service.database.errors import DatabaseError, KeyConflictError, QueueFullError, UnstorableError
from tastemap.service.database.records import NewEvent, Receipt
from tastemap.service.database.store import Store

GROUP = 500
"""Events of one transaction; a larger submission has one of its own."""


class _Submission(NamedTuple):
    events: Sequence[NewEvent]
    future: Future[list[Receipt]]


class Writer:
    """Writes events in one thread, in the order of their submission.

    Parameters
    ----------
    store : Store
    limit : int
        Events that may wait.
    """

    def __init__(self, store: Store, limit: int = 10_000) -> None:
        self._store = store
        self._limit = limit
        self._waiting: deque[_Submission] = deque()
        self._depth = 0
        self._is_open = True
        self._changed = threading.Condition()
        self._thread = _Thread(self)
        self._thread.start()

    @property
    def depth(self) -> int:
        """Events that wait or are being written."""
        return self._depth

    def submit(self, events: Sequence[NewEvent]) -> Future[list[Receipt]]:
        """Let events be stored, all or none; the future resolves when they are on disk.

        It fails with KeyConflictError for a ``client_key`` of another content, with UnstorableError for what
        the database refuses to hold, and with DatabaseError if nothing was saved.

        Raises
        ------
        InvalidValueError
            If an event cannot be stored.
        QueueFullError
            If too many wait; nothing of this submission is stored.
        DatabaseError
            If the writer was closed.
        """
        events = list(events)
        for event in events:
            check_event(event)
        future: Future[list[Receipt]] = Future()
        with self._changed:
            if not self._is_open:
                raise DatabaseError("The service is stopping and takes no more events; send them again.")
            # One submission is let in where nothing waits, whatever its size: it would never get in else.
            if self._depth and self._depth + len(events) > self._limit:
                raise QueueFullError(
                    f"{self._depth:,} events wait to be written and the queue holds {self._limit:,}; "
                    "send them again in a second.",
                    depth=self._depth,
                    limit=self._limit,
                )
            self._waiting.append(_Submission(events, future))
            self._depth += len(events)
            self._changed.notify()
        return future

    def close(self) -> None:
        """Write what waits, then stop."""
        with self._changed:
            self._is_open = False
            self._changed.notify()
        self._thread.join()

    def run(self) -> None:
        """Write until closed; the work of the writer's own thread."""
        while group := self._take():
            # A client that has gone away before its turn takes its events along.
            alive = [one for one in group if one.future.set_running_or_notify_cancel()]
            try:
                self._write(alive)
            finally:
                with self._changed:
                    self._depth -= sum(len(one.events) for one in group)

    def _take(self) -> list[_Submission]:
        """The next group, in order; empty when all is written and the writer closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or not self._is_open)
            group: list[_Submission] = []
            size = 0
            while self._waiting and (not group or size + len(self._waiting[0].events) <= GROUP):
                group.append(self._waiting.popleft())
                size += len(group[-1].events)
            return group

    def _write(self, group: Sequence[_Submission]) -> None:
        try:
            outcomes = self._store.append_groups([one.events for one in group])
        except UnstorableError as error:
            if len(group) == 1:
                group[0].future.set_exception(error)
                return
            for one in group:  # whose fault it is, only writing them one by one tells
                self._write([one])
            return
        except Exception as error:
            for one in group:
                one.future.set_exception(error)
            return
        for one, outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, KeyConflictError):
                one.future.set_exception(outcome)
            else:
                one.future.set_result(outcome)


class _Thread(threading.Thread):
    """The one thread of the service that waits for the disk; it computes nothing."""

    def __init__(self, writer: Writer) -> None:
        # A daemon: what nobody waited for must not keep the process from ending.
        super().__init__(name="tastemap-writer", daemon=True)
        self._writer = writer

    def run(self) -> None:
        """Write until the writer is closed."""
        self._writer.run()
