from __future__ import annotations

import re

import pytest

from tastemap.service.guard.request_ids import request_id


@pytest.mark.parametrize("given", [b"a", b"order-7/2", b"x" * 128, b"~!\"'<>"])
def test_a_visible_id_is_taken(given: bytes) -> None:
    assert request_id(given) == given.decode()


@pytest.mark.parametrize(
    "given", [None, b"", b"x" * 129, b"two words", b"a\r\nSet-Cookie: b=c", b"\xff", b"a\t"]
)
def test_any_other_is_replaced(given: bytes | None) -> None:
    assert re.fullmatch("[0-9a-f]{16}", request_id(given))


def test_made_ids_differ() -> None:
    assert len({request_id(None) for _ in range(100)}) == 100
