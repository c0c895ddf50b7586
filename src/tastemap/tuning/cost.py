"""What the cost of a fit depends on, and what it is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from tastemap.tuning.machine import Work


@dataclass(frozen=True)
class Size:
    """What the cost of a fit depends on.

    Parameters
    ----------
    n_rows, n_users, n_items : int
    user_pairs : int
        Ordered pairs of items that a user has both of, summed over users: ``sum of n_u (n_u - 1)``.
    user_values, item_values : int
        Different values of the feature columns that the settings name, summed.
    user_inputs, item_inputs : int
        Lengths of the embeddings of these columns, summed.
    on_disk : bool
        Whether the rows, and what is made of them, are mapped from files.
    """

    n_rows: int
    n_users: int
    n_items: int
    user_pairs: int
    user_values: int = 0
    item_values: int = 0
    user_inputs: int = 0
    item_inputs: int = 0
    on_disk: bool = False

    @property
    def n_entities(self) -> int:
        """Users and items together."""
        return self.n_users + self.n_items


@dataclass(frozen=True)
class Cost:
    """What a fit needs beside the data.

    Parameters
    ----------
    model_bytes : int
        The arrays of the fitted model, as they are saved.
    fit_bytes : int
        What is held at the peak of fitting, the model included.
    once : Work
        What is done a single time.
    epoch : Work
        What an epoch does to all rows.
    best_epoch : int
        The epoch that usually is the best one, if the settings allow as many; 0: the model has no epochs.
    advice : str
        What to do for less memory, as a part of a sentence.
    libraries : tuple of str
        What is loaded beside NumPy and Polars: ``scipy``, ``torch``.
    refused : str or None
        The sentence with which the fit refuses data of this size.
    """

    model_bytes: int
    fit_bytes: int
    once: Work = field(default_factory=Work)
    epoch: Work = field(default_factory=Work)
    best_epoch: int = 0
    advice: str = "take fewer rows"
    libraries: tuple[str, ...] = ()
    refused: str | None = None
