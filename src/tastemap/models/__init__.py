"""The shapes that models have, and one file a model: settings, reference mathematics, fit."""
