"""The migrations make the tables that the code uses, from any number of processes at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from tastemap.errors import InvalidValueError
from tastemap.service.database import DatabaseError, NewEvent, Store, default_url
from tastemap.service.database.tables import REVISION, metadata
from tastemap.service.database.urls import Target

OPENS = "import sys; from tastemap.service.database import Store; Store.open(sys.argv[1]).close()"


def test_the_migrations_lead_to_the_tables_of_the_code(store: Store, database_url: str) -> None:
    engine = create_engine(Target.of(database_url).url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == REVISION
    engine.dispose()


def test_a_database_that_is_up_to_date_is_opened_without_alembic(store: Store, database_url: str) -> None:
    code = f"{OPENS}; assert 'sqlalchemy' in sys.modules; assert 'alembic' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, database_url], check=True)


def test_opening_again_changes_nothing(database_url: str) -> None:
    for _ in range(2):
        store = Store.open(database_url)
        store.append([NewEvent("u", "a")])
        store.close()
    again = Store.open(database_url)
    assert again.last_seq() == 2
    again.close()


def test_processes_that_open_an_empty_database_at_once_all_succeed(database_url: str) -> None:
    command = [sys.executable, "-c", OPENS, database_url]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    said = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0, 0], said


def test_a_database_of_a_newer_tastemap_is_refused(database_url: str) -> None:
    Store.open(database_url).close()
    engine = create_engine(Target.of(database_url).url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(DatabaseError, match="made by a newer Tastemap; upgrade this one"):
        Store.open(database_url)


def test_sqlite_is_set_up_to_survive_a_loss_of_power(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'events.db'}")
    for using in (store._connections.reading, store._connections.writing):
        with using() as connection:
            settings = {
                name: connection.execute(text(f"PRAGMA {name}")).scalar()
                for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
            }
        assert settings == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 5000, "foreign_keys": 1}
    store.close()


def test_sqlite_alone_is_local(store: Store, database_url: str) -> None:
    assert store.is_local == database_url.startswith("sqlite")


def test_the_default_database_lies_beside_the_artifact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_url(tmp_path / "my-model") == f"sqlite:///{tmp_path}/my-model.events.db"
    monkeypatch.chdir(tmp_path)
    assert default_url(Path("my-model")) == default_url(tmp_path / "my-model")
    odd = tmp_path / "100%? #model"
    Store.open(default_url(odd)).close()
    assert (tmp_path / "100%? #model.events.db").is_file()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://root:hidden@host/db", "Got the scheme 'mysql'."),
        ("events.db", "Got neither."),
        ("", "Got neither."),
        ("sqlite://", "Got the scheme 'sqlite'."),
        ("sqlite:///", "Got SQLite without a file"),
        ("sqlite:///:memory:", "Got SQLite without a file"),
        ("postgresql://user:hidden@host:port/db", "What came after postgresql: cannot be read"),
    ],
)
def test_a_url_that_is_not_taken_is_answered_by_those_that_are(url: str, said: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        Store.open(url)
    message = raised.value.message
    assert message.startswith("database must be sqlite:///FILE or postgresql://USER@HOST/NAME.")
    assert said in message
    assert "hidden" not in message
