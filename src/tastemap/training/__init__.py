"""From a model's name and a data set to a fitted recommender."""

from tastemap.training.fit import fit, with_evaluation
from tastemap.training.registry import MODELS, ModelEntry, check_objective, get, make_config

__all__ = ["MODELS", "ModelEntry", "check_objective", "fit", "get", "make_config", "with_evaluation"]
