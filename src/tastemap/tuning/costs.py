"""What fitting each model costs in memory and work, from the size of the data and its settings.

The formulas stand side by side, since they count all that runs (the fit, the validation, the saved arrays), in
units that :mod:`tastemap.tuning.machine` turns into seconds. :data:`COSTS` has one for every registered model:
a test holds that. Symbols: ``n`` rows, ``U`` users, ``I`` items, ``d`` factors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

from tastemap.linalg.operations import directions, exact_solves, gradient_steps
from tastemap.models.als import ALSConfig
from tastemap.models.bias import BiasConfig
from tastemap.models.dot import DotConfig
from tastemap.models.ease import EASEConfig, is_by_users, too_many_items
from tastemap.models.gibbs import GibbsConfig
from tastemap.models.gibbs_mean import COLUMNS_PER_FACTOR, KEPT_DRAWS, SPARE_PER_FACTOR
from tastemap.models.half_step import ENTRIES_AT_A_TIME
from tastemap.models.history_regression import STEPS as HISTORY_STEPS
from tastemap.models.ials import IALSConfig
from tastemap.models.itemknn import ItemKNNConfig, most_weights, too_many_weights
from tastemap.models.mlp import MLPConfig, embedding_size
from tastemap.models.popularity import PopularityConfig
from tastemap.models.side_features import SPARE_DIRECTIONS
from tastemap.models.softmax import SoftmaxConfig
from tastemap.tuning.cost import Cost, Size
from tastemap.tuning.machine import Work

FLOAT, DOUBLE = 4, 8
"""Bytes of a float32 and of a float64."""

ALS_TURNS, IALS_TURNS = 7, 5
"""Alternations after which they usually are at their best: 5 to 10 and 2 to 5 where it was measured."""

MLP_ROW_BYTES = 220
"""Measured, not derived: what steps and exports of mlp leave in the allocator for each row."""

DRAW_ELEMENTS = 350
"""What a number of a draw costs beside the solves: random numbers, conversions, the sum of products."""
DIRECTION_ENTRIES = 1.6
"""What finding directions of the histories of both sides reads, for each row of data and each direction."""
SHOWN_ELEMENTS = 32
"""Passes of softmax over a batch of dense histories: what is drawn, hidden, normalized, and the gradients."""


def _factors(size: Size, n_factors: int) -> int:
    """Bytes of the factors and biases of both sides."""
    return FLOAT * size.n_entities * (n_factors + 1)


def _bias(size: Size, config: BiasConfig) -> Cost:
    model = _factors(size, 0)
    return Cost(model, model + 5 * DOUBLE * size.n_rows, once=Work(entries=10 * size.n_rows))


def _popularity(size: Size, config: PopularityConfig) -> Cost:
    model = _factors(size, 0)
    return Cost(model, model + 2 * DOUBLE * size.n_rows, once=Work(entries=size.n_rows))


def _alternating(size: Size, n_factors: int, d: int, turns: int) -> Cost:
    """A ridge problem of `d` unknowns for every user and every item."""
    model = _factors(size, n_factors)
    solved = exact_solves(2 * size.n_rows, size.n_entities, d)
    return Cost(
        model,
        3 * model + _row_bytes(size),  # best, last and current model
        epoch=Work(solves=solved, entries=8 * size.n_rows),
        best_epoch=turns,
        advice="lower n_factors",
    )


def _row_bytes(size: Size) -> int:
    """The transposed rows, unless they are on disk; residuals and weights of rows solved for at a time."""
    transposed = 0 if size.on_disk else 2 * FLOAT * size.n_rows
    return transposed + 3 * DOUBLE * min(size.n_rows, ENTRIES_AT_A_TIME)


def _als(size: Size, config: ALSConfig) -> Cost:
    cost = _alternating(size, config.n_factors, config.n_factors + 1, ALS_TURNS)
    if not config.implicit_history:
        return cost
    history = FLOAT * size.n_items * config.n_factors
    # three models with history factors; rows of users and items in float64 while these are improved
    held = cost.fit_bytes + 3 * history + 6 * DOUBLE * size.n_entities * config.n_factors
    improved = Work(solves=4 * HISTORY_STEPS * size.n_rows * config.n_factors)
    return replace(
        cost, model_bytes=cost.model_bytes + history, fit_bytes=held, epoch=cost.epoch.plus(improved)
    )


def _ials(size: Size, config: IALSConfig) -> Cost:
    d, n = config.n_factors, size.n_rows
    entries, entities = 2 * n, size.n_entities
    cost, steps = _alternating(size, d, d, IALS_TURNS), config.steps_for(n, entities)
    started = Work()
    if config.init == "leading" or (config.init == "auto" and steps is not None):
        started = Work(solves=directions(entries, entities, d))
    if steps is None:
        return replace(cost, once=started)
    return replace(
        cost,
        fit_bytes=cost.fit_bytes
        + 3 * _factors(size, d),  # copies: turned features, and sums for the first rows
        # Users of the last epoch are solved for exactly.
        once=started.plus(Work(solves=exact_solves(n, size.n_users, d) // 2)),
        epoch=Work(solves=gradient_steps(entries, entities, d, steps), entries=8 * n),
    )


def _gibbs(size: Size, config: GibbsConfig) -> Cost:
    d, entities = config.n_factors, size.n_entities
    with_history = config.implicit_history
    r = min(config.history_directions, size.n_users, size.n_items) if with_history else 0
    directions = size.n_users * (r + size.user_values) + size.n_items * (r + size.item_values)
    draws = max(config.n_epochs - config.burn_in, 1)
    columns = min(COLUMNS_PER_FACTOR, draws) * d
    model = _factors(size, columns) + 2 * min(KEPT_DRAWS, draws) * entities * (d + 1)
    model += FLOAT * size.n_items * (columns + 1) * with_history
    # what each sample expects of a user: means, precisions, and weights of directions in half precision
    samples = min(KEPT_DRAWS, draws)
    model += FLOAT * samples * (d + 1) * (d + 2) + 2 * r * (size.n_items + samples * (d + 1))
    chains = 1 + (config.calibration_parts if config.calibration_parts > 1 else 0)
    # the draws that are kept, up to twice as many as in the model; the sum of products; rows in float64
    n_kept = min(2 * KEPT_DRAWS, draws)
    kept = 2 * n_kept * entities * (d + 1) + n_kept * DOUBLE * (r + size.user_values) * (d + 1)
    kept += DOUBLE * entities * (SPARE_PER_FACTOR + 8) * (d + 1)
    # The kernel adds half a gramian, and vector units do twice as much of it as of a factorization.
    draw = size.n_rows * (d + 1) ** 2 // 2 + entities * (d + 1) ** 3
    decomposition = 3 * DOUBLE * max(size.n_users, size.n_items) * r  # over before draws are kept
    return Cost(
        model,
        chains * (FLOAT * directions + 2 * DOUBLE * size.n_rows) + max(chains * kept + model, decomposition),
        once=Work(
            entries=chains * DIRECTION_ENTRIES * size.n_rows * (r + SPARE_DIRECTIONS * with_history),
            products=chains * 16 * entities * r**2,
            precise_products=chains * 16 * entities * r**2,
        ),
        epoch=Work(
            solves=chains * draw,
            products=chains * 4 * directions * (d + 1),
            elements=chains * DRAW_ELEMENTS * entities * (d + 1),
        ),
        best_epoch=config.n_epochs,
        advice="lower n_factors, or set implicit_history=false",
    )


def _network(size: Size, n_parameters: int, model: int, epoch: Work, best_epoch: int, advice: str) -> Cost:
    """Parameters with gradients, two running means, and the models of the best and the last epoch."""
    held = 4 * FLOAT * n_parameters + 3 * model + 6 * DOUBLE * size.n_rows
    return Cost(model, held, epoch=epoch, best_epoch=best_epoch, advice=advice, libraries=("torch",))


def _steps(n_rows: int, batch_size: int) -> tuple[int, int]:
    """Steps of an epoch, and rows of a step."""
    batch = max(min(batch_size, n_rows), 1)
    return -(-n_rows // batch), batch


def _dot(size: Size, config: DotConfig) -> Cost:
    d, (steps, batch) = config.n_factors, _steps(size.n_rows, config.batch_size)
    history = size.n_items * d if config.implicit_history else 0
    n_parameters = size.n_entities * (d + 1) + history
    model = _factors(size, d) + FLOAT * history
    moved = 3 * batch * (d + 1) if config.lazy_steps else n_parameters
    gravity = steps * 6 * size.n_entities * d**2 if config.gravity else 0
    epoch = Work(
        elements=steps * moved,
        entries=size.n_rows * d,
        gathered=steps * size.n_rows * d if config.implicit_history else 0,
        products=gravity,
        steps=steps,
    )
    return _network(size, n_parameters, model, epoch, config.last_epoch, "lower n_factors")


def _mlp(size: Size, config: MLPConfig) -> Cost:
    p = size.user_inputs + (embedding_size(size.n_users) if config.user_size is None else config.user_size)
    q = size.item_inputs + (embedding_size(size.n_items) if config.item_size is None else config.item_size)
    steps, batch = _steps(size.n_rows, config.batch_size)
    weights = sum(n_in * n_out for n_in, n_out in pairwise((p + q, *config.layers, 1)))
    n_parameters = size.n_users * p + size.n_items * q + weights
    values = p + q + sum(config.layers)
    epoch = Work(
        elements=steps * n_parameters,
        products=6 * size.n_rows * weights,
        entries=size.n_rows * values,
        steps=2 * steps,
    )
    advice = "lower user_size, item_size, layers or batch_size"
    cost = _network(size, n_parameters, FLOAT * n_parameters, epoch, config.last_epoch, advice)
    return _with_more(cost, 4 * FLOAT * batch * values + MLP_ROW_BYTES * size.n_rows)


def _softmax(size: Size, config: SoftmaxConfig) -> Cost:
    d, (steps, batch) = config.n_factors, _steps(size.n_users, config.batch_size)
    q = size.item_inputs + config.input_size
    weights = sum(n_in * n_out for n_in, n_out in pairwise((q, *config.layers, d)))
    n_parameters = size.n_items * (q + d + 1) + weights
    model = _factors(size, d) + FLOAT * (size.n_items * q + weights)
    per_user = size.n_items * (q + d) + weights
    epoch = Work(
        elements=steps * (n_parameters + SHOWN_ELEMENTS * batch * size.n_items),
        products=6 * size.n_users * per_user,
        steps=2 * steps,
    )
    cost = _network(size, n_parameters, model, epoch, config.last_epoch, "lower batch_size or n_factors")
    return _with_more(cost, 8 * FLOAT * batch * size.n_items)


def _with_more(cost: Cost, n_bytes: int) -> Cost:
    """With more bytes at the peak."""
    return replace(cost, fit_bytes=cost.fit_bytes + n_bytes)


def _itemknn(size: Size, config: ItemKNNConfig) -> Cost:
    weights = most_weights(size.n_items, size.user_pairs, config.n_neighbors)
    model = DOUBLE * weights + DOUBLE * size.n_items
    return Cost(
        model,
        3 * model + 2 * DOUBLE * size.n_rows,
        once=Work(counts=size.user_pairs, entries=size.n_rows),
        advice="lower n_neighbors",
        refused=too_many_weights(size.n_items, weights, config.n_neighbors),
    )


def _ease(size: Size, config: EASEConfig) -> Cost:
    users, items, n = size.n_users, size.n_items, size.n_rows
    if is_by_users(users, items):
        inverted = users**2 + users * items
        # Sums over a user's items jump, and there are at most as many between users of an item.
        work = Work(counts=n * users, precise_products=users**3, entries=4 * items**2, solves=n * items)
    else:
        inverted = items**2
        work = Work(counts=size.user_pairs, precise_products=items**3, entries=4 * items**2)
    return Cost(
        FLOAT * items**2,
        FLOAT * items**2 + DOUBLE * inverted + 2 * DOUBLE * n,
        once=work,
        advice="take ials, whose memory grows with the items alone",
        libraries=("scipy",),
        refused=too_many_items(items),
    )


COSTS: dict[str, Callable[[Size, Any], Cost]] = {
    "als": _als,
    "bias": _bias,
    "dot": _dot,
    "ease": _ease,
    "gibbs": _gibbs,
    "ials": _ials,
    "itemknn": _itemknn,
    "mlp": _mlp,
    "popularity": _popularity,
    "softmax": _softmax,
}
"""The cost of each model: from the size of the data and the settings."""
