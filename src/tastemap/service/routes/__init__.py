"""Routes under /v1 and for operators."""
