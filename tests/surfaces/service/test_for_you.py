"""The form of *For you*, which works without scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tastemap.service.live import effort, service
from tastemap.service.live.beside import in_thread
from tastemap.service.live.person import person_of_history
from tastemap.service.live.serving import load_serving
from tastemap.service.pages import for_you
from tests.surfaces.service.test_beside import in_loop

FORM = "/for-you.json?rate.3=5&rate.7=2&add=9"


def test_a_form_is_answered_by_the_version_that_it_began_with(
    client: TestClient, fitted: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    application: Any = client.app
    shared = application.state.service
    other = load_serving(fitted["ials"], None, shared.store)
    before = client.get(FORM).json()

    async def replaced_meanwhile(*arguments: Any) -> Any:
        answer = await in_thread(*arguments)
        shared.serving = other
        return answer

    monkeypatch.setattr(for_you, "in_thread", replaced_meanwhile)
    during = client.get(FORM).json()
    assert during["form"] == before["form"]
    assert before["form"]["list"]["model"] == "als"
    assert client.get(FORM).json()["form"]["list"]["model"] == "ials"


def test_a_form_whose_answer_takes_long_holds_up_nobody(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def noting(*given: Any) -> Any:
        seen.append(in_loop())
        return person_of_history(*given)

    monkeypatch.setattr(service, "person_of_history", noting)
    before = client.get(FORM).json()
    monkeypatch.setattr(effort, "adds_up", lambda recommender: False)
    assert client.get(FORM).json()["form"] == before["form"]
    assert seen == [True, False]


def test_a_form_that_rates_nothing_has_no_list(client: TestClient) -> None:
    form = client.get("/for-you.json").json()["form"]
    assert form["list"] is None
    assert len(form["rows"]) == for_you.ASKED_BY_FORM
