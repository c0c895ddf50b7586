from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tastemap.service.database.keys import digest, digest_of_login, login_of
from tastemap.service.database.records import ValidKey
from tastemap.service.guard.sessions import COOKIE, issue, key_of_session, session_in, set_cookie

SHOP, ROOT = login_of("tm_shop"), login_of("tm_root")
KEYS = {
    digest_of_login(SHOP): ValidKey("shöp.1", "client", 0.0, None, "1f" * 32),
    digest_of_login(ROOT): ValidKey("root", "admin", 0.0, None, "2e" * 32),
}
SECRET = KEYS[digest("tm_shop")].session_secret
SESSION = issue(SHOP, SECRET, 100)


def test_a_session_stands_for_its_key_until_it_ends() -> None:
    assert key_of_session(SESSION, KEYS, 99.0) == KEYS[digest("tm_shop")]
    assert key_of_session(SESSION, KEYS, 100.0) is None


def test_revoking_the_key_ends_its_sessions() -> None:
    assert key_of_session(SESSION, {digest("tm_root"): KEYS[digest("tm_root")]}, 1.0) is None


def test_who_has_a_session_can_make_none_with_a_later_end() -> None:
    login = SESSION.split(".")[0]
    for known in (login, digest_of_login(login), SESSION, ""):
        assert key_of_session(issue(login, known, 200), KEYS, 1.0) is None
    assert key_of_session(issue(login, SECRET, 200), KEYS, 150.0) is not None


def test_another_secret_of_the_key_ends_its_sessions_and_no_others() -> None:
    other = issue(ROOT, KEYS[digest("tm_root")].session_secret, 100)
    changed = KEYS | {digest("tm_shop"): replace(KEYS[digest("tm_shop")], session_secret="3d" * 32)}
    assert key_of_session(SESSION, changed, 1.0) is None
    assert key_of_session(other, changed, 1.0) is not None


def test_no_part_of_a_session_can_be_changed() -> None:
    login, expires, signature = SESSION.split(".")
    forged = [
        (login, "200", signature),
        (ROOT, expires, signature),
        ("x", expires, signature),
        (login, expires, signature[:-1] + ("0" if signature[-1] != "0" else "1")),
        (login, expires, ""),
    ]
    assert not any(key_of_session(".".join(parts), KEYS, 1.0) for parts in forged)


@pytest.mark.parametrize("stored", KEYS)
def test_what_the_database_holds_makes_no_session(stored: str) -> None:
    assert key_of_session(issue(stored, KEYS[stored].session_secret, 100), KEYS, 1.0) is None


def test_a_session_does_not_hold_the_key_and_is_none() -> None:
    assert "tm_shop" not in SESSION
    assert digest(SESSION.split(".")[0]) not in KEYS


@given(st.text())
def test_any_text_is_no_session(text: str) -> None:
    assert key_of_session(text, KEYS, 0.0) is None
    assert key_of_session(f"9{text}.{text}.{text}.{text}", KEYS, 0.0) is None


@pytest.mark.parametrize("cookies", [b"", b";;;", b"\xff\xfe", b"tastemap", b"other=1; a=\x00"])
def test_cookies_that_hold_no_session_are_none(cookies: bytes) -> None:
    assert session_in(cookies) is None


@pytest.mark.parametrize("other", ["a=1", 'prefs={"a":1}', "version=2", "=", "a b c", 'q="x; y"'])
def test_the_session_is_found_among_cookies_of_any_form(other: str) -> None:
    assert session_in(f"{other}; {COOKIE}={SESSION}; b=2".encode()) == SESSION
    assert session_in(f"{COOKIE}={SESSION};{other}".encode()) == SESSION


def test_the_cookie_is_for_this_site_alone_and_over_https_stays_there() -> None:
    plain, secure = set_cookie("s", 60, secure=False), set_cookie("s", 60, secure=True)
    assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=60"} <= set(plain.split("; "))
    assert secure == f"{plain}; Secure"
