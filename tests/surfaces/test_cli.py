"""The commands: what they print, what they write, how they fail; and that they agree with the library."""

from __future__ import annotations

import errno
import html
import json
import os
import pty
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from tastemap.artifacts import load
from tastemap.data import datasets
from tastemap.inference import Rules, explain, predict, recommend, recommend_for_history, similar_items
from tests.surfaces.conftest import Command

FITTED = ("als", "ials")


@pytest.fixture(scope="session")
def unseen(table: Path) -> Path:
    """A ratings CSV of pairs that the fitted models were not trained on."""
    path = table.with_name("unseen.csv")
    trained = pl.read_csv(table).select("user_id", "item_id")
    users = pl.DataFrame({"user_id": range(60)})
    pairs = users.join(pl.DataFrame({"item_id": range(40)}), how="cross").join(
        trained, on=trained.columns, how="anti"
    )
    pairs.with_columns(rating=pl.col("item_id") % 5 + 1).write_csv(path)
    return path


def test_fit_says_what_it_did_and_what_to_do_next(tastemap: Command, table: Path, tmp_path: Path) -> None:
    answer = tastemap("fit", table, "--model", "als", "-o", tmp_path / "m", "--set", "n_factors=3", "--seed", 4)
    assert answer.status == 0
    assert "of 60 users with 40 items" in answer.err
    assert "Validation rmse" in answer.err
    assert f"Next: tastemap recommend {tmp_path / 'm'} --user 0" in answer.err
    assert load(tmp_path / "m").seed == 4


