"""Interactions, ids, catalogs; readers, splits and checks. Polars goes in, arrays come out."""

from tastemap.data.catalog import Catalog
from tastemap.data.dataset import Dataset, LoadReport
from tastemap.data.id_map import UNKNOWN, Id, IdMap, Ids
from tastemap.data.interactions import Interactions, RatingScale, make_interactions
from tastemap.data.splits import SPLIT_KINDS, Split, make_splits, train_test_split

__all__ = [
    "SPLIT_KINDS",
    "UNKNOWN",
    "Catalog",
    "Dataset",
    "Id",
    "IdMap",
    "Ids",
    "Interactions",
    "LoadReport",
    "RatingScale",
    "Split",
    "make_interactions",
    "make_splits",
    "train_test_split",
]
