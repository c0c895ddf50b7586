"""Interactions, ids, catalogs; readers, splits and checks. Polars goes in, arrays come out."""

from importlib import import_module
from typing import TYPE_CHECKING

from tastemap.data.catalog import Catalog
from tastemap.data.dataset import Dataset, LoadReport
from tastemap.data.encode import make_interactions
from tastemap.data.feature_columns import FeatureColumn
from tastemap.data.fetching import DatasetInfo, data_home, datasets, fetch
from tastemap.data.id_map import UNKNOWN, Id, IdMap, Ids
from tastemap.data.interactions import Interactions, RatingScale
from tastemap.data.known_sets import license_of
from tastemap.data.queries import read_history, read_pairs, read_user_ids
from tastemap.data.sources import Source, load
from tastemap.data.splits import SPLIT_KINDS, Split, make_splits, train_test_split
from tastemap.data.sql.query import DatabaseQuery
from tastemap.data.sql.writing import write_rows
from tastemap.data.writing import write_table

if TYPE_CHECKING:
    from tastemap.data.data_check import CheckReport, check
    from tastemap.data.data_fix import fix
    from tastemap.data.findings import Example, Finding

_WHEN_USED = {
    "CheckReport": "data_check",
    "Example": "findings",
    "Finding": "findings",
    "check": "data_check",
    "fix": "data_fix",
}

__all__ = [
    "SPLIT_KINDS",
    "UNKNOWN",
    "Catalog",
    "CheckReport",
    "DatabaseQuery",
    "Dataset",
    "DatasetInfo",
    "Example",
    "FeatureColumn",
    "Finding",
    "Id",
    "IdMap",
    "Ids",
    "Interactions",
    "LoadReport",
    "RatingScale",
    "Source",
    "Split",
    "check",
    "data_home",
    "datasets",
    "fetch",
    "fix",
    "license_of",
    "load",
    "make_interactions",
    "make_splits",
    "read_history",
    "read_pairs",
    "read_user_ids",
    "train_test_split",
    "write_rows",
    "write_table",
]


def __getattr__(name: str) -> object:
    """The data check is imported when it is used: fitting and serving do without it."""
    if name not in _WHEN_USED:
        raise AttributeError(f"module 'tastemap.data' has no attribute {name!r}")
    return getattr(import_module(f"tastemap.data.{_WHEN_USED[name]}"), name)
