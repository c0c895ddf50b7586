"""The worked examples in the docstrings of the metrics are run."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from tastemap.metrics import beyond, bootstrap, ranking, rating


@pytest.mark.parametrize("module", [rating, ranking, beyond, bootstrap], ids=lambda module: module.__name__)
def test_worked_examples_hold(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
