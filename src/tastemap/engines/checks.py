"""What a fit asks of the data beyond what a table must be: what a local fit asks."""

from __future__ import annotations

from tastemap.data.interactions import Interactions
from tastemap.models.als import ALSConfig
from tastemap.models.config import positive_min_of
from tastemap.models.ials import IALSConfig, ensure_times
from tastemap.training.fit import learned_rows


def count_learned(data: Interactions, config: ALSConfig | IALSConfig) -> int:
    """How many pairs a model learns from.

    Raises
    ------
    InvalidValueError, DataError
        As a local fit does: if `positive_min` leaves fewer than two users or items, if there are fewer at
        all, or if `recency` is asked for without times.
    """
    if isinstance(config, IALSConfig):
        ensure_times(data, config)
    return len(learned_rows(data, positive_min_of(config)))
