"""Conditions under which a comparison fails: ``ndcg@10 < -1%``."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from tastemap.errors import DataError, InvalidValueError, did_you_mean
from tastemap.evaluation.comparison import Comparison
from tastemap.evaluation.names import METRICS
from tastemap.plurals import plural

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_METRIC = re.compile(r"[A-Za-z_]\w*(@\w*)?")
_OPERATOR = re.compile(r"<=|>=|<|>")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Gate:
    """A condition on the change from a to b; if it holds, the comparison fails.

    Parameters
    ----------
    text : str
        As written.
    metric : str
    operator : {"<", "<=", ">", ">="}
    amount : float
        A fraction of a's figure if `relative`, else in the unit of the metric.
    relative : bool
    """

    text: str
    metric: str
    operator: str
    amount: float
    relative: bool

    def change(self, comparison: Comparison) -> float:
        """The change of b against a that is held against the amount.

        A relative change from 0 is 0 if b is 0 too, else infinite with the sign of b.

        Raises
        ------
        DataError
            If a test row is a training row of either: the one trained on it would pass unduly.
        InvalidValueError
            If the comparison has no figure of this metric.
        """
        if comparison.n_trained_a or comparison.n_trained_b:
            raise DataError(
                "A condition (--fail-if) needs test rows that neither model was trained on. "
                f"Of {plural(comparison.n_test, 'test row')}, {comparison.n_trained_a:,} are training rows of "
                f"A, {comparison.a}, and {comparison.n_trained_b:,} of B, {comparison.b}; give other test data."
            )
        found = comparison.metric(self.metric)
        if not self.relative:
            return found.change
        if found.relative is not None:
            return found.relative
        return math.copysign(math.inf, found.change) if found.change else 0.0

    def fails(self, comparison: Comparison) -> bool:
        """Whether the condition holds.

        Raises
        ------
        DataError, InvalidValueError
            As :meth:`change`.
        """
        return _OPERATORS[self.operator](self.change(comparison), self.amount)

    def sentence(self, comparison: Comparison) -> str:
        """What was found, for people."""
        found, change = comparison.metric(self.metric), self.change(comparison)
        said = f"{change:+.2%}" if self.relative else f"{change:+.6g}"
        verdict = "which is" if self.fails(comparison) else "which is not"
        return (
            f"{self.metric} changes by {said} (from {found.a:.6g} to {found.b:.6g}), {verdict} "
            f"{self.text.strip().removeprefix(self.metric).strip()}."
        )


def parse_gate(expression: str) -> Gate:
    """Read a condition: a metric, one of ``< <= > >=``, and a change of b against a.

    The change is a number in the unit of the metric (``rmse > 0.005``) or, with ``%``, relative to
    a's figure (``ndcg@10 < -1%``). The condition says when the comparison *fails*.

    Raises
    ------
    InvalidValueError
        If the expression does not parse; the message points at the place, ``details["position"]``
        counts characters from 0.

    Examples
    --------
    >>> parse_gate("ndcg@10 < -1%")
    Gate(text='ndcg@10 < -1%', metric='ndcg@10', operator='<', amount=-0.01, relative=True)
    """
    metric, place = _read(expression, 0, _METRIC, "the name of a metric, such as ndcg@10")
    _check_metric(expression, metric, place - len(metric))
    sign, place = _read(expression, place, _OPERATOR, "one of <, <=, >, >=")
    number, place = _read(expression, place, _NUMBER, "a change, such as -1% or 0.005")
    place = _skip(expression, place)
    relative = expression[place : place + 1] == "%"
    place = _skip(expression, place + relative)
    if place < len(expression):
        raise _error(expression, place, "nothing more" if relative else "% or nothing more")
    amount = float(number)
    return Gate(expression, metric, sign, amount / 100.0 if relative else amount, relative)


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    return place


def _read(text: str, place: int, pattern: re.Pattern[str], wanted: str) -> tuple[str, int]:
    """The token that stands at `place`, after blanks, and where it ends."""
    place = _skip(text, place)
    found = pattern.match(text, place)
    if found is None:
        raise _error(text, place, wanted)
    return found.group(), found.end()


def _check_metric(text: str, name: str, place: int) -> None:
    stem, at, length = name.partition("@")
    if stem not in METRICS:
        hint = did_you_mean(stem, METRICS) or f" Known: {', '.join(METRICS)}."
        raise _error(text, place, "the name of a metric", hint)
    if METRICS[stem].family == "rating" and at:
        raise _error(text, place, f"{stem} without a list length")
    if METRICS[stem].family != "rating" and (not length.isdecimal() or int(length) < 1):
        raise _error(text, place, f"{stem} with a list length, such as {stem}@10")


def _error(text: str, place: int, wanted: str, hint: str = "") -> InvalidValueError:
    came = f"{text[place:]!r}" if place < len(text) else "the end"
    return InvalidValueError(
        f"The condition does not parse at character {place + 1}: expected {wanted}, got {came}.{hint}\n"
        f"  {text}\n  {' ' * place}^",
        expression=text,
        position=place,
    )
