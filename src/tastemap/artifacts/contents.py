"""Between a recommender and what the format holds: arrays, tables and facts."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np
import polars as pl
from pydantic import ValidationError

from tastemap.artifacts import tables
from tastemap.artifacts.arrays import require
from tastemap.artifacts.manifest import FORMAT, FORMAT_VERSION, FileFacts, Manifest, library_version
from tastemap.artifacts.shapes import arrays_of, build, facts_of
from tastemap.artifacts.tensors import Array
from tastemap.data import Catalog, Dataset, IdMap, Interactions, LoadReport, RatingScale
from tastemap.data.sql.origin import Origin
from tastemap.errors import ArtifactError, TastemapError
from tastemap.models.config import ModelConfig, positive_min_of
from tastemap.models.recommender import Recommender
from tastemap.training import registry

ZIP_NAMES = {"zip", "zipcode", "postcode", "postalcode"}


@dataclass(frozen=True, eq=False)
class Contents:
    """What the data files hold.

    Parameters
    ----------
    tensors : dict
        Role (``arrays``, ``interactions``) to arrays by name.
    tables : dict
        Role to table, for the other roles.
    """

    tensors: dict[str, dict[str, Array]]
    tables: dict[str, pl.DataFrame]

    def add_shard(self, role: str, arrays: Mapping[str, Array]) -> None:
        """Add what one file holds of a role; an ArtifactError if another one has an array of that name."""
        held = self.tensors.setdefault(role, {})
        require(not held.keys() & arrays.keys(), f"an array of the {role} is in two files")
        held |= arrays


def pack(recommender: Recommender) -> Contents:
    """Everything of `recommender` that goes into data files; arrays uncopied where they can be.

    Raises
    ------
    ArtifactError
        If the model has a shape that the format lacks, or weights of other interactions than its own.
    """
    data = recommender.train.interactions
    frames = {
        "user_ids": data.users.ids.to_frame(),
        "item_ids": data.items.ids.to_frame(),
        "catalog": recommender.train.catalog.frame,
        "losses": recommender.losses,
    }
    if recommender.train.user_features is not None:
        frames["user_features"] = without_zip_codes(recommender.train.user_features)
    if recommender.validation is not None:
        frames["validation"] = recommender.validation
    tensors = {"arrays": arrays_of(recommender), "interactions": _interaction_arrays(recommender.train)}
    return Contents(tensors, frames)


def describe(recommender: Recommender, files: dict[str, FileFacts]) -> Manifest:
    """The manifest of `recommender`.

    Raises
    ------
    ArtifactError
        If a fact is outside what the format allows, such as a NaN for the global bias.
    """
    train, model = recommender.train, recommender.model
    data = train.interactions
    scale = data.rating_scale
    report = asdict(train.report) | {"notes": list(train.report.notes)}
    facts = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "library_version": library_version(),
        "model": recommender.name,
        "objective": recommender.objective,
        **facts_of(model),
        "config": recommender.config.model_dump(mode="json"),
        "resolved": recommender.resolved.model_dump(mode="json"),
        "seed": int(recommender.seed),
        "data": {
            "name": train.name,
            "fingerprint": train.fingerprint,
            "n_interactions": len(data),
            "origin": None if train.origin is None else train.origin.facts(),
        },
        "n_users": data.n_users,
        "n_items": data.n_items,
        "rating_scale": None if scale is None else {"low": float(scale.low), "high": float(scale.high)},
        "load_report": report,
        "evaluation": None if recommender.evaluation is None else _plain(recommender.evaluation),
        "files": files,
    }
    try:
        return Manifest.model_validate(facts)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ArtifactError(f"Cannot save: {where} {first['msg']}. Got {first['input']!r}.") from error


def unpack(manifest: Manifest, contents: Contents) -> Recommender:
    """The recommender that was packed; `contents` have been checked against `manifest`.

    Raises
    ------
    ArtifactError
        If this library does not know the model or its settings.
    """
    train = Dataset(
        name=manifest.data.name,
        interactions=_interactions(manifest, contents),
        catalog=Catalog(contents.tables["catalog"]),
        user_features=contents.tables.get("user_features"),
        report=LoadReport(**manifest.load_report.model_dump() | {"notes": tuple(manifest.load_report.notes)}),
        origin=_origin(manifest, contents),
    )
    resolved = _config(manifest, manifest.resolved)
    return Recommender(
        model=build(manifest, contents.tensors["arrays"], train.interactions, positive_min_of(resolved)),
        name=manifest.model,
        objective=manifest.objective,
        config=_config(manifest, manifest.config),
        resolved=resolved,
        seed=manifest.seed,
        train=train,
        losses=contents.tables["losses"],
        validation=contents.tables.get("validation"),
        evaluation=manifest.evaluation,
    )


def ensure_storable(train: Dataset) -> None:
    """Refuse early the tables of users and items that :func:`tastemap.artifacts.save` would refuse after a fit.

    Raises
    ------
    ArtifactError
        If a column has a type that the format lacks, such as that of nothing but empty lists.

    Notes
    -----
    *Stability: caller-stable.*
    """
    tables.check_types(train.catalog.frame, "catalog")
    if train.user_features is not None:
        tables.check_types(without_zip_codes(train.user_features), "user features")


def without_zip_codes(user_features: pl.DataFrame) -> pl.DataFrame:
    """The table without columns of postal codes: with age and gender they tell who a person is."""
    zips = [name for name in user_features.columns if re.sub(r"[^a-z]", "", name.lower()) in ZIP_NAMES]
    return user_features.drop(zips)


def _interaction_arrays(train: Dataset) -> dict[str, Array]:
    data = train.interactions
    arrays: dict[str, Array] = {
        "user_index": data.user_index,
        "item_index": data.item_index,
        "values": data.values,
    }
    if data.timestamps is not None:
        arrays["timestamps"] = data.timestamps
    if data.folds is not None:
        arrays["folds"] = data.folds.astype(np.int8, casting="same_kind")
    if train.origin is not None:
        arrays["seen"] = train.origin.seen
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def _interactions(manifest: Manifest, contents: Contents) -> Interactions:
    arrays, scale = contents.tensors["interactions"], manifest.rating_scale
    return Interactions(
        users=IdMap.from_sorted(contents.tables["user_ids"]["user_id"], kind="user"),
        items=IdMap.from_sorted(contents.tables["item_ids"]["item_id"], kind="item"),
        user_index=arrays["user_index"],
        item_index=arrays["item_index"],
        values=arrays["values"],
        timestamps=arrays.get("timestamps"),
        rating_scale=None if scale is None else RatingScale(scale.low, scale.high),
        folds=arrays.get("folds"),
    )


def _origin(manifest: Manifest, contents: Contents) -> Origin | None:
    facts = manifest.data.origin
    if facts is None:
        return None
    return Origin.from_facts(facts.model_dump(), contents.tensors["interactions"]["seen"])


def _config(manifest: Manifest, settings: Mapping[str, object]) -> ModelConfig:
    try:
        entry = registry.get(manifest.model)
        if entry.objective != manifest.objective:
            raise ArtifactError(
                f"{manifest.model} has the objective {entry.objective}, not {manifest.objective}."
            )
        return registry.make_config(manifest.model, settings)
    except TastemapError as error:
        raise ArtifactError(
            f"Tastemap {library_version()} does not understand this artifact, saved by Tastemap "
            f"{manifest.library_version}: {error} Use that version, or fit again."
        ) from error


def _plain(value: object) -> object:
    """`value` as JSON has it: null for NaN, and no durations (``…_s``), which differ from run to run."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items() if not str(key).endswith("_s")}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.generic):
        value = cast(Any, value).item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ArtifactError(
        f"Cannot save the evaluation: it holds a {type(value).__name__}. Give the record as data (`as_json()`)."
    )
