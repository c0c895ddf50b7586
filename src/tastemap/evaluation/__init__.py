"""Evaluate and compare models: every figure with an interval, every table with its baselines."""
