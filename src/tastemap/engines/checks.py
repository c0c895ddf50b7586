"""What a fit asks of the data beyond what a table must be, as a local fit asks it."""

from __future__ import annotations

import numpy as np

from tastemap.data.interactions import Interactions
from tastemap.errors import DataError, InvalidValueError
from tastemap.models.als import ALSConfig
from tastemap.models.config import positive_min_of
from tastemap.models.ials import IALSConfig


def count_learned(data: Interactions, config: ALSConfig | IALSConfig) -> int:
    """How many pairs a model learns from.

    Raises
    ------
    InvalidValueError
        If `positive_min` leaves fewer than two users or items.
    DataError
        If `recency` is asked for without times.
    """
    if isinstance(config, IALSConfig) and config.recency and data.timestamps is None:
        raise DataError(
            "recency needs interactions with times, to tell which of a user's are the latest. Got none; name "
            "their column with --time-col, or leave recency at 0."
        )
    counts = data.by_user.reaches(positive_min_of(config))
    n_users, n_items = (len(np.unique(side[counts])) for side in (data.user_index, data.item_index))
    if n_users < 2 or n_items < 2:
        raise InvalidValueError(
            f"Fitting needs at least two users and two items. Got {n_users} and {n_items}; lower positive_min."
        )
    return int(np.count_nonzero(counts))
