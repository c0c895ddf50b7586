"""Looking inside a fitted model and its data: functions from a recommender to frames."""

from tastemap.inspection.bias import bias_leaderboard
from tastemap.inspection.components import Components, principal_components
from tastemap.inspection.curves import training_curves
from tastemap.inspection.decay import weight_decay_runs
from tastemap.inspection.histograms import histogram
from tastemap.inspection.item_map import ItemMap, item_map
from tastemap.inspection.items import best_rated, genre_counts, item_statistics, most_rated, user_statistics
from tastemap.inspection.neighbors import NeighborLists, item_neighbors, neighbor_lists
from tastemap.inspection.norms import item_norms
from tastemap.inspection.predictions import predicted_against_actual, prediction_grid

__all__ = [
    "Components",
    "ItemMap",
    "NeighborLists",
    "best_rated",
    "bias_leaderboard",
    "genre_counts",
    "histogram",
    "item_map",
    "item_neighbors",
    "item_norms",
    "item_statistics",
    "most_rated",
    "neighbor_lists",
    "predicted_against_actual",
    "prediction_grid",
    "principal_components",
    "training_curves",
    "user_statistics",
    "weight_decay_runs",
]
