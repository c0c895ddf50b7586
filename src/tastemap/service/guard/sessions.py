"""Logins of people: a cookie that every worker can check and nobody else can make.

The cookie says which key was used and until when, signed with the stored hash of that key. So all workers of
one database accept it, nothing is kept of it, and revoking the key ends it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

from tastemap.service.database.records import Key

COOKIE = "tastemap_session"
_PURPOSE = "tastemap session 1"


def issue(name: str, digest: str, expires: int) -> str:
    """A session of the key of this name and hash, until `expires` in seconds since 1970."""
    told = f"{expires}.{base64.urlsafe_b64encode(name.encode()).decode()}.{secrets.token_urlsafe(9)}"
    return f"{told}.{_signature(told, digest)}"


def key_of_session(session: str, keys: Mapping[str, Key], now: float) -> Key | None:
    """The key that a session stands for; None if it is forged, has ended, or its key is no longer valid.

    Parameters
    ----------
    session : str
        What :func:`issue` returned, or anything.
    keys : dict of str to Key
        The valid keys, by the hash of their secrets.
    now : float
        In seconds since 1970.
    """
    told, _, signature = session.rpartition(".")
    parts = told.split(".")
    if len(parts) != 3 or not (parts[0].isascii() and parts[0].isdigit() and len(parts[0]) < 16):
        return None
    try:
        name = base64.urlsafe_b64decode(parts[1]).decode()
    except ValueError:
        return None
    for digest, key in keys.items():
        if key.name == name:
            genuine = hmac.compare_digest(_signature(told, digest).encode(), signature.encode())
            return key if genuine and int(parts[0]) > now else None
    return None


def session_in(cookies: bytes) -> str | None:
    """The session in a `Cookie` header; None if there is none."""
    try:
        found = SimpleCookie(cookies.decode("latin-1")).get(COOKIE)
    except CookieError:
        return None
    return None if found is None else found.value


def set_cookie(session: str, lasts_s: int, *, secure: bool) -> str:
    """The `Set-Cookie` header that starts a session, or ends it if it lasts 0 s.

    Scripts cannot read it, other sites cannot make the browser send it, and what came by https goes back by
    https only.
    """
    return f"{COOKIE}={session}; Max-Age={lasts_s}; Path=/; HttpOnly; SameSite=Strict{'; Secure' * secure}"


def _signature(told: str, digest: str) -> str:
    return hmac.new(digest.encode(), f"{_PURPOSE}:{told}".encode(), hashlib.sha256).hexdigest()
