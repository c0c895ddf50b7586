"""A recommender whose figures can be worked by hand: every user's score of item 1 … 5 is 5 … 1 stars.

Fitted users and their items are those of the 6 x 5 matrix:

- u1 has 1, 2, 3;  u2 has 1, 2;  u3 has 3, 4;  u4 has 1, 3, 4;  u5 has 1, 5;  u6 has 2.

The test rows, with 4 stars or more relevant, and lists of 2:

====  ===========================  ======  =======================================
user  test rows (item: stars)      list    hits
====  ===========================  ======  =======================================
u1    4: 2, 5: 4                   4, 5    place 2; one relevant
u2    3: 5, 4: 4                   3, 4    places 1 and 2; two relevant
u3    1: 2                         -       left out: nothing relevant
u5    2: 4, 77: 5                  2, 3    place 1; two relevant, item 77 is unknown
u9    1: 5                         1, 2    place 1; one relevant, the user is unknown
====  ===========================  ======  =======================================
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from tastemap.data import Dataset, RatingScale, make_interactions
from tastemap.models.base import Link
from tastemap.models.factor import FactorModel
from tastemap.models.recommender import Recommender
from tastemap.training import make_config
from tests.toys import STARS, as_dataset, hand_dataset

TEST_ROWS = [
    ("u1", 4, 2.0), ("u1", 5, 4.0),
    ("u2", 3, 5.0), ("u2", 4, 4.0),
    ("u3", 1, 2.0),
    ("u5", 2, 4.0), ("u5", 77, 5.0),
    ("u9", 1, 5.0),
]  # fmt: skip


def dataset(
    rows: list[tuple[str, int, float]], *, scale: RatingScale | None = STARS, name: str = "by hand"
) -> Dataset:
    """A data set of (user, item, value) rows."""
    users, items, values = zip(*rows, strict=True)
    made, _ = make_interactions(list(users), list(items), np.array(values, np.float32), rating_scale=scale)
    return as_dataset(made, name=name)


def recommender(item_stars: tuple[float, ...] = (5.0, 4.0, 3.0, 2.0, 1.0)) -> Recommender:
    """A rating model of item biases alone, on the 6 x 5 matrix."""
    train = hand_dataset()
    n_users = train.interactions.n_users
    model = FactorModel(
        user_factors=np.zeros((n_users, 0), np.float32),
        item_factors=np.zeros((len(item_stars), 0), np.float32),
        user_bias=np.zeros(n_users, np.float32),
        item_bias=np.array(item_stars, np.float32),
        global_bias=0.0,
        link=Link("clip", 1.0, 5.0),
        user_side=None,
    )
    config = make_config("als")
    return Recommender(model, "als", "rating", config, config, 0, train, pl.DataFrame())


def ranking_only(base: Recommender) -> Recommender:
    """The same lists from a model without predicted ratings."""
    return replace(base, name="ials", objective="ranking")
