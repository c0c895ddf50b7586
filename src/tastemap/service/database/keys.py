"""API keys: kept as hashes of hashes, asked for at every request.

A browser that is logged in brings the hash of a secret, and the database holds the hash of that: so neither is
enough to find the secret, and what the database holds is enough for no login.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable

from sqlalchemy import Connection, insert, select, update

from tastemap.errors import InvalidValueError, UnknownNameError, unknown_name
from tastemap.service.database.appending import check_text
from tastemap.service.database.audit import write_line
from tastemap.service.database.errors import DatabaseError
from tastemap.service.database.records import Key, Scope, ValidKey
from tastemap.service.database.tables import api_keys

PREFIX = "tm_"
LONGEST_NAME = 100
FRESH_S = 1.0
"""A key added or revoked by another process counts after this long."""
SCOPES: tuple[Scope, ...] = ("client", "admin")

Hashes = dict[str, ValidKey]


def add_key(connection: Connection, name: str, scope: Scope, now: float) -> str:
    """Store a new key; its secret, which is nowhere else.

    Raises
    ------
    InvalidValueError
        If the name was used before, by a revoked key too, or `scope` is unknown.
    """
    check_text("name", name, LONGEST_NAME)
    if not name.isprintable():
        raise InvalidValueError(f"name must be printable text. Got {name!r}; choose another.", argument="name")
    if scope not in SCOPES:
        raise InvalidValueError(f"scope must be 'client' or 'admin'. Got {scope!r}.", argument="scope")
    if any(key.name == name for key in list_keys(connection)):
        raise InvalidValueError(
            f"name must be new, so that the audit log stays clear. Got {name!r}, which is or was a key; "
            "choose another.",
            argument="name",
        )
    secret = PREFIX + secrets.token_urlsafe(32)
    row = {"name": name, "scope": scope, "sha256": digest(secret), "created": now, "revoked": None}
    connection.execute(insert(api_keys).values(session_secret=_session_secret(), **row))
    write_line(connection, now, "key_added", name, scope)
    return secret


def list_keys(connection: Connection) -> list[Key]:
    """All keys, revoked ones too, by name."""
    columns = (api_keys.c.name, api_keys.c.scope, api_keys.c.created, api_keys.c.revoked)
    return [Key(*row) for row in connection.execute(select(*columns).order_by(api_keys.c.name))]


def revoke_key(connection: Connection, name: str, now: float) -> None:
    """End the validity of a key; one that was revoked before stays so.

    Raises
    ------
    UnknownNameError
        If there is no key of this name.
    """
    keys = {key.name: key for key in list_keys(connection)}
    if name not in keys:
        raise (
            unknown_name("key", name, keys)
            if keys
            else UnknownNameError(f"Unknown key {name!r}. There are no keys.", kind="key", name=name, known=[])
        )
    if keys[name].revoked is None:
        connection.execute(update(api_keys).where(api_keys.c.name == name).values(revoked=now))
        write_line(connection, now, "key_revoked", name, "")


def end_sessions(connection: Connection, name: str, now: float) -> None:
    """End all logins with a key, which stays valid: they are signed with a secret that is no longer there."""
    own = update(api_keys).where(api_keys.c.name == name)
    connection.execute(own.values(session_secret=_session_secret()))
    write_line(connection, now, "sessions_ended", name, "", name)


def valid_hashes(connection: Connection) -> Hashes:
    """Each valid key, by the :func:`digest` of its secret."""
    keys = api_keys.c
    columns = (keys.name, keys.scope, keys.created, keys.revoked, keys.session_secret, keys.sha256)
    found = connection.execute(select(*columns).where(keys.revoked.is_(None)))
    return {sha256: ValidKey(*rest) for *rest, sha256 in found}


def _session_secret() -> str:
    return secrets.token_hex(32)


def digest(secret: str) -> str:
    """What is stored of a secret: the hash of its hash; 256 random bits need no salt and no slow one.

    >>> digest("tm_secret") == digest_of_login(login_of("tm_secret")) != login_of("tm_secret")
    True
    """
    return digest_of_login(login_of(secret))


def login_of(secret: str) -> str:
    """What a browser keeps of a secret: its hash, which nobody can find from what is stored."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def digest_of_login(login: str) -> str:
    """What is stored of a secret, from its hash."""
    return hashlib.sha256(login.encode(errors="replace")).hexdigest()


class KeyRing:
    """The valid keys as this process knows them, read anew at most once a second."""

    def __init__(self, read: Callable[[], Hashes]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._hashes: Hashes | None = None
        self._stale_at = 0.0

    def at_hand(self) -> Hashes | None:
        """Each valid key by its hash, as long as nobody need ask the database; else None."""
        return self._hashes if time.monotonic() < self._stale_at else None

    def valid(self) -> Hashes:
        """Each valid key by its hash.

        While the database cannot be asked nobody can revoke a key there, so the keys known before stay valid.

        Raises
        ------
        DatabaseError
            If the database cannot be asked and never could.
        """
        if time.monotonic() >= self._stale_at:
            self._refresh()
        return self._hashes or {}

    def forget(self) -> None:
        """Read anew at the next question: this process has changed the keys."""
        with self._lock:  # after a reading that is under way, which may not see the change
            self._stale_at = 0.0

    def _refresh(self) -> None:
        with self._lock:
            if time.monotonic() < self._stale_at:
                return  # another thread was faster
            # From before the reading: what is revoked meanwhile may not be in it.
            stale_at = time.monotonic() + FRESH_S
            try:
                self._hashes = self._read()
            except DatabaseError:
                if self._hashes is None:
                    raise
            self._stale_at = stale_at
