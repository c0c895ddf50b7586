"""Lists with their reasons."""

from __future__ import annotations

from typing import Any

import numpy as np

from tastemap.inference import notes
from tastemap.inference.explain import reasons
from tastemap.inference.intervals import spread_of
from tastemap.inference.ranking import popular, rank
from tastemap.linalg.csr import empty_rows
from tastemap.linalg.top_k import strongest
from tastemap.linalg.types import Float64Array, Int32Array
from tastemap.service.answers.asked import ListOptions
from tastemap.service.live.beside import beside
from tastemap.service.live.effort import MANY_ENTRIES, explains_long
from tastemap.service.live.person import Person
from tastemap.service.live.serving import Serving

Fields = dict[str, Any]


async def listed(person: Person, asked: ListOptions) -> Fields:
    """:func:`list_for`, beside the event loop where it takes long."""
    if takes_long(person, asked):
        return await beside(list_for, person, asked)
    return list_for(person, asked)


def takes_long(person: Person, asked: ListOptions) -> bool:
    """Whether a list would hold up others: by diversity, a new filter, many ids, or reasons that cost much."""
    recommender, n_ids = person.serving.recommender, len(asked.exclude) + len(asked.only or ())
    if asked.diversity or n_ids > MANY_ENTRIES:
        return True
    if asked.where is not None and not asked.rules().is_ready(recommender):
        return True
    return bool(asked.reasons) and explains_long(recommender, len(person.history.indices), asked.k)


def list_for(person: Person, asked: ListOptions) -> Fields:
    """The list of a person: what the library's ``recommend`` gives, with reasons, intervals and support."""
    serving, recommender = person.serving, person.serving.recommender
    prepared = serving.prepared(asked.rules())
    seen = person.history if asked.exclude_seen else empty_rows(1, recommender.model.n_items)
    if person.basis == "popularity":
        ranking = popular(recommender, asked.k, prepared, seen)
    else:
        ranking = rank(recommender, person.states, seen, asked.k, prepared)
    found = ranking.item_index[0]
    items = found[found >= 0]
    scores = ranking.scores[0][: len(items)]
    rows = _rows(serving, items, scores, ranking.pinned[0][: len(items)].tolist())
    if person.basis != "popularity":
        _add_predictions(serving, person, items, scores, asked.level, rows)
    if asked.reasons:
        _add_reasons(serving, person, items, scores, asked.reasons, rows)
    return {
        "user_id": person.user_id,
        "basis": person.basis,
        "k": asked.k,
        "model": recommender.name,
        "version": serving.version,
        "items": rows,
        "notes": [
            *person.notes,
            *(notes.low_ratings(recommender, person.history) if person.basis == "history" else ()),
            *notes.of_list(ranking, asked.k, prepared),
        ],
    }


def _rows(serving: Serving, items: Int32Array, scores: Float64Array, pinned: list[bool]) -> list[Fields]:
    ids, titles, support = serving.item_ids, serving.titles, serving.support
    return [
        {
            "item_id": ids[item],
            "rank": place + 1,
            "score": score,
            "prediction": None,
            "lower": None,
            "upper": None,
            "title": titles[item],
            "support": support[item],
            "pinned": pinned[place],
        }
        for place, (item, score) in enumerate(zip(items.tolist(), scores.tolist(), strict=True))
    ]


def _add_predictions(
    serving: Serving, person: Person, items: Int32Array, scores: Float64Array, level: float, rows: list[Fields]
) -> None:
    """Predicted ratings, and how sure the model is, where it knows."""
    recommender = serving.recommender
    if recommender.objective != "rating":
        return
    predictions = recommender.model.link.apply(scores)
    for row, prediction in zip(rows, predictions.tolist(), strict=True):
        row["prediction"] = prediction
    spread = spread_of(recommender, person.states, items[None, :], predictions)
    if spread is None:
        return
    for row, lower, upper in zip(rows, *(ends.tolist() for ends in spread.interval(level)), strict=True):
        row["lower"], row["upper"] = lower, upper


def _add_reasons(
    serving: Serving, person: Person, items: Int32Array, scores: Float64Array, n: int, rows: list[Fields]
) -> None:
    """The `n` strongest reasons of each item, and what is left: together they are the score."""
    if person.basis == "popularity":
        for row in rows:
            row.update(baseline=row["score"], reasons=[], others=0.0, remainder=0.0, additive=True)
        return
    found = reasons(serving.recommender, person.history, items)
    places = strongest(found.values, n)  # (k, n)
    strengths = found.values[np.arange(len(places))[:, None], places]
    sums = found.values.sum(axis=1)
    left = (found.baseline, sums - strengths.sum(axis=1), scores - found.baseline - sums)
    told = (person.history.indices[places], person.history.values[places], strengths)
    ids, titles = serving.item_ids, serving.titles
    for row, owned, ratings, values, baseline, others, remainder in zip(
        rows, *(column.tolist() for column in (*told, *left)), strict=True
    ):
        row["baseline"] = baseline
        row["reasons"] = [
            {"item_id": ids[item], "title": titles[item], "rating": rating, "contribution": value}
            for item, rating, value in zip(owned, ratings, values, strict=True)
        ]
        row["others"], row["remainder"], row["additive"] = others, remainder, found.additive
