"""What a fit will need, before it is run: memory, room on disk and time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from types import NoneType

from tastemap.data import Dataset, FeatureColumn
from tastemap.data.dataset import check_dataset
from tastemap.errors import check_type
from tastemap.models.config import IterativeConfig, ModelConfig, positive_min_of
from tastemap.models.itemknn import pairs_of
from tastemap.models.mlp import embedding_size
from tastemap.training.fit import check_ratings
from tastemap.training.registry import get, make_config
from tastemap.training.validation import LARGEST_SAMPLE
from tastemap.tuning.cost import Cost, Size
from tastemap.tuning.costs import COSTS
from tastemap.tuning.machine import Work, machine_memory, measure_speed
from tastemap.tuning.units import size_bytes, written_bytes

PROGRAM_BYTES = 172_000_000
"""A process that has read a small table: Python, NumPy, Polars and their buffers."""
LIBRARY_BYTES = {"scipy": 15_000_000, "torch": 200_000_000}
READ_BYTES = 80
"""A row while a text table is read: columns of text and numbers, and the order of the rows."""
VALIDATION_ROW_BYTES = 8
"""A row where rows are on disk: whether it is held out, and a tenth of what is known of those that are."""
READ_LEFT_BYTES = 32
"""What the reader's memory manager still holds of a row when the fit begins."""
TEXT_BYTES = 40
"""What an id that is text adds to a row while it is read."""
ARTIFACT_BYTES = 25_000
"""Manifest, losses and the heads of the files."""
VALIDATION_BYTES = 12
"""A row of the validation sample, compressed: two ids, rating and prediction."""

PROGRAM_SECONDS = 1.1
LIBRARY_SECONDS = {"scipy": 0.3, "torch": 2.2}
READ_ENTRIES = 50
"""Reading and saving a row costs as much as this many numbers in a pass over all rows."""


@dataclass(frozen=True)
class Plan:
    """What ``tastemap fit`` will need.

    Parameters
    ----------
    model : str
    memory_bytes : int
        The most memory that the process holds at once.
    machine_bytes : int or None
        The memory that the process may use here; None where the system does not say.
    artifact_bytes : int
        Size of the saved folder.
    seconds : float
        From start to saved, on an idle machine, kernels compiled.
    parts : dict of str to int
        What the memory is for, in bytes; sums to `memory_bytes`.
    epochs : int
        Epochs that the time was reckoned for, those of the search included; 0 for a closed form.
    advice : tuple of str
        Sentences on what to do if the fit would be refused or needs more memory than there is; else empty.
    refused : str or None
        The sentence with which the fit refuses data of this size, the first of `advice`.
    """

    model: str
    memory_bytes: int
    machine_bytes: int | None
    artifact_bytes: int
    seconds: float
    parts: dict[str, int]
    epochs: int
    advice: tuple[str, ...] = ()
    refused: str | None = None

    @property
    def fits(self) -> bool:
        """Whether the fit would run here."""
        return not self.advice

    def as_json(self) -> dict[str, object]:
        """The fields as plain data, with ``fits``."""
        return {**asdict(self), "advice": list(self.advice), "fits": self.fits}


def plan(
    data: Dataset,
    model: str,
    settings: Mapping[str, object] | None = None,
    *,
    max_memory: str | float | None = None,
) -> Plan:
    """Predict memory, size and time of fitting a model, without fitting it.

    Parameters
    ----------
    data : Dataset
    model : str
        A registered name.
    settings : mapping of str to object, optional
        Settings that differ from the model's defaults.
    max_memory : str, float or None
        What the fit will be allowed, such as ``"4GB"``; None: what this machine has. Data that
        :func:`tastemap.load_data` has left on disk are planned for as such.

    Returns
    -------
    Plan
        ``benchmarks/bench_plan.py`` says how near it comes; docs/plan.md sums that up. Size is the surest
        figure, then memory; the time on a busy machine is longer.

    Raises
    ------
    UnknownNameError, InvalidValueError
        For an unknown model or setting, a setting out of range, or a size that cannot be read.
    DataError
        For a rating model on data without ratings.
    ColumnError
        If the settings name a column of features that is not there.

    Notes
    -----
    Takes some milliseconds. Early stopping cannot be foreseen: ``als`` is taken to be at its best after 7
    epochs, ``ials`` after 5, models fitted by gradients at the end of their schedule.
    *Stability: caller-stable.*
    """
    check_dataset("data", data)
    check_type("model", model, str, "the name of a model", "write for example 'als'")
    check_type("settings", settings, (Mapping, NoneType), "a mapping", "write for example {'n_factors': 32}")
    config = make_config(model, settings)
    check_ratings(data.interactions, get(model))
    allowed = None if max_memory is None else size_bytes("max_memory", max_memory)
    cost = COSTS[model](size_of(data, config), config)
    total, passes = _epochs(config, cost)
    parts = _memory(data, cost, has_search=passes < total)
    memory, machine = sum(parts.values()), machine_memory()
    return Plan(
        model=model,
        memory_bytes=memory,
        machine_bytes=machine,
        artifact_bytes=_artifact(data, config, cost, rates=get(model).objective == "rating"),
        seconds=_seconds(data, cost, passes),
        parts=parts,
        epochs=total,
        advice=_advice(cost, memory, machine, allowed),
        refused=cost.refused,
    )


