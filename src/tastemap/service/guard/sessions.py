"""Logins of people: a cookie that every worker can check and only the service can make.

The cookie holds the hash of a key, the end of the session, and a signature of both made with a random secret
of that key, which is in the database alone. The database holds the hash of the hash: enough to recognize a
cookie, and not to make one. So all workers of one database accept it and nothing is kept of it; it ends at the
time that stands in it, whoever has it, and with its key. Another secret ends all sessions of the key at once.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from tastemap.service.database.keys import digest_of_login
from tastemap.service.database.records import ValidKey

COOKIE = "tastemap_session"
_PURPOSE = "tastemap session 3"


def issue(login: str, session_secret: str, expires: int) -> str:
    """A session of the key whose secret has the hash `login`, until `expires` in seconds since 1970."""
    return f"{login}.{expires}.{_signature(session_secret, login, str(expires))}"


def key_of_session(session: str, keys: Mapping[str, ValidKey], now: float) -> ValidKey | None:
    """The key that a session stands for; None if it is forged, has ended, or its key is no longer valid.

    Parameters
    ----------
    session : str
        What :func:`issue` returned, or anything.
    keys : dict of str to ValidKey
        The valid keys, by what is stored of their secrets.
    now : float
        In seconds since 1970.
    """
    parts = session.split(".")
    if len(parts) != 3 or not (parts[1].isascii() and parts[1].isdigit() and len(parts[1]) < 16):
        return None
    login, expires, signature = parts
    key = keys.get(digest_of_login(login))
    if key is None:
        return None
    due = _signature(key.session_secret, login, expires)
    genuine = hmac.compare_digest(due.encode(), signature.encode(errors="replace"))
    return key if genuine and int(expires) > now else None


def session_in(cookies: bytes) -> str | None:
    """The session in a `Cookie` header; None if there is none.

    Cookies of other programs on this host come with it, whatever their form, and are passed over.
    """
    parts = (part.strip().partition("=") for part in cookies.decode("latin-1").split(";"))
    return next((value for name, _, value in parts if name == COOKIE), None)


def set_cookie(session: str, lasts_s: int, *, secure: bool) -> str:
    """The `Set-Cookie` header that starts a session, or ends it if it lasts 0 s.

    Scripts cannot read it, other sites cannot make the browser send it, and what came by https goes back by
    https only.
    """
    return f"{COOKIE}={session}; Max-Age={lasts_s}; Path=/; HttpOnly; SameSite=Strict{'; Secure' * secure}"


def _signature(session_secret: str, login: str, expires: str) -> str:
    text = f"{_PURPOSE}:{login}:{expires}".encode(errors="replace")
    return hmac.new(session_secret.encode(), text, hashlib.sha256).hexdigest()
