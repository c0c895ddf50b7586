"""Every answer of the service as plain data: JSON routes send it, pages render it."""
