from __future__ import annotations

import pytest

from tastemap.errors import InvalidValueError
from tastemap.service.settings import ServiceSettings, is_loopback

SECRET = "postgresql://shop:hunter2@db/events"


def test_the_service_of_a_newcomer_is_open_to_the_machine_alone() -> None:
    settings = ServiceSettings.of(folder="model")
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8000, 1)
    assert not settings.is_public


@pytest.mark.parametrize(
    "public",
    [
        {"host": "0.0.0.0"},
        {"host": "::"},
        {"host": "192.0.2.7"},
        {"host": "shop.example"},
        {"allowed_hosts": ("shop.example",)},
        {"trusted_proxies": ("127.0.0.1",)},
    ],
)
def test_whatever_lets_others_ask_makes_it_public(public: dict[str, object]) -> None:
    assert ServiceSettings.of(folder="model", **public).is_public


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "::1"])
def test_loopback_is_known_by_all_its_names(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["localhost.example", "127.0.0.1.example", "0.0.0.0", "10.0.0.1", ""])
def test_what_only_looks_like_loopback_is_not(host: str) -> None:
    assert not is_loopback(host)


def test_a_bad_value_is_named_with_what_is_allowed_and_what_came() -> None:
    with pytest.raises(InvalidValueError, match=r"port: .* less than or equal to 65535\. Got 70000\."):
        ServiceSettings.of(folder="model", port=70_000)


def test_a_password_is_never_shown() -> None:
    settings = ServiceSettings.of(folder="model", database=SECRET)
    assert "hunter2" not in repr(settings) + settings.without_secrets()
    with pytest.raises(InvalidValueError) as raised:
        ServiceSettings.of(folder="model", database=[SECRET])
    assert "hunter2" not in str(raised.value)


def test_settings_come_through_the_environment_unchanged() -> None:
    settings = ServiceSettings.of(folder="model", workers=3, allowed_hosts=("a.example", "b.example"))
    assert ServiceSettings.model_validate_json(settings.without_secrets()) == settings


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        ServiceSettings.of(folder="model").port = 1
