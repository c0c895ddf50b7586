"""What a person at a terminal sees: tables that fit, sums that add up, help, progress, exit statuses."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from tastemap.artifacts import info, load
from tastemap.cli.main import app
from tastemap.cli.output import print_cells
from tastemap.cli.progress import TerminalProgress
from tastemap.inference import explain_for_history
from tests.surfaces.conftest import Command


def commands() -> dict[str, Any]:
    """Every command by its name, those of ``data`` and ``keys`` among them."""
    top: Any = typer.main.get_command(app)
    groups = {name: command.commands for name, command in top.commands.items() if hasattr(command, "commands")}
    inner = {f"{group} {name}": command for group, found in groups.items() for name, command in found.items()}
    return {name: command for name, command in top.commands.items() if name not in groups} | inner


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.usefixtures("narrow")
def test_a_wide_evaluation_comes_in_blocks_of_whole_cells(tastemap: Command, table: Path) -> None:
    answer = tastemap("evaluate", table, "--models", "als,ials")
    lines = [line for line in answer.out.splitlines() if line.strip()]
    assert max(map(len, lines)) <= 80
    heads = [line.split() for line in lines if line.lstrip().startswith("model ")]
    assert len(heads) == 2
    assert [name for head in heads for name in head if name != "model"] == [
        *("rmse", "mae", "recall@10", "ndcg@10", "coverage@10", "fit")
    ]
    rows = [re.split(r"\s{2,}", line.strip()) for line in lines if line.strip().startswith("als ")]
    assert [len(row) for row in rows] == [len(head) for head in heads]
    assert re.fullmatch(r"\d\.\d{4} ±\d\.\d{4}", rows[0][1])


def test_a_pipe_gets_an_evaluation_in_one_block(
    tastemap: Command, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)  # parallel workers of pytest are given the terminal's
    out = tastemap("evaluate", table, "--models", "als").out
    assert [line.split() for line in out.splitlines() if line.startswith(" model")] == [
        ["model", "rmse", "mae", "recall@10", "ndcg@10", "coverage@10", "fit"]
    ]


def test_the_metrics_that_were_asked_for_are_the_ones_shown(tastemap: Command, table: Path) -> None:
    out = tastemap("evaluate", table, "--models", "als", "--metrics", "map@10,gini@10").out
    assert next(line for line in out.splitlines() if "model" in line).split() == [
        "model",
        "map@10",
        "gini@10",
        "fit",
    ]


@pytest.mark.usefixtures("narrow")
def test_no_row_of_a_comparison_or_of_the_data_sets_is_folded(
    tastemap: Command, fitted: dict[str, Path], table: Path
) -> None:
    found = tastemap("compare", fitted["popularity"], fitted["ials"], "--test", table)
    assert " in training " in found.out
    assert not any(line.strip() == "training" for line in found.out.splitlines())
    listed = tastemap("data", "list").out
    assert re.search(r"ml-25m +25,000,095 +162,541 +59,047 +(yes|no)\n", re.sub(" +\n", "\n", listed))


def test_json_of_an_evaluation_is_followed_by_nothing(tastemap: Command, table: Path) -> None:
    answer = tastemap("evaluate", table, "--models", "als", "--json")
    assert answer.json["models"]
    assert answer.err == ""
    failed = tastemap("evaluate", table, "--models", "als", "--json", "--out", "/proc/nowhere/report.html")
    assert failed.status == 1
    assert "cannot be written" in failed.json["error"]["message"]


@pytest.mark.usefixtures("narrow")
def test_info_puts_what_was_changed_first_and_sizes_in_units(
    tastemap: Command, table: Path, tmp_path: Path
) -> None:
    for seed in (1, 2):
        tastemap("fit", table, "--model", "als", "-o", tmp_path / "m", "--set", "n_factors=3", "--seed", seed)
    answer = tastemap("info", tmp_path / "m")
    assert max(map(len, answer.out.splitlines())) <= 80
    said = " ".join(answer.out.split())
    assert "als (rating), biased matrix factorization" in said
    assert "changed n_factors = 3 (default 11) defaults" in said
    assert "of 60 users with 40 items, rated from 1 to 5" in said
    assert re.search(r"losses search, \d+ epochs: .*validation_rmse [\d.]+ to [\d.]+", said)
    assert re.search(r"size [\d.]+ kB in \d data files", said)
    assert "versions 2; to go back to: 1, by tastemap.load(DIR, version=1)" in said
    assert "evaluation none recorded" in said


def test_info_of_a_model_without_epochs_says_so(tastemap: Command, fitted: dict[str, Path]) -> None:
    out = tastemap("info", fitted["popularity"]).out
    assert "none: the model is fitted in one step" in out
    assert "1, the only one" in out


def test_json_of_info_has_every_fact_and_the_losses(tastemap: Command, fitted: dict[str, Path]) -> None:
    document = tastemap("info", fitted["als"], "--json").json
    assert set(document) == set(info(fitted["als"]))
    assert document["losses"] == load(fitted["als"]).losses.to_dicts()


def test_the_reasons_shown_are_the_strongest_and_add_up(tastemap: Command, fitted: dict[str, Path]) -> None:
    out = tastemap("explain", fitted["als"], "--user", 2, "--item", 9, "-k", 4).out
    reasons = [float(line.split()[-1]) for line in out.splitlines() if re.match(r" +\d+   ", line)]
    assert len(reasons) == 4
    assert [abs(value) for value in reasons] == sorted((abs(value) for value in reasons), reverse=True)
    sums = dict(re.findall(r"(baseline|more reasons|remainder|sum = score) +([+-]?[\d.]+)", out))
    parts = sum(reasons) + sum(float(value) for name, value in sums.items() if name != "sum = score")
    assert parts == pytest.approx(float(sums["sum = score"]), abs=0.0005)
    assert not re.search(r"\d\.000\b", out)


def test_a_newcomer_gets_reasons_too(tastemap: Command, fitted: dict[str, Path], tmp_path: Path) -> None:
    expected = explain_for_history(load(fitted["als"]), {3: 5.0, 7: 1.5}, 9)
    rated = ("--rated", "(1963)=5", "--rated", "7=1.5")
    document = tastemap("explain", fitted["als"], *rated, "--item", 9, "--json").json
    assert document["score"] == expected.score
    assert document["reasons"] == expected.reasons.to_dicts()
    assert "user_id" not in document
    history = tmp_path / "my ratings.csv"
    history.write_text("item_id,rating\n3,5\n7,1.5\n")
    answer = tastemap("explain", fitted["als"], "--history", history, "--item", 9)
    assert f"{expected.score:.4f}" in answer.out
    assert f"--history {shlex.quote(str(history))} -k 10" in answer.err


def test_a_terminal_is_shown_the_first_lists_of_everybody(
    tastemap: Command, fitted: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_a_pipe = tastemap("recommend", fitted["als"], "--all", "-k", 2)
    assert len([line for line in on_a_pipe.out.splitlines() if "Film" in line]) == 120
    monkeypatch.setattr("tastemap.cli.recommend.to_terminal", lambda: True)
    answer = tastemap("recommend", fitted["als"], "--all", "-k", 2)
    shown = [line.split()[0] for line in answer.out.splitlines() if "Film" in line]
    assert shown == ["0", "0", "1", "1", "2", "2", "3", "3", "4", "4"]
    assert "The first 5 of 60 lists; --out lists.csv writes all." in answer.err
    named = [word for user in range(7) for word in ("--user", user)]
    assert "The first" not in tastemap("recommend", fitted["als"], *named, "-k", 1).err


def test_columns_without_a_value_are_not_shown_but_stay_in_json(
    tastemap: Command, fitted: dict[str, Path]
) -> None:
    head = tastemap("recommend", fitted["ials"], "--user", 1, "-k", 2).out.split("─")[0].split()
    assert head == ["user_id", "item_id", "rank", "score", "title"]
    row = tastemap("recommend", fitted["ials"], "--user", 1, "-k", 1, "--json").json["items"][0]
    assert list(row) == ["user_id", "item_id", "rank", "score", "prediction", "title", "pinned"]


@pytest.mark.parametrize("phase", ["search", "fit"])
def test_an_interrupted_fit_says_so_and_tells_the_figure_of_the_epoch_it_used(
    tastemap: Command, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    def step(_: TerminalProgress, task: str, done: int, *__: object) -> None:
        if task == f"{phase} als" and done == 2:
            raise KeyboardInterrupt

    arguments = ("fit", table, "--model", "als", "-o", tmp_path / "m", "--set", "tolerance=0.1")
    assert tastemap(*arguments, "--json").json["interrupted"] is False
    monkeypatch.setattr(TerminalProgress, "step", step)
    assert tastemap(*arguments, "--json").json["interrupted"] is True
    said = tastemap(*arguments).err
    recommender = load(tmp_path / "m")
    n_epochs = recommender.losses["phase"].to_list().count("final")
    assert recommender.resolved.model_dump()["n_epochs"] == n_epochs
    figure = recommender.losses["validation_rmse"][n_epochs - 1]
    assert f"Validation rmse {figure:.4f} after {n_epochs} of" in said
    baseline = recommender.losses["validation_rmse_of_bias"][0]
    assert f"(bias {baseline:.4f}); then fitted to all rows" in said
    assert f"then fitted to all rows for {n_epochs}." in said


def test_what_is_next_can_be_pasted_though_a_path_has_blanks(
    tastemap: Command, table: Path, tmp_path: Path
) -> None:
    answer = tastemap("fit", table, "--model", "popularity", "-o", tmp_path / "my model")
    _, _, command = answer.err.partition("Next: tastemap ")
    assert tastemap(*shlex.split(command)).status == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["explain", "ALS", "--item", "3"], "exactly one of --user, --history, --rated"),
        (["explain", "ALS", "--item", "3", "--user", "1", "--rated", "4=5"], "exactly one of"),
        (["explain", "ALS", "--item", "3", "--user", "1", "-k", "0"], "-k"),
        (["explain", "ALS", "--item", "3", "--rated", "4"], "TITLE_OR_ID=RATING"),
        (["similar", "ALS", "3", "-k", "0"], "-k"),
        (["similar", "ALS", "3", "--measure", "euclid"], "--measure"),
        (["compare", "ALS", "ALS", "-k", "0"], "-k"),
        (["compare", "ALS", "ALS", "--fail-if", "nonsense"], "does not parse"),
        (["predict", "ALS", "pairs.csv"], "--out"),
        (["fit", "TABLE", "--model", "als", "--objective", "sideways"], "--objective"),
        (["fit", "TABLE", "--model", "als", "--set", "factors=3"], "Unknown setting"),
        (["evaluate", "TABLE", "--models", "alz"], "Unknown model"),
        (["evaluate", "TABLE", "--models", "als", "-k", "0"], "-k"),
        (["recommend", "ALS", "--user", "1", "--where", "year >"], "year >"),
        (["data", "bake"], "bake"),
    ],
)
def test_wrong_usage_ends_with_two_in_every_command(
    tastemap: Command, fitted: dict[str, Path], table: Path, arguments: list[str], said: str
) -> None:
    places = {"TABLE": table, "ALS": fitted["als"]}
    answer = tastemap(*(places.get(argument, argument) for argument in arguments))
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.startswith("Error: ")
    assert said in answer.err


def test_a_wrong_rating_is_usage_in_an_option_and_data_in_a_file(
    tastemap: Command, fitted: dict[str, Path], tmp_path: Path
) -> None:
    history = tmp_path / "mine.csv"
    history.write_text("item_id,rating\n3,9\n")
    assert tastemap("recommend", fitted["als"], "--rated", "3=9").status == 2
    answer = tastemap("recommend", fitted["als"], "--history", history)
    assert answer.status == 1
    assert "mine.csv: Ratings must be from 1 to 5" in answer.err


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("name", commands())
def test_help_fits_80_columns_explains_every_option_and_has_an_example(tastemap: Command, name: str) -> None:
    answer = tastemap(*name.split(), "--help")
    assert answer.status == 0
    assert max(map(len, answer.out.splitlines())) <= 80
    command = commands()[name]
    assert [parameter.name for parameter in command.params if not getattr(parameter, "help", None)] == []
    *_, last = answer.out.strip().splitlines()
    words = shlex.split(last.strip().removeprefix("Example: tastemap "))
    assert words[: len(name.split())] == name.split()
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if re.match("--?[a-z]", word)} <= options


@pytest.mark.usefixtures("narrow")
def test_the_list_of_commands_cuts_no_summary_short(tastemap: Command) -> None:
    assert not re.search(r"\w\.\.\.", tastemap("--help").out)
    assert not re.search(r"\w\.\.\.", tastemap("data", "--help").out)
    assert not re.search(r"\w\.\.\.", tastemap("keys", "--help").out)


def test_a_terminal_sees_how_far_an_evaluation_is_and_a_pipe_does_not(table: Path) -> None:
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "tastemap", "evaluate", str(table), "--models", "als", "--split", "folds"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=terminal) as run:
        os.close(terminal)
        shown = b""
        while chunk := _read_terminal(controller):
            shown += chunk
        assert run.wait() == 0, shown.decode()
    os.close(controller)
    assert "evaluate als, fold 1 of 5" in shown.decode()
    piped = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "fold 1 of 5" not in piped.stderr


def _read_terminal(controller: int) -> bytes:
    try:
        return os.read(controller, 4096)
    except OSError:  # Linux says EIO when the other side has closed
        return b""


def test_a_table_that_fits_looks_as_one_that_is_folded(capsys: pytest.CaptureFixture[str]) -> None:
    names, rows = ["id", "title [1]"], [["7", "Ran 乱 (1985)"], ["1200", "Ikiru"]]
    print_cells(names, rows, right={"id"}, title="Two")
    quick = capsys.readouterr().out
    assert quick.splitlines()[1:] == [
        "                      ",
        "   id   title [1]     ",
        " " + "─" * 20 + " ",
        "    7   Ran 乱 (1985) ",
        " 1200   Ikiru         ",
        "                      ",
    ]
    # A row that cannot be printed as it is makes Rich draw them all.
    print_cells(names, [*rows, ["", "x\x00"]], right={"id"}, title="Two")
    drawn = capsys.readouterr().out
    assert drawn.splitlines()[2:6] == quick.splitlines()[2:6]


def test_the_data_check_suggests_to_fit_only_what_can_be_fitted(tastemap: Command, tmp_path: Path) -> None:
    table = tmp_path / "one.csv"
    table.write_text("a\n1\n2\n")
    assert f"Next: tastemap data check {table}" in tastemap("data", "check", table).err


def test_settings_are_refused_beside_a_saved_model(tastemap: Command, tmp_path: Path) -> None:
    answer = tastemap("evaluate", tmp_path, "--test", "ml-100k", "--set", "n_factors=3")
    assert answer.status == 2
    assert "--set" in answer.err


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_the_data_check_fails_on_errors_that_are_not_repaired(
    tastemap: Command, tmp_path: Path, as_json: list[str]
) -> None:
    table = tmp_path / "ratings.csv"
    table.write_text("user,item,rating\n1,1,5\n1,2,3\n2,1,good\n")
    failed = tastemap("data", "check", table, *as_json)
    assert (failed.status, "Error:" in failed.err) == (1, False)
    assert "bad_ratings" in failed.out + failed.err
    assert tastemap("data", "check", table, "--fix", tmp_path / "repaired.csv", *as_json).status == 0
    table.write_text("user,item,rating\n1,1,5\n1,1,5\n2,1,3\n")
    assert tastemap("data", "check", table, *as_json).status == 0  # a warning


def test_a_data_check_is_followed_by_a_model_for_the_kind_of_data(tastemap: Command, tmp_path: Path) -> None:
    table = tmp_path / "visits.csv"
    table.write_text("user,item\n1,1\n1,2\n2,1\n")
    assert f"Next: tastemap fit {table} --model ials" in tastemap("data", "check", table).err
    table.write_text("user,item,rating\n1,1,5\n1,1,5\n2,1,3\n")
    assert f"Next: tastemap fit {table} --model als" in tastemap("data", "check", table).err


def test_a_repair_of_a_clean_table_says_that_it_is_a_copy(tastemap: Command, tmp_path: Path) -> None:
    table, out = tmp_path / "ratings.csv", tmp_path / "copy.csv"
    table.write_text("user,item,rating\n1,1,5\n1,2,3\n2,1,4.0\n")
    said = tastemap("data", "check", table, "--fix", out).err
    assert f"There was nothing to repair; wrote a copy to {out}.\n" in said
    assert out.read_text() == table.read_text()


def test_items_are_excluded_and_chosen_by_title(tastemap: Command, fitted: dict[str, Path]) -> None:
    def listed(*arguments: object) -> list[int]:
        answer = tastemap("recommend", fitted["ials"], "--user", 3, "-k", 40, "--json", *arguments)
        return [row["item_id"] for row in answer.json["items"]]

    every = listed()
    first, second = every[:2]
    assert listed("--exclude", f"film <b>{first}</b> ({1960 + first})") == every[1:]
    assert listed("--only", f"Film <b>{second}</b> ({1960 + second})", "--only", first) == [first, second]
    several = tastemap("recommend", fitted["ials"], "--user", 3, "--exclude", "Film")
    assert "'Film': taking the most popular of 40 matching titles." in several.err


@pytest.mark.parametrize("end", [",rating\n{},5\n{},2\n", "\n{}\n{}\n"])
def test_a_history_may_name_titles(
    tastemap: Command, fitted: dict[str, Path], tmp_path: Path, end: str
) -> None:
    answers = []
    for column, names in (("item_id", [3, 7]), ("title", ["Film <b>3</b> (1963)", "film <b>7</b> (1967)"])):
        history = tmp_path / f"{column}.csv"
        history.write_text(f"{column}{end.format(*names)}")
        answers.append(tastemap("recommend", fitted["als"], "--history", history, "--json").json)
    assert answers[0] == answers[1]
    (tmp_path / "other.csv").write_text("title,rating\nNo such film,5\n")
    unknown = tastemap("recommend", fitted["als"], "--history", tmp_path / "other.csv")
    assert unknown.status == 1
    assert "No such film" in unknown.err


def test_a_note_is_printed_once_in_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    with TerminalProgress(quiet=False) as progress:
        for message in ("Compiling.", "Epoch 3.", "Compiling."):
            progress.note(message)
    assert capsys.readouterr().err == "Compiling.\nEpoch 3.\n"


@pytest.mark.parametrize("typed", [(), ("data",), ("keys",)])
def test_no_command_shows_the_help_and_is_no_error(tastemap: Command, typed: tuple[str, ...]) -> None:
    answer = tastemap(*typed)
    assert answer.status == 2
    assert answer.err.startswith("Usage: tastemap")
    assert "Error" not in answer.err


def test_a_text_where_a_list_is_due_is_answered_by_how_to_write_one(tastemap: Command, table: Path) -> None:
    answer = tastemap("fit", table, "--model", "mlp", "--set", "layers=abc")
    assert answer.status == 2
    assert "layers must be a list, such as [100, 50]" in answer.err


def test_low_ratings_of_a_history_are_noted_by_models_that_read_no_stars(
    tastemap: Command, fitted: dict[str, Path], table: Path, tmp_path: Path
) -> None:
    said = "reads which items were rated, not the stars: 1 rating below 3 taken as interest"
    rated = ("--rated", "3=1", "--rated", "5=5")
    assert said in tastemap("recommend", fitted["ials"], *rated).err
    assert said not in tastemap("recommend", fitted["ials"], "--rated", "5=5").err
    assert said not in tastemap("recommend", fitted["als"], *rated).err
    tastemap("fit", table, "--model", "ials", "--positive-min", "4", "-o", tmp_path / "m")
    assert said not in tastemap("recommend", tmp_path / "m", *rated).err


def test_a_validation_figure_points_to_the_baselines(tastemap: Command, table: Path, tmp_path: Path) -> None:
    pointer = "`tastemap evaluate` measures"
    assert (
        f"{pointer} als with intervals, beside other models."
        in tastemap("fit", table, "--model", "als", "-o", tmp_path / "m").err
    )
    assert pointer not in tastemap("fit", table, "--model", "bias", "-o", tmp_path / "b").err
