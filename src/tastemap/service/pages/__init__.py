"""Pages of the explorer, each with a JSON twin."""
