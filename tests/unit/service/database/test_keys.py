"""API keys, the served version and the audit log."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text

from tastemap.errors import InvalidValueError, UnknownNameError
from tastemap.service.database import DatabaseError, Key, ServedVersion, Store
from tastemap.service.database import keys as keys_module
from tastemap.service.database.records import ValidKey
from tastemap.service.database.urls import Target


def scope_of(keys: Store | keys_module.KeyRing, secret: str) -> str | None:
    """The scope of a secret; None if it is none, or a revoked one."""
    valid = keys.valid_keys() if isinstance(keys, Store) else keys.valid()
    key = valid.get(keys_module.digest(secret))
    return None if key is None else key.scope


def test_a_key_is_known_by_its_secret_until_it_is_revoked(store: Store) -> None:
    shop, boss = store.add_key("shop", "client", 1.0), store.add_key("boss", "admin", 2.0)
    assert shop.startswith("tm_")
    assert len(shop) == 46
    assert (scope_of(store, shop), scope_of(store, boss)) == ("client", "admin")
    assert scope_of(store, "tm_wrong") is None
    assert scope_of(store, "\ud800") is None
    store.revoke_key("shop", 3.0)
    assert (scope_of(store, shop), scope_of(store, boss)) == (None, "admin")
    store.revoke_key("shop", 4.0)
    assert store.keys() == [Key("boss", "admin", 2.0, None), Key("shop", "client", 1.0, 3.0)]
    lines = [(line.time, line.action, line.subject, line.detail) for line in store.audit_lines()]
    assert lines == [
        (1.0, "key_added", "shop", "client"),
        (2.0, "key_added", "boss", "admin"),
        (3.0, "key_revoked", "shop", ""),
    ]


def test_the_database_holds_no_secret(store: Store, database_url: str) -> None:
    secret = store.add_key("shop", "client", 1.0)
    engine = create_engine(Target.of(database_url).url)
    with engine.connect() as connection:
        rows = [connection.execute(text(f"SELECT * FROM {table}")).all() for table in ("api_keys", "audit")]
    engine.dispose()
    assert secret.removeprefix("tm_") not in repr(rows)
    assert keys_module.digest(secret) in repr(rows)


def test_what_another_process_does_to_keys_counts_once_they_are_read_again(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert keys_module.FRESH_S <= 1.0
    monkeypatch.setattr(keys_module, "FRESH_S", 0.0)
    other = Store.open(database_url)
    secret = store.add_key("shop", "client", 1.0)
    assert (scope_of(store, secret), scope_of(other, secret)) == ("client", "client")
    other.revoke_key("shop", 2.0)
    assert (scope_of(store, secret), scope_of(other, secret)) == (None, None)
    other.close()


def test_keys_are_not_read_for_every_question(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_module, "FRESH_S", 1e6)
    assert store.keys_at_hand() is None
    secret = store.add_key("shop", "client", 1.0)
    assert scope_of(store, secret) == "client"
    monkeypatch.setattr(store._keys, "_read", None)
    assert scope_of(store, secret) == "client"
    assert store.keys_at_hand() == store.valid_keys()
    assert {hash: key.name for hash, key in store.valid_keys().items()} == {keys_module.digest(secret): "shop"}


def test_keys_stay_valid_while_the_database_cannot_be_asked(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> keys_module.Hashes:
        raise DatabaseError("gone")

    hashes: keys_module.Hashes = {keys_module.digest("s"): ValidKey("boss", "admin", 1.0, None, "00")}
    ring = keys_module.KeyRing(lambda: hashes)
    assert scope_of(ring, "s") == "admin"
    ring.forget()
    monkeypatch.setattr(ring, "_read", fail)
    assert scope_of(ring, "s") == "admin"
    with pytest.raises(DatabaseError):
        keys_module.KeyRing(fail).valid()


@pytest.mark.parametrize(
    ("name", "scope", "said"),
    [
        ("", "client", "name must be text of 1 to 100 characters"),
        ("a\nb", "client", "name must be printable text"),
        ("new", "owner", "scope must be 'client' or 'admin'. Got 'owner'"),
        ("shop", "client", "name must be new"),
        ("gone", "client", "name must be new"),
    ],
)
def test_a_key_that_cannot_be_made_is_refused(store: Store, name: str, scope: str, said: str) -> None:
    store.add_key("shop", "client", 1.0)
    store.add_key("gone", "client", 1.0)
    store.revoke_key("gone", 1.0)
    with pytest.raises(InvalidValueError) as raised:
        store.add_key(name, scope, 2.0)  # type: ignore[arg-type]
    assert raised.value.message.startswith(said)
    assert len(store.keys()) == 2


def test_a_key_that_is_not_there_cannot_be_revoked(store: Store) -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown key 'shop'\. There are no keys\."):
        store.revoke_key("shop", 1.0)
    store.add_key("shop", "client", 1.0)
    with pytest.raises(UnknownNameError, match=r"Unknown key 'shops'\. Did you mean shop\?"):
        store.revoke_key("shops", 1.0)


def test_the_served_version_is_the_one_named_last(store: Store) -> None:
    assert store.served() is None
    store.serve(1, "abc", 10.0)
    store.record_fit("def", 25, 10.5)
    store.serve(3, "def", 11.0)
    assert store.served() == ServedVersion(version=3, digest="def", events_through=25, since=11.0)
    store.audit("reload", "version 2", "refused", 12.0)
    lines = [(line.action, line.subject, line.detail) for line in store.audit_lines()]
    assert lines == [
        ("serve", "version 1", "digest abc"),
        ("serve", "version 3", "digest def"),
        ("reload", "version 2", "refused"),
    ]


def test_a_database_that_answers_answers_a_ping(store: Store) -> None:
    store.ping()
