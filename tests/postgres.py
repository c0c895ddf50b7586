"""A PostgreSQL server of the tests' own, in a folder that goes with it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

USER = "tastemap"
CAREFUL = "careful"
"""A name that needs a password, once a role of that name is made."""
SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
full_page_writes = off
max_connections = 60
port = {port}
"""


def newest_postgres() -> str | None:
    """Where Debian puts the server, which is not on the path."""
    found = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    return max((str(path) for path in found), key=lambda path: float(path.split("/")[4]), default=None)


class Cluster:
    """A running server that trusts whoever asks from this machine, but for :data:`CAREFUL`."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        # Not below pytest's folder, which other users may not enter.
        self.folder = Path(tempfile.mkdtemp(prefix="tastemap-postgres-"))
        # The server refuses to run as root.
        self._as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        if self._as_user:
            shutil.chown(self.folder, "postgres", "postgres")
        self._run("initdb", "--no-sync", "--auth=trust", f"--username={USER}", "--encoding=UTF8", "--locale=C")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        with (self.folder / "postgresql.conf").open("a") as file:
            file.write(SETTINGS.format(port=self.port))
        who = self.folder / "pg_hba.conf"
        who.write_text(f"host all {CAREFUL} 127.0.0.1/32 scram-sha-256\n{who.read_text()}")
        self._names = (f"test_{number}" for number in count())
        self.start()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._run("pg_ctl", "start", "--wait", f"--log={self.folder / 'log'}")

    def stop(self) -> None:
        """Stop the server; connections end with an error."""
        self._run("pg_ctl", "stop", "--wait", "--mode=fast")

    def remove(self) -> None:
        """Stop the server and delete its folder."""
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder)

    def url(self, name: str) -> str:
        """The URL of a database."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{name}"

    @contextmanager
    def database(self, encoding: str = "UTF8") -> Iterator[str]:
        """The URL of a database that is empty, and dropped at the end."""
        name = next(self._names)
        self.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0")
        yield self.url(name)
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def careful(self, password: str) -> Iterator[None]:
        """The role :data:`CAREFUL` with a password, which may do everything; gone at the end.

        What it owns must be gone before: enter :meth:`database` within.
        """
        self.execute(f"CREATE ROLE {CAREFUL} SUPERUSER LOGIN PASSWORD '{password}'")
        try:
            yield
        finally:
            self.execute(f"DROP ROLE {CAREFUL}")

    def execute(self, sql: str, database: str = "postgres") -> None:
        """Run one statement as the owner of everything."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(sql.encode())

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_user, str(self._programs / program), f"--pgdata={self.folder}", *arguments]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd="/", check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
