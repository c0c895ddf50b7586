"""The record as a table: one row a model."""

from __future__ import annotations

import polars as pl

from tastemap.evaluation.names import METRICS, metric_of
from tastemap.evaluation.records import EvaluationRecord


def table(record: EvaluationRecord) -> pl.DataFrame:
    """One row a model, in the order of the record.

    Returns
    -------
    DataFrame
        Columns ``model``, ``objective``, ``is_baseline``; for every metric that any model has an answer
        for, in the order of the record, its name, ``<name>_low`` and ``<name>_high`` (Float64, null where
        this model has none); then ``fit_s`` and ``predict_s``.
    """
    names = metric_names(record)
    rows = []
    for result in record.models:
        row: dict[str, object] = {
            "model": result.model,
            "objective": result.objective,
            "is_baseline": result.is_baseline,
        }
        for name in names:
            estimate = result.metrics.get(name)
            row[name] = estimate.value if estimate else None
            row[f"{name}_low"] = estimate.low if estimate else None
            row[f"{name}_high"] = estimate.high if estimate else None
        rows.append(row | {"fit_s": result.fit_s, "predict_s": result.predict_s})
    schema: dict[str, type[pl.DataType]] = {"model": pl.String, "objective": pl.String}
    schema["is_baseline"] = pl.Boolean
    figures = [column for name in names for column in (name, f"{name}_low", f"{name}_high")]
    schema |= dict.fromkeys([*figures, "fit_s", "predict_s"], pl.Float64)
    return pl.DataFrame(rows, schema=schema)


def metric_names(record: EvaluationRecord) -> list[str]:
    """The metrics that any model has an answer for, in the order of tables."""
    found = {name for result in record.models for name in result.metrics}
    return sorted(found, key=lambda name: list(METRICS).index(metric_of(name).stem))
