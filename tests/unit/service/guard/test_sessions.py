from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tastemap.service.database import Key
from tastemap.service.guard.sessions import COOKIE, issue, key_of_session, session_in, set_cookie

KEYS = {"ab" * 32: Key("shöp.1", "client", 0.0, None), "cd" * 32: Key("root", "admin", 0.0, None)}
SESSION = issue("shöp.1", "ab" * 32, 100)


def test_a_session_stands_for_its_key_until_it_ends() -> None:
    assert key_of_session(SESSION, KEYS, 99.0) == KEYS["ab" * 32]
    assert key_of_session(SESSION, KEYS, 100.0) is None


def test_revoking_the_key_ends_its_sessions() -> None:
    assert key_of_session(SESSION, {"cd" * 32: KEYS["cd" * 32]}, 1.0) is None


def test_no_part_of_a_session_can_be_changed() -> None:
    expires, name, salt, signature = SESSION.split(".")
    root = base64.urlsafe_b64encode(b"root").decode()
    forged = [
        ("200", name, salt, signature),
        (expires, root, salt, signature),
        (expires, name, "x", signature),
        (expires, name, salt, signature[:-1] + ("0" if signature[-1] != "0" else "1")),
        (expires, name, salt, ""),
    ]
    assert not any(key_of_session(".".join(parts), KEYS, 1.0) for parts in forged)


@given(st.text())
def test_any_text_is_no_session(text: str) -> None:
    assert key_of_session(text, KEYS, 0.0) is None
    assert key_of_session(f"9{text}.{text}.{text}.{text}", KEYS, 0.0) is None


@pytest.mark.parametrize("cookies", [b"", b";;;", b"\xff\xfe", b"tastemap", b"other=1; a=\x00"])
def test_cookies_that_hold_no_session_are_none(cookies: bytes) -> None:
    assert session_in(cookies) is None


def test_the_session_is_found_among_other_cookies() -> None:
    assert session_in(f"a=1; {COOKIE}={SESSION}; b=2".encode()) == SESSION


def test_the_cookie_is_for_this_site_alone_and_over_https_stays_there() -> None:
    plain, secure = set_cookie("s", 60, secure=False), set_cookie("s", 60, secure=True)
    assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=60"} <= set(plain.split("; "))
    assert secure == f"{plain}; Secure"
