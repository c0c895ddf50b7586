"""A limit on memory, held against what fits are predicted to need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tastemap.data import Dataset
from tastemap.errors import InvalidValueError
from tastemap.tuning.candidates import Candidate
from tastemap.tuning.forecast import Forecast
from tastemap.tuning.machine import machine_memory
from tastemap.tuning.plan import Plan, plan
from tastemap.tuning.race import LeftOut
from tastemap.tuning.units import size_bytes, written_bytes


@dataclass(frozen=True)
class Allowed:
    """How much memory a fit may take, and the words for it: a limit that was given, or the machine's own."""

    n_bytes: int
    is_given: bool

    @classmethod
    def of(cls, max_memory: str | float | None) -> Allowed | None:
        """`max_memory`, or the memory of the machine where it is None; None where that is unknown."""
        if max_memory is not None:
            return cls(size_bytes("max_memory", max_memory), is_given=True)
        there = machine_memory()
        return None if there is None else cls(there, is_given=False)

    def said(self) -> str:
        """``4 GB are allowed``."""
        size = written_bytes(self.n_bytes)
        return f"{size} are allowed" if self.is_given else f"this machine has {size}"

    def refusal(self, needed: int, model: str, remedy: str) -> InvalidValueError:
        """The error for a fit that is predicted to need more."""
        wanted = written_bytes(needed)
        if self.is_given:
            said = f"max_memory must be at least {wanted}, which fitting {model} is predicted to need. "
            said += f"Got {written_bytes(self.n_bytes)}; allow more, or {remedy}."
        else:
            said = f"Fitting {model} is predicted to need {wanted} of memory, and {self.said()}; {remedy}, "
            said += "or give a larger max_memory to try it all the same."
        return InvalidValueError(said, argument="max_memory")


def ensure_memory(
    data: Dataset, model: str, settings: Mapping[str, object] | None, max_memory: str | float | None
) -> None:
    """Raise if a fit would refuse data of this size, or is predicted to need more memory than is allowed.

    None allows what the machine has.

    Raises
    ------
    InvalidValueError
        With the prediction and what to do.
    """
    allowed, found = Allowed.of(max_memory), plan(data, model, settings)
    if found.refused is not None:
        raise InvalidValueError(found.refused)
    if allowed is not None and found.memory_bytes > allowed.n_bytes:
        raise allowed.refusal(found.memory_bytes, model, "take a smaller model: auto looks for one")


def within_memory(
    entrants: Sequence[Candidate], forecast: Forecast, max_memory: str | float | None
) -> tuple[list[Candidate], list[LeftOut]]:
    """The candidates that can be fitted to all rows in the memory that is allowed, and the others.

    Raises
    ------
    InvalidValueError
        If there is none.
    """
    allowed = Allowed.of(max_memory)
    if allowed is not None:
        least = min(forecast.plan(candidate).memory_bytes for candidate in entrants)
        if least > allowed.n_bytes:
            raise allowed.refusal(least, entrants[0].model, "take fewer rows")
    reasons = [_reason(forecast.plan(candidate), allowed) for candidate in entrants]
    pairs = list(zip(entrants, reasons, strict=True))
    return (
        [candidate for candidate, reason in pairs if reason is None],
        [LeftOut(candidate, reason) for candidate, reason in pairs if reason is not None],
    )


def _reason(found: Plan, allowed: Allowed | None) -> str | None:
    """Why a candidate is left out; None if it is not."""
    if found.refused is not None:
        return found.refused
    if allowed is None or found.memory_bytes <= allowed.n_bytes:
        return None
    return f"it would need about {written_bytes(found.memory_bytes)} of memory, and {allowed.said()}"
