r"""Item neighbors: what goes with an item is what the same people have.

.. math:: W_{ji} = \frac{c_{ji}}{\sqrt{n_j n_i} + h} \text{ for the n greatest of row j, else } 0

with :math:`c_{ji}` the users who have both items, :math:`n_i` those who have item i, and the shrinkage h, which
lowers the cosine of items that few people have. Sources: Deshpande, Karypis, "Item-based top-N recommendation
algorithms", ACM TOIS 22(1), 2004 (cosine between columns, the neighbors of each item that was had, sums
over a history); Bell, Koren, "Scalable collaborative filtering with jointly derived neighborhood interpolation
weights", ICDM 2007 (shrinking a similarity by its support); in this form Ferrari Dacrema, Cremonesi, Jannach,
"Are we really making much progress?", RecSys 2019.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from tastemap.data import Dataset, Interactions
from tastemap.errors import InvalidValueError
from tastemap.linalg.neighbors import nearest_columns
from tastemap.models.config import RankingConfig
from tastemap.models.item_weights import ItemWeights
from tastemap.models.sparse_weights import SparseWeights

LARGEST_WEIGHTS_BYTES = 8 * 2**30
"""Above this the weights, 8 bytes each, are refused."""


class ItemKNNConfig(RankingConfig):
    """Settings of ``itemknn``."""

    n_neighbors: int = Field(default=200, ge=1, description="items that having an item speaks for, at most")
    shrinkage: float = Field(
        default=2.0, ge=0.0, description="h, in users: lowers the cosine of items that few people have"
    )


def fit(train: Dataset, config: ItemKNNConfig, *, rng: np.random.Generator) -> ItemWeights:
    """Find the neighbors of every item. `rng` is not used: there is nothing to draw.

    Raises
    ------
    InvalidValueError
        If the weights could need more than 8 GB.

    Notes
    -----
    Cost O(sum of n_u^2) for users of n_u items; memory 16 bytes for each neighbor of each item at the peak, 8
    once fitted, and two integers for each item and thread. Nothing of I x I items is made.
    """
    data = train.interactions
    refusal = too_many_weights(data.n_items, pairs_of(data), config.n_neighbors)
    if refusal is not None:
        raise InvalidValueError(refusal)
    rows = nearest_columns(data.by_user, data.by_item, shrinkage=config.shrinkage, k=config.n_neighbors)
    return ItemWeights(SparseWeights(rows), data.by_user, config.positive_min)


def pairs_of(data: Interactions) -> int:
    """Ordered pairs of items that a user has both of, summed over the users."""
    lengths = data.by_user.row_lengths
    return int((lengths * (lengths - 1)).sum())


def most_weights(n_items: int, n_pairs: int, n_neighbors: int) -> int:
    """No more than this: every neighbor of every item, or every two items of every user."""
    return min(n_items * min(n_neighbors, n_items - 1), n_pairs)


def too_many_weights(n_items: int, n_pairs: int, n_neighbors: int) -> str | None:
    """The sentence with which so many weights are refused; None if they are not."""
    n_bytes = 8 * most_weights(n_items, n_pairs, n_neighbors)
    if n_bytes <= LARGEST_WEIGHTS_BYTES:
        return None
    return (
        f"itemknn could need {n_bytes / 2**30:,.0f} GB for up to {n_neighbors:,} neighbors of each "
        f"of {n_items:,} items, where 8 GB are allowed; lower n_neighbors."
    )
