"""What is served: the model, how good it is, and what there is to go back to."""

from __future__ import annotations

import time
from typing import Any

from tastemap.artifacts import identify, versions
from tastemap.service.answers.data import n_active
from tastemap.service.live.serving import Serving

Fields = dict[str, Any]


def model(serving: Serving) -> Fields:
    """The model in short."""
    recommender, data = serving.recommender, serving.recommender.train.interactions
    scale = data.rating_scale
    return {
        "name": recommender.name,
        "objective": recommender.objective,
        "version": serving.version,
        "digest": serving.digest,
        "saved": serving.saved,
        "age_s": max(0.0, time.time() - serving.saved),
        "events_through": serving.events_through,
        "settings": recommender.resolved.model_dump(mode="json"),
        "seed": recommender.seed,
        "data": {
            "name": recommender.train.name,
            "n_users": n_active(data),
            "n_items": data.n_items,
            "n_interactions": len(data),
            "rating_scale": None if scale is None else [scale.low, scale.high],
        },
        "evaluated": recommender.evaluation is not None,
    }


def evaluation(serving: Serving) -> Fields:
    """The evaluation kept in the artifact; null where there is none."""
    return {"version": serving.version, "evaluation": serving.recommender.evaluation}


def version_list(serving: Serving) -> Fields:
    """Versions that can be served, oldest first."""
    numbers = versions(serving.folder)
    rows = []
    for number in numbers:
        identity = identify(serving.folder, number)
        rows.append(
            {
                "version": number,
                "digest": identity.digest,
                "saved": identity.saved,
                "served": identity.digest == serving.digest,
            }
        )
    return {"versions": rows}