def size_of(data: Dataset, config: ModelConfig) -> Size:
    """The figures that costs depend on: rows that the model learns from, and features that it uses."""
    rows = data.interactions.at_least(positive_min_of(config))
    users = data.user_feature_columns(getattr(config, "user_features", ()))
    items = data.item_features(getattr(config, "item_features", ()))
    return Size(
        n_rows=len(rows),
        n_users=data.interactions.n_users,
        n_items=data.interactions.n_items,
        user_pairs=pairs_of(rows),
        user_values=sum(column.n_values for column in users),
        item_values=sum(column.n_values for column in items),
        user_inputs=_inputs(users),
        item_inputs=_inputs(items),
        on_disk=data.interactions.placement.block is not None,
    )


def _inputs(columns: Iterable[FeatureColumn]) -> int:
    return sum(embedding_size(column.n_values) for column in columns)


def _epochs(config: ModelConfig, cost: Cost) -> tuple[int, float]:
    """Epochs in all, and over how many times all rows; the search leaves some rows out."""
    if not isinstance(config, IterativeConfig):
        return 0, 0.0
    best = min(cost.best_epoch, config.n_epochs)
    if not config.validation_fraction:
        last = getattr(config, "last_epoch", config.n_epochs)
        return last, float(last)
    searched = min(config.n_epochs, best + config.patience)
    return searched + best, searched * (1.0 - config.validation_fraction) + best


def _row_bytes(data: Dataset) -> int:
    """Bytes of an interaction in memory, and on disk."""
    rows = data.interactions
    times = 0 if rows.timestamps is None else rows.timestamps.dtype.itemsize
    folds = 0 if rows.folds is None else rows.folds.dtype.itemsize
    columns = (rows.user_index, rows.item_index, rows.values)
    return sum(int(column.dtype.itemsize) for column in columns) + times + folds


def _table_bytes(data: Dataset) -> int:
    """Bytes of ids, catalog and the table of users."""
    rows, users = data.interactions, data.user_features
    ids = rows.users.ids.estimated_size() + rows.items.ids.estimated_size()
    return int(ids + data.catalog.frame.estimated_size() + (0 if users is None else users.estimated_size()))


def _memory(data: Dataset, cost: Cost, *, has_search: bool) -> dict[str, int]:
    n, row = len(data.interactions), _row_bytes(data)
    n_text = sum(not ids.is_integer for ids in (data.interactions.users, data.interactions.items))
    program = PROGRAM_BYTES + sum(LIBRARY_BYTES[name] for name in cost.libraries)
    block = data.interactions.placement.block
    if block is not None:
        read = block * (READ_BYTES + n_text * TEXT_BYTES)
        search = n * VALIDATION_ROW_BYTES if has_search else 0
        return {
            "program": program,
            "data": read + 2 * _table_bytes(data),
            "validation": search,
            "fit": cost.fit_bytes,
        }
    search = n * row if has_search else 0
    held = n * (row + READ_LEFT_BYTES) + 2 * _table_bytes(data)
    # The reader lets go of its columns before the fit takes what it needs.
    beside = max(n * (READ_BYTES + n_text * TEXT_BYTES) - held, 0)
    return {
        "program": program,
        "data": held,
        "validation": search,
        "fit": max(cost.fit_bytes, beside - search),
    }


def _artifact(data: Dataset, config: ModelConfig, cost: Cost, *, rates: bool) -> int:
    n = len(data.interactions)
    size = ARTIFACT_BYTES + cost.model_bytes + n * _row_bytes(data) + _table_bytes(data)
    if rates and isinstance(config, IterativeConfig):
        size += VALIDATION_BYTES * min(int(n * config.validation_fraction), LARGEST_SAMPLE)
    return size


def _seconds(data: Dataset, cost: Cost, passes: float) -> float:
    speed = measure_speed()
    once = PROGRAM_SECONDS + sum(LIBRARY_SECONDS[name] for name in cost.libraries)
    reading = Work(entries=READ_ENTRIES * len(data.interactions))
    return (
        once / speed.arithmetic
        + sum(map(speed.seconds, (reading, cost.once)))
        + passes * speed.seconds(cost.epoch)
    )


def _advice(cost: Cost, memory: int, machine: int | None, allowed: int | None) -> tuple[str, ...]:
    said = [] if cost.refused is None else [cost.refused]
    if allowed is not None and memory > allowed:
        said.append(
            f"The fit needs about {written_bytes(memory)} and max_memory allows {written_bytes(allowed)}, so "
            f"it would be refused: {cost.advice}, or allow more."
        )
    if machine is not None and memory > machine:
        said.append(
            f"The fit needs about {memory / 1e9:,.1f} GB and this machine has {machine / 1e9:,.1f} GB: "
            f"{cost.advice}, or take a machine with more memory."
        )
    return tuple(said)
