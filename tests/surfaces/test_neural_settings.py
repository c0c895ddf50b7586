"""Models fitted by gradients on the command line: each mistake ends in one sentence that says what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

from tastemap.training import MODELS
from tests.surfaces.conftest import Command

SHORT = ("--set", "n_epochs=2", "--set", "validation_fraction=0")


@pytest.mark.parametrize(
    ("model", "setting", "said"),
    [
        ("mlp", "layers=[]", "mlp: layers must hold at least 1. Got []."),
        ("mlp", "layers=[100000000]", "mlp: layers must be widths from 1 to 16,384"),
        ("softmax", "layers=[100000000]", "softmax: layers must be widths from 1 to 16,384"),
        ("mlp", "input_dropout=1.0", "mlp: input_dropout must be less than 1. Got 1.0."),
        ("mlp", "layer_dropout=[1.0]", "shares from 0 to below 1"),
        ("dot", "batch_size=0", "dot: batch_size must be greater than or equal to 1. Got 0."),
        ("dot", "learning_rate=1001", "dot: learning_rate must be less than or equal to 1000. Got 1001."),
        ("dot", "range_high=1", "range_low and range_high must enclose the ratings"),
    ],
)
def test_a_setting_that_no_model_takes_is_wrong_usage(
    tastemap: Command, table: Path, tmp_path: Path, model: str, setting: str, said: str
) -> None:
    result = tastemap("fit", table, "--model", model, *SHORT, "--set", setting, "-o", tmp_path / "model")
    assert result.status == 2
    assert said in result.err
    assert not (tmp_path / "model").exists()


def test_a_column_of_only_empty_lists_is_refused_before_the_fit(
    tastemap: Command, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tastemap.training.fit", lambda *_, **__: pytest.fail("fitted"))
    users = tmp_path / "users.jsonl"
    users.write_text('{"user_id": 0, "tags": []}\n{"user_id": 1, "tags": []}\n')
    result = tastemap("fit", table, "--model", "bias", "--user-features", users, "-o", tmp_path / "model")
    assert result.status == 1
    assert "Cannot save the user features: its column 'tags' has type List(Null)." in result.err
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("columns", "setting", "said"),
    [
        ("user_id,age\n0,20\n1,30\n", '["agee"]', "no column 'agee'. Did you mean age? Columns found: age."),
        ("user_id,age\n900,20\n901,30\n", '["age"]', "'age' of the table of users has no value for any id"),
        ("user_id,age\n0,nan\n1,nan\n", '["age"]', "'age' of the table of users has no value for any id"),
        (None, '["age"]', "Columns found: none; bring a table by --user-features."),
    ],
)
def test_a_feature_that_cannot_be_had_is_named(
    tastemap: Command, table: Path, tmp_path: Path, columns: str | None, setting: str, said: str
) -> None:
    features: tuple[str | Path, ...] = ()
    if columns is not None:
        (tmp_path / "users.csv").write_text(columns)
        features = ("--user-features", tmp_path / "users.csv")
    chosen = ("--set", f"user_features={setting}", "-o", tmp_path / "model")
    result = tastemap("fit", table, "--model", "mlp", *SHORT, *features, *chosen)
    assert result.status == 1
    assert said in result.err
    assert not (tmp_path / "model").exists()


def test_a_loss_that_grows_beyond_numbers_leaves_no_model_or_its_last_whole_epoch(
    tastemap: Command, table: Path, tmp_path: Path
) -> None:
    sgd = (
        "--set",
        "sigmoid=false",
        "--set",
        "optimizer=sgd",
        "--set",
        "batch_size=16",
        "-o",
        tmp_path / "model",
    )
    rate = ("--set", "schedule=constant", "--set", "learning_rate=1000")
    result = tastemap("fit", table, "--model", "dot", *SHORT, *sgd, *rate)
    assert result.status == 1
    assert "in epoch 1, step " in result.err
    assert "at a rate of 1000; try a tenth of that." in result.err
    assert not (tmp_path / "model").exists()
    later = ("--set", "schedule=steps", "--set", "step_epochs=[1]", "--set", "step_rates=[1000]")
    result = tastemap("fit", table, "--model", "dot", *SHORT, *sgd, *later, "--set", "learning_rate=0.05")
    assert result.status == 0
    assert "Stopped after 1 of 2 epochs; the model so far is kept." in result.err
    assert tastemap("recommend", tmp_path / "model", "--user", "0").status == 0


@pytest.mark.parametrize("model", [name for name, entry in MODELS.items() if entry.extra == "torch"])
def test_without_torch_the_command_that_installs_it_is_named(model: str, table: Path, tmp_path: Path) -> None:
    blocked = "import sys; sys.modules['torch'] = None"
    code = f"{blocked}; from tastemap.cli.main import run; sys.exit(run(sys.argv[1:]))"
    arguments = ("fit", str(table), "--model", model, "-o", str(tmp_path / "model"))
    run = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "pip install 'tastemap[torch]'" in run.stderr
    assert run.stderr.count("\n") == 1
    assert not (tmp_path / "model").exists()
