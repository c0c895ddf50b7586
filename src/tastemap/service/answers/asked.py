"""What can be asked of a list: the same fields in a query, in a body and in a page."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from tastemap.data import Id
from tastemap.inference import Rules

LONGEST_LIST = 1_000
MOST_REASONS = 50
MOST_IDS = 10_000
LONGEST_ID = 512


def check_id(id: Id) -> Id:
    """Raise ValueError unless an id is one that can be stored."""
    if isinstance(id, int) and not -(2**63) <= id < 2**63:
        raise ValueError("an integer id must fit 64 bits")
    if isinstance(id, str) and (not id or len(id) > LONGEST_ID or "\0" in id):
        raise ValueError(f"an id must have 1 to {LONGEST_ID} characters, none of them NUL")
    return id


AnyId = Annotated[int | str, AfterValidator(check_id)]
"""An id as it comes in: integers and text that reads as one are the same."""


class Rated(BaseModel):
    """One entry of a history."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    item_id: AnyId
    rating: float = Field(default=1.0, allow_inf_nan=False, description="stars, or a count")


class ListOptions(BaseModel):
    """How long a list is, what it may hold, and what is told of its items."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    k: int = Field(default=10, ge=1, le=LONGEST_LIST, description="length of the list")
    reasons: int = Field(default=0, ge=0, le=MOST_REASONS, description="reasons to name for each item")
    exclude_seen: bool = Field(default=True, description="leave out what the user has")
    exclude: list[AnyId] = Field(default=[], max_length=MOST_IDS, description="items that must not appear")
    only: list[AnyId] | None = Field(
        default=None, max_length=MOST_IDS, description="the only items that may appear"
    )
    where: str | None = Field(
        default=None, max_length=2_000, description='a filter over the catalog, as "year >= 2000"'
    )
    pin: list[AnyId] = Field(default=[], max_length=LONGEST_LIST, description="items that stand first")
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


class ListRequest(ListOptions):
    """The same for a user or a history, of which nothing is stored."""

    user_id: AnyId | None = Field(default=None, description="somebody the model or the events know")
    history: list[Rated] | None = Field(default=None, max_length=MOST_IDS, description="or what somebody rated")
    drop: list[AnyId] = Field(
        default=[], max_length=MOST_IDS, description="entries to leave out: what if this had not been rated"
    )
