"""The commands that read from databases and write to them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tastemap.artifacts import load, versions
from tests.surfaces.conftest import Command
from tests.unit.data.shops import ROWS, add, execute, file_url, open_shop

LAST = ROWS[-1][3]
SECRET = "hidden-word"


@pytest.fixture
def shop(tmp_path: Path) -> str:
    return open_shop(file_url(tmp_path / "shop.db"))


@pytest.fixture
def model(tastemap: Command, shop: str, tmp_path: Path) -> Path:
    """A model of the ratings in the shop."""
    folder = tmp_path / "model"
    answer = tastemap("fit", shop, "--query", "ratings", "--model", "bias", "-o", folder)
    assert answer.status == 0, answer.err
    assert answer.err.startswith(f"shop: {len(ROWS):,} interactions")
    return folder


def test_lists_of_all_users_are_written_to_a_table(tastemap: Command, model: Path, database_url: str) -> None:
    for _ in range(2):  # the second replaces the rows of the first
        answer = tastemap(
            "recommend", model, "--all", "-k", 3, "--out", database_url, "--table", "lists", "--json"
        )
        assert answer.status == 0, answer.err
    assert answer.json["table"] == "lists"
    printed = tastemap("recommend", model, "--all", "-k", 3, "--json").json["items"]
    columns = ["user_id", "item_id", "rank", "score", "prediction", "title"]
    written = execute(database_url, f"SELECT {', '.join(columns)} FROM lists ORDER BY user_id, rank")
    assert written == [tuple(row[name] for name in columns) for row in printed]


def test_predictions_are_written_to_a_table(tastemap: Command, model: Path, shop: str, tmp_path: Path) -> None:
    pl.DataFrame({"user_id": [1, 99], "item_id": [2, 3]}).write_csv(tmp_path / "pairs.csv")
    answer = tastemap("predict", model, tmp_path / "pairs.csv", "--out", shop, "--table", "predicted")
    assert answer.err.startswith("Wrote 2 rows to the table predicted of ")
    assert execute(shop, "SELECT user_id, item_id, known FROM predicted") == [(1, 2, "both"), (99, 3, "item")]


def test_newer_rows_are_added_by_refit(tastemap: Command, model: Path, shop: str) -> None:
    add(shop, [(1, 1, 5, LAST), (99, 99, 3, LAST + 1)])
    answer = tastemap("refit", model, "--newer", shop, "--json").json
    assert (answer["n_newer"], answer["version"], answer["n_interactions"]) == (2, 2, len(ROWS) + 1)
    assert 99 in load(model).users.ids
    assert not model.with_name("model.events.db").exists()
    said = tastemap("refit", model, "--newer", shop).err
    assert said.startswith("Added 0 new rows of the database.")
    assert "This version has no figures of how good it is yet" in said
    assert said.rstrip().endswith(f"Next: tastemap evaluate {model} --test SOURCE --keep")
    assert versions(model) == [1, 2]


def test_newer_rows_without_the_database_of_the_service_are_noted(
    tastemap: Command, model: Path, shop: str, tmp_path: Path
) -> None:
    from tastemap.service.database import Store

    noted = "No events and no erasures were consulted: there is no file model.events.db."
    elsewhere = file_url(tmp_path / "service.db")
    store = Store.open(elsewhere)
    store.erase("99", LAST)
    store.close()
    add(shop, [(99, 7, 5, LAST + 1)])
    known = tastemap("refit", model, "--newer", shop, "--database", elsewhere, "--json")
    assert (known.json["n_newer"], known.json["notes"]) == (0, [])
    add(shop, [(1, 7, 5, LAST + 2)])
    (note,) = tastemap("refit", model, "--newer", shop, "--json").json["notes"]
    assert note.startswith(noted)
    assert "refit with --database: this version may hold users who were erased" in note
    assert noted in tastemap("refit", model, "--newer", shop).err
    assert noted not in tastemap("refit", model, "--newer", shop, "--database", elsewhere).err
    assert noted not in tastemap("refit", model).err


def test_newer_rows_and_events_go_together(tastemap: Command, model: Path, shop: str) -> None:
    from tastemap.service.database import NewEvent, Store, default_url

    store = Store.open(default_url(model))
    store.append([NewEvent("1", "7", value=2.0, time=LAST + 100), NewEvent("500", "7", value=2.0)])
    store.erase("3", LAST)
    store.close()
    add(shop, [(1, 7, 5, LAST + 50), (3, 7, 5, LAST + 51)])
    answer = tastemap("refit", model, "--newer", shop, "--json")
    assert answer.status == 0, answer.err
    assert (answer.json["n_newer"], answer.json["n_events"]) == (1, 3)
    rows = load(model).train.interactions.frame()
    rows = rows.with_columns(pl.col("user_id", "item_id").cast(pl.String))
    assert rows.row(by_predicate=(pl.col("user_id") == "1") & (pl.col("item_id") == "7"))[2] == 2.0
    assert "3" not in rows["user_id"]


def test_evaluate_plan_and_check_take_a_query(tastemap: Command, shop: str) -> None:
    query = ("--query", "SELECT * FROM ratings", "--json")
    assert tastemap("evaluate", shop, "--models", "bias", *query).status == 0
    assert tastemap("plan", shop, "--model", "als", *query).status == 0
    assert tastemap("data", "check", shop, *query).json["name"] == "shop"


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("fit", "SHOP", "--model", "bias"), 2, "Tables: ratings."),
        (("fit", "ml-100k", "--query", "ratings", "--model", "bias"), 2, "--query is for databases"),
        (("fit", "ml-100k", "--watermark", "id", "--model", "bias"), 2, "--watermark is for databases"),
        (("evaluate", "ml-100k", "--models", "bias", "--query", "ratings"), 2, "--query is for databases"),
        (("fit", "SHOP", "--query", "rating", "--model", "bias"), 1, "Did you mean ratings?"),
        (("recommend", "MODEL", "--all", "--out", "SHOP"), 2, "table (--table) must name the table"),
        (("recommend", "MODEL", "--all", "--table", "lists"), 2, "--table is for databases"),
        (("recommend", "MODEL", "--all", "--out", "SHOP", "--table", "a b"), 2, "table must be a name"),
        (("refit", "MODEL", "--newer", "SHOP", "--source", "ml-100k"), 2, "leave one out"),
    ],
)
def test_wrong_use_is_one_sentence(
    tastemap: Command, model: Path, shop: str, words: tuple[str, ...], status: int, said: str
) -> None:
    answer = tastemap(*({"SHOP": shop, "MODEL": model}.get(word, word) for word in words))
    assert (answer.status, said in answer.err) == (status, True), answer.err
    assert answer.err.startswith("Error: ")


@pytest.mark.parametrize(
    "words",
    [
        ("fit", "URL", "--query", "ratings", "--model", "bias"),
        ("fit", "URL", "URL", "--model", "bias"),
        ("plan", "URL", "--query", "ratings", "--model", "bias"),
        ("recommend", "MODEL", "--all", "--out", "URL", "--table", "lists"),
        ("refit", "MODEL", "--newer", "URL"),
        ("fit", "mysql://u:" + SECRET + "@h/d", "--model", "bias"),
        ("data", "check", "URL", "--query", "ratings"),
    ],
)
def test_a_password_is_never_echoed(tastemap: Command, model: Path, words: tuple[str, ...]) -> None:
    url = f"postgresql://me:{SECRET}@127.0.0.1:1/shop"
    answer = tastemap(*({"URL": url, "MODEL": model}.get(word, word) for word in words))
    assert answer.status in (1, 2)
    assert SECRET not in answer.out + answer.err


def test_a_next_step_is_shown_without_the_password(tastemap: Command, postgres_url: str) -> None:
    url = open_shop(postgres_url).replace("tastemap@", f"tastemap:{SECRET}@")  # the server does not ask for it
    for words in (
        ("plan", url, "--model", "als"),
        ("data", "check", url),
        ("evaluate", url, "--models", "bias"),
    ):
        answer = tastemap(*words, "--query", "ratings")
        assert answer.status == 0, answer.err
        assert "Next: tastemap" in answer.err
        assert SECRET not in answer.out + answer.err
