"""Who asks, and whether they may: hosts, origins, keys, sessions and rates."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from starlette.types import Scope as Asked

from tastemap.service.database.keys import digest_of_login, login_of
from tastemap.service.database.records import Scope, ValidKey
from tastemap.service.database.store import Store
from tastemap.service.guard.hosts import Hosts, foreign_origin
from tastemap.service.guard.rates import Rates
from tastemap.service.guard.refusals import RefusedError, retry_after
from tastemap.service.guard.scopes import API, LOGIN, SAFE, needed_scope
from tastemap.service.guard.sessions import key_of_session, session_in
from tastemap.service.live.beside import in_thread
from tastemap.service.settings import ServiceSettings

WRONG_KEYS_A_SECOND = 0.2
WRONG_KEYS_AT_ONCE = 10
LONGEST_SECRET = 200
SCHEME = "Bearer"
PROXIED = (b"forwarded", b"x-forwarded-for", b"x-real-ip")
_ONCE = frozenset(
    {b"host", b"origin", b"authorization", b"x-api-key", b"content-type", b"content-length", b"cookie"}
)

Fields = Mapping[bytes, bytes]
Keys = Mapping[str, ValidKey]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the name of a key and its scope; without keys everybody on this machine is admin.

    ``name`` is None where no key was given, ``scope`` None where none was needed.
    """

    name: str | None
    scope: Scope | None


ANYBODY = Caller(None, None)
OWNER = Caller(None, "admin")


class Gate:
    """Lets requests in or refuses them; one of a worker.

    Parameters
    ----------
    settings : ServiceSettings
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self._is_public = settings.is_public
        self._believes_proxies = bool(settings.trusted_proxies)
        self._hosts = Hosts.of(settings)
        self._rates = Rates(settings.rate_limit, settings.rate_burst)
        self._wrong = Rates(WRONG_KEYS_A_SECOND, WRONG_KEYS_AT_ONCE)

    async def admit(self, store: Store, asked: Asked, fields: Fields) -> Caller:
        """Who asks, if they may ask this.

        Parameters
        ----------
        store : Store
        asked : ASGI scope of a request
        fields : dict of bytes to bytes
            Its headers.

        Raises
        ------
        RefusedError
            400 for doubled headers, 421 for an unknown host, 403 for a foreign origin or a missing scope, 401
            without a valid key (303 to the login for a page), 429 for too many requests.
        DatabaseError
            If keys were never read and cannot be.
        """
        method, path = asked["method"], asked["path"]
        self._check_source(method, asked["headers"], fields)
        keys = await current_keys(store)
        if self.is_open(keys):
            if not self._believes_proxies and any(name in fields for name in PROXIED):
                raise _proxied()
            return OWNER
        address = address_of(asked)
        caller = self._identify(keys, fields, address)
        wait = self._rates.wait(f"key {caller.name}" if caller.name is not None else address, time.monotonic())
        if wait:
            raise _too_many("Too many requests", wait)
        need = needed_scope(method, path)
        if need is not None and caller.scope is None:
            raise _login_needed(asked, fields) if _is_page(method, path, fields) else _key_needed()
        if need == "admin" and caller.scope != "admin":
            raise RefusedError(
                403,
                "missing_scope",
                f"This needs a key of scope admin; {caller.name!r} has scope client.",
                scope=need,
            )
        return caller

    def is_open(self, keys: Keys) -> bool:
        """Whether everybody may do everything: there are no keys, and only this machine can ask."""
        return not keys and not self._is_public

    def key_of(self, secret: str, keys: Keys, address: str) -> tuple[str, ValidKey]:
        """What a browser keeps of a secret (:func:`login_of`), and the key.

        Raises
        ------
        RefusedError
            401 if it is no valid one; 429 if this address has tried too many. A valid key is never kept
            waiting for the wrong ones of others behind the same address.
        """
        login = login_of(secret[:LONGEST_SECRET])
        key = keys.get(digest_of_login(login))
        if key is not None:
            return login, key
        wait = self._wrong.wait(address, time.monotonic())
        if wait:
            raise _too_many("Too many wrong keys", wait)
        raise RefusedError(
            401,
            "wrong_key",
            "The key is unknown or revoked.",
            headers={"www-authenticate": f'{SCHEME} realm="tastemap"'},
        )

    def _check_source(self, method: str, headers: list[tuple[bytes, bytes]], fields: Fields) -> None:
        if len(fields) != len(headers):  # a header came twice, and two readers may take different ones
            names = [name for name, _ in headers if name in _ONCE]
            if len(set(names)) != len(names):
                raise RefusedError(
                    400, "doubled_header", "A header that may stand once was sent twice.", closes=True
                )
        host = fields.get(b"host", b"").decode("latin-1")
        self._hosts.check_host(host)
        if method in SAFE:
            return
        origin = fields.get(b"origin")
        if origin is not None:
            self._hosts.check_origin(origin.decode("latin-1"), host)
        elif fields.get(b"sec-fetch-site", b"same-origin") not in (b"same-origin", b"none"):
            raise foreign_origin()

    def _identify(self, keys: Keys, fields: Fields, address: str) -> Caller:
        secret = _secret_in(fields)
        if secret is not None:
            key = self.key_of(secret, keys, address)[1]
            return Caller(key.name, key.scope)
        cookies = fields.get(b"cookie")
        session = None if cookies is None else session_in(cookies)
        found = None if session is None else key_of_session(session, keys, time.time())
        return ANYBODY if found is None else Caller(found.name, found.scope)


async def current_keys(store: Store) -> Keys:
    """The valid keys by what is stored of them; a remote database is asked in a thread."""
    keys = store.keys_at_hand()
    if keys is not None:
        return keys
    return store.valid_keys() if store.is_local else await in_thread(store.valid_keys)


def address_of(asked: Asked) -> str:
    """The address of the client; empty where the server does not tell."""
    client = asked.get("client")
    return str(client[0]) if client else ""


def _secret_in(fields: Fields) -> str | None:
    given = fields.get(b"x-api-key")
    if given is not None:
        return given.decode("latin-1").strip()
    scheme, _, secret = fields.get(b"authorization", b"").decode("latin-1").partition(" ")
    return secret.strip() if scheme.casefold() == SCHEME.casefold() else None


def _is_page(method: str, path: str, fields: Fields) -> bool:
    return method in SAFE and not path.startswith(API) and b"text/html" in fields.get(b"accept", b"")


def _login_needed(asked: Asked, fields: Fields) -> RefusedError:
    root = asked.get("root_path", "")
    query = asked["query_string"].decode("latin-1")
    wanted = quote(asked["path"].removeprefix(root) + (f"?{query}" if query else ""), safe="/")
    return RefusedError(
        303, "login_needed", "Log in to see this page.", headers={"location": f"{root}{LOGIN}?next={wanted}"}
    )


def _key_needed() -> RefusedError:
    return RefusedError(
        401,
        "key_needed",
        "A key is needed: send it as Authorization: Bearer KEY or as X-API-Key. Who runs the service makes one "
        "with tastemap keys add.",
        headers={"www-authenticate": f'{SCHEME} realm="tastemap"'},
    )


def _too_many(what: str, wait: float) -> RefusedError:
    return RefusedError(
        429,
        "too_many_requests",
        f"{what}; come again in {wait:.1f} s.",
        headers=retry_after(wait),
        retry_after_s=wait,
    )


def _proxied() -> RefusedError:
    return RefusedError(
        403,
        "proxied",
        "This request came through a proxy, and the service has no keys to tell its clients apart. Make one "
        "with tastemap keys add, and start the service with --trusted-proxy ADDRESS.",
    )
