"""Whether two fits have seen the same rows."""

from __future__ import annotations

import numpy as np

from tastemap.data import Interactions

ARRAYS = ("user_index", "item_index", "values", "timestamps")


def same(ours: Interactions, theirs: Interactions) -> bool:
    """Whether ids, indices, values, times and the scale of ratings are equal."""
    return (
        ours.users == theirs.users
        and ours.items == theirs.items
        and ours.rating_scale == theirs.rating_scale
        and all(np.array_equal(getattr(ours, name), getattr(theirs, name)) for name in ARRAYS)
    )
