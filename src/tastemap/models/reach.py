"""How high an item can score at most, by the length of its factors: x·y <= ‖x‖ ‖y‖.

Items in falling order of length, as in LEMP (Teflioudi, Gemulla and Mykytiuk, SIGMOD 2015): a user whose
list is already better than ‖x‖ times the length of the next item is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tastemap.linalg.types import Float32Array, Float64Array, Int32Array, IntArray

if TYPE_CHECKING:
    from tastemap.models.factor import FactorUsers

FEWEST_ITEMS = 4096
"""With fewer items all are scored sooner than it is found out which need not be."""

LONG_ITEMS = 100
"""Items that stand for those that lead lists."""

SHORTER = 4.0
"""The order pays where the item in the middle is so many times shorter than a long one.

Factors drawn at random differ little in length, and no list would end early. Fitted factors of rare items are
short.
"""


@dataclass(frozen=True, eq=False)
class ItemReach:
    """Items (I,) in falling order of the lengths of their factors, and these lengths, float64."""

    items: Int32Array
    lengths: Float64Array


def item_reach(lengths: Float64Array) -> ItemReach | None:
    """The order of items whose factors have these `lengths` (I,); None where lists would hardly end earlier."""
    if len(lengths) < FEWEST_ITEMS:
        return None
    order = np.argsort(-lengths, kind="stable").astype(np.int32)
    falling = lengths[order]
    pays = falling[len(falling) // 2] * SHORTER < falling[LONG_ITEMS]
    return ItemReach(order, falling) if pays else None


@dataclass(frozen=True, eq=False)
class FactorsByReach:
    """Users of a model without item biases, their `lengths` (B,), and its items in the order of `reach`."""

    users: FactorUsers
    lengths: Float64Array
    reach: ItemReach

    def __len__(self) -> int:
        return len(self.users)

    @property
    def items(self) -> Int32Array:
        """All items, the longest first."""
        return self.reach.items

    @property
    def items_at_once(self) -> int:
        """As many as of the users before other items."""
        return self.users.items_at_once

    def take(self, rows: IntArray) -> FactorsByReach:
        """The given rows."""
        return FactorsByReach(self.users.take(rows), self.lengths[rows], self.reach)

    def score_range(self, start: int, stop: int) -> Float32Array:
        """Scores by a product with a copy of the factors of these items."""
        return self.users.score_items(self.items[start:stop])

    def ceiling(self, start: int) -> Float64Array:
        """μ + b_u + ‖x‖ ‖y‖ of the longest item left."""
        users = self.users
        base = users.model.global_bias + users.bias.astype(np.float64)
        furthest = self.lengths * self.reach.lengths[start]
        # A float32 sum of d products is off by d 2⁻²⁴ of their sizes at most; biases round a few times more.
        rounding = (users.factors.shape[1] + 8) * 2.0**-23
        ceiling: Float64Array = base + furthest + rounding * (np.abs(base) + furthest)
        return ceiling
