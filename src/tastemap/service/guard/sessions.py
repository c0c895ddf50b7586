"""Logins of people: a cookie that every worker can check and nobody can make who has not had the key.

The cookie holds the hash of a key, the end of the session, and a signature of that end made with this hash. The
database holds the hash of this hash: enough to recognize a cookie, and not to make one. So all workers of one
database accept it, nothing is kept of it, and revoking the key ends it. The signature only keeps a cookie
whole: whoever has one can make another with a later end.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

from tastemap.service.database.keys import digest_of_login
from tastemap.service.database.records import Key

COOKIE = "tastemap_session"
_PURPOSE = "tastemap session 2"


def issue(login: str, expires: int) -> str:
    """A session of the key whose secret has the hash `login`, until `expires` in seconds since 1970."""
    return f"{login}.{expires}.{_signature(login, str(expires))}"


def key_of_session(session: str, keys: Mapping[str, Key], now: float) -> Key | None:
    """The key that a session stands for; None if it is forged, has ended, or its key is no longer valid.

    Parameters
    ----------
    session : str
        What :func:`issue` returned, or anything.
    keys : dict of str to Key
        The valid keys, by what is stored of their secrets.
    now : float
        In seconds since 1970.
    """
    parts = session.split(".")
    if len(parts) != 3 or not (parts[1].isascii() and parts[1].isdigit() and len(parts[1]) < 16):
        return None
    login, expires, signature = parts
    key = keys.get(digest_of_login(login))
    genuine = hmac.compare_digest(_signature(login, expires).encode(), signature.encode(errors="replace"))
    return key if genuine and int(expires) > now else None


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


def _signature(login: str, expires: str) -> str:
    key = login.encode(errors="replace")
    return hmac.new(key, f"{_PURPOSE}:{expires}".encode(), hashlib.sha256).hexdigest()
