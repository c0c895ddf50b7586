r"""Factors of items by MLlib, then exact half steps of our own loss, spread over the executors.

MLlib's ALS scales λ by the number of ratings of a row, has no biases, and its loss of implicit feedback gives
a seen pair the weight 1 + αr and the target 1. So it is given what maps, and its item factors are a start:

- ``als``: residuals of the shrunk means μ + b_u + b_i (:mod:`tastemap.models.bias`), with
  :math:`\lambda' = \lambda \sum_r n_r^p / \sum_r n_r` over all rows r, users and items: the same total penalty.
- ``ials``: α = 1/α0 and confidences c as ratings, which gives unseen pairs the weight 1 and seen pairs c/α0
  besides, as our loss divided by α0 does, but for the target: MLlib's normal equations have 1 + c/α0 where
  ours have c/α0. Targets of size t = (1 + c/α0)/(c/α0) call for λ' = tλ/α0 and make factors :math:`\sqrt t`
  too long, which is undone.

From there :data:`EXACT` exact alternations of our own loss follow, with biases, n^p and α0 as they are; the
last half step solves the users. So users are the ridge solves that fold-in and reasons rest on, to the last
bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tastemap.engines.half_steps import (
    ITEMS_SCHEMA,
    USERS_SCHEMA,
    SolveItems,
    SolveUsers,
    SumMoments,
    Weigh,
    matrix,
)
from tastemap.engines.spark.encode import Encoded
from tastemap.linalg.types import Float32Array, Float64Array
from tastemap.models.als import ALSConfig
from tastemap.models.base import Link
from tastemap.models.bias import SWEEPS, BiasConfig
from tastemap.models.factor import FactorModel
from tastemap.models.ials import IALSConfig
from tastemap.models.user_loss import UserLoss
from tastemap.models.user_problem import Rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

EXACT = 3
"""Exact alternations after MLlib's: what its loss leaves different is gone to the third digit of a metric."""
CHECKPOINT_EVERY = 5
"""Iterations of MLlib after which a lost executor costs nothing before."""
Tell = Callable[[str, dict[str, float]], None]


@dataclass(frozen=True, eq=False)
class Solved:
    """Items on the driver, users on the executors (:data:`USERS_SCHEMA`), and the loss after each
    alternation.
    """

    items: Rows
    users: DataFrame
    mean: float
    losses: list[float]


@dataclass(frozen=True, eq=False)
class Weighted:
    """The pairs that a model learns from, with their confidences (:class:`Weigh`), and how many."""

    pairs: DataFrame
    n: int


def start_of_als(
    data: Encoded, weighted: Weighted, config: ALSConfig, n_iterations: int, seed: int
) -> tuple[Rows, float]:
    """Item factors of MLlib on the residuals of the shrunk means, their biases, and μ."""
    from pyspark.sql import functions as F

    first = data.pairs.agg(F.avg(F.col("value").cast("double"))).first()
    assert first is not None, "an aggregate has one row"
    mean = float(first[0])
    shrink = BiasConfig()
    rest = data.pairs.withColumns({"user_bias": F.lit(0.0), "item_bias": F.lit(0.0)})
    for _ in range(SWEEPS):
        rest = _with_means(rest, "item", "user_bias", mean, shrink.item_regularization)
        rest = _with_means(rest, "user", "item_bias", mean, shrink.user_regularization)
    left = F.col("value") - F.lit(mean) - F.col("user_bias") - F.col("item_bias")
    rest = rest.select("user", "item", left.cast("float").alias("rating"), "item_bias").persist()
    strength = config.regularization * _share(data, weighted, config.frequency_power, 0.0)
    start = _mllib(rest, data, config.n_factors, n_iterations, strength, seed, alpha=None)
    bias = np.zeros(data.n_items, np.float32)
    found = rest.groupBy("item").agg(F.first("item_bias").alias("bias")).toArrow()
    bias[found["item"].to_numpy()] = found["bias"].to_numpy()
    rest.unpersist()
    return Rows(start, bias), mean


def start_of_ials(data: Encoded, weighted: Weighted, config: IALSConfig, n_iterations: int, seed: int) -> Rows:
    """Item factors of MLlib's implicit feedback, at the length that our loss gives them."""
    from pyspark.sql import functions as F

    first = weighted.pairs.agg(F.avg("weight")).first()
    assert first is not None, "an aggregate has one row"
    alpha0 = config.unobserved_weight
    stretch = 1.0 + alpha0 / float(first[0])
    strength = stretch * config.regularization / alpha0 * _share(data, weighted, config.frequency_power, alpha0)
    rows = weighted.pairs.select("user", "item", F.col("weight").alias("rating"))
    start = _mllib(rows, data, config.n_factors, n_iterations, strength, seed, alpha=1.0 / alpha0)
    return Rows(start / np.float32(np.sqrt(stretch)), np.zeros(data.n_items, np.float32))


def weigh(data: Encoded, loss: UserLoss, n_learned: int) -> Weighted:
    """The pairs that count, so many, with their confidences, persisted."""
    work = Weigh(loss, data.n_items)
    return Weighted(data.pairs.mapInArrow(work, work.schema).persist(), n_learned)


