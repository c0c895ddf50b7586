"""A fit on a cluster refuses what a local fit refuses; no cluster is needed for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tastemap.engines.checks import count_learned
from tastemap.errors import DataError, InvalidValueError
from tastemap.models.als import ALSConfig
from tastemap.models.ials import IALSConfig
from tastemap.training import fit
from tests.toys import hand_dataset


def test_pairs_below_positive_min_do_not_count() -> None:
    data = hand_dataset().interactions
    assert count_learned(data, ALSConfig()) == len(data)
    assert count_learned(data, IALSConfig(positive_min=2.5)) == int((data.values >= 2.5).sum()) < len(data)


def test_a_positive_min_above_all_ratings_is_refused_as_here() -> None:
    data = hand_dataset()
    with pytest.raises(InvalidValueError) as here:
        fit(data, "ials", positive_min=99.0)
    with pytest.raises(InvalidValueError) as there:
        count_learned(data.interactions, IALSConfig(positive_min=99.0))
    assert str(there.value) == str(here.value)


def test_recency_without_times_is_refused_as_here() -> None:
    data = hand_dataset()
    data = replace(data, interactions=replace(data.interactions, timestamps=None))
    with pytest.raises(DataError) as here:
        fit(data, "ials", settings={"recency": 1.0, "validation_fraction": 0.0})
    with pytest.raises(DataError) as there:
        count_learned(data.interactions, IALSConfig(recency=1.0))
    assert str(there.value) == str(here.value)
