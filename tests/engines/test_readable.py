"""How times are written is told from a sample; no cluster is needed for it."""

from __future__ import annotations

import polars as pl
import pytest

from tastemap.engines.spark.readable import form_of
from tastemap.errors import DataError


def test_a_column_without_a_time_is_left_aside_unless_it_was_named() -> None:
    garbage = pl.Series("time", ["soon", "later"])
    form, notes = form_of(garbage, "date", 2, has_given_time=False)
    assert form is None
    assert "none of its values is a time" in notes[0]
    with pytest.raises(DataError, match=r"'date' must be a time.* Got 'soon', 'later' in 2 rows"):
        form_of(garbage, "date", 2, has_given_time=True)


def test_an_empty_column_is_left_aside_though_it_was_named() -> None:
    form, notes = form_of(pl.Series("time", [], dtype=pl.String), "date", 0, has_given_time=True)
    assert form is None
    assert "it is empty" in notes[0]


def test_the_form_of_most_values_is_that_of_all() -> None:
    form, notes = form_of(
        pl.Series("time", ["soon", "2026-01-02", "2026-01-03"]), "date", 3, has_given_time=True
    )
    assert form is not None
    assert form.kind == "iso"
    assert "ISO 8601" in notes[0]
