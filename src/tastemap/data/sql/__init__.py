"""Databases as sources and as places to write to: SQLite and PostgreSQL, by URL.

SQLAlchemy is not needed for this: rows go through the drivers' own bulk ways.
"""
