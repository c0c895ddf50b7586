"""Databases of every earlier schema open, and hold what they held."""

from __future__ import annotations

from importlib.resources import as_file, files

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from tastemap.service.database import NewEvent, Store, migrations
from tastemap.service.database.keys import digest, login_of
from tastemap.service.database.tables import REVISION
from tastemap.service.database.urls import Target
from tastemap.service.guard.sessions import issue, key_of_session

EARLIER = ("0001", "0002")


def make(url: str, revision: str) -> None:
    """A database as the migrations up to `revision` made it, with two keys and an event."""
    engine = create_engine(Target.of(url).url)
    with engine.begin() as connection, as_file(files(migrations)) as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        later = revision > "0001"  # who logs in has a secret since then
        key = (
            f"INSERT INTO api_keys (name, scope, sha256, created, revoked{', session_secret' * later}) "
            f"VALUES (:name, 'client', :sha, 1.0, :end{', :secret' * later})"
        )
        for name, end in (("shop", None), ("old", 2.0)):
            row = {"name": name, "sha": digest(f"tm_{name}"), "end": end, "secret": digest(name)}
            connection.execute(text(key), row)
        connection.execute(
            text(
                "INSERT INTO events (user_id, item_id, kind, value, time, received) "
                "VALUES ('u', 'a', 'interaction', 4.0, 1.0, 1.0)"
            )
        )
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        assert found == revision != REVISION
    engine.dispose()


@pytest.mark.parametrize("revision", EARLIER)
def test_a_database_of_an_earlier_schema_opens_with_what_it_held(database_url: str, revision: str) -> None:
    make(database_url, revision)
    for _ in range(2):  # brought up to date, then opened as it is
        store = Store.open(database_url)
        assert [event.item_id for event in store.events()][:1] == ["a"]
        assert [(key.name, key.revoked) for key in store.keys()] == [("old", 2.0), ("shop", None)]
        assert set(store.valid_keys()) == {digest("tm_shop")}
        store.close()
    store = Store.open(database_url)
    assert store.append([NewEvent("u", "b")])[0].seq == 2
    assert store.add_key("new", "admin", 3.0).startswith("tm_")
    secrets = {key.name: key.session_secret for key in store.valid_keys().values()}
    assert len(set(secrets.values())) == 2
    assert min(map(len, secrets.values())) == 64
    session = issue(login_of("tm_shop"), secrets["shop"], 100)
    found = key_of_session(session, store.valid_keys(), 50.0)
    assert found is not None
    assert found.name == "shop"
    store.close()


def test_ending_the_sessions_of_a_key_changes_its_secret_alone(store: Store) -> None:
    shop, boss = store.add_key("shop", "client", 1.0), store.add_key("boss", "admin", 2.0)
    before = store.valid_keys()
    store.end_sessions("shop", 3.0)
    after = store.valid_keys()
    assert set(after) == set(before) == {digest(shop), digest(boss)}
    assert after[digest(shop)].session_secret != before[digest(shop)].session_secret
    assert after[digest(boss)] == before[digest(boss)]
    assert before[digest(shop)].session_secret not in repr(before)
    line = store.audit_lines()[-1]
    assert (line.action, line.subject, line.actor) == ("sessions_ended", "shop", "shop")
