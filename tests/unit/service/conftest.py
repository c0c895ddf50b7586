"""The guarded application, closed after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.unit.service.guarded import Guarded, guarded

Guard = Callable[..., Guarded]


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Guard]:
    """``guard(max_in_flight=1)``: the application with settings."""
    with ExitStack() as ending:

        def made(**settings: Any) -> Guarded:
            found = guarded(tmp_path, **settings)
            ending.callback(found.close)
            return found

        yield made
