"""What answers look like, for the OpenAPI page."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

Id = int | str


class ErrorDetail(BaseModel):
    """What went wrong."""

    code: str
    message: str
    details: dict[str, Any]


class ErrorBody(BaseModel):
    """The body of every failure."""

    error: ErrorDetail


class Reason(BaseModel):
    """What one of the user's own items adds to a score."""

    item_id: Id
    title: str | None
    rating: float
    contribution: float


class ListedItem(BaseModel):
    """One item of a list."""

    item_id: Id
    rank: int
    score: float
    prediction: float | None
    lower: float | None
    upper: float | None
    title: str | None
    support: int
    pinned: bool
    baseline: float = Field(default=0.0, description="only with reasons, like the fields that follow")
    reasons: list[Reason] = []
    others: float = 0.0
    remainder: float = 0.0
    additive: bool = True


class ListAnswer(BaseModel):
    """A list of items."""

    user_id: Id | None
    basis: Literal["user", "history", "popularity"]
    k: int
    model: str
    version: int
    items: list[ListedItem]
    notes: list[str]


class BriefItem(BaseModel):
    """An item in short."""

    item_id: Id
    title: str | None
    popularity: int


class ItemPage(BaseModel):
    """A page of items."""

    items: list[BriefItem]
    n_found: int
    next_cursor: str | None


class RatingCount(BaseModel):
    """How many gave a rating."""

    rating: float
    count: int


class ItemAnswer(BriefItem):
    """What is known of an item."""

    mean_rating: float | None
    bias: float | None
    ratings: list[RatingCount]
    features: dict[str, Any]


class Neighbor(BaseModel):
    """One item like another."""

    item_id: Id
    rank: int
    similarity: float
    common_users: int
    title: str | None


class SimilarAnswer(BriefItem):
    """The neighbors of an item."""

    measure: Literal["cosine", "dot"]
    similar: list[Neighbor]
    left_out: int
    notes: list[str]


class UserAnswer(BaseModel):
    """What is known of a user, in short."""

    user_id: Id
    known: bool
    n_ratings: int
    n_from_events: int
    mean_rating: float | None
    features: dict[str, Any]
    notes: list[str]


class HistoryEntry(BaseModel):
    """One item of a user."""

    item_id: Id
    title: str | None
    rating: float
    timestamp: int | None
    source: Literal["training", "event"]


class HistoryPage(BaseModel):
    """A page of a history."""

    user_id: Id
    n_ratings: int
    items: list[HistoryEntry]
    next_cursor: str | None
    notes: list[str]


class StoredEvent(BaseModel):
    """An event as it is kept."""

    seq: int
    item_id: Id
    rating: float | None
    withdrawn: bool
    timestamp: int
    received: float
    key: str | None


class ExportAnswer(BaseModel):
    """All that is stored of a user."""

    user_id: Id
    features: dict[str, Any]
    history: list[HistoryEntry]
    events: list[StoredEvent]


class Prediction(BaseModel):
    """A predicted rating."""

    item_id: Id
    title: str | None
    score: float
    prediction: float | None
    known: Literal["both", "user", "item", "none"]
    lower: float | None
    upper: float | None


class PredictionsAnswer(BaseModel):
    """Predicted ratings of a user."""

    user_id: Id | None
    basis: Literal["user", "history", "popularity"]
    items: list[Prediction]
    notes: list[str]


class ExplanationAnswer(BaseModel):
    """``baseline`` plus contributions plus ``remainder`` is ``score``."""

    user_id: Id | None
    basis: Literal["user", "history", "popularity"]
    item_id: Id
    title: str | None
    score: float
    prediction: float | None
    baseline: float
    reasons: list[Reason]
    remainder: float
    additive: bool
    notes: list[str]


class EventReceipt(BaseModel):
    """What was acknowledged is on disk."""

    seq: int
    duplicate: bool


class BatchReceipt(BaseModel):
    """One receipt an event, in the order of the request."""

    events: list[EventReceipt]


class ErasureAnswer(BaseModel):
    """What an erasure did and what is left to do."""

    user_id: Id
    seq: int
    now: str
    at_next_refit: str


class ModelData(BaseModel):
    """What the model was fitted to."""

    name: str
    n_users: int
    n_items: int
    n_interactions: int
    rating_scale: list[float] | None


class ModelAnswer(BaseModel):
    """What is served."""

    name: str
    objective: Literal["rating", "ranking"]
    version: int
    digest: str
    saved: float
    age_s: float
    events_through: int
    settings: dict[str, Any]
    seed: int
    data: ModelData
    evaluated: bool


class EvaluationAnswer(BaseModel):
    """The evaluation kept in the artifact."""

    version: int
    evaluation: dict[str, Any] | None


class VersionEntry(BaseModel):
    """A version that can be served."""

    version: int
    digest: str
    saved: float
    served: bool


class VersionsAnswer(BaseModel):
    """Versions, oldest first."""

    versions: list[VersionEntry]


class ReloadAnswer(BaseModel):
    """What is served now."""

    before: int
    version: int
    digest: str
    note: str
