"""How good the served version is: its own record, and how it compares with an earlier version."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tastemap.artifacts import load, versions
from tastemap.errors import InvalidValueError
from tastemap.evaluation import compare
from tastemap.evaluation.comparison import Comparison
from tastemap.evaluation.records import EvaluationRecord
from tastemap.models.recommender import Recommender
from tastemap.service.live.serving import Serving

Fields = dict[str, Any]

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


def report(serving: Serving, against: int | None) -> Fields:
    """The record and, against another version, the comparison; ``version, versions, evaluation, comparison``.

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
        "comparison": None if found is None else {**asdict(found), "sentences": list(found.sentences())},
    }


def comparison_of(serving: Serving, against: int) -> Comparison:
    """The served version held against an earlier one: seconds; the earlier one is loaded for it."""
    others = [number for number in versions(serving.folder) if number != serving.version]
    if against not in others:
        known = f"one of {', '.join(map(str, others))}" if others else "left out: there is no other version"
        raise InvalidValueError(f"against must be {known}. Got {against}.", argument="against")
    return compare(load(serving.folder, version=against), serving.recommender)