def alternate(
    data: Encoded, weighted: Weighted, loss: UserLoss, start: Rows, mean: float, tell: Tell
) -> Solved:
    """Users from items, then :data:`EXACT` times items from users and users from items."""
    losses: list[float] = []
    items, fixed = start, 0.0
    users, total, found = _users(data, loss, items, mean)
    for number in range(1, EXACT + 1):
        solve = SolveItems(loss, mean, data.n_users, items.factors.shape[1], found)
        items, fixed = _items(data, weighted, users, solve)
        users.unpersist()
        users, total, found = _users(data, loss, items, mean)
        losses.append((total + fixed) / weighted.n)
        tell(f"exact alternation {number} of {EXACT}", {"loss": losses[-1]})
    return Solved(items, users, mean, losses)


def _users(
    data: Encoded, loss: UserLoss, items: Rows, mean: float
) -> tuple[DataFrame, float, Float64Array | None]:
    """Solve all users; their losses together, and their moments where unseen pairs count."""
    d = items.factors.shape[1]
    nobody = np.zeros((0, d), np.float32)
    model = FactorModel(nobody, items.factors, np.zeros(0, np.float32), items.bias, mean, Link(), loss)
    # A function of Python is pickled anew for each task; a large one is broadcast by Spark itself.
    users = data.pairs.mapInArrow(SolveUsers(model, loss), USERS_SCHEMA).persist()
    work = SumMoments(d)
    parts = users.mapInArrow(work, work.schema).collect()
    found = sum(
        (np.frombuffer(part["moments"]).reshape(d + 2, d + 2) for part in parts), np.zeros((d + 2, d + 2))
    )
    return users, float(sum(part["loss"] for part in parts)), found if loss.unobserved_weight else None


def _items(data: Encoded, weighted: Weighted, users: DataFrame, solve: SolveItems) -> tuple[Rows, float]:
    """Solve all items; what their penalties add to the loss."""
    joined = weighted.pairs.join(users.drop("loss"), "user").select(
        "item", "value", "weight", "factors", "bias"
    )
    n_tasks = data.pairs.rdd.getNumPartitions()
    found = (
        joined.repartition(n_tasks, "item")
        .sortWithinPartitions("item")
        .mapInArrow(solve, ITEMS_SCHEMA)
        .toArrow()
    )
    factors, bias = (np.repeat(part, data.n_items, axis=0) for part in solve.of_nobody())
    place = found["item"].to_numpy()
    factors[place], bias[place] = matrix(found, solve.n_factors), found["bias"].to_numpy()
    return Rows(factors, bias), float(found["loss"].to_numpy().sum())


def _with_means(rest: DataFrame, side: str, other: str, mean: float, regularization: float) -> DataFrame:
    """The rows with the shrunk mean of each row of a side, of what the other side leaves."""
    from pyspark.sql import functions as F

    left = F.sum(F.col("value").cast("double") - F.lit(mean) - F.col(other))
    means = rest.groupBy(side).agg((left / (F.count("*") + F.lit(regularization))).alias("found"))
    return rest.drop(f"{side}_bias").join(means, side).withColumnRenamed("found", f"{side}_bias")


def _share(data: Encoded, weighted: Weighted, power: float, alpha0: float) -> float:
    """Σ (n + α0 N)^p / Σ n over the rows of both sides, N the length of the other one."""
    from pyspark.sql import functions as F

    total = 0.0
    for side, n_others in (("user", data.n_items), ("item", data.n_users)):
        work = F.pow(F.count("*") + F.lit(alpha0 * n_others), F.lit(power))
        first = weighted.pairs.groupBy(side).agg(work.alias("work")).agg(F.sum("work")).first()
        assert first is not None, "an aggregate has one row"
        total += float(first[0])
    return total / (2.0 * weighted.n)


def _mllib(
    rows: DataFrame,
    data: Encoded,
    n_factors: int,
    n_iterations: int,
    strength: float,
    seed: int,
    alpha: float | None,
) -> Float32Array:
    """Item factors (I, d), float32, of MLlib's ALS on ``user, item, rating``; zeros where there is no
    rating.
    """
    from pyspark.ml.recommendation import ALS

    n_blocks = data.pairs.rdd.getNumPartitions()
    als = ALS(
        rank=n_factors,
        maxIter=n_iterations,
        regParam=strength,
        numUserBlocks=n_blocks,
        numItemBlocks=n_blocks,
        implicitPrefs=alpha is not None,
        alpha=1.0 if alpha is None else alpha,
        userCol="user",
        itemCol="item",
        ratingCol="rating",
        checkpointInterval=CHECKPOINT_EVERY,
        seed=seed,
    )
    found = als.fit(rows).itemFactors.toArrow()
    factors = np.zeros((data.n_items, n_factors), np.float32)
    cells = found["features"].combine_chunks().flatten().to_numpy()
    factors[found["id"].to_numpy()] = cells.reshape(-1, n_factors)
    return factors
