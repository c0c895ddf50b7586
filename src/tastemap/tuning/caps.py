"""A limit on memory, held against what fits are predicted to need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tastemap.data import Dataset
from tastemap.errors import InvalidValueError
from tastemap.tuning.candidates import Candidate
from tastemap.tuning.forecast import Forecast
from tastemap.tuning.plan import plan
from tastemap.tuning.race import LeftOut
from tastemap.tuning.units import size_bytes, written_bytes


def ensure_memory(
    data: Dataset, model: str, settings: Mapping[str, object] | None, max_memory: str | float | None
) -> None:
    """Raise if a fit is predicted to need more memory than is allowed; None allows all.

    Raises
    ------
    InvalidValueError
        With the prediction and what to do.
    """
    if max_memory is None:
        return
    allowed, needed = size_bytes("max_memory", max_memory), plan(data, model, settings).memory_bytes
    if needed > allowed:
        raise InvalidValueError(
            f"max_memory must be at least {written_bytes(needed)}, which fitting {model} is predicted to need. "
            f"Got {written_bytes(allowed)}; allow more, or take a smaller model: auto looks for one.",
            argument="max_memory",
        )


def within_memory(
    entrants: Sequence[Candidate], forecast: Forecast, allowed: int | None
) -> tuple[list[Candidate], list[LeftOut]]:
    """The candidates that are predicted to need at most `allowed` bytes, and the others.

    Raises
    ------
    InvalidValueError
        If there is none.
    """
    if allowed is None:
        return list(entrants), []
    needed = {candidate.label: forecast.plan(candidate).memory_bytes for candidate in entrants}
    if min(needed.values()) > allowed:
        raise InvalidValueError(
            f"max_memory must be at least {written_bytes(min(needed.values()))}, which fitting "
            f"{entrants[0].model} is predicted to need. Got {written_bytes(allowed)}; allow more, or "
            "take fewer rows.",
            argument="max_memory",
        )
    left_out = [
        LeftOut(
            candidate,
            f"it would need about {written_bytes(needed[candidate.label])} of memory, "
            f"and {written_bytes(allowed)} are allowed",
        )
        for candidate in entrants
        if needed[candidate.label] > allowed
    ]
    return [candidate for candidate in entrants if needed[candidate.label] <= allowed], left_out
