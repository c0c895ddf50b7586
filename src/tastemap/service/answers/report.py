"""How good the served version is: its own record, and how it compares with an earlier version."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tastemap.artifacts import identify, load, versions
from tastemap.errors import InvalidValueError
from tastemap.evaluation import compare
from tastemap.evaluation.comparison import Comparison
from tastemap.evaluation.records import EvaluationRecord
from tastemap.models.recommender import Recommender
from tastemap.plurals import plural
from tastemap.service.answers.kept import Kept
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
    if recommender.evaluation is None:
        return None
    kept: Fields = dict(recommender.evaluation)
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
        "comparison": None if found is None else {**asdict(found), "sentences": list(found.sentences())},
    }


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
        known = f"one of {', '.join(map(str, others))}" if others else "left out: there is no other version"
        raise InvalidValueError(f"against must be {known}. Got {against}.", argument="against")
    return identify(serving.folder, against).digest, serving.digest, serving.erased


_comparisons: Kept[Compared, Comparison] = Kept({}, most=MOST_COMPARISONS)
