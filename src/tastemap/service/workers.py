"""Several processes behind one port, watched by their parent."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from socket import socket

from prometheus_client.multiprocess import mark_process_dead
from uvicorn import Config
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess


class Workers(Multiprocess):
    """uvicorn's supervisor, which also says when all are ready and takes the dead out of the figures.

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
        self._known: set[int] = set()

    def init_processes(self) -> None:
        """Start the workers and wait until all are ready, one cannot start, or the end is asked for."""
        super().init_processes()
        self._known = self._alive()
        while not self.should_exit.is_set():
            if any(not process.process.is_alive() for process in self.processes):
                self.keep_subprocess_alive()  # another one in its place, unless it failed by itself
            elif all(process.is_ready(timeout=1) for process in self.processes):
                self._ready()
                return
            time.sleep(0.05)
            self.handle_signals()

    def keep_subprocess_alive(self) -> None:
        """Start dead workers again; the service ends if one cannot even start."""
        super().keep_subprocess_alive()
        alive = self._alive()
        for number in self._known - alive:
            mark_process_dead(number, str(self._shared))  # type: ignore[no-untyped-call]
        self._known = alive
        self.has_failed |= any(process.exitcode == STARTUP_FAILURE for process in self.processes)

    def _alive(self) -> set[int]:
        return {
            process.pid for process in self.processes if process.pid is not None and process.exitcode is None
        }
