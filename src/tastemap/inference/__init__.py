"""Asking a fitted recommender: lists, neighbors, predicted ratings, reasons. Never imports PyTorch."""

from tastemap.inference.explain import Explanation, ListReasons, explain, explain_for_history, reasons
from tastemap.inference.history import fold_in
from tastemap.inference.items import FoundItem, find_item, item_titles, matching_items
from tastemap.inference.new_items import with_new_items
from tastemap.inference.predict import predict, predict_table
from tastemap.inference.questions import informative_items
from tastemap.inference.recommend import Recommendations, recommend, recommend_for_history
from tastemap.inference.rules import Rules
from tastemap.inference.similar import SimilarItems, similar_items

__all__ = [
    "Explanation",
    "FoundItem",
    "ListReasons",
    "Recommendations",
    "Rules",
    "SimilarItems",
    "explain",
    "explain_for_history",
    "find_item",
    "fold_in",
    "informative_items",
    "item_titles",
    "matching_items",
    "predict",
    "predict_table",
    "reasons",
    "recommend",
    "recommend_for_history",
    "similar_items",
    "with_new_items",
]
