"""How Hypothesis runs here: no wall-clock limits, which fail on a busy machine, and fifty examples a test."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("tastemap", deadline=None, max_examples=50)
settings.load_profile("tastemap")
