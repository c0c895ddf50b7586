from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient

from tastemap.service.database import Store


def test_the_audit_log_says_whose_key_erased_and_reloaded(live: TestClient) -> None:
    application: Any = live.app
    store: Store = application.state.service.store
    header = {"X-API-Key": store.add_key("boss", "admin", 1.0)}
    assert live.delete("/v1/users/3", headers=header).status_code == 200
    assert live.post("/v1/model/reload", json={}, headers=header).status_code == 200
    lines = [(line.action, line.actor) for line in store.audit_lines()]
    assert lines == [("key_added", None), ("erasure", "boss"), ("serve", "boss")]
