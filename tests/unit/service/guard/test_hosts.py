from __future__ import annotations

from typing import Any

import pytest

from tastemap.service.guard.hosts import Hosts
from tastemap.service.guard.refusals import RefusedError
from tastemap.service.settings import ServiceSettings


def hosts(**settings: Any) -> Hosts:
    return Hosts.of(ServiceSettings.of(folder="model", **settings))


@pytest.mark.parametrize("host", ["localhost", "LocalHost:8000", "127.0.0.1:1", "[::1]:8000", "[::1]"])
def test_loopback_may_be_asked_by_its_own_names_at_any_port(host: str) -> None:
    assert hosts().allows(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example:8000",
        "localhost:80:80",
        "localhost@evil.example",
        "[::1].evil.example:8000",
        "192.0.2.7",
        "::1:8000",
    ],
)
def test_a_name_that_was_made_to_point_here_is_refused(host: str) -> None:
    with pytest.raises(RefusedError, match="not called") as raised:
        hosts().check_host(host)
    assert raised.value.status == 421


def test_a_public_service_is_asked_by_address_or_by_a_name_it_was_given() -> None:
    public = hosts(host="0.0.0.0", allowed_hosts=("Shop.example",))
    assert all(map(public.allows, ("192.0.2.7:8000", "[2001:db8::1]:8000", "shop.example", "SHOP.example:443")))
    assert not public.allows("evil.example")


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:8000", "localhost:8000"),
        ("https://shop.example", "shop.example"),
        ("https://shop.example", "10.0.0.1:8000"),  # a proxy that passes on its own name for us
    ],
)
def test_pages_of_this_service_may_write(origin: str, host: str) -> None:
    hosts(host="0.0.0.0", allowed_hosts=("shop.example",)).check_origin(origin, host)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://evil.example",
        "http://localhost:9000",
        "http://localhost",
        "http://[",
        "localhost:8000",
    ],
)
def test_pages_of_other_sites_may_not_write(origin: str) -> None:
    with pytest.raises(RefusedError, match="other sites") as raised:
        hosts().check_origin(origin, "localhost:8000")
    assert raised.value.status == 403
