"""The start: what the model is, how good it is, for whom it is weak, and the ways in."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tastemap.data import Id
from tastemap.inference.lists import lists_of
from tastemap.inspection import best_rated, most_rated
from tastemap.models.recommender import Recommender
from tastemap.plurals import plural
from tastemap.service.answers.data import activity, mean_rating, n_active
from tastemap.service.answers.kept import kept_by_version
from tastemap.service.answers.training import chosen
from tastemap.service.live.beside import in_thread
from tastemap.service.live.service import Service
from tastemap.service.live.serving import Serving
from tastemap.service.pages.evaluated import evaluated
from tastemap.service.pages.words import Thing, thing
from tastemap.training import MODELS

Fields = dict[str, Any]

USERS_LOOKED_AT = 1_000
LIST_LENGTH = 10
FEW = 5
"""Fewer ratings of an item than this say little of it."""
LOVED = 6
"""Items that a newcomer may begin with."""


async def page(service: Service, query: Mapping[str, str]) -> Fields:
    """The page as plain values, made once for each version that is served."""
    return await in_thread(_page, service.serving)


@kept_by_version
def _page(serving: Serving) -> Fields:
    recommender = serving.recommender
    word = thing(recommender.train.name)
    return {
        "model": _model(recommender, word),
        "data": _data(recommender),
        "evaluation": evaluated(recommender),
        "limits": _limits(recommender, word),
        "loved": _loved(recommender),
        "folder": typed_folder(serving.folder),
        "chosen": chosen(recommender),
        "example_user": _example_user(recommender),
    }


def typed_folder(folder: Path) -> str:
    """The artifact's folder as a shell reads it, from where the service was started.

    Of one elsewhere only the name is told: visitors need not know how a machine's disks are laid out.
    """
    here = Path.cwd()
    inside = folder.absolute().is_relative_to(here)
    return shlex.quote(str(folder.absolute().relative_to(here)) if inside else folder.name)


def _model(recommender: Recommender, word: Thing) -> Fields:
    data = recommender.train.interactions
    known = MODELS.get(recommender.name)
    kind = "interactions" if data.is_implicit else "ratings"
    of_what = f"by {plural(n_active(data), 'user')} of {data.n_items:,} {word.many}"
    learned = f"It learned from {len(data):,} {kind} {of_what}"
    if recommender.objective == "rating":
        does = f"and predicts how many stars somebody would give {word.a} they have not seen"
    else:
        does = f"and orders {word.many} by how likely somebody is to choose them; it predicts no stars"
    return {
        "name": recommender.name,
        "summary": None if known is None else known.summary,
        "objective": recommender.objective,
        "sentence": f"{learned}, {does}.",
    }


def _data(recommender: Recommender) -> Fields:
    train = recommender.train
    data, scale = train.interactions, train.interactions.rating_scale
    times = data.timestamps
    catalog = recommender.catalog
    years = catalog["year"].drop_nulls() if "year" in catalog.columns else None
    return {
        "name": train.name,
        "n_interactions": len(data),
        "n_users": n_active(data),
        "n_items": data.n_items,
        "density": len(data) / max(n_active(data) * data.n_items, 1),
        "rating_scale": None if scale is None else {"low": scale.low, "high": scale.high},
        "mean_rating": mean_rating(data),
        "per_user": float(np.median(activity(data))),
        "per_item": float(np.median(data.popularity)),
        "dates": None
        if times is None or not len(times)
        else [_date(int(times.min())), _date(int(times.max()))],
        "years": None if years is None or years.is_empty() else [years.min(), years.max()],
        "has_titles": "title" in catalog.columns,
    }


def _date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%B %Y")


def _limits(recommender: Recommender, word: Thing) -> list[str]:
    """For whom and for what the model is weak, as far as the data alone says."""
    data = recommender.train.interactions
    lengths = activity(data)
    kind = "interaction" if data.is_implicit else "rating"
    found = []
    quarter = int(np.quantile(lengths, 0.25))
    found.append(
        f"A quarter of the users have at most {plural(quarter, kind)}: of them it knows least. "
        f"Half have more than {int(np.median(lengths)):,}."
    )
    rare = int((data.popularity < FEW).sum())
    if rare:
        found.append(
            f"{rare:,} of {data.n_items:,} {word.many} have fewer than {FEW} {kind}s: "
            "what it says of them is mostly the average."
        )
    never, n_users = _never_listed(recommender)
    who = "nobody's list" if n_users == len(lengths) else f"none of the lists of {n_users:,} users"
    if never and n_users:
        found.append(f"{never:,} of {data.n_items:,} {word.many} are in {who}, where a list has {LIST_LENGTH}.")
    return found


def _never_listed(recommender: Recommender) -> tuple[int, int]:
    """Items in no list of `LIST_LENGTH`, and of how many users' lists: some, evenly spread."""
    data = recommender.train.interactions
    active = np.flatnonzero(data.by_user.row_lengths)
    n_users = min(len(active), USERS_LOOKED_AT)
    users = active[np.linspace(0, len(active) - 1, n_users).astype(np.int64)]
    lists = lists_of(recommender.model, users, LIST_LENGTH, seen=data.by_user)
    return data.n_items - len(np.unique(lists[lists >= 0])), n_users


def _loved(recommender: Recommender) -> list[Fields]:
    """Some items that many know and like."""
    data = recommender.train.interactions
    known_to_many = int(np.quantile(data.popularity, 0.97))
    best = best_rated(recommender.train, LOVED, more_than=known_to_many)
    if len(best) < LOVED:
        best = most_rated(recommender.train, LOVED)
    return best.select("item_id", "title", "popularity", "mean_rating").to_dicts()


def _example_user(recommender: Recommender) -> Id | None:
    """The user with the median number of interactions; None where nobody has any."""
    lengths = recommender.train.interactions.by_user.row_lengths
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 0]
    return recommender.users.to_id(int(order[len(order) // 2])) if len(order) else None
