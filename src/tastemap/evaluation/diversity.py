"""What diversity costs: how well lists still do, and how alike their items still are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from tastemap.errors import DataError, InvalidValueError
from tastemap.evaluation.summary import paired_interval, ratios_of, without_noise
from tastemap.inference.ranking import Ranking, rank
from tastemap.inference.rules import Rules, check_k
from tastemap.linalg.csr import CSR
from tastemap.linalg.threads import single_threaded_blas
from tastemap.linalg.types import Float64Array, Int32Array, Int64Array
from tastemap.metrics.bootstrap import bootstrap
from tastemap.metrics.ranking import ndcg
from tastemap.models.base import Model
from tastemap.models.config import positive_min_of
from tastemap.models.recommender import Recommender, check_recommender
from tastemap.rng import Rng, seed_of, stream

STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)
N_DRAWS = 1_000


def price_of_diversity(
    recommender: Recommender,
    steps: Sequence[float] = STEPS,
    *,
    n_users: int = 1_000,
    k: int = 10,
    rng: Rng = 0,
) -> pl.DataFrame:
    """Lists of some users at several diversities, each looked through for an interaction of theirs left out.

    *Stability: experimental.*

    Of each user the last training interaction (by time; drawn where there are no times) is left out of the
    history, which is then folded in and ranked.

    Parameters
    ----------
    recommender : Recommender
    steps : sequence of float
        Diversities, 0 to 1.
    n_users : int
        Users drawn, >= 1; all where there are fewer with two interactions that count.
    k : int
        List length, >= 1.
    rng : int, Generator or None
        Draws the users.

    Returns
    -------
    DataFrame, one row a step
        ``diversity``; ``ndcg``, the mean NDCG@k with the item left out as the only relevant one;
        ``ndcg_change`` from the first step, with ``low`` and ``high``, the ends of its 95 % interval over
        users (a paired bootstrap), null of fewer than 6 users; ``similarity_within_list``, the mean cosine of
        two items of a list, null where no list has two; and ``n_users``.

    Raises
    ------
    InvalidValueError
        If a step is out of range, `n_users` or `k` is below 1, or the model has no item vectors.
    DataError
        If no user has two interactions that count.

    Notes
    -----
    The vectors of the items have seen what is left out, so that figures are a little higher than those of an
    evaluation; they may be compared with each other. Cost: a fold-in, and for each step a list with its pool
    (:func:`tastemap.inference.ranking.rank`), for each user.
    """
    check_recommender(recommender)
    check_k(k)
    if isinstance(n_users, bool) or not isinstance(n_users, int | np.integer) or n_users < 1:
        raise InvalidValueError(f"n_users must be an integer >= 1. Got {n_users!r}; take 1000.")
    prepared = [Rules(diversity=step).prepare(recommender) for step in steps]
    recommender.model.similarities(np.zeros(0, np.int32))  # raises where items have no vectors, at 0 too
    histories, left_out = _left_out(recommender, int(n_users), stream(seed_of(rng), "price of diversity"))
    states = recommender.model.fold_in(histories)
    gains, alike = [], []
    for rules in prepared:
        found = rank(recommender, states, histories, k, rules)
        gains.append(ndcg(found.item_index == left_out[:, None], np.ones(len(left_out), np.int64), k))
        alike.append(_similarity_within(recommender.model, found))
    ends = _ends(gains, stream(seed_of(rng), "bootstrap"))
    rows = [
        (float(step), float(gain.mean()), without_noise(float((gain - gains[0]).mean())), *end, like, len(gain))
        for step, gain, end, like in zip(steps, gains, ends, alike, strict=True)
    ]
    figures = ("diversity", "ndcg", "ndcg_change", "low", "high", "similarity_within_list")
    schema = {**dict.fromkeys(figures, pl.Float64), "n_users": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _ends(gains: Sequence[Float64Array], rng: np.random.Generator) -> list[tuple[float | None, float | None]]:
    """The ends of the 95 % interval of each step's change from the first, all drawn with the same users.

    `gains` are the NDCG of the B users at each step, shape (B,).
    """
    n_users, once = len(gains[0]), np.ones(len(gains[0]))
    sums = {("step", str(place)): [(gain, once)] for place, gain in enumerate(gains)}
    ratios = list(ratios_of(sums, [np.arange(n_users)], n_users).values())
    with single_threaded_blas():
        draws = bootstrap(ratios, n_draws=N_DRAWS, rng=rng)  # (R, n_steps)
    return [
        paired_interval(draws[:, place] - draws[:, 0], ratio, ratios[0]) for place, ratio in enumerate(ratios)
    ]


def _left_out(recommender: Recommender, n_users: int, rng: np.random.Generator) -> tuple[CSR, Int32Array]:
    """Histories of drawn users without one entry, (B, I), and the item of that entry, (B,)."""
    counting = recommender.train.interactions.by_user.at_least(positive_min_of(recommender.resolved))
    able = np.flatnonzero(counting.row_lengths >= 2)
    if not len(able):
        raise DataError(
            "The price of diversity needs users with two interactions that the model learns from. Got none; "
            "fit to more data."
        )
    users = np.sort(rng.choice(able, min(n_users, len(able)), replace=False))
    histories = counting.take(users)
    gone = _last(histories, rng)
    kept = np.ones(len(histories.indices), np.bool_)
    kept[gone] = False
    shorter = CSR(
        histories.indptr - np.arange(len(users) + 1),
        histories.indices[kept],
        histories.values[kept],
        histories.n_columns,
        None if histories.times is None else histories.times[kept],
    )
    return shorter, histories.indices[gone]


def _last(histories: CSR, rng: np.random.Generator) -> Int64Array:
    """The entry of each row that came last, shape (B,); a drawn one where nobody knows."""
    starts, lengths = histories.indptr[:-1], histories.row_lengths
    if histories.times is None:
        return starts + rng.integers(0, lengths)
    bounds = zip(starts.tolist(), lengths.tolist(), strict=True)
    last = [start + int(histories.times[start : start + length].argmax()) for start, length in bounds]
    return np.array(last, np.int64)


def _similarity_within(model: Model, found: Ranking) -> float | None:
    """The mean cosine of two items of a list, over the lists with at least two."""
    means = []
    for items in found.item_index:
        there = items[items >= 0]
        n = len(there)
        if n >= 2:
            cosines = model.similarities(there)
            means.append((cosines.sum() - np.trace(cosines)) / (n * (n - 1)))
    return float(np.mean(means)) if means else None
