"""What bodies of requests look like, for validation and for the OpenAPI page."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool

from tastemap.service.answers.asked import MOST_IDS, WITHOUT_NULL, AnyId, Number, Rated, Whole, no_other
from tastemap.service.database.appending import LONGEST_KEY


class ExplanationRequest(BaseModel):
    """Why somebody with this history would get this item."""

    model_config = ConfigDict(extra="forbid")

    history: list[Rated] = Field(min_length=1, max_length=MOST_IDS)
    item_id: AnyId


class EventRequest(BaseModel):
    """Somebody rated an item, had to do with it, or takes a rating back."""

    model_config = ConfigDict(extra="forbid")

    user_id: AnyId
    item_id: AnyId
    rating: Number | None = Field(
        default=None, description="stars; for implicit feedback a count, 1 if left out"
    )
    timestamp: Whole | None = Field(default=None, description="seconds since 1970, UTC; now, if left out")
    key: str | None = Field(
        default=None,
        min_length=1,
        max_length=LONGEST_KEY,
        pattern=WITHOUT_NULL,
        description="the same key is never counted twice, whoever sends it",
    )
    withdrawn: StrictBool = Field(default=False, description="take the rating of this item back")


class BatchRequest(BaseModel):
    """Events that are kept all or none."""

    model_config = ConfigDict(extra="forbid")

    events: list[EventRequest] = Field(min_length=1, max_length=1_000)


VersionNumber = Annotated[int, Field(ge=1, le=2**31), BeforeValidator(no_other)]


class ReloadRequest(BaseModel):
    """Which version to serve."""

    model_config = ConfigDict(extra="forbid")

    version: VersionNumber | None = Field(default=None, description="null: the current one")
