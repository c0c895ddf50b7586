from __future__ import annotations

import pytest
from pydantic import ValidationError

from tastemap.service.answers.asked import ListQuery, ListRequest
from tastemap.service.routes.bodies import EventRequest
from tastemap.service.routes.invalid import AN_ID, found_wrong


@pytest.mark.parametrize(
    ("model", "body", "place", "fault"),
    [
        (EventRequest, {"user_id": "", "item_id": 1}, "user_id", AN_ID),
        (EventRequest, {"user_id": True, "item_id": 1}, "user_id", AN_ID),
        (EventRequest, {"item_id": 1}, "user_id", "is needed"),
        (EventRequest, {"user_id": 1, "item_id": 1, "stars": 2}, "stars", "is not known here"),
        (EventRequest, {"user_id": 1, "item_id": 1, "rating": "5"}, "rating", "must be a number"),
        (ListRequest, {"history": [{"item_id": {}}]}, "history.0.item_id", AN_ID),
        (ListRequest, {"user_id": 1, "drop": [1, ""]}, "drop.1", AN_ID),
        (ListQuery, {"k": "0"}, "k", "must be greater than or equal to 1"),
        (ListQuery, {"where": "x" * 3_000}, "where", "must have at most 2000 characters"),
    ],
)
def test_a_fault_is_told_in_plain_words(
    model: type[EventRequest], body: dict[str, object], place: str, fault: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(body)
    assert found_wrong(caught.value.errors()) == [(place, fault)]
