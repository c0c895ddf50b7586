"""Several processes behind one port, watched by their parent."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from socket import socket

from prometheus_client.multiprocess import mark_process_dead
from uvicorn import Config
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

LOG = logging.getLogger("tastemap.service")
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
"""Between tries to start a worker that cannot start, each pause twice as long as the one before."""


class Workers(Multiprocess):
    """uvicorn's supervisor, which also says when all are ready and takes the dead out of the figures.

    Once all were ready it does not end by itself: a worker that cannot start, since the database is away or the
    artifact damaged, is tried again while the others serve.

    Parameters
    ----------
    config : Config
    sockets : list of socket
        Bound and listening; every worker accepts from them.
    shared : Path
        Where the workers keep their figures.
    ready : callable
        Called once, when all workers take requests.
    """

    def __init__(self, config: Config, sockets: list[socket], shared: Path, ready: Callable[[], None]) -> None:
        super().__init__(config, sockets)
        self.has_failed = False
        self._shared = shared
        self._ready = ready
        self._were_ready = False
        self._known: set[int] = set()
        self._pauses: dict[int, float] = {}
        self._due: dict[Process, float] = {}

    def init_processes(self) -> None:
        """Start the workers and wait until all are ready, one cannot start, or the end is asked for."""
        super().init_processes()
        self._known = self._alive()
        while not self.should_exit.is_set():
            if any(not process.process.is_alive() for process in self.processes):
                self.keep_subprocess_alive()  # another one in its place, unless it failed by itself
            elif all(process.is_ready(timeout=1) for process in self.processes):
                self._were_ready = True
                self._ready()
                return
            time.sleep(0.05)
            self.handle_signals()

    def keep_subprocess_alive(self) -> None:
        """Start dead workers again; before all were ready, the service ends if one cannot even start."""
        for place, process in enumerate(self.processes):
            if self.should_exit.is_set():
                break
            if process in self._due:
                self._try_again(place, process)
            elif process.is_alive(timeout=self.config.timeout_worker_healthcheck):
                if place in self._pauses and process.is_ready():
                    del self._pauses[place]
            else:
                self._bury(place, process)
        alive = self._alive()
        for number in self._known - alive:
            mark_process_dead(number, str(self._shared))  # type: ignore[no-untyped-call]
        self._known = alive

    def _bury(self, place: int, process: Process) -> None:
        """End a worker that is dead or answers no more, and see to another one."""
        process.kill()
        process.join()
        if process.exitcode != STARTUP_FAILURE:
            LOG.warning("worker %s has ended or answers no more; another one is started", process.pid)
            self._start(place)
        elif self._were_ready:
            pause = self._pauses.get(place, FIRST_PAUSE_S)
            LOG.warning("worker %s could not start; another try in %g s", process.pid, pause)
            self._pauses[place] = min(2 * pause, LONGEST_PAUSE_S)
            self._due[process] = time.monotonic() + pause
        else:
            self.has_failed = True
            self.should_exit.set()

    def _try_again(self, place: int, process: Process) -> None:
        if time.monotonic() >= self._due[process]:
            del self._due[process]
            self._start(place)

    def _start(self, place: int) -> None:
        process = self.processes[place] = Process(self.config, self.sockets)
        process.start()

    def _alive(self) -> set[int]:
        return {
            process.pid for process in self.processes if process.pid is not None and process.exitcode is None
        }
