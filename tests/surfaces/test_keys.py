"""`tastemap keys`: secrets are shown once, keys are listed without them, and end when revoked."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from tastemap.service.database import Store, default_url
from tastemap.service.database.keys import digest
from tests.surfaces.conftest import Command

SERVED_BY_NOBODY = "No key is valid: a server asks for none"


@pytest.fixture
def folder(fitted: dict[str, Path], tmp_path: Path) -> Path:
    """An artifact without a database."""
    return Path(shutil.copytree(fitted["popularity"], tmp_path / "my-model"))


def test_a_key_is_made_listed_and_revoked(tastemap: Command, folder: Path) -> None:
    added = tastemap("keys", "add", folder, "shop", "--scope", "client")
    assert added.status == 0
    secret = added.out.strip()
    assert secret.startswith("tm_")
    assert "secret of shop (client). It is not shown again." in added.err
    assert secret not in added.err
    assert f"Next: tastemap serve {folder}" in added.err
    store = Store.open(default_url(folder))
    assert store.valid_keys()[digest(secret)].scope == "client"
    listed = tastemap("keys", "list", folder)
    assert "shop" in listed.out
    assert " UTC" in listed.out
    assert secret not in listed.out + listed.err
    assert f"Next: tastemap keys revoke {folder} shop" in listed.err
    tastemap("keys", "add", folder, "boss", "--scope", "admin")
    revoked = tastemap("keys", "revoke", folder, "shop")
    assert "The key shop is revoked" in revoked.err
    assert SERVED_BY_NOBODY not in revoked.err
    assert SERVED_BY_NOBODY in tastemap("keys", "revoke", folder, "boss").err
    store.close()


def test_json_holds_what_the_library_gives(tastemap: Command, folder: Path) -> None:
    assert tastemap("keys", "list", folder, "--json").json == {"keys": []}
    added = tastemap("keys", "add", folder, "shop", "--scope", "admin", "--json").json
    assert set(added) == {"name", "scope", "secret"}
    assert tastemap("keys", "revoke", folder, "shop", "--json").json == {
        "name": "shop",
        "revoked": True,
        "left": [],
    }
    [key] = tastemap("keys", "list", folder, "--json").json["keys"]
    assert (key["name"], key["scope"]) == ("shop", "admin")
    assert key["revoked"] >= key["created"]


def test_without_keys_the_list_says_so(tastemap: Command, folder: Path) -> None:
    answer = tastemap("keys", "list", folder)
    assert (answer.status, answer.out) == (0, "")
    assert SERVED_BY_NOBODY in answer.err
    assert f"Next: tastemap keys add {folder} shop --scope client" in answer.err


def test_the_database_of_the_option_is_used_and_named_again(
    tastemap: Command, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/elsewhere.db"
    answer = tastemap("keys", "add", folder, "shop", "--scope", "client", "--database", url)
    assert answer.err.endswith(f"Next: tastemap serve {folder} --database {url}\n")
    assert not folder.with_name("my-model.events.db").exists()
    monkeypatch.setenv("TASTEMAP_DATABASE", url)
    listed = tastemap("keys", "list", folder)
    assert "shop" in listed.out
    assert "--database" not in listed.err


def test_a_password_is_not_repeated(tastemap: Command, folder: Path, postgres_url: str) -> None:
    answer = tastemap("keys", "list", folder, "--database", postgres_url.replace("@", ":hidden-word@"))
    assert answer.status == 0
    assert "hidden-word" not in answer.out + answer.err
    assert "--database URL" in answer.err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("add", "FOLDER", "shop"), 2, "Missing option '--scope'"),
        (("add", "FOLDER", "shop", "--scope", "owner"), 2, "'owner' is not one of 'client', 'admin'"),
        (("add", "FOLDER", "", "--scope", "client"), 2, "name must be text of 1 to 100 characters"),
        (("revoke", "FOLDER", "shop"), 2, "Unknown key 'shop'. There are no keys."),
        (("list", "nowhere"), 1, "nowhere is no artifact"),
        (("list", "FOLDER", "--database", "mysql://u:hidden@h/d"), 2, "Got the scheme 'mysql'"),
        (("list", "FOLDER", "--database", "sqlite:////nowhere/x.db"), 1, "unable to open database file"),
    ],
)
def test_what_goes_wrong_is_a_sentence(
    tastemap: Command, folder: Path, arguments: tuple[str, ...], status: int, said: str
) -> None:
    answer = tastemap("keys", *(folder if word == "FOLDER" else word for word in arguments))
    assert answer.status == status
    assert said in answer.err
    assert "hidden" not in answer.err


def test_nothing_is_made_beside_a_folder_that_is_no_artifact(tastemap: Command, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert tastemap("keys", "list", tmp_path / "mine").status == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_only_a_hash_lies_on_the_disk(tastemap: Command, folder: Path) -> None:
    secret = tastemap("keys", "add", folder, "shop", "--scope", "client").out.strip()
    with sqlite3.connect(folder.with_name("my-model.events.db")) as connection:
        dump = "\n".join(connection.iterdump())
    connection.close()
    assert "shop" in dump
    assert secret.removeprefix("tm_") not in dump
