"""Every metric a second time: plain loops over lists and sets of ids, written from the formulas."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

List = Sequence[Hashable]
Relevant = frozenset[Hashable]


def rmse(ratings: Sequence[float], predictions: Sequence[float]) -> float:
    total = 0.0
    for rating, prediction in zip(ratings, predictions, strict=True):
        total += (prediction - rating) ** 2
    return math.sqrt(total / len(ratings))


def mae(ratings: Sequence[float], predictions: Sequence[float]) -> float:
    total = 0.0
    for rating, prediction in zip(ratings, predictions, strict=True):
        total += abs(prediction - rating)
    return total / len(ratings)


def precision(listed: List, relevant: Relevant, k: int) -> float:
    return len(set(listed[:k]) & relevant) / k


def recall(listed: List, relevant: Relevant, k: int) -> float:
    return len(set(listed[:k]) & relevant) / len(relevant)


def ndcg(listed: List, relevant: Relevant, k: int) -> float:
    gained = 0.0
    for place, item in enumerate(listed[:k], start=1):
        if item in relevant:
            gained += 1.0 / math.log2(place + 1)
    ideal = 0.0
    for place in range(1, min(k, len(relevant)) + 1):
        ideal += 1.0 / math.log2(place + 1)
    return gained / ideal


def average_precision(listed: List, relevant: Relevant, k: int) -> float:
    total, found = 0.0, 0
    for place, item in enumerate(listed[:k], start=1):
        if item in relevant:
            found += 1
            total += found / place
    return total / min(k, len(relevant))


def reciprocal_rank(listed: List, relevant: Relevant, k: int) -> float:
    for place, item in enumerate(listed[:k], start=1):
        if item in relevant:
            return 1.0 / place
    return 0.0


def hit_rate(listed: List, relevant: Relevant, k: int) -> float:
    return 1.0 if any(item in relevant for item in listed[:k]) else 0.0


def coverage(lists: Sequence[List], catalog: Sequence[Hashable]) -> float:
    shown: set[Hashable] = set()
    for listed in lists:
        shown |= set(listed)
    return len(shown) / len(catalog)


def novelty(lists: Sequence[List], owners: dict[Hashable, int], n_users: int) -> float:
    total, n = 0.0, 0
    for listed in lists:
        for item in listed:
            total -= math.log2(max(owners[item], 1) / n_users)
            n += 1
    return total / n


def gini(lists: Sequence[List], catalog: Sequence[Hashable]) -> float:
    """Half the relative mean absolute difference over all pairs of items."""
    shown = [sum(item in listed for listed in lists) for item in catalog]
    differences = sum(abs(one - other) for one in shown for other in shown)
    mean = sum(shown) / len(shown)
    return differences / (2 * len(shown) ** 2 * mean) if mean else 0.0


def drawn_figure(
    weights: Sequence[float],
    numerators: Sequence[Sequence[float]],
    denominators: Sequence[Sequence[float]],
    *,
    root: bool,
) -> float:
    """The mean over folds of the ratio with user u counted `weights[u]` times; undefined folds are left out."""
    figures = []
    for above, below in zip(numerators, denominators, strict=True):
        top = sum(weight * part for weight, part in zip(weights, above, strict=True))
        bottom = sum(weight * part for weight, part in zip(weights, below, strict=True))
        if bottom > 0:
            figures.append(math.sqrt(top / bottom) if root else top / bottom)
    return sum(figures) / len(figures) if figures else math.nan
