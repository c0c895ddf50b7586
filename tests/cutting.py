"""A network that fails: a proxy before a server that cuts connections in the middle."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.postgres import Cluster


class Cutting:
    """A proxy before a server that closes both ends once so many bytes have passed in one direction."""

    def __init__(self, server_port: int, after_bytes: int, *, to_server: bool) -> None:
        self._server_port, self._after_bytes, self._to_server = server_port, after_bytes, to_server
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        # Reading makes two connections, one after the other, until the listening end is shut.
        with contextlib.suppress(OSError):
            while True:
                self._between(self._listening.accept()[0])

    def _between(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._server_port)) as server:
            ends = (client, server) if self._to_server else (server, client)
            other = threading.Thread(target=_pass_on, args=(ends[1], ends[0], None))
            other.start()
            _pass_on(*ends, self._after_bytes)
            other.join()

    def close(self) -> None:
        """Take no more connections."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()


def _pass_on(source: socket.socket, target: socket.socket, limit: int | None) -> None:
    passed = 0
    with contextlib.suppress(OSError):  # the other direction has ended both
        while (block := source.recv(65_536)) and (limit is None or passed + len(block) <= limit):
            passed += len(block)
            target.sendall(block)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)  # close() would leave the other thread waiting


@contextmanager
def cut(cluster: Cluster, url: str, *, after_bytes: int, to_server: bool) -> Iterator[str]:
    """The URL by way of a proxy that cuts the connection."""
    proxy = Cutting(cluster.port, after_bytes, to_server=to_server)
    try:
        yield url.replace(f":{cluster.port}/", f":{proxy.port}/")
    finally:
        proxy.close()
