"""How a list tells its reasons: where an item begins, what each rating adds, and the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tastemap.models.recommender import Recommender
from tastemap.plurals import plural
from tastemap.service.answers.data import mean_rating

Fields = dict[str, Any]

LEAST = 0.005
"""Less than this reads as 0.00 and is left to the rest."""
NEAR = 0.25
"""How far, in stars, a beginning is from the mean rating before that is worth a word."""


def parts(recommender: Recommender, item: Mapping[str, Any], n_history: int) -> Fields:
    """The lines below an item of a list.

    Parameters
    ----------
    recommender : Recommender
    item : dict
        A row of :func:`tastemap.service.answers.lists.list_for`, with reasons.
    n_history : int
        How many items the reasons were chosen from.

    Returns
    -------
    dict
        ``start``, ``rest`` and ``cut`` (each ``value, text``, or null), and ``reasons``: the values add up to
        the prediction, or to the score where there is no prediction or the model bends its scores.
    """
    told = [one for one in item["reasons"] if abs(one["contribution"]) >= LEAST]
    told.sort(key=lambda one: -one["contribution"])
    rest = item["score"] - item["baseline"] - sum(one["contribution"] for one in told)
    is_clipped = recommender.model.link.kind == "clip" and item["prediction"] is not None
    n_others = n_history - len(told)
    kind = "interaction" if recommender.train.interactions.is_implicit else "rating"
    others = f"and {plural(n_others, f'other {kind}')}" if n_others and item["additive"] else "and all else"
    return {
        "start": _line(item["baseline"], _start(recommender, item["baseline"])),
        "reasons": told,
        "rest": _line(rest, others),
        "cut": _line(item["prediction"] - item["score"], "no more: the scale ends") if is_clipped else None,
    }


def _line(value: float, text: str) -> Fields | None:
    return {"value": value, "text": text} if abs(value) >= LEAST else None


def _start(recommender: Recommender, baseline: float) -> str:
    """What to say of a beginning; only stars can be held against what most people give."""
    data = recommender.train.interactions
    if recommender.objective != "rating" or recommender.model.link.kind == "sigmoid":
        return "to begin with"
    off = baseline - (mean_rating(data) or 0.0)
    said = "like it" if off > NEAR else "like others more" if off < -NEAR else "like it as much as most others"
    return f"to begin with: those who rated it {said}"
