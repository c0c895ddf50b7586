"""Interactions, ids, catalogs; readers, splits and checks. Polars goes in, arrays come out."""

from tastemap.data.catalog import Catalog
from tastemap.data.dataset import Dataset, LoadReport
from tastemap.data.id_map import UNKNOWN, Id, IdMap, Ids
from tastemap.data.interactions import Interactions, RatingScale, make_interactions

__all__ = [
    "UNKNOWN",
    "Catalog",
    "Dataset",
    "Id",
    "IdMap",
    "Ids",
    "Interactions",
    "LoadReport",
    "RatingScale",
    "make_interactions",
]
