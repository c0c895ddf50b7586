"""Tastemap: from a table of ratings or interactions to a recommender that can be trusted and served."""
