"""What the artifact's own record says of how good the model is, beside the baselines."""

from __future__ import annotations

import math
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tastemap.evaluation.names import HEADLINE, metric_of
from tastemap.evaluation.records import EvaluationRecord
from tastemap.evaluation.slices import ITEM_POPULARITY, USER_ACTIVITY
from tastemap.models.recommender import Recommender

Fields = dict[str, Any]

_RECORD = TypeAdapter(EvaluationRecord)
_NO_TIMES = {"fit_s": math.nan, "predict_s": math.nan}
LABELS = {"rmse": "RMSE", "ndcg": "NDCG", "recall": "Recall", "coverage": "Coverage"}
SHOWN = ("rmse", "ndcg", "recall", "coverage")


def record_of(recommender: Recommender) -> EvaluationRecord | None:
    """The record kept with the model; None if there is none, or one of another form."""
    if recommender.evaluation is None:
        return None
    # An artifact keeps no durations, so that the same fit gives the same bytes.
    rows = recommender.evaluation.get("models")
    timed = [_NO_TIMES | row for row in rows if isinstance(row, dict)] if isinstance(rows, list | tuple) else []
    try:
        return _RECORD.validate_python({**recommender.evaluation, "models": timed})
    except ValidationError:
        return None


def evaluated(recommender: Recommender) -> Fields | None:
    """Figures of the model and of the baselines, and where the model is weak; None without a record of it."""
    record = record_of(recommender)
    if record is None or recommender.name not in {row.model for row in record.models}:
        return None
    own = record.result(recommender.name)
    names = [name for stem in SHOWN for name in own.metrics if name.partition("@")[0] == stem]
    rows = [own, *(row for row in record.models if row.is_baseline and row.model != own.model)]
    protocol = record.protocol
    return {
        "data": record.data,
        "split": protocol.split,
        "k": protocol.k,
        "n_test": record.counts.n_test,
        "n_users": record.counts.n_users,
        "metrics": [_metric(name) for name in names],
        "rows": [
            {
                "model": row.model,
                "is_baseline": row.is_baseline,
                "is_own": row.model == own.model,
                "figures": [_estimate(row.metrics.get(name)) for name in names],
            }
            for row in rows
        ],
        "slices": [part for part in (_slices(record, own.model, by) for by in _SLICED) if part is not None],
    }


_SLICED = {
    USER_ACTIVITY: "By how much is known of a user",
    ITEM_POPULARITY: "By how often an item was rated",
}


def _metric(name: str) -> Fields:
    metric = metric_of(name)
    stem, at, k = name.partition("@")
    return {
        "name": name,
        "label": f"{LABELS[stem]}{at}{k}",
        "better": metric.better,
        "summary": metric.summary,
    }


def _estimate(found: Any) -> Fields | None:
    return None if found is None else {"value": found.value, "low": found.low, "high": found.high}


def _slices(record: EvaluationRecord, model: str, by: str) -> Fields | None:
    """One headline figure of the model for each part, the weakest part marked."""
    parts = [part for part in record.slices if part.by == by and model in part.figures]
    names = [name for part in parts for name in part.figures[model]]
    chosen = next((name for stem in HEADLINE for name in names if name.partition("@")[0] == stem), None)
    if chosen is None:
        return None
    rows: list[Fields] = [
        {"label": part.label, "n": part.n, "value": part.figures[model][chosen]}
        for part in parts
        if chosen in part.figures[model]
    ]
    worst = (max if metric_of(chosen).better == "lower" else min)(row["value"] for row in rows)
    for row in rows:
        row["is_weakest"] = row["value"] == worst and len(rows) > 1
    return {"title": _SLICED[by], "metric": _metric(chosen), "rows": rows}
