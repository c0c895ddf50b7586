"""Keys and logins, through the whole guard."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tastemap.service.guard.sessions import issue
from tests.unit.service.conftest import Guard
from tests.unit.service.guard.test_edge import code_of
from tests.unit.service.guarded import NOW, Guarded

PAGE = {"Accept": "text/html,*/*"}


def log_in(made: Guarded, secret: str, **more: str) -> Any:
    return made.client.post("/login", data={"key": secret} | more)


def test_once_there_is_a_key_everybody_needs_one(guard: Guard) -> None:
    made = guard()
    assert made.client.get("/v1/users/7").status_code == 200
    made.add_key("shop")
    answer = made.client.get("/v1/users/7")
    assert (answer.status_code, code_of(answer)) == (401, "key_needed")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_public_service_without_keys_is_open_to_nobody(guard: Guard) -> None:
    made = guard(host="0.0.0.0")
    assert made.client.get("/v1/users/7").status_code == 401
    assert made.client.get("/healthz").status_code == 200


@pytest.mark.parametrize("form", ["bearer", "BEARER", "key"])
def test_a_key_is_taken_in_either_header(guard: Guard, form: str) -> None:
    made = guard()
    secret = made.add_key("shop")
    header = {"X-API-Key": secret} if form == "key" else {"Authorization": f"{form} {secret}"}
    answer = made.client.post("/v1/events", json={}, headers=header)
    assert answer.json()["caller"] == "shop"


def test_a_client_is_told_which_scope_it_lacks(guard: Guard) -> None:
    made = guard()
    client, admin = ({"X-API-Key": made.add_key(name, name)} for name in ("client", "admin"))
    answer = made.client.get("/v1/users/7/export", headers=client)
    assert (answer.status_code, code_of(answer)) == (403, "missing_scope")
    assert answer.json()["error"]["details"] == {"scope": "admin"}
    assert made.client.get("/v1/users/7/export", headers=admin).status_code == 200
    assert made.client.get("/v1/users/7/export%0A", headers=client).status_code == 403


@pytest.mark.parametrize("secret", ["tm_wrong", "", "x" * 5000, "tm_\xff"])
def test_a_wrong_key_is_refused(guard: Guard, secret: str) -> None:
    made = guard()
    made.add_key("shop")
    answer = made.client.get("/v1/users/7", headers={b"X-API-Key": secret.encode("latin-1")})
    assert (answer.status_code, code_of(answer)) == (401, "wrong_key")
    assert "tm_" not in answer.text


def test_a_revoked_key_is_a_wrong_one(guard: Guard) -> None:
    made = guard()
    made.add_key("till")
    header = {"X-API-Key": made.add_key("shop")}
    assert made.client.get("/v1/users/7", headers=header).status_code == 200
    made.store.revoke_key("shop", NOW)
    assert made.client.get("/v1/users/7", headers=header).status_code == 401


def test_trying_keys_is_slowed_down_without_locking_anybody_out(guard: Guard) -> None:
    made = guard()
    right = {"X-API-Key": made.add_key("shop")}
    tried = [made.client.get("/v1/users/7", headers={"X-API-Key": f"tm_{n}"}) for n in range(15)]
    assert [answer.status_code for answer in tried] == [401] * 10 + [429] * 5
    assert made.client.get("/v1/users/7", headers=right).status_code == 200


def test_a_page_leads_to_the_login_and_back(guard: Guard) -> None:
    made = guard()
    secret = made.add_key("shop")
    sent = made.client.get("/item?id=a%26b", headers=PAGE)
    assert sent.status_code == 303
    wanted = parse_qs(urlsplit(sent.headers["location"]).query)["next"][0]
    assert wanted == "/item?id=a%26b"
    form = made.client.get(sent.headers["location"])
    assert 'value="/item?id=a%26b"' in form.text
    answer = log_in(made, secret, next=wanted)
    assert (answer.status_code, answer.headers["location"]) == (303, wanted)
    assert made.client.get("/", headers=PAGE).status_code == 200
    assert made.client.get("/v1/users/7").status_code == 200
    assert made.client.get("/v1/users/7/export").status_code == 403


def test_a_session_ends_by_logout_and_with_its_key(guard: Guard) -> None:
    made = guard()
    made.add_key("till")
    log_in(made, made.add_key("shop"))
    assert made.client.get("/v1/users/7").status_code == 200
    copied = made.client.cookies["tastemap_session"]
    made.client.post("/logout")
    assert made.client.get("/v1/users/7").status_code == 401
    made.client.cookies.set("tastemap_session", copied)
    assert made.client.get("/v1/users/7").status_code == 401  # the copy has ended too
    assert made.store.audit_lines()[-1].action == "sessions_ended"
    made.client.cookies.clear()
    made.client.post("/logout")  # of nobody: nothing ends
    assert [line.action for line in made.store.audit_lines()].count("sessions_ended") == 1
    log_in(made, made.add_key("shop2"))
    made.store.revoke_key("shop2", NOW)
    assert made.client.get("/v1/users/7").status_code == 401


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "/\r\nX: y", "evil"]
)
def test_a_login_never_leads_away(guard: Guard, wanted: str) -> None:
    made = guard()
    answer = log_in(made, made.add_key("shop"), next=wanted)
    assert answer.headers["location"] == "/"
    assert "x" not in answer.headers


def test_a_wrong_key_shows_the_form_again(guard: Guard) -> None:
    made = guard()
    made.add_key("shop")
    answer = log_in(made, '<script>"', next='/"><script>')
    assert answer.status_code == 401
    assert "unknown or revoked" in answer.text
    assert "<script" not in answer.text
    assert "set-cookie" not in answer.headers


def test_another_site_cannot_log_anybody_in(guard: Guard) -> None:
    made = guard()
    secret = made.add_key("shop")
    answer = made.client.post("/login", data={"key": secret}, headers={"Origin": "http://evil.example"})
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


def test_a_copy_of_the_database_logs_nobody_in(guard: Guard) -> None:
    made = guard()
    made.add_key("root", "admin")
    [stored] = made.store.valid_keys()
    assert made.client.get("/v1/users/7", headers={"X-API-Key": stored}).status_code == 401
    made.client.cookies.set(
        "tastemap_session", issue(stored, made.store.valid_keys()[stored].session_secret, 2**40)
    )
    assert made.client.get("/v1/users/7").status_code == 401


@pytest.mark.parametrize("session", ["", "x", "9999999999.c2hvcA==.x.x", "9" * 3000])
def test_a_forged_session_is_none(guard: Guard, session: str) -> None:
    made = guard()
    made.add_key("shop")
    answer = made.client.get("/v1/users/7", headers={"Cookie": f"tastemap_session={session}"})
    assert answer.status_code == 401


def test_the_login_form_takes_a_form_and_little_of_it(guard: Guard) -> None:
    made = guard()
    secret = made.add_key("shop")
    assert made.client.post("/login", json={"key": secret}).status_code == 415
    assert log_in(made, secret, next="x" * 5000).status_code == 413


@pytest.mark.parametrize("content", [b"&".join([b"key=a"] * 11), b"%", b"\xff=&;=&&", b""])
def test_a_form_that_the_login_did_not_send_is_no_defect(guard: Guard, content: bytes) -> None:
    made = guard()
    made.add_key("shop")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = made.client.post("/login", content=content, headers=form)
    assert answer.status_code == (400 if content.count(b"&") == 10 else 401)
    assert "<form" in answer.text


def test_there_is_nothing_to_log_in_to_where_all_is_open(guard: Guard) -> None:
    assert guard().client.get("/login").headers["location"] == "/"
