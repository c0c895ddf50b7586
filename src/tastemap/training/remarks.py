"""What a person should know of a fit that can be done, and hardly means what was meant."""

from __future__ import annotations

from dataclasses import replace

from tastemap.data import Dataset, Interactions
from tastemap.models.base import Objective
from tastemap.models.config import ModelConfig
from tastemap.plurals import plural

FEW = 5
"""Below so many users or items there is next to nothing to learn."""


def with_remarks(train: Dataset, objective: Objective, config: ModelConfig) -> Dataset:
    """The data set with remarks on a fit to it among the notes of its report; itself if there are none.

    O(n).
    """
    said = _remarks(train.interactions, objective, config)
    new = tuple(sentence for sentence in said if sentence not in train.report.notes)
    return replace(train, report=replace(train.report, notes=train.report.notes + new)) if new else train


def _remarks(data: Interactions, objective: Objective, config: ModelConfig) -> list[str]:
    said = []
    if min(data.n_users, data.n_items) < FEW:
        both = f"{plural(data.n_users, 'user')} and {plural(data.n_items, 'item')}"
        said.append(f"{both}: far too few to learn from.")
    lowest, highest = float(data.values.min()), float(data.values.max())
    if objective == "rating" and lowest == highest:
        said.append(
            f"All ratings are {lowest:g}: there is nothing to tell apart; all that a prediction can say is "
            f"{lowest:g}."
        )
    # A default that is too large for small data is nobody's mistake.
    n_factors = getattr(config, "n_factors", 0) if "n_factors" in config.model_fields_set else 0
    side, most = min(("items", data.n_items), ("users", data.n_users), key=lambda counted: counted[1])
    if n_factors > most:
        said.append(
            f"n_factors {n_factors:,} is above the number of {side}, {most:,}: more than {most:,} adds nothing."
        )
    return said
