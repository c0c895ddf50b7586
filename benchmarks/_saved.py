"""A model as a user has it: saved as an artifact and loaded again, never as the fit left it in memory."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tastemap.artifacts import load, save
from tastemap.models.recommender import Recommender


def from_saved(fitted: Recommender) -> Recommender:
    """The same recommender from an artifact; its folder goes at once, its files stay mapped while needed."""
    with tempfile.TemporaryDirectory() as folder:
        return load(save(fitted, Path(folder) / fitted.name))
