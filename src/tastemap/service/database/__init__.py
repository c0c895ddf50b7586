"""Events, keys, audit and the served version, in SQLite or PostgreSQL."""
