"""Made-up interactions of any size, the same bytes everywhere: power laws, planted tastes, known noise.

Every number comes from integer arithmetic on hashes of row and user numbers, so neither the processor,
nor the version of a library, nor the size of a chunk can change one. Ratings are computed in
thousandths of a star and rounded to steps while they are still integers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from tastemap.data.bit_stable import BELL_SD, bell, draw_ranks, hashes, key_of, shuffled
from tastemap.errors import InvalidValueError
from tastemap.linalg.types import Float32Array, Int32Array, Int64Array, IntArray
from tastemap.rng import Rng, seed_of

CHUNK_ROWS = 1_000_000

MEAN = 3_500
USER_BIAS_SD = 400
ITEM_BIAS_SD = 400
TASTE_SD = 500
"""In thousandths of a star; taste is the product of user and item factors."""

FIRST_TIME = 788_918_400
TIME_SPAN = 756_000_000
"""Users begin between 1995-01-01 and the end of 2018, in seconds since 1970, UTC."""

LONGEST_PAUSE = 600
"""Seconds between two interactions of a user, at most."""

IMPLICIT_CANDIDATES = 4
"""Without ratings the taste shows in what is chosen: the best of this many popular items."""


@dataclass(frozen=True)
class Blueprint:
    """What to make up; see :func:`generate`."""

    n_rows: int
    n_users: int
    n_items: int
    n_factors: int = 8
    noise: float = 0.7
    rating_step: float = 0.5
    implicit: bool = False

    def __post_init__(self) -> None:
        if min(self.n_users, self.n_items, self.n_factors) < 1:
            raise InvalidValueError(f"n_users, n_items and n_factors must be at least 1. Got {self}.")
        fewest, most = max(self.n_users, self.n_items), self.n_users * self.n_items
        if not fewest <= self.n_rows <= most:
            raise InvalidValueError(
                f"n_rows must be from {fewest:,} (each user and item occurs) to {most:,} (pairs are distinct) "
                f"for {self.n_users:,} users and {self.n_items:,} items. Got {self.n_rows:,}."
            )
        if not 0.0 <= self.noise <= 5.0:
            raise InvalidValueError(f"noise must be from 0 to 5 stars. Got {self.noise!r}.")
        if self.rating_step not in (0.5, 1.0):
            raise InvalidValueError(f"rating_step must be 0.5 or 1.0 stars. Got {self.rating_step!r}.")


SHAPES = {
    "ml-100k": Blueprint(100_000, 943, 1_682, rating_step=1.0),
    "ml-1m": Blueprint(1_000_209, 6_040, 3_706, rating_step=1.0),
    "ml-20m": Blueprint(20_000_263, 138_493, 26_744),
    "ml-25m": Blueprint(25_000_095, 162_541, 59_047),
}
"""Rows, users and items of well-known data sets, for made-up data of their size."""


def generate(
    n_rows: int,
    *,
    n_users: int,
    n_items: int,
    n_factors: int = 8,
    noise: float = 0.7,
    rating_step: float = 0.5,
    implicit: bool = False,
    rng: Rng = 0,
) -> pl.DataFrame:
    """Make up interactions with known structure.

    A rating is 3.5 stars + user bias + item bias (standard deviation 0.4 stars each) + taste (0.5) +
    noise, rounded to `rating_step` and clipped to 5 stars. All parts are bell-shaped. Activity of users
    and popularity of items fall with a power of their rank.

    Parameters
    ----------
    n_rows : int
        At least ``max(n_users, n_items)`` (each occurs) and at most ``n_users * n_items``.
    n_users, n_items : int
        Ids are 1 … n; nothing about an id tells its rank.
    n_factors : int
        Dimensions of the planted taste.
    noise : float
        Standard deviation in stars of what no model can predict, rounding apart.
    rating_step : {0.5, 1.0}
        Half or whole stars.
    implicit : bool
        No ratings; a user chooses by taste among popular items.
    rng : int, Generator or None
        The seed.

    Returns
    -------
    DataFrame
        ``user_id`` and ``item_id`` (int32), ``rating`` (float32, unless implicit) and ``timestamp``
        (int64, seconds since 1970): distinct pairs, by user, times of a user rising.

    Raises
    ------
    InvalidValueError
        If an argument is out of range.

    Notes
    -----
    About a second for a million rows; 20 bytes a row. Popularity falls with the second power of the
    rank, activity with the first. One row in ``n_rows / n_items`` visits the items in turn, so that each
    occurs; in small tables that flattens the popularity.
    """
    blueprint = Blueprint(n_rows, n_users, n_items, n_factors, noise, rating_step, implicit)
    return pl.concat(_chunks(blueprint, seed_of(rng), CHUNK_ROWS))


def write_generated(path: Path | str, blueprint: Blueprint, *, rng: Rng = 0) -> None:
    """Write made-up interactions to `path`, CSV or Parquet by its ending.

    Takes some 300 MB of memory whatever the size; the rows are those of :func:`generate`.

    Raises
    ------
    InvalidValueError
        If the ending is another.
    """
    path = Path(path)
    chunks = _chunks(blueprint, seed_of(rng), CHUNK_ROWS)
    if path.suffix == ".csv":
        with path.open("wb") as file:
            for number, chunk in enumerate(chunks):
                chunk.write_csv(file, include_header=number == 0)
    elif path.suffix == ".parquet":
        schema = next(_chunks(Blueprint(1, 1, 1, implicit=blueprint.implicit), 0, 1)).schema
        # Polars calls back with what a query needs of the columns and rows; the sink needs all.
        register_io_source(lambda *_: chunks, schema=schema).sink_parquet(path)
    else:
        raise InvalidValueError(f"path must end in .csv or .parquet. Got {path.name!r}.")


def _chunks(blueprint: Blueprint, seed: int, chunk_rows: int) -> Iterator[pl.DataFrame]:
    """The rows in tables of whole users, of about `chunk_rows` rows unless one user has more."""
    drawer = _Drawer(blueprint, seed)
    starts = drawer.row_starts
    first = 0
    while first < blueprint.n_users:
        last = int(np.searchsorted(starts, starts[first] + chunk_rows, side="right")) - 1
        last = min(max(last, first + 1), blueprint.n_users)
        yield drawer.table(first, last)
        first = last


class _Drawer:
    """The planted structure, and the rows that it gives a range of users."""

    def __init__(self, blueprint: Blueprint, seed: int) -> None:
        self.blueprint, self.seed = blueprint, seed
        n_users, n_items, d = blueprint.n_users, blueprint.n_items, blueprint.n_factors
        activity = _activity(blueprint)[shuffled(self._key("activity"), n_users)]  # (U,)
        self.row_starts: Int64Array = np.concatenate(([0], np.cumsum(activity)))  # (U + 1,)
        self.item_of_rank = shuffled(self._key("popularity"), n_items).astype(np.int32)  # (I,)
        rank = np.arange(n_items, dtype=np.int64)
        self.cumulative_popularity = np.cumsum(2**50 // (rank + n_items // 100 + 1) ** 2)  # (I,)
        self.user_factors = bell(self._key("user factors"), n_users * d).reshape(n_users, d)
        self.item_factors = bell(self._key("item factors"), n_items * d).reshape(n_items, d)

    def _key(self, purpose: str) -> np.uint64:
        return key_of(self.seed, purpose)

    def table(self, first: int, last: int) -> pl.DataFrame:
        """The rows of users `first` to `last`, the latter excluded."""
        lengths = np.diff(self.row_starts[first : last + 1])
        users = np.repeat(np.arange(first, last, dtype=np.int32), lengths)  # (n,)
        items = self.item_of_rank[self._ranks(first, last)]  # (n,)
        columns: dict[str, IntArray | Float32Array] = {"user_id": users + 1, "item_id": items + 1}
        if not self.blueprint.implicit:
            columns["rating"] = self._ratings(users, items)
        columns["timestamp"] = self._times(users, first, last)
        return pl.DataFrame(columns)

    def _ranks(self, first: int, last: int) -> Int32Array:
        found = np.empty(self.row_starts[last] - self.row_starts[first], np.int32)
        draw_ranks(
            self.row_starts[first : last + 1],
            hashes(self._key("choices"), first, last),
            self.blueprint.n_rows // self.blueprint.n_items,
            self.cumulative_popularity,
            self.user_factors[first:last],
            self.item_factors[self.item_of_rank] if self.blueprint.implicit else self.item_factors,
            IMPLICIT_CANDIDATES if self.blueprint.implicit else 1,
            np.full(self.blueprint.n_items, -1, np.int32),
            found,
        )
        return found

    def _ratings(self, users: Int32Array, items: Int32Array) -> Float32Array:
        """Thousandths of a star, all integers, rounded to steps; shape (n,), float32."""
        plan = self.blueprint
        rows = range(int(self.row_starts[users[0]]), int(self.row_starts[users[-1] + 1]))
        user_bias = bell(self._key("user bias"), plan.n_users) * USER_BIAS_SD // BELL_SD  # (U,)
        item_bias = bell(self._key("item bias"), plan.n_items) * ITEM_BIAS_SD // BELL_SD  # (I,)
        noise = bell(self._key("noise"), rows.stop, rows.start) * round(1_000 * plan.noise) // BELL_SD  # (n,)
        product = np.zeros(len(users), np.int64)  # (n,)
        for factor in range(plan.n_factors):
            product += self.user_factors[users, factor] * self.item_factors[items, factor]
        # A product of d factors has the standard deviation sqrt(d) BELL_SD^2; isqrt keeps it an integer.
        taste = product * (TASTE_SD * 1_000) // (BELL_SD**2 * math.isqrt(plan.n_factors * 1_000_000))
        step = round(1_000 * plan.rating_step)
        exact = MEAN + user_bias[users] + item_bias[items] + taste + noise
        steps = np.clip((exact + step // 2) // step, 1, 5_000 // step)
        ratings: Float32Array = (steps * plan.rating_step).astype(np.float32)
        return ratings

    def _times(self, users: Int32Array, first: int, last: int) -> Int64Array:
        rows = range(int(self.row_starts[first]), int(self.row_starts[last]))
        begin = hashes(self._key("first time"), first, last) % np.uint64(TIME_SPAN)  # (users,)
        pauses = hashes(self._key("pauses"), rows.start, rows.stop) % np.uint64(LONGEST_PAUSE + 1)  # (n,)
        passed = np.cumsum(pauses.astype(np.int64))  # (n,), over all users of the chunk
        before = passed[self.row_starts[first:last] - rows.start]  # (users,), at each user's first row
        return FIRST_TIME + begin.astype(np.int64)[users - first] + passed - before[users - first]


def _activity(blueprint: Blueprint) -> Int64Array:
    """Rows of each user by rank, shape (U,): about 1 / (rank + U / 500 + 25), 1 … I, summing to the rows."""
    ranks = np.arange(blueprint.n_users, dtype=np.int64)
    flat = blueprint.n_users // 500 + 25
    weights = 2**30 * flat // (ranks + flat)  # (U,), the largest is 2^30

    def lengths(scale: int) -> Int64Array:
        clipped: Int64Array = np.clip(scale * weights >> 30, 1, blueprint.n_items)
        return clipped

    low, high = 0, int(blueprint.n_items * 2**30 // weights[-1] + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if lengths(middle).sum() <= blueprint.n_rows else (low, middle)
    found = lengths(low)
    # One more step of the scale gives no user more than one row and too many in all, so this suffices.
    with_room = np.flatnonzero(found < blueprint.n_items)
    found[with_room[: blueprint.n_rows - int(found.sum())]] += 1
    return found
