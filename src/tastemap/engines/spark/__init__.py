"""The engine that works on Apache Spark: the only importer of pyspark, itself imported only when asked for."""

from tastemap.engines.spark.fit import fit
from tastemap.engines.spark.lists import Written, write_lists
from tastemap.engines.spark.measure import Figure, Measurement, evaluate
from tastemap.engines.spark.names import name_of, shown
from tastemap.engines.spark.session import Cluster, open_cluster

__all__ = [
    "Cluster",
    "Figure",
    "Measurement",
    "Written",
    "evaluate",
    "fit",
    "name_of",
    "open_cluster",
    "shown",
    "write_lists",
]
