"""The systems of the source documents, trained again: recipes, runs and verdicts."""

from tastemap.reproduction.findings import Finding
from tastemap.reproduction.page import page
from tastemap.reproduction.recipe import Recipe, choose, recipes
from tastemap.reproduction.reproduce import reproduce

__all__ = ["Finding", "Recipe", "choose", "page", "recipes", "reproduce"]
