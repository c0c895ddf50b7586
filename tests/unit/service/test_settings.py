from __future__ import annotations

import re
from pathlib import Path

import pytest

from tastemap.errors import InvalidValueError, TastemapError
from tastemap.service.settings import ServiceSettings, is_loopback, read_settings

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


@pytest.mark.parametrize("proxy", ["127.0.0.1", "10.0.0.0/24", "::1", "fd00::/8"])
def test_proxies_are_addresses_or_networks(proxy: str) -> None:
    assert ServiceSettings.of(folder="model", trusted_proxies=[proxy]).trusted_proxies == (proxy,)


@pytest.mark.parametrize(
    "proxy", ["*", "localhost", "proxy.example", "10.0.0.7/24", "10.0.0", "127.0.0.1:80", ""]
)
def test_what_would_never_match_or_is_wider_than_it_looks_is_no_proxy(proxy: str) -> None:
    said = rf"trusted_proxies: give addresses .* networks .* 10\.0\.0\.0/24\. Got '{re.escape(proxy)}'\.$"
    with pytest.raises(InvalidValueError, match=said):
        ServiceSettings.of(folder="model", trusted_proxies=["127.0.0.1", proxy])


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


def written(folder: Path, text: str) -> Path:
    path = folder / "service.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_settings_are_read_from_a_file(tmp_path: Path) -> None:
    path = written(tmp_path, 'max_body_bytes = 10\nrequest_timeout_s = 2\nallowed_hosts = ["shop.example"]')
    settings = ServiceSettings.of(folder="model", **read_settings(path))
    assert (settings.max_body_bytes, settings.request_timeout_s) == (10, 2.0)
    assert settings.allowed_hosts == ("shop.example",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_bodybytes = 1", r"Unknown setting 'max_bodybytes'\. Did you mean max_body_bytes\?"),
        ("folder = 'a'", "Unknown setting 'folder'"),
        ("[limits]\nport = 1", "Unknown setting 'limits'"),
        ("port =\n", r"service\.toml is no TOML \(.*line 1"),
        ("database = 'postgresql://shop:hunter2@db/events", "is no TOML"),
    ],
)
def test_a_file_of_settings_that_cannot_be_read_is_told_in_a_sentence(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(TastemapError, match=said) as raised:
        read_settings(written(tmp_path, text))
    assert "hunter2" not in str(raised.value)


def test_a_file_of_settings_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match=r"settings: .*nothing\.toml cannot be read \(No such file"):
        read_settings(tmp_path / "nothing.toml")
    with pytest.raises(InvalidValueError, match="cannot be read"):
        read_settings(tmp_path)
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidValueError, match="is no TOML"):
        read_settings(tmp_path / "bytes.toml")
