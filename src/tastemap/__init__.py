"""Tastemap: from a table of ratings or interactions to a recommender that can be trusted and served.

>>> import tastemap as tm
>>> sorted(tm.MODELS)
['als', 'bias', 'dot', 'ease', 'gibbs', 'ials', 'itemknn', 'mlp', 'popularity', 'softmax']

Names are imported when they are first used: importing the package itself loads the standard library only.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tastemap.artifacts import load, save
    from tastemap.data import DatabaseQuery, Dataset, Interactions, check, make_splits, train_test_split
    from tastemap.data import load as load_data
    from tastemap.data.generate import generate
    from tastemap.errors import TastemapError
    from tastemap.evaluation import compare, evaluate, evaluate_recommender
    from tastemap.inference import (
        Rules,
        explain,
        explain_for_history,
        find_item,
        fold_in,
        predict,
        recommend,
        recommend_for_history,
        similar_items,
    )
    from tastemap.models.recommender import Recommender
    from tastemap.reports import write_report
    from tastemap.training import MODELS, fit
    from tastemap.tuning import plan
    from tastemap.tuning.auto import auto
    from tastemap.tuning.tune import tune

_HOMES = {
    "MODELS": "tastemap.training",
    "DatabaseQuery": "tastemap.data",
    "Dataset": "tastemap.data",
    "Interactions": "tastemap.data",
    "Recommender": "tastemap.models.recommender",
    "Rules": "tastemap.inference",
    "TastemapError": "tastemap.errors",
    "auto": "tastemap.tuning.auto",
    "check": "tastemap.data",
    "compare": "tastemap.evaluation",
    "evaluate": "tastemap.evaluation",
    "evaluate_recommender": "tastemap.evaluation",
    "explain": "tastemap.inference",
    "explain_for_history": "tastemap.inference",
    "find_item": "tastemap.inference",
    "fit": "tastemap.training",
    "fold_in": "tastemap.inference",
    "generate": "tastemap.data.generate",
    "load": "tastemap.artifacts",
    "load_data": "tastemap.data:load",
    "make_splits": "tastemap.data",
    "plan": "tastemap.tuning",
    "predict": "tastemap.inference",
    "recommend": "tastemap.inference",
    "recommend_for_history": "tastemap.inference",
    "save": "tastemap.artifacts",
    "similar_items": "tastemap.inference",
    "train_test_split": "tastemap.data",
    "tune": "tastemap.tuning.tune",
    "write_report": "tastemap.reports",
}

__all__ = [
    "MODELS",
    "DatabaseQuery",
    "Dataset",
    "Interactions",
    "Recommender",
    "Rules",
    "TastemapError",
    "auto",
    "check",
    "compare",
    "evaluate",
    "evaluate_recommender",
    "explain",
    "explain_for_history",
    "find_item",
    "fit",
    "fold_in",
    "generate",
    "load",
    "load_data",
    "make_splits",
    "plan",
    "predict",
    "recommend",
    "recommend_for_history",
    "save",
    "similar_items",
    "train_test_split",
    "tune",
    "write_report",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'tastemap' has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    return getattr(import_module(module), attribute or name)


def __dir__() -> list[str]:
    return sorted(__all__)
