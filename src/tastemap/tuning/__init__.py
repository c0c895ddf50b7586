"""Before and around a fit: what it will cost."""

from tastemap.tuning.plan import Plan, plan

__all__ = ["Plan", "plan"]
