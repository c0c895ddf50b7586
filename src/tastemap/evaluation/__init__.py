"""Evaluate and compare models: every figure with an interval, every table with its baselines."""

from tastemap.evaluation.compare import compare
from tastemap.evaluation.comparison import Comparison
from tastemap.evaluation.describe import describe
from tastemap.evaluation.diversity import price_of_diversity
from tastemap.evaluation.evaluate import evaluate, evaluate_recommender
from tastemap.evaluation.gate import Gate, parse_gate
from tastemap.evaluation.names import METRICS
from tastemap.evaluation.records import EvaluationRecord
from tastemap.evaluation.table import table

__all__ = [
    "METRICS",
    "Comparison",
    "EvaluationRecord",
    "Gate",
    "compare",
    "describe",
    "evaluate",
    "evaluate_recommender",
    "parse_gate",
    "price_of_diversity",
    "table",
]
