"""``fit`` on Spark: from a source to the same recommender that a local fit gives."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from tastemap.data import Catalog, Dataset
from tastemap.data.dataset import LoadReport
from tastemap.data.features import Features, with_features
from tastemap.data.interactions import RatingScale
from tastemap.engines.checks import count_learned
from tastemap.engines.spark import alternate, gather
from tastemap.engines.spark.encode import Encoded, clean, encode
from tastemap.engines.spark.read import Opened, is_for_spark, load_here, open_source, working
from tastemap.engines.spark.session import Cluster
from tastemap.errors import DataError, InvalidValueError
from tastemap.models.als import ALSConfig
from tastemap.models.base import Link
from tastemap.models.factor import FactorModel
from tastemap.models.ials import IALSConfig
from tastemap.models.recommender import Recommender
from tastemap.progress import SILENT, Progress
from tastemap.rng import Rng, seed_of
from tastemap.training.fit import check_ratings, with_positive_min
from tastemap.training.registry import get, make_config

N_EPOCHS = 13
"""Alternations unless `n_epochs` says how many: nothing is held out that could say when to stop."""
MODELS = ("als", "ials")
N_STEPS = 6


def fit(
    cluster: Cluster,
    source: str | Dataset,
    model: str,
    *,
    query: str | None = None,
    columns: Mapping[str, str | None] | None = None,
    settings: Mapping[str, object] | None = None,
    positive_min: float | None = None,
    item_features: Features | None = None,
    user_features: Features | None = None,
    rng: Rng = None,
    progress: Progress = SILENT,
) -> Recommender:
    """Fit ``als`` or ``ials`` on a cluster; see :mod:`tastemap.engines.spark.alternate` for how.

    *Stability: experimental.*

    Parameters
    ----------
    cluster : Cluster
    source : str or Dataset
        What :func:`tastemap.engines.spark.read.open_source` opens; anything else that a local fit takes is
        read by the driver, and spread.
    model : str
        ``als`` or ``ials``.
    query : str, optional
        For a database.
    columns : mapping, optional
        Any of ``user_col, item_col, rating_col, time_col``.
    settings, positive_min, rng
        As in :func:`tastemap.fit`. `n_epochs` counts alternations of MLlib and the exact ones together.
    item_features, user_features
        Read by the driver.
    progress : Progress

    Raises
    ------
    InvalidValueError, UnknownNameError
        For another model, or a setting that does not map: `implicit_history`, `unobserved_power`,
        `unobserved_weight` of 0.
    DataError, ColumnError, SourceNotFoundError
        As a local load and a local fit raise them.
    EngineError
        If a job fails for good.

    Notes
    -----
    The driver holds what an artifact holds: ids, pairs and factors. Executors hold one block of a million
    entries and the item factors each. Sums of MLlib depend on the order in which blocks arrive, so factors
    repeat to rounding, not bit for bit.
    """
    if model not in MODELS:
        raise InvalidValueError(f"--engine spark fits als and ials. Got {model!r}; fit it without an engine.")
    entry, seed = get(model), seed_of(rng)
    config = make_config(model, with_positive_min(entry, settings or {}, positive_min))
    assert isinstance(config, ALSConfig | IALSConfig), "the models of MODELS have these settings"
    _check_settings(config)
    n_epochs = config.n_epochs if "n_epochs" in (settings or {}) else N_EPOCHS
    with working():
        progress.step("spark: read", 0, N_STEPS, {})
        data, train = read_train(cluster, source, query, columns, progress)
        check_ratings(train.interactions, entry)
        n_learned = count_learned(train.interactions, config)
        progress.step("spark: fit", 1, N_STEPS, {})
        fitted, losses = _model(data, n_learned, config, n_epochs, seed, progress)
    with tempfile.TemporaryDirectory(prefix="tastemap-") as scratch:
        train = with_features(train, item_features, user_features, Path(scratch))
    return Recommender(
        model=fitted,
        name=model,
        objective=entry.objective,
        config=config,
        resolved=config.resolved(n_epochs),
        seed=seed,
        train=train,
        losses=pl.DataFrame(losses),
    )


def _check_settings(config: ALSConfig | IALSConfig) -> None:
    if isinstance(config, ALSConfig):
        bad = "implicit_history=true" if config.implicit_history else None
    else:
        bad = "unobserved_power above 0" if config.unobserved_power else None
        bad = bad or (None if config.unobserved_weight else "unobserved_weight=0")
    if bad:
        raise InvalidValueError(f"--engine spark cannot fit {bad}; leave it out, or fit without an engine.")
    if config.n_epochs <= alternate.EXACT:
        raise InvalidValueError(
            f"n_epochs must be above {alternate.EXACT} with --engine spark, whose last "
            f"{alternate.EXACT} are exact. Got {config.n_epochs}."
        )


def read_train(
    cluster: Cluster,
    source: str | Dataset,
    query: str | None = None,
    columns: Mapping[str, str | None] | None = None,
    progress: Progress = SILENT,
) -> tuple[Encoded, Dataset]:
    """The training rows twice: as tables of the executors, and as the data set of an artifact, on the driver.

    Arguments and errors are those of :func:`fit`.
    """
    local = source if isinstance(source, Dataset) else None
    if local is None and not is_for_spark(str(source)):
        local = load_here(str(source), query, columns or {}, progress)
    if local is None:
        opened = open_source(cluster, str(source), query)
        data = encode(cluster, clean(cluster, opened, dict(columns or {})))
        report = LoadReport(data.n_rows, data.n_pairs, data.n_merged, data.dropped, data.notes)
        interactions = gather.gather_interactions(data)
        return data, Dataset(opened.name, interactions, Catalog.empty(), None, report)
    table = local.interactions.frame().to_arrow(compat_level=pl.CompatLevel.oldest())
    spread = cluster.spark.createDataFrame(table).repartition(2 * cluster.n_tasks)
    data = encode(cluster, clean(cluster, Opened(local.name, spread, is_text=False), {}))
    data = replace(data, rating_scale=local.interactions.rating_scale)
    interactions = replace(gather.gather_interactions(data), folds=local.interactions.folds)
    return data, replace(local, interactions=interactions)


def _model(
    data: Encoded,
    n_learned: int,
    config: ALSConfig | IALSConfig,
    n_epochs: int,
    seed: int,
    progress: Progress,
) -> tuple[FactorModel, list[dict[str, object]]]:
    def tell(task: str, figures: dict[str, float]) -> None:
        progress.step(f"spark: {task}", 2 + len(told), N_STEPS, figures)
        told.append(figures)

    told: list[dict[str, float]] = []
    loss, n_first = config.row_loss(), n_epochs - alternate.EXACT
    weighted = alternate.weigh(data, loss, n_learned)
    if isinstance(config, ALSConfig):
        start, mean = alternate.start_of_als(data, weighted, config, n_first, seed)
        link = _clip(data.rating_scale)
    else:
        start, mean, link = alternate.start_of_ials(data, weighted, config, n_first, seed), 0.0, Link()
    solved = alternate.alternate(data, weighted, loss, start, mean, tell)
    users = gather.gather_users(solved.users, data.n_users, config.n_factors)
    _ensure_finite(solved.items.factors, users.factors)
    model = FactorModel(users.factors, solved.items.factors, users.bias, solved.items.bias, mean, link, loss)
    losses: list[dict[str, object]] = [
        {"phase": "final", "epoch": n_first + number, "loss": value}
        for number, value in enumerate(solved.losses, 1)
    ]
    return model, losses


def _clip(scale: RatingScale | None) -> Link:
    assert scale is not None, "als is refused where there are no ratings"
    return Link("clip", scale.low, scale.high)


def _ensure_finite(*arrays: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> None:
    if not all(np.isfinite(one).all() for one in arrays):
        raise DataError(
            "The factors are not finite; check the values for huge numbers, or raise regularization."
        )
