"""Database URLs as SQLAlchemy takes them; how they are read, :mod:`tastemap.data.sql.urls` says."""

from __future__ import annotations

from functools import cached_property

from sqlalchemy import URL

from tastemap.data.sql.urls import DatabaseUrl, default_url

__all__ = ["Target", "default_url"]


class Target(DatabaseUrl):
    """A database as it is named."""

    @cached_property
    def url(self) -> URL:
        """For SQLAlchemy, with the password."""
        if self.path is not None:
            return URL.create("sqlite", database=str(self.path))
        return URL.create(
            "postgresql+psycopg",
            username=self.user,
            password=self.password,
            host=self.host,
            port=self.port,
            database=self.database,
            query=self.options,
        )
