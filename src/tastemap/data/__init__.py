"""Interactions, ids, catalogs; readers, splits and checks. Polars goes in, arrays come out."""

from tastemap.data.catalog import Catalog
from tastemap.data.dataset import Dataset, LoadReport
from tastemap.data.fetch import DatasetInfo, data_home, datasets, fetch
from tastemap.data.id_map import UNKNOWN, Id, IdMap, Ids
from tastemap.data.interactions import Interactions, RatingScale, make_interactions
from tastemap.data.sources import Source, load
from tastemap.data.splits import SPLIT_KINDS, Split, make_splits, train_test_split

__all__ = [
    "SPLIT_KINDS",
    "UNKNOWN",
    "Catalog",
    "Dataset",
    "DatasetInfo",
    "Id",
    "IdMap",
    "Ids",
    "Interactions",
    "LoadReport",
    "RatingScale",
    "Source",
    "Split",
    "data_home",
    "datasets",
    "fetch",
    "load",
    "make_interactions",
    "make_splits",
    "train_test_split",
]
