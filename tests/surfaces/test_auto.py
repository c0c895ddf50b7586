"""``fit --model auto``, ``--tune``, ``--budget`` and ``--max-memory`` from the command line."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tastemap.artifacts import load
from tastemap.cli.main import run
from tests.surfaces.conftest import Command
from tests.unit.tuning.clocks import files_of

RACE = ("--model", "auto", "--budget", "60s", "--max-memory", "330MB")
"""The memory leaves out what PyTorch fits, which takes longest."""


def repeated(err: str) -> list[str]:
    """The arguments of the command that repeats a choice."""
    (line,) = [line for line in err.splitlines() if line.startswith("Without the search: ")]
    return shlex.split(line.removeprefix("Without the search: "))[1:]


def test_auto_shows_a_leaderboard_who_was_left_out_and_saves_the_choice(
    tastemap: Command, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    answer = tastemap("fit", table, *RACE, "--objective", "ranking", "-o", tmp_path / "m", "--seed", 2)
    assert answer.status == 0
    assert "ndcg@10" in answer.out
    assert all(name in answer.out for name in ("popularity", "itemknn", "ease regularization=300.0", "ials"))
    assert "Left out: softmax: it would need about" in answer.err
    chosen = load(tmp_path / "m")
    assert chosen.objective == "ranking"
    assert f"Chosen: {chosen.name}" in answer.err


def test_a_narrow_terminal_gets_the_settings_below_the_table_and_no_word_is_broken(
    tastemap: Command, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    answer = tastemap("fit", table, *RACE, "--objective", "rating", "-o", tmp_path / "m")
    lines = answer.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith(" als (1) ") for line in lines)
    assert "als (1): n_factors=20 regularization=2.0" in lines
    assert answer.out.count("±") >= 2


def test_what_auto_chose_is_repeated_by_the_command_that_it_names(
    tastemap: Command, table: Path, tmp_path: Path
) -> None:
    answer = tastemap("fit", table, *RACE, "--objective", "rating", "-o", tmp_path / "m")
    command = repeated(answer.err)
    assert "auto" not in command
    assert run([*command, "-o", str(tmp_path / "again")]) == 0
    assert files_of(tmp_path / "m") == files_of(tmp_path / "again")


def test_auto_says_what_it_races_for_where_nobody_has_said(
    tastemap: Command, table: Path, tmp_path: Path
) -> None:
    said = "Race for rating accuracy (RMSE); for the best lists: --objective ranking.\n"
    words = ("fit", table, "--model", "auto", "--budget", "4s", "-o", tmp_path / "m")
    assert said in tastemap(*words).err
    assert said not in tastemap(*words, "--objective", "rating").err


def test_json_of_auto_has_the_leaderboard_and_nothing_else_is_printed(
    tastemap: Command, table: Path, tmp_path: Path
) -> None:
    found = tastemap("fit", table, *RACE, "--objective", "ranking", "-o", tmp_path / "m", "--json").json
    assert found["metric"] == "ndcg@10"
    assert {"model", "settings", "value", "low", "high", "difference", "seconds"} <= set(
        found["leaderboard"][0]
    )
    assert {"model", "settings", "reason"} == set(found["left_out"][0])
    assert found["artifact"] == str(tmp_path / "m")
    assert found["model"] == load(tmp_path / "m").name


def test_tune_shows_trials_keeps_what_is_set_and_names_the_command_that_repeats_it(
    tastemap: Command, table: Path, tmp_path: Path
) -> None:
    words = ("--model", "als", "--set", "n_factors=3", "--set", "n_epochs=4", "--tune", "--budget", "8s")
    answer = tastemap("fit", table, *words, "-o", tmp_path / "m")
    assert answer.status == 0
    assert "n_factors=3" in answer.out
    command = repeated(answer.err)
    assert "n_factors=3" in command
    assert "--tune" not in command
    assert run([*command, "-o", str(tmp_path / "again")]) == 0
    assert files_of(tmp_path / "m") == files_of(tmp_path / "again")


def test_json_of_tune_has_the_trials(tastemap: Command, table: Path, tmp_path: Path) -> None:
    words = ("--model", "ease", "--tune", "--budget", "8s", "--json")
    found = tastemap("fit", table, *words, "-o", tmp_path / "m").json
    assert found["trials"]
    assert {"settings", "value", "n_epochs", "seconds", "is_whole", "is_given"} == set(found["trials"][0])


def test_the_table_of_a_search_always_has_the_defaults_and_a_sentence_says_what_was_gained(
    tastemap: Command, table: Path, tmp_path: Path
) -> None:
    words = ("--model", "ease", "--tune", "--budget", "20s", "-o", tmp_path / "m")
    answer = tastemap("fit", table, *words)
    assert answer.out.count("the defaults") == 1
    assert " the defaults " in answer.err or "better than the defaults." in answer.err


def test_a_fit_that_is_predicted_to_need_more_memory_is_refused_with_the_prediction(
    tastemap: Command, table: Path, tmp_path: Path
) -> None:
    answer = tastemap("fit", table, "--model", "als", "--max-memory", "20MB", "-o", tmp_path / "m")
    assert answer.status == 2
    assert answer.err.startswith("Error: max_memory must be at least 1")
    assert "Got 20 MB; allow more" in answer.err
    assert answer.err.count("\n") == 1
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--model", "auto", "--set", "n_factors=3"), "--set goes with one model"),
        (("--model", "auto", "--tune"), "--tune searches the settings of one model"),
        (("--model", "auto", "--budget", "1ms"), "budget must be a time above 0"),
        (("--model", "auto", "--budget", "nan"), "budget must be a time above 0"),
        (("--model", "auto", "--budget", "0.001s"), "budget must be at least about"),
        (("--model", "auto", "--max-memory", "1kB"), "max_memory must be at least"),
        (("--model", "als", "--max-memory", "much"), "max_memory must be a size above 0"),
        (("--model", "ease", "--budget", "0.001s"), "budget must be at least about"),
        (("--model", "aals", "--budget", "10s"), "Unknown model 'aals'. Did you mean als"),
        (("--model", "popularity", "--tune"), "There is no setting of popularity to search"),
        (
            ("--model", "auto", "--objective", "rating", "--positive-min", "4"),
            "positive_min is for ranking models",
        ),
    ],
)
def test_what_cannot_be_is_wrong_usage_in_one_sentence_and_saves_nothing(
    tastemap: Command, table: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    answer = tastemap("fit", table, *words, "-o", tmp_path / "m")
    assert answer.status == 2
    assert said in answer.err
    assert not (tmp_path / "m").exists()


def test_a_plain_fit_is_ended_by_its_budget_and_records_its_epochs(
    tastemap: Command, table: Path, tmp_path: Path
) -> None:
    settings = ("--set", "n_epochs=10000", "--set", "n_factors=64", "--set", "validation_fraction=0")
    answer = tastemap(
        "fit", table, "--model", "als", *settings, "--budget", "2s", "-o", tmp_path / "m", "--json"
    )
    assert answer.status == 0
    assert answer.json["interrupted"] is True
    assert 1 <= answer.json["resolved"]["n_epochs"] < 10_000


def test_without_torch_its_models_are_left_out_with_the_command_that_installs_it(
    tastemap: Command, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in [name for name in sys.modules if name.startswith("tastemap.neural")]:
        monkeypatch.delitem(sys.modules, name)
    words = ("--model", "auto", "--objective", "ranking", "--budget", "60s", "--json")
    found = tastemap("fit", table, *words, "-o", tmp_path / "m").json
    reasons = {one["model"]: one["reason"] for one in found["left_out"]}
    assert "pip install 'tastemap[torch]'" in reasons["softmax"]


def test_without_torch_one_line_says_so_of_all_its_models_however_short_the_time_is(
    tastemap: Command, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    words = ("--model", "auto", "--objective", "rating", "--budget", "4s", "--max-memory", "330MB")
    answer = tastemap("fit", table, *words, "-o", tmp_path / "m")
    said = [line for line in answer.err.splitlines() if "dot" in line or "mlp" in line]
    assert said == [
        "Left out: dot, mlp: PyTorch is not installed; install it with: pip install 'tastemap[torch]'."
    ]


def test_ctrl_c_in_a_race_saves_the_best_so_far(table: Path, tmp_path: Path) -> None:
    words = ("fit", table, "--model", "auto", "--objective", "ranking", "--budget", "10m", "-o", tmp_path / "m")
    command = [sys.executable, "-m", "tastemap", *map(str, words)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith("itemknn: "):
                process.send_signal(signal.SIGINT)
    assert process.returncode == 0, "".join(said)
    assert "Ctrl-C ended the race; the best so far is taken.\n" in said
    assert load(tmp_path / "m").objective == "ranking"
