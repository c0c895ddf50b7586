"""The manifest: what an artifact says of itself, in readable JSON."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from tastemap.artifacts import strict_json
from tastemap.artifacts.shards import are_complete, whole_role
from tastemap.errors import ArtifactError
from tastemap.models.base import Objective

FORMAT = "tastemap"
FORMAT_VERSION = 1
READABLE_VERSIONS = (1,)
LARGEST_MANIFEST = 64 * 2**20
"""In bytes; an evaluation with many slices takes well under one MiB."""

SUFFIXES = {
    "arrays": "safetensors",
    "interactions": "safetensors",
    "user_ids": "arrow",
    "item_ids": "arrow",
    "catalog": "arrow",
    "user_features": "arrow",
    "losses": "arrow",
    "validation": "arrow",
}
"""What a data file holds (its role), and how its name ends."""
OPTIONAL_ROLES = {"user_features", "validation"}
SHARDED_ROLES = {role for role, suffix in SUFFIXES.items() if suffix == "safetensors"}
"""What may be in several files; see :mod:`tastemap.artifacts.shards`."""

Count = Annotated[int, Field(ge=0)]
NonNegative = Annotated[float, Field(ge=0.0)]


class _Facts(BaseModel):
    # strict: true is no 1 and "1" is no 1.
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class FileFacts(_Facts):
    """One data file: its name follows from its role and its content."""

    name: str
    sha256: Annotated[str, Field(pattern=r"\A[0-9a-f]{64}\z")]
    size: Annotated[int, Field(gt=0)]


class LinkFacts(_Facts):
    """As :class:`tastemap.models.base.Link`."""

    kind: Literal["identity", "clip", "sigmoid"]
    low: float
    high: float

    @model_validator(mode="after")
    def _wide(self) -> Self:
        # The inverse of a sigmoid divides by its width.
        if self.high < self.low or (self.kind == "sigmoid" and self.high == self.low):
            raise ValueError(f"its range from {self.low} to {self.high} is empty")
        return self


class UserLossFacts(_Facts):
    """As :class:`tastemap.models.user_loss.UserLoss`."""

    regularization: NonNegative
    frequency_power: float
    bias_regularization: NonNegative | None
    unobserved_weight: NonNegative
    implicit: bool
    alpha: NonNegative
    positive_min: float | None
    log_values: bool = False
    recency: NonNegative = 0.0
    recency_half_life: Annotated[float, Field(gt=0.0)] = 1.0


class ScaleFacts(_Facts):
    """As :class:`tastemap.data.RatingScale`."""

    low: float
    high: float


class OriginFacts(_Facts):
    """As :class:`tastemap.data.sql.origin.Origin`, without the digests of rows."""

    query: str
    user: str
    item: str
    value: str | None
    time: str | None
    is_count: bool
    watermark: str
    highest: int | float | str


class DataFacts(_Facts):
    """What the model was fitted to; `origin` is left out where it did not come from a database."""

    name: str
    fingerprint: Annotated[str, Field(pattern=r"\A[0-9a-f]{64}\z")]
    n_interactions: Count
    origin: OriginFacts | None = None

    @model_serializer(mode="wrap")
    def _short(self, plain: SerializerFunctionWrapHandler) -> dict[str, object]:
        facts: dict[str, object] = plain(self)
        return {name: value for name, value in facts.items() if name != "origin" or value is not None}


class ReportFacts(_Facts):
    """As :class:`tastemap.data.LoadReport`."""

    n_rows: Count
    n_kept: Count
    n_merged: Count
    dropped: dict[str, Count]
    notes: list[str]


class Manifest(_Facts):
    """Everything of an artifact that is not an array or a table."""

    format: Literal["tastemap"]
    format_version: Literal[1]
    library_version: str
    model: str
    objective: Objective
    shape: Literal["factors", "item_weights", "network"]
    link: LinkFacts
    user_loss: UserLossFacts | None
    global_bias: float | None
    n_layers: Annotated[int, Field(ge=1, le=64)] | None
    input_relu: bool | None
    n_products: Count | None
    config: dict[str, object]
    resolved: dict[str, object]
    seed: Count
    data: DataFacts
    n_users: Count
    n_items: Count
    rating_scale: ScaleFacts | None
    load_report: ReportFacts
    evaluation: dict[str, object] | None
    files: dict[str, FileFacts]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.shape == "factors") != (self.global_bias is not None):
            raise ValueError("global_bias belongs to the shape factors, and must be there")
        self._check_shape()
        roles = set(self.files)
        is_known = all(role in SUFFIXES or whole_role(role) in SHARDED_ROLES for role in roles)
        if not is_known or not are_complete(roles) or set(SUFFIXES) - OPTIONAL_ROLES - roles:
            raise ValueError(f"files has the roles {', '.join(sorted(roles)) or 'none'}")
        for role, facts in self.files.items():
            if facts.name != data_file_name(role, facts.sha256):
                raise ValueError(
                    f"files names {facts.name!r} where {data_file_name(role, facts.sha256)!r} is due"
                )
        return self

    def _check_shape(self) -> None:
        is_network = self.shape == "network"
        own = (self.input_relu is not None, self.n_products is not None)
        if own != (is_network, is_network) or (is_network and self.n_layers is None):
            raise ValueError(
                "n_layers, input_relu and n_products belong to the shape network, and must be there"
            )
        if (self.shape == "item_weights") and (self.user_loss is not None or self.n_layers is not None):
            raise ValueError("user_loss and n_layers do not belong to the shape item_weights")
        if is_network and self.user_loss is None:
            raise ValueError("user_loss must be there for the shape network")
        if self.shape == "factors" and self.n_layers is not None and self.user_loss is not None:
            raise ValueError("a user side either has a loss or layers, not both")


def data_file_name(role: str, sha256: str) -> str:
    """``<role>-<first 12 of sha256>.<suffix>``: the only name that a manifest may give to a file."""
    return f"{role}-{sha256[:12]}.{SUFFIXES[whole_role(role)]}"


def is_data_file_name(name: str) -> bool:
    """Whether `name` could be a data file's."""
    return _DATA_FILE.fullmatch(name) is not None


