"""The steps from an empty database to today's tables, run by Alembic."""

from __future__ import annotations

from importlib.resources import as_file, files

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from tastemap.service.database.errors import DatabaseError


def upgrade(connection: Connection) -> None:
    """Bring the tables up to date within the transaction that `connection` has begun.

    The caller keeps other processes out until it has committed.

    Raises
    ------
    DatabaseError
        If a newer Tastemap has changed them.
    """
    with as_file(files(__name__)) as folder:
        config = Config()
        # Alembic's settings take a percent sign for the start of a name.
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise DatabaseError(
                "The tables of the database were made by a newer Tastemap; upgrade this one."
            ) from error