def test_fit_saves_beside_you_by_default(
    tastemap: Command, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = tastemap("fit", table, "--model", "popularity", "--json")
    assert answer.json["artifact"] == "ratings-popularity"
    assert load(tmp_path / "ratings-popularity").name == "popularity"


@pytest.mark.parametrize("name", FITTED)
def test_recommend_agrees_with_the_library(tastemap: Command, fitted: dict[str, Path], name: str) -> None:
    answer = tastemap("recommend", fitted[name], "--user", 3, "--user", 5, "-k", 4, "--json")
    assert answer.json["items"] == recommend(load(fitted[name]), [3, 5], k=4).frame.to_dicts()


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_lists_for_everybody_go_to_a_file(
    tastemap: Command, fitted: dict[str, Path], tmp_path: Path, ending: str
) -> None:
    out = tmp_path / f"lists.{ending}"
    answer = tastemap("recommend", fitted["als"], "--all", "-k", 5, "--out", out)
    assert answer.status == 0
    assert "lists for 60 users" in answer.err
    readers: dict[str, Callable[[Path], pl.DataFrame]] = {
        "csv": pl.read_csv,
        "parquet": pl.read_parquet,
        "jsonl": pl.read_ndjson,
    }
    frame = readers[ending](out)
    assert frame.columns == ["user_id", "item_id", "rank", "score", "prediction", "title", "pinned"]
    assert frame.height == 300
    assert frame["user_id"].unique(maintain_order=True).to_list() == list(range(60))


def test_lists_for_a_file_of_users_keep_its_order(
    tastemap: Command, fitted: dict[str, Path], tmp_path: Path
) -> None:
    users = tmp_path / "users.csv"
    users.write_text("user_id\n9\n2\n777\n4\n")
    answer = tastemap("recommend", fitted["als"], "--for", users, "-k", 1, "--json")
    assert [row["user_id"] for row in answer.json["items"]] == [9, 2, 4]
    assert "1 user not in the training data" in answer.json["notes"][0]


@pytest.mark.parametrize("name", FITTED)
def test_a_newcomer_is_served_by_titles_or_ids(tastemap: Command, fitted: dict[str, Path], name: str) -> None:
    answer = tastemap("recommend", fitted[name], "--rated", "(1963)=5", "--rated", "7=1.5", "-k", 3, "--json")
    expected = recommend_for_history(load(fitted[name]), {3: 5.0, 7: 1.5}, k=3)
    assert answer.json["items"] == expected.frame.to_dicts()


def test_a_history_file_is_a_newcomer_too(tastemap: Command, fitted: dict[str, Path], tmp_path: Path) -> None:
    history = tmp_path / "mine.csv"
    history.write_text("item_id,rating\n3,5\n7,1.5\n")
    answer = tastemap("recommend", fitted["als"], "--history", history, "-k", 3, "--json")
    expected = recommend_for_history(load(fitted["als"]), {3: 5.0, 7: 1.5}, k=3)
    assert answer.json["items"] == expected.frame.to_dicts()
    history.write_text("item_id\n3\n")
    liked = tastemap("recommend", fitted["als"], "--history", history, "-k", 3, "--json")
    assert liked.json["items"] == recommend_for_history(load(fitted["als"]), {3: 5.0}, k=3).frame.to_dicts()


def test_filters_hold(tastemap: Command, fitted: dict[str, Path]) -> None:
    where = "year >= 1980 and kind = Drama"
    answer = tastemap(
        "recommend", fitted["als"], "--user", 1, "--where", where, "--exclude", 21, "-k", 50, "--json"
    )
    items = [row["item_id"] for row in answer.json["items"]]
    assert items
    assert all(item >= 20 and item % 2 == 1 and item != 21 for item in items)
    rules = Rules(exclude=[21], where=where)
    assert items == recommend(load(fitted["als"]), [1], k=50, rules=rules).frame["item_id"].to_list()
    assert "shorter than 50" in answer.json["notes"][0]


def test_predict_answers_every_row_in_order(tastemap: Command, fitted: dict[str, Path], tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("user,item,other\n5,1,x\n999,1,y\n0,888,z\n")
    out = tmp_path / "predicted.csv"
    answer = tastemap("predict", fitted["als"], pairs, "--out", out, "--json")
    assert answer.json["known"] == {"both": 1, "item": 1, "user": 1}
    frame = pl.read_csv(out)
    assert frame["known"].to_list() == ["both", "item", "user"]
    expected = predict(load(fitted["als"]), [5, 999, 0], [1, 1, 888])
    assert frame["prediction"].to_list() == pytest.approx(expected["prediction"].to_list(), abs=1e-12)


def test_predict_keeps_the_columns_of_the_table_and_answers_rows_without_an_id(
    tastemap: Command, fitted: dict[str, Path], tmp_path: Path
) -> None:
    pairs, out = tmp_path / "pairs.csv", tmp_path / "predicted.csv"
    pairs.write_text("known,item,rating,user\nold,1,4,5\nold,,3,5\nold,1,2,\n")
    answer = tastemap("predict", fitted["als"], pairs, "--out", out)
    frame = pl.read_csv(out)
    assert frame.columns == ["user_id", "item_id", "rating", "score", "prediction", "known"]
    assert frame["known"].to_list() == ["both", "user", "item"]
    assert frame["rating"].to_list() == [4, 3, 2]
    assert "2 rows with an empty user or item id" in answer.err
    assert tastemap("predict", fitted["als"], pairs, "--out", out, "--json").json["n_empty_ids"] == 2


@pytest.mark.parametrize("measure", ["cosine", "dot"])
def test_similar_agrees_with_the_library(tastemap: Command, fitted: dict[str, Path], measure: str) -> None:
    answer = tastemap("similar", fitted["ials"], "(1963)", "--measure", measure, "-k", 3, "--json")
    assert answer.json["item_id"] == 3
    expected = similar_items(load(fitted["ials"]), 3, measure=measure, k=3)  # type: ignore[arg-type]
    assert answer.json["items"] == expected.frame.to_dicts()


def test_similar_leaves_out_what_few_have_in_common_and_says_so(
    tastemap: Command, fitted: dict[str, Path]
) -> None:
    asked = ("similar", fitted["ials"], 3, "--by", "id", "-k", 30, "--min-common", 12)
    answer = tastemap(*asked, "--json").json
    expected = similar_items(load(fitted["ials"]), 3, k=30, min_common_users=12)
    assert 0 < len(answer["items"]) < 30
    assert answer["items"] == expected.frame.to_dicts()
    assert answer["left_out"] == expected.left_out == 39 - len(answer["items"])
    assert answer["notes"] == list(expected.notes)
    assert f"Left out: {expected.left_out} items with fewer than 12 users who have both" in tastemap(*asked).err


def test_similar_lists_other_matches(tastemap: Command, fitted: dict[str, Path]) -> None:
    answer = tastemap("similar", fitted["ials"], "film")
    assert "39 other matches for 'film'" in answer.err


@pytest.mark.parametrize("name", FITTED)
def test_explain_agrees_with_the_library(tastemap: Command, fitted: dict[str, Path], name: str) -> None:
    document = tastemap("explain", fitted[name], "--user", 2, "--item", 9, "--json").json
    expected = explain(load(fitted[name]), 2, 9)
    assert document["score"] == expected.score
    assert document["reasons"] == expected.reasons.to_dicts()
    total = (
        document["baseline"] + sum(row["contribution"] for row in document["reasons"]) + document["remainder"]
    )
    assert total == pytest.approx(document["score"], abs=1e-9)
    assert "sum = score" in tastemap("explain", fitted[name], "--user", 2, "--item", 9).out


def _next(said: str) -> list[str]:
    """The arguments of the command that is suggested last."""
    return shlex.split(said.rpartition("Next: tastemap ")[2])


@pytest.mark.parametrize(("factor", "rating"), [(1, "5"), (40, "200"), (None, "1")])
def test_what_follows_similar_rates_at_the_top_of_the_scale(
    tastemap: Command, table: Path, tmp_path: Path, factor: int | None, rating: str
) -> None:
    source, folder = tmp_path / "source.csv", tmp_path / "m"
    frame = pl.read_csv(table)
    frame = frame.drop("rating") if factor is None else frame.with_columns(pl.col("rating") * factor)
    frame.write_csv(source)
    assert tastemap("fit", source, "--model", "ials", "-o", folder, "--set", "n_epochs=1").status == 0
    step = _next(tastemap("similar", folder, 3, "--by", "id", "--min-common", 0).err)
    assert step[-1] == f"3={rating}"
    assert tastemap(*step).status == 0


def test_what_follows_predict_is_a_reason_for_a_pair_that_is_known(
    tastemap: Command, fitted: dict[str, Path], tmp_path: Path
) -> None:
    pairs, out = tmp_path / "pairs.csv", tmp_path / "predicted.csv"
    for rows, expected in (
        ("999,1\n5,1\n", ["explain", str(fitted["als"]), "--user", "5", "--item", "1"]),
        ("999,1\n", ["recommend", str(fitted["als"]), "--user", "0"]),
    ):
        pairs.write_text(f"user,item\n{rows}")
        step = _next(tastemap("predict", fitted["als"], pairs, "--out", out).err)
        assert step == expected
        assert tastemap(*step).status == 0
    pairs.write_text("user,item\n")
    assert f"Wrote 0 rows to {out}.\n" in tastemap("predict", fitted["als"], pairs, "--out", out).err


def test_what_follows_a_comparison_is_a_condition_on_the_same_data(
    tastemap: Command, fitted: dict[str, Path], table: Path, unseen: Path
) -> None:
    both = ("compare", fitted["als"], fitted["ials"])
    step = _next(tastemap(*both, "--test", unseen, "-k", 5).err)
    assert step == [*map(str, both), "--test", str(unseen), "-k", "5", "--fail-if", "ndcg@5 < -1%"]
    for trained in (both, (*both, "--test", table)):
        assert "data that neither was trained on" in tastemap(*trained).err


def test_what_follows_a_data_check_names_the_columns_that_were_given(tastemap: Command, tmp_path: Path) -> None:
    source = tmp_path / "odd.csv"
    source.write_text("who,item,rating\n1,1,5\n1,2,4\n2,1,4\n2,2,3\n")
    step = _next(tastemap("data", "check", source, "--user-col", "who").err)
    assert step == ["fit", str(source), "--user-col", "who", "--model", "als"]


def test_a_data_set_that_is_there_is_not_to_be_fetched(
    tastemap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = [replace(info, is_local=True) for info in datasets()]
    monkeypatch.setattr("tastemap.data.datasets", lambda: [*known[:1], replace(known[1], is_local=False)])
    assert _next(tastemap("data", "list").err) == ["data", "fetch", known[1].name]
    monkeypatch.setattr("tastemap.data.datasets", lambda: known)
    assert _next(tastemap("data", "list").err) == ["data", "check", known[0].name]


def test_info_tells_what_a_model_is(tastemap: Command, fitted: dict[str, Path]) -> None:
    document = tastemap("info", fitted["als"], "--json").json
    assert document["model"] == "als"
    assert document["n_users"] == 60
    text = tastemap("info", fitted["als"])
    assert "als" in text.out
    assert "Next:" in text.err


def test_info_has_the_figure_of_the_chosen_epoch_as_fit_printed_it(
    tastemap: Command, table: Path, tmp_path: Path
) -> None:
    said = tastemap("fit", table, "--model", "als", "-o", tmp_path / "m").err
    figure = next(line for line in said.splitlines() if line.startswith("Validation rmse"))
    shown = " ".join(tastemap("info", tmp_path / "m").out.split())
    assert f"chosen {figure.partition(';')[0]}" in shown


def test_info_names_a_file_that_was_cut_short(
    tastemap: Command, fitted: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "m"
    shutil.copytree(fitted["als"], folder)
    (arrays,) = folder.glob("arrays-*")
    arrays.write_bytes(arrays.read_bytes()[:-8])
    answer = tastemap("info", folder)
    assert answer.status == 1
    assert f"{arrays.name} in {folder} is damaged" in answer.err


def test_explain_shows_text_ids_to_the_left_and_no_empty_titles(tastemap: Command, tmp_path: Path) -> None:
    source, folder = tmp_path / "texts.csv", tmp_path / "m"
    rows = [
        (f"u{user}", "tea" if item else "coffee", 1 + (user + item) % 5) for user in range(9) for item in (0, 1)
    ]
    pl.DataFrame(rows, schema=["user", "item", "rating"], orient="row").write_csv(source)
    assert tastemap("fit", source, "--model", "als", "-o", folder).status == 0
    _, _, *lines = tastemap("explain", folder, "--user", "u1", "--item", "tea").out.splitlines()
    assert lines[0].split() == ["item_id", "rating", "contribution"]
    assert any(line.startswith(" tea ") for line in lines)
    assert any(line.startswith(" sum = score ") for line in lines)


def test_a_list_for_which_no_item_is_allowed_says_so_without_a_table(
    tastemap: Command, fitted: dict[str, Path]
) -> None:
    answer = tastemap("recommend", fitted["als"], "--user", 1, "--where", "year > 3000")
    assert (answer.status, answer.out) == (0, "")
    assert answer.err == "No item is allowed: none of the 40 items meets all that was asked for.\n"


def test_evaluate_has_the_baselines_and_writes_a_report(tastemap: Command, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    answer = tastemap("evaluate", table, "--models", "als,ials", "--out", out, "--json")
    assert [row["model"] for row in answer.json["models"]] == ["popularity", "bias", "als", "ials"]
    assert out.read_text().startswith("<!doctype html>") or out.read_text().startswith("<!DOCTYPE html>")
    text = tastemap("evaluate", table, "--models", "als")
    assert "als" in text.out
    assert "popularity *" in text.out
    assert "95 %" in text.err


def test_the_report_and_the_next_step_repeat_what_was_typed(
    tastemap: Command, table: Path, unseen: Path, tmp_path: Path
) -> None:
    typed = ["evaluate", str(table), "--models=als", "-k", "5", "--seed", "3", "--set", "n_factors=2"]
    typed += ["--metrics", "rmse,ndcg@5", "--also-mask", str(unseen), "--rating-col", "rating"]
    said = tastemap(*typed).err
    assert said.endswith(f"Next: tastemap {shlex.join([*typed, '--out', 'report.html'])}\n")
    out = tmp_path / "a report.html"
    tastemap(*typed, "--out", out)
    assert f"tastemap {shlex.join([*typed, '--out', str(out)])}" in html.unescape(out.read_text())


def test_a_saved_model_is_evaluated_on_other_data(
    tastemap: Command, fitted: dict[str, Path], table: Path
) -> None:
    answer = tastemap("evaluate", fitted["als"], "--test", table, "--json")
    assert {row["model"] for row in answer.json["models"]} >= {"als", "bias", "popularity"}


def test_settings_of_a_model_are_set_in_an_evaluation(tastemap: Command, table: Path) -> None:
    answer = tastemap("evaluate", table, "--models", "als,ials", "--set", "als.n_factors=2", "--json")
    settings = {row["model"]: row["settings"] for row in answer.json["models"]}
    assert settings["als"]["n_factors"] == 2
    unclear = tastemap("evaluate", table, "--models", "als,ials", "--set", "n_factors=2")
    assert unclear.status == 2
    assert "MODEL.n_factors" in unclear.err


def test_compare_gates_on_a_change(tastemap: Command, fitted: dict[str, Path], unseen: Path) -> None:
    arguments = ("compare", fitted["popularity"], fitted["ials"], "--test", unseen)
    fine = tastemap(*arguments, "--json")
    assert fine.status == 0
    assert fine.json["failed"] == []
    folders = [fine.json["folder_a"], fine.json["folder_b"]]
    assert folders == [str(fitted["popularity"]), str(fitted["ials"])]
    failed = tastemap(*arguments, "--fail-if", "ndcg@10 > -1000%")
    assert failed.status == 1
    assert "Failed:" in failed.err
    unreadable = tastemap(*arguments, "--fail-if", "ndcg@10 <")
    assert unreadable.status == 2
    assert "^" in unreadable.err


def test_compare_warns_of_test_rows_that_were_trained_on_and_refuses_a_condition_on_them(
    tastemap: Command, fitted: dict[str, Path], table: Path
) -> None:
    arguments = ("compare", fitted["als"], fitted["ials"], "--test", table)
    notes = [note for note in tastemap(*arguments, "--json").json["notes"] if "training rows of" in note]
    assert len(notes) == 2
    assert all(note in tastemap(*arguments).err for note in notes)
    refused = tastemap(*arguments, "--fail-if", "ndcg@10 < -1%")
    assert (refused.status, refused.out) == (1, "")
    assert refused.err.startswith(
        "Error: A condition (--fail-if) needs test rows that neither model was trained"
    )


def test_compare_reads_a_test_with_columns_of_other_names(
    tastemap: Command, fitted: dict[str, Path], unseen: Path, tmp_path: Path
) -> None:
    odd = tmp_path / "odd.csv"
    header, _, rows = unseen.read_text().partition("\n")
    odd.write_text(header.replace("user_id", "who").replace("item_id", "what") + "\n" + rows)
    arguments = ("compare", fitted["popularity"], fitted["ials"])
    columns = ("--user-col", "who", "--item-col", "what")
    named = tastemap(*arguments, "--test", odd, *columns, "--json").json
    usual = tastemap(*arguments, "--test", unseen, "--json").json
    assert named["metrics"] == usual["metrics"]
    without = tastemap(*arguments, *columns)
    assert (without.status, without.out) == (2, "")
    assert "--test SOURCE" in without.err


def test_data_commands_list_and_check(tastemap: Command, table: Path, tmp_path: Path) -> None:
    assert "ml-100k" in [row["name"] for row in tastemap("data", "list", "--json").json["datasets"]]
    broken = tmp_path / "broken.csv"
    broken.write_text("user,item,rating\n1,1,5\n1,1,5\n2,1,4\n2,2,3\n1,2,4\n")
    fixed = tmp_path / "fixed.csv"
    answer = tastemap("data", "check", broken, "--fix", fixed, "--json")
    assert "duplicates" in {finding["kind"] for finding in answer.json["findings"]}
    assert pl.read_csv(fixed).height == 4
    assert "Harm:" in tastemap("data", "check", broken).err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["fit", "nowhere.csv", "--model", "als"], 1, "nowhere.csv"),
        (["fit", "TABLE", "--model", "asl"], 2, "Did you mean als"),
        (["fit", "TABLE", "--model", "als", "--objective", "ranking"], 2, "als is a rating model"),
        (["fit", "TABLE", "--model", "als", "--set", "n_factors"], 2, "KEY=VALUE"),
        (["fit", "TABLE", "--model", "als", "--set", "n_factors=-1"], 2, "n_factors must be"),
        (["fit", "TABLE", "--model", "als", "--rating-col", "stars"], 1, "Columns found"),
        (["fit", "TABLE"], 2, "--model"),
        (["recommend", "ALS"], 2, "exactly one of"),
        (["recommend", "ALS", "--user", "1", "--all"], 2, "exactly one of"),
        (["recommend", "ALS", "--user", "700"], 1, "Unknown user id '700'"),
        (["recommend", "ALS", "--user", "1", "-k", "0"], 2, "greater than or equal to 1"),
        (["recommend", "ALS", "--user", "1", "--where", "yeer = 3"], 2, "Did you mean year"),
        (["recommend", "ALS", "--user", "1", "--exclude", "zzz"], 1, "No item has the id or title"),
        (["recommend", "ALS", "--rated", "1"], 2, "TITLE_OR_ID=RATING"),
        (["recommend", "ALS", "--rated", "1=9"], 2, "from 1 to 5"),
        (["recommend", "ALS", "--all", "--out", "lists.xml"], 2, "must end in .csv"),
        (["similar", "ALS", ""], 2, "Got ''; name one"),
        (["recommend", "ALS", "--rated", "=5"], 2, "Got ''; name one"),
        (["similar", "ALS", "Casablanca"], 1, "No item has the id or title"),
        (["similar", "POPULARITY", "1"], 2, "no item vectors"),
        (["explain", "ALS", "--user", "1", "--item", "777"], 1, "777"),
        (["predict", "ALS", "nowhere.csv", "--out", "x.csv"], 1, "no file"),
        (["evaluate", "TABLE"], 2, "--models"),
        (["evaluate", "TABLE", "--models", "als", "--split", "leavelast"], 2, "Did you mean leave-last"),
        (["evaluate", "TABLE", "--models", "als", "--metrics", "ndgc@10"], 2, "ndcg"),
        (["evaluate", "ALS", "--keep"], 2, "evaluate DIR --test SOURCE --keep"),
        (["evaluate", "TABLE", "--models", "als", "--keep"], 2, "evaluate DIR --test SOURCE --keep"),
        (["info", "."], 1, "."),
        (["data", "fetch", "ml-100"], 2, "Did you mean ml-100k"),
        (["frobnicate"], 2, "frobnicate"),
    ],
)
def test_failures_are_one_sentence_with_the_remedy(
    tastemap: Command, fitted: dict[str, Path], table: Path, arguments: list[str], status: int, said: str
) -> None:
    places = {"TABLE": table, "ALS": fitted["als"], "POPULARITY": fitted["popularity"]}
    answer = tastemap(*(places.get(argument, argument) for argument in arguments))
    assert answer.status == status
    assert said in answer.err
    assert answer.err.startswith("Error: ")


def test_errors_have_one_json_body(tastemap: Command, fitted: dict[str, Path]) -> None:
    answer = tastemap("recommend", fitted["als"], "--user", 700, "--json")
    assert answer.status == 1
    assert set(answer.json["error"]) == {"code", "message", "details"}
    assert answer.json["error"]["code"] == "unknown_user"


def test_a_folder_that_is_no_artifact_is_left_alone(tastemap: Command, table: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    answer = tastemap("fit", table, "--model", "als", "-o", tmp_path)
    assert answer.status == 1
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_defect_is_a_sentence_too(
    tastemap: Command, fitted: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("tastemap.artifacts.info", broken)
    answer = tastemap("info", fitted["als"])
    assert answer.status == 1
    assert "Internal error, a defect of Tastemap: ZeroDivisionError" in answer.err


def test_the_installed_command_works_in_a_process_of_its_own(fitted: dict[str, Path]) -> None:
    command = Path(sys.executable).with_name("tastemap")
    run = subprocess.run(
        [command, "recommend", fitted["als"], "--user", "1", "-k", "2", "--json"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TASTEMAP_THREADS": "1"},
    )
    assert len(json.loads(run.stdout)["items"]) == 2
    version = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith("tastemap 0.")


def test_a_terminal_sees_the_progress_of_a_fit(table: Path, tmp_path: Path) -> None:
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "tastemap", "fit", str(table), "--model", "als", "-o", str(tmp_path / "m")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=terminal) as run:
        os.close(terminal)
        shown = b""
        while chunk := _read_terminal(controller):
            shown += chunk
        assert run.wait() == 0, shown.decode()
    os.close(controller)
    assert b"search als" in shown
    assert b"Saved als" in shown


def _read_terminal(controller: int) -> bytes:
    try:
        return os.read(controller, 4096)
    except OSError:  # Linux says EIO when the other side has closed
        return b""


def test_ctrl_c_before_the_first_epoch_is_a_sentence(
    tastemap: Command, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tastemap.training.fit", interrupted)
    answer = tastemap("fit", table, "--model", "als", "-o", tmp_path / "m")
    assert answer.status == 1
    assert "Stopped; what was saved before is unharmed." in answer.err
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("as_json", [True, False])
def test_an_evaluation_without_a_place_for_its_report_is_refused_before_anything_is_fitted(
    tastemap: Command, table: Path, tmp_path: Path, as_json: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tastemap.evaluation.evaluate", lambda *_, **__: pytest.fail("fitted"))
    out = tmp_path / "taken" / "report.html"
    out.parent.write_text("a file")
    arguments = ["evaluate", table, "--models", "als", "--out", out, *["--json"] * as_json]
    answer = tastemap(*arguments)
    assert answer.status == 1
    assert "Choose another place" in answer.out + answer.err


def test_an_evaluation_that_cannot_write_its_report_still_tells(
    tastemap: Command, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tastemap.data.writing.tempfile.mkstemp", full)
    answer = tastemap("evaluate", table, "--models", "als", "--out", tmp_path / "report.html")
    assert answer.status == 1
    assert "als" in answer.out
    assert "No space left" in answer.err
    wrong = tastemap("evaluate", table, "--models", "als", "--out", "report.pdf")
    assert wrong.status == 2


def test_testing_on_training_rows_is_called_so(tastemap: Command, fitted: dict[str, Path], table: Path) -> None:
    assert "Careful:" in tastemap("evaluate", fitted["als"], "--test", table).err


def test_pins_support_and_diversity_reach_the_library(tastemap: Command, fitted: dict[str, Path]) -> None:
    rules_asked = ("--pin", 7, "--pin", 3, "--min-support", 4, "--diversity", 0.5)
    asked = ("recommend", fitted["als"], "--user", 1, "-k", 6, *rules_asked)
    rules = Rules(pins=[7, 3], min_support=4, diversity=0.5)
    expected = recommend(load(fitted["als"]), [1], k=6, rules=rules).frame
    assert tastemap(*asked, "--json").json["items"] == expected.to_dicts()
    assert expected["item_id"].to_list()[:2] == [7, 3]
    assert "pinned" in tastemap(*asked).out
    assert "pinned" not in tastemap("recommend", fitted["als"], "--user", 1).out