def data_file_names_in(text: bytes) -> set[str]:
    """All names of data files in the bytes of a manifest, readable or not."""
    return {found.decode() for found in _ANY_DATA_FILE.findall(text)}


def encode(manifest: Manifest) -> bytes:
    """The bytes of ``manifest.json``."""
    return strict_json.encode(manifest.model_dump(mode="json"))


def decode(text: bytes, name: str) -> Manifest:
    """Read a manifest.

    Raises
    ------
    ArtifactError
        If the text is not a manifest, is of a version that this library cannot read, or has other
        fields than it must. `name` is the file's, for the sentence.
    """
    found = strict_json.decode(text, name)
    if found.get("format") != FORMAT:
        raise ArtifactError(f"{name} is not the manifest of a Tastemap artifact; give the folder of one.")
    number = found.get("format_version")
    if type(number) is not int or number not in READABLE_VERSIONS:
        raise ArtifactError(
            f"{name} has format version {number!r}, saved by Tastemap {found.get('library_version')!r}; this "
            f"version reads {', '.join(map(str, READABLE_VERSIONS))}. Upgrade Tastemap to read it."
        )
    try:
        return Manifest.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "its fields"
        raise ArtifactError(
            f"{name} is not understood: {where}: {first['msg'].removeprefix('Value error, ')}. "
            "Restore it from a copy."
        ) from error


def library_version() -> str:
    """The version of the installed library."""
    return version("tastemap")


_DATA_FILE = re.compile(
    "|".join(rf"{role}(_[0-9]{{2}})?-[0-9a-f]{{12}}\.{suffix}" for role, suffix in SUFFIXES.items())
)
_ANY_DATA_FILE = re.compile(rb"[a-z0-9_]+-[0-9a-f]{12}\.(?:safetensors|arrow)")
