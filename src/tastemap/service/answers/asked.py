"""What can be asked of a list: the same fields in a query, in a body and in a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict

from tastemap.inference import Rules
from tastemap.service.database.appending import LONGEST_ID

LONGEST_LIST = 1_000
MOST_REASONS = 50
MOST_IDS = 10_000
MOST_IN_QUERY = 20
"""Ids in a list of a query; a body takes more."""


LARGEST_NUMBER = 2**53
"""Beyond it programs that read numbers as floats, as browsers do, confuse integers: write such ids as text."""


def no_other(value: object) -> object:
    """JSON tells numbers from true and from text; Pydantic would take all three for an integer."""
    if isinstance(value, bool | str):
        raise ValueError("must be a number")
    return value


Number = Annotated[float, Field(allow_inf_nan=False), BeforeValidator(no_other)]
Whole = Annotated[int, Field(ge=0, le=LARGEST_NUMBER), BeforeValidator(no_other)]
IntegerId = Annotated[int, Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER), BeforeValidator(no_other)]
WITHOUT_NULL = r"^[^\x00]+$"
"""PostgreSQL keeps any character but this one."""
TextId = Annotated[str, Field(min_length=1, max_length=LONGEST_ID, pattern=WITHOUT_NULL)]
AnyId = IntegerId | TextId
"""An id as it comes in: integers and text that reads as one are the same."""


class Rated(BaseModel):
    """One entry of a history."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    item_id: AnyId
    rating: Number | None = Field(default=None, description="stars; for implicit data a count, 1 if left out")


class ListOptions(BaseModel):
    """How long a list is, what it may hold, and what is told of its items; in a body."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    k: int = Field(default=10, ge=1, le=LONGEST_LIST, description="length of the list")
    reasons: int = Field(default=0, ge=0, le=MOST_REASONS, description="reasons to name for each item")
    exclude_seen: bool = Field(default=True, description="leave out what the user has")
    exclude: Sequence[AnyId] = Field(default=[], max_length=MOST_IDS, description="items that must not appear")
    only: Sequence[AnyId] | None = Field(
        default=None, max_length=MOST_IDS, description="the only items that may appear"
    )
    where: str | None = Field(
        default=None, max_length=2_000, description='a filter over the catalog, as "year >= 2000"'
    )
    pin: Sequence[AnyId] = Field(default=[], max_length=LONGEST_LIST, description="items that stand first")
    min_support: int = Field(default=0, ge=0, le=2**31, description="fewest training interactions of an item")
    diversity: float = Field(
        default=0.0, ge=0.0, le=1.0, description="0: the best items; 1: the most unlike each other"
    )
    level: float = Field(
        default=0.95, gt=0.0, lt=1.0, description="share of ratings that intervals hold, where a model has them"
    )

    def rules(self) -> Rules:
        """The limits on the candidates."""
        return Rules(
            exclude=tuple(self.exclude),
            only=None if self.only is None else tuple(self.only),
            where=self.where,
            min_support=self.min_support,
            pins=tuple(self.pin),
            diversity=self.diversity,
        )


Few = Annotated[list[TextId], Field(max_length=MOST_IN_QUERY)]


class ListQuery(ListOptions):
    """The same in a query, which holds less."""

    exclude: Few = Field(default=[], description="items that must not appear")
    only: Few | None = Field(default=None, description="the only items that may appear")
    pin: Few = Field(default=[], description="items that stand first")


_ONE_OF_TWO: JsonDict = {
    "oneOf": [
        {
            "required": [given],
            "properties": {given: {"not": {"type": "null"}}, other: {"type": "null"}},
        }
        for given, other in (("user_id", "history"), ("history", "user_id"))
    ]
}


class ListRequest(ListOptions):
    """The same for a user or a history, of which nothing is stored."""

    model_config = ConfigDict(json_schema_extra=_ONE_OF_TWO)

    user_id: AnyId | None = Field(default=None, description="somebody the model or the events know")
    history: list[Rated] | None = Field(default=None, max_length=MOST_IDS, description="or what somebody rated")
    drop: list[AnyId] = Field(
        default=[], max_length=MOST_IDS, description="entries to leave out: what if this had not been rated"
    )
