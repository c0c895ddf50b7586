"""How good the served version is: its own record, and how it compares with an earlier version."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tastemap.artifacts import identify, info, load, versions
from tastemap.errors import ArtifactError, InvalidValueError
from tastemap.evaluation import compare
from tastemap.evaluation.comparison import Comparison
from tastemap.evaluation.records import EvaluationRecord
from tastemap.models.recommender import Recommender
from tastemap.plurals import plural
from tastemap.service.answers.kept import Kept, kept_by_version
from tastemap.service.live.serving import Serving
from tastemap.service.live.shown import shown

Fields = dict[str, Any]
Compared = tuple[str, str, frozenset[str]]

MOST_COMPARISONS = 8
"""Comparisons that are kept; a version has one with each other version that somebody asks about."""

_RECORD: TypeAdapter[EvaluationRecord] = TypeAdapter(EvaluationRecord)


def record_of(recommender: Recommender) -> EvaluationRecord | None:
    """The record kept with a model; None if there is none, or one of another form.

    An artifact leaves out durations, which differ from run to run: they are NaN here.
    """
    return None if recommender.evaluation is None else _record(recommender.evaluation)


def _record(evaluation: Mapping[str, object]) -> EvaluationRecord | None:
    kept: Fields = dict(evaluation)
    models = kept.get("models", ())
    if isinstance(models, (list, tuple)):
        kept["models"] = [{"fit_s": math.nan, "predict_s": math.nan, **row} for row in models]
    try:
        return _RECORD.validate_python(kept)
    except ValidationError:
        return None


def measured(record: EvaluationRecord, recommender: Recommender) -> str:
    """On what the figures of a model were measured, and whether it is this very one, in sentences."""
    counts, protocol = record.counts, record.protocol
    who = f"{plural(counts.n_test, 'test row')} of {plural(counts.n_users, 'user')}"
    if protocol.split == "test":
        return f"This very model was measured on {who} of {record.data}."
    folds = f", {protocol.n_folds} folds" if protocol.n_folds > 1 else ""
    said = f"Measured on {who} of {record.data} (split {protocol.split}{folds}), by a model"
    own = next((row for row in record.models if row.model == recommender.name), None)
    settings = recommender.config.model_dump(mode="json")
    said += " with the same settings" if own is not None and own.settings == settings else ""
    said += " that did not learn from them."
    learned_all = record.fingerprint == recommender.train.fingerprint
    return f"{said} The model served here learned from all rows." if learned_all else said


def report(serving: Serving, against: int | None) -> Fields:
    """The record and, against another version, the comparison, with the numbers of all versions.

    Raises
    ------
    InvalidValueError
        If there is no such version, or it is the served one.
    """
    numbers = versions(serving.folder)
    record = record_of(serving.recommender)
    found = None if against is None else comparison_of(serving, against)
    return {
        "version": serving.version,
        "versions": numbers,
        "against": against,
        "evaluation": None if record is None else record.as_json(),
        "measured": None if record is None else measured(record, serving.recommender),
        "earlier": earlier(serving) if record is None else None,
        "comparison": None if found is None else {**asdict(found), "sentences": list(found.sentences())},
    }


@kept_by_version
def earlier(serving: Serving) -> Fields | None:
    """The newest version before the served one that was measured: ``version`` and ``metrics``; None without.

    ``metrics`` are those of the same model. A refit fits a new version, and figures are of the one measured.
    """
    for number in sorted(versions(serving.folder), reverse=True):
        facts: Fields = {}
        with suppress(ArtifactError):  # deleted meanwhile
            facts = info(serving.folder, version=number) if number < serving.version else {}
        record = _record(facts["evaluation"]) if facts.get("evaluation") else None
        own = (
            next((row for row in record.models if row.model == serving.recommender.name), None)
            if record
            else None
        )
        if own is not None:
            metrics = {name: one.value for name, one in own.metrics.items()}
            return {"version": number, "metrics": metrics}
    return None


def comparison_of(serving: Serving, against: int) -> Comparison:
    """The served version held against an earlier one: seconds the first time; the earlier one is loaded for it.

    Raises
    ------
    InvalidValueError
        As :func:`report`.
    """
    key = compared_of(serving, against)
    return _comparisons.of(
        key,
        lambda: compare(shown(load(serving.folder, version=against), serving.erased), serving.recommender),
    )


def compared_of(serving: Serving, against: int) -> Compared:
    """What a comparison is of: the digests of the other version and of the served one, and whom it leaves out.

    Raises
    ------
    InvalidValueError
        As :func:`report`.
    """
    others = [number for number in versions(serving.folder) if number != serving.version]
    if against not in others:
        known = f"another version, {_any_of(others)}" if others else "left out: there is no other version"
        raise InvalidValueError(f"against must be {known}. Got {against}.", argument="against")
    return identify(serving.folder, against).digest, serving.digest, serving.erased


def _any_of(numbers: list[int]) -> str:
    *first, last = map(str, numbers)
    return f"{', '.join(first)} or {last}" if first else last


_comparisons: Kept[Compared, Comparison] = Kept({}, most=MOST_COMPARISONS)
