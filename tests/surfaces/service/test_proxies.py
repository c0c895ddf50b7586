"""What a proxy says of its clients is believed of the proxies that are named, and of nobody else."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from tastemap.service.server import forms_of
from tests.surfaces.conftest import Command
from tests.surfaces.service.running import serving_process

AT_ONCE = 3
NAMED = ("127.0.0.1", "127.0.0.0/8")
OTHERS = ("192.0.2.1", "::1")


@pytest.fixture
def folder(fitted: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of a fitted model, beside which the database may be made."""
    return Path(shutil.copytree(fitted["als"], tmp_path / "als"))


@contextmanager
def behind(folder: Path, proxy: str) -> Iterator[str]:
    """A service that trusts one proxy; three requests may come at once, and hardly more later."""
    settings = folder.parent / "service.toml"
    settings.write_text(f"rate_limit = 0.001\nrate_burst = {AT_ONCE}\n", encoding="utf-8")
    arguments = ("--settings", str(settings), "--trusted-proxy", proxy)
    with serving_process(folder, folder.parent, *arguments) as (_, url):
        yield url


@pytest.fixture
def key(folder: Path, tastemap: Command) -> str:
    """A key, without which a public service does not start."""
    return str(tastemap("keys", "add", folder, "shop", "--scope", "client", "--json").json["secret"])


def statuses(url: str, clients: list[str]) -> list[int]:
    """What the login answers, which needs no key, to requests that are forwarded for these clients."""
    return [httpx.get(f"{url}/login", headers={"X-Forwarded-For": client}).status_code for client in clients]


def cookie(url: str, key: str, proto: str | None) -> str:
    """The cookie of a login that a proxy says came by a protocol."""
    headers = {"X-Forwarded-Proto": proto} if proto is not None else {}
    answer = httpx.post(f"{url}/login", data={"key": key}, headers=headers)
    assert answer.status_code == 303
    return str(answer.headers["set-cookie"])


@pytest.mark.parametrize("proxy", NAMED)
def test_behind_a_named_proxy_each_client_has_a_rate_of_its_own(folder: Path, key: str, proxy: str) -> None:
    with behind(folder, proxy) as url:
        assert statuses(url, ["203.0.113.1"] * (AT_ONCE + 1)) == [200] * AT_ONCE + [429]
        assert statuses(url, ["203.0.113.2", "2001:db8::7"]) == [200, 200]
        # What a client puts before the address that the proxy saw gives it no other rate.
        assert statuses(url, ["198.51.100.9, 203.0.113.1", "203.0.113.2, 203.0.113.1"]) == [429, 429]


@pytest.mark.parametrize("proxy", OTHERS)
def test_others_change_their_rate_by_no_header(folder: Path, key: str, proxy: str) -> None:
    with behind(folder, proxy) as url:
        clients = [f"203.0.113.{n}" for n in range(AT_ONCE + 1)]
        assert statuses(url, clients) == [200] * AT_ONCE + [429]


def test_a_cookie_is_secure_where_a_named_proxy_says_https(folder: Path, key: str) -> None:
    with behind(folder, NAMED[0]) as url:
        assert "secure" in cookie(url, key, "https").lower()
        assert "secure" not in cookie(url, key, "http").lower()
        assert "secure" not in cookie(url, key, None).lower()


def test_a_cookie_is_not_secure_by_the_word_of_others(folder: Path, key: str) -> None:
    with behind(folder, OTHERS[0]) as url:
        assert "secure" not in cookie(url, key, "https").lower()


@pytest.mark.parametrize(
    ("proxy", "peer", "believed"),
    [
        ("10.0.0.7", "::ffff:10.0.0.7", True),
        ("10.0.0.0/24", "::ffff:10.0.0.7", True),
        ("10.0.0.0/24", "::ffff:10.0.1.7", False),
        ("10.0.0.7", "10.0.0.7", True),
        ("fd00::/8", "fd00::1", True),
        ("fd00::/8", "10.0.0.7", False),
    ],
)
def test_a_proxy_is_known_in_the_form_in_which_a_server_of_both_families_sees_it(
    proxy: str, peer: str, believed: bool
) -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["client"][0])

    scope: Any = {"type": "http", "client": (peer, 1), "headers": [(b"x-forwarded-for", b"203.0.113.1")]}
    asyncio.run(ProxyHeadersMiddleware(app, forms_of(proxy))(scope, None, None))  # type: ignore[arg-type]
    assert seen == ["203.0.113.1" if believed else peer]


def test_a_proxy_that_is_no_address_is_refused_in_a_sentence(tastemap: Command, folder: Path, key: str) -> None:
    answer = tastemap("serve", folder, "--port", 0, "--trusted-proxy", "localhost")
    assert answer.status == 2
    assert "trusted_proxies: give addresses such as 10.0.0.7" in answer.err
    assert "Got 'localhost'" in answer.err
