"""What Alembic runs around the migrations."""

from __future__ import annotations

from alembic import context

from tastemap.service.database.tables import metadata


def run() -> None:
    """Run the migrations within the transaction of the connection that was handed over."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        transactional_ddl=True,  # SQLite's too: Alembic need not begin and commit by itself
    )
    context.run_migrations()


if __name__ == "env_py":  # the name that Alembic gives to this file when it runs it
    run()
