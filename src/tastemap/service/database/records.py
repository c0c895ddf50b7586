"""What the database holds, as plain records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["interaction", "withdrawal", "erasure"]
Scope = Literal["client", "admin"]


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event as a client sends it.

    Parameters
    ----------
    user_id, item_id : str
        1 to 512 characters; integer ids as their decimal text.
    value : float
        Stars or a count; 0 for a withdrawal.
    kind : {"interaction", "withdrawal"}
        An erasure is written by :meth:`Store.erase` alone.
    time : float, optional
        When it happened, in seconds since 1970, UTC; None: when it is received.
    client_key : str, optional
        1 to 200 characters that name this event for its client: the same event sent twice is stored once.
    """

    user_id: str
    item_id: str
    value: float = 0.0
    kind: Kind = "interaction"
    time: float | None = None
    client_key: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A stored event; times are seconds since 1970, UTC.

    ``seq`` rises strictly, is never given twice, and becomes visible in order: who has seen one sees no new
    event below it later. ``time`` is the client's, ``received`` the service's. An erasure has the item id "".
    """

    seq: int
    user_id: str
    item_id: str
    kind: Kind
    value: float
    time: float
    received: float
    client_key: str | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where an event was stored, and whether that was done by an earlier request of the same ``client_key``."""

    seq: int
    duplicate: bool


@dataclass(frozen=True, slots=True)
class ServedVersion:
    """The version of the artifact that all workers serve.

    ``digest`` is that of its manifest, ``events_through`` the last event that it was fitted to, ``since`` when
    it was named, in seconds since 1970.
    """

    version: int
    digest: str
    events_through: int
    since: float


@dataclass(frozen=True, slots=True)
class Key:
    """An API key without its secret; times in seconds since 1970, ``revoked`` None while it is valid."""

    name: str
    scope: Scope
    created: float
    revoked: float | None


@dataclass(frozen=True, slots=True)
class ValidKey(Key):
    """A key that is valid, with what its sessions are signed with, which leaves the process nowhere."""

    session_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuditLine:
    """Something that was done to the service; never a rating. ``time`` in seconds since 1970.

    ``actor`` is the name of the key that asked for it; None where none was given, as on the command line.
    """

    seq: int
    time: float
    action: str
    subject: str
    detail: str
    actor: str | None
