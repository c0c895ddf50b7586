"""One module a step; the order is that of their revisions."""
