"""What the benchmarks share: the cut, the one scorer, the stopping rules and the memory of a process."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tastemap.data import load
from tastemap.data.generate import generate
from tastemap.inference.predict import score_pairs
from tastemap.training import fit

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a script of benchmarks/ by its name."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


def test_the_parts_share_no_row_and_lose_only_users_and_items_without_training_rows(script: Any) -> None:
    data = load(generate(2_000, n_users=100, n_items=50, rng=0))
    parts = script("_parts").cut(data, 0.2)
    rows = set(zip(parts.train.user_index.tolist(), parts.train.item_index.tolist(), strict=True))
    held = list(zip(parts.test_users.tolist(), parts.test_items.tolist(), strict=True))
    assert not rows & set(held)
    assert len(rows) + len(held) <= 2_000
    assert 300 < len(held) < 500


def test_arrays_of_a_folder_give_the_training_part_back(script: Any, tmp_path: Path) -> None:
    module = script("_parts")
    parts = module.cut(load(generate(2_000, n_users=100, n_items=50, rng=0)), 0.2)
    read = module.read_train(module.write_parts(tmp_path, parts, np.arange(3))).interactions
    for name in ("user_index", "item_index", "values"):
        np.testing.assert_array_equal(getattr(read, name), getattr(parts.train, name))
    assert read.rating_scale == parts.train.rating_scale


def test_lists_from_factors_and_from_scores_of_all_items_have_the_same_figure(script: Any) -> None:
    module = script("_parts")
    parts = module.cut(load(generate(2_000, n_users=100, n_items=50, rng=0)), 0.2)
    rng = np.random.default_rng(1)
    left, right = (
        rng.normal(size=(n, 4)).astype(np.float32) for n in (parts.train.n_users, parts.train.n_items)
    )
    users = module.sample_users(parts, 30)
    assert len(users) == 30
    from_factors = module.score_lists(parts, users, left[users], right, k=10)
    from_scores = module.score_dense(parts, users, left[users].astype(float) @ right.T.astype(float), k=10)
    assert 0 < from_factors < 1
    assert from_factors == pytest.approx(from_scores, abs=1e-12)


def test_a_figure_is_reached_when_it_rises_or_falls_to_the_target(script: Any) -> None:
    reached = script("_run").reached_after
    assert reached([1.0, 2.0, 4.0], [0.1, 0.3, 0.2], 0.2) == 3.0
    assert reached([1.0, 2.0, 4.0], [0.9, 0.8, 0.7], 0.8, falls=True) == 3.0
    assert reached([1.0, 2.0], [0.1, 0.1], 0.2) is None


def ials_runs() -> dict[str, list[dict[str, Any]]]:
    """Two iterations of each system: implicit is slower than irspack, and better."""
    return {
        "implicit": [{"seed": 0, "iteration_s": [5.0, 5.0], "ndcg@20": [0.10, 0.23]}],
        "irspack": [{"seed": 0, "iteration_s": [2.0, 2.0], "ndcg@20": [0.15, 0.20]}],
        "ours": [{"seed": 0, "iteration_s": [1.0, 3.0], "ndcg@20": [0.1999, 0.25]}],
    }


def test_ials_is_compared_at_the_figure_of_each_peer_and_the_smaller_ratio_counts(script: Any) -> None:
    found = script("bench_ials").compared(ials_runs())
    implicit, irspack = (found["beside"][name] for name in ("implicit", "irspack"))
    assert (implicit["peer_s"], implicit["ours_s"], implicit["times_faster"]) == ([10.0], [4.0], 2.5)
    assert (irspack["peer_s"], irspack["ours_s"], irspack["times_faster"]) == ([4.0], [1.0], 4.0)
    assert found["times_faster"] == 2.5


def test_ials_that_misses_the_figure_of_a_peer_at_one_seed_has_no_ratio(script: Any) -> None:
    runs = ials_runs()
    for own in runs.values():
        own.append({**own[0], "seed": 1})
    runs["ours"][1]["ndcg@20"] = [0.19, 0.21]
    found = script("bench_ials").compared(runs)
    assert found["beside"]["implicit"]["ours_s"] == [4.0, None]
    assert found["beside"]["implicit"]["times_faster"] is None
    assert found["times_faster"] is None


def test_ials_is_compared_at_the_seeds_that_both_have(script: Any) -> None:
    runs = ials_runs()
    runs["ours"].append({"seed": 5, "iteration_s": [9.0, 9.0], "ndcg@20": [0.0, 0.0]})
    assert script("bench_ials").compared(runs)["beside"]["irspack"]["seeds"] == [0]


def test_implicit_gets_the_settings_that_were_best_on_the_file_of_the_comparison(script: Any) -> None:
    settings_for = script("bench_ials").settings_for
    best, other = ({"regularization": value, "alpha": 1.0, "ndcg@20": value} for value in (200.0, 50.0))
    large = {"size": "full", "d=64": [best, other], "d=128": [other, best]}
    assert settings_for(64, large)["implicit"] == {"regularization": 200.0, "alpha": 1.0}
    assert settings_for(128, large)["implicit"] == {"regularization": 50.0, "alpha": 1.0}
    assert settings_for(32, large)["implicit"] == {"regularization": 200.0, "alpha": 1.0}
    assert settings_for(32, large)["implicit_chosen_on"] == "this file at d=64"
    assert settings_for(64, {})["implicit_chosen_on"] == "a tenth of the users"


def test_the_record_of_the_choice_holds_the_settings_that_the_script_tries(script: Any) -> None:
    record = json.loads((BENCHMARKS / "results" / "ials_choice.json").read_text(encoding="utf-8"))
    for system, grid in script("bench_ials").GRIDS.items():
        tried = {tuple(one.values())[:2] for one in record[system]}
        assert tried == {(first, second) for first, seconds in grid.items() for second in seconds}


def test_als_is_compared_at_each_system_s_own_lowest_error(script: Any) -> None:
    runs = {
        "surprise": [{"iteration_s": [10.0, 10.0, 10.0], "rmse": [0.90, 0.801, 0.80]}],
        "ours": [{"iteration_s": [1.0, 1.0, 1.0], "rmse": [0.803, 0.79, 0.789]}],
    }
    found = script("bench_als").compared(runs)
    assert found["seconds_to_converged"] == {"surprise": [20.0], "ours": [2.0]}
    assert found["times_faster_than_surprise"] == 10.0
    assert found["seconds_of_ours_to_surprise's_rmse"] == [1.0]


def test_the_exponent_of_growth_in_proportion_is_one(script: Any) -> None:
    points = [{"n_rows": n, "epoch_s": 3e-6 * n} for n in (1_000, 3_000, 10_000)]
    assert script("bench_growth").exponent(points, "epoch_s") == 1.0
    assert script("bench_growth").exponent(points[:1], "epoch_s") is None


def test_peak_memory_is_that_of_the_command_alone(script: Any) -> None:
    held = bytearray(300 * 2**20)  # memory of this process must not count
    printed, seconds, small = script("_run").measured([sys.executable, "-S", "-c", "print('said')"])
    _, _, large = script("_run").measured([sys.executable, "-S", "-c", "b'1' * (200 * 2**20)"])
    assert printed.strip() == "said"
    assert seconds > 0
    assert len(held) > 2**20 * (small + 100)
    assert small + 150 < large < small + 250


def test_rows_that_are_not_measured_anew_stay_in_a_record_and_a_run_that_is_cut_keeps_its_own(
    script: Any, tmp_path: Path
) -> None:
    record = tmp_path / "record.json"
    add = script("_run").add_rows
    add(record, "kind", ["numpy"], iter([("als", {"seconds": 1}), ("bias", {"seconds": 2})]))

    def cut() -> Iterator[tuple[str, dict[str, object]]]:
        yield "als", {"seconds": 3}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add(record, "kind", ["numpy"], cut())
    found = json.loads(record.read_text())
    assert (found["als"], found["bias"]) == ({"seconds": 3}, {"seconds": 2})
    assert found["benchmark"] == "kind"
    assert list(found["versions"]) == ["numpy"]


def test_what_is_scored_is_loaded_from_an_artifact_and_outlives_its_folder(script: Any) -> None:
    fitted = fit(load(generate(2_000, n_users=100, n_items=50, rng=0)), "als", rng=0)
    loaded = script("_saved").from_saved(fitted)
    assert loaded is not fitted
    users, items = np.arange(20, dtype=np.int32), np.arange(20, dtype=np.int32)
    np.testing.assert_array_equal(
        score_pairs(loaded.model, users, items), score_pairs(fitted.model, users, items)
    )


def test_a_whole_fit_is_scored_as_it_was_saved(
    script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, ours = script("_parts"), script("_ours")
    parts = module.cut(load(generate(2_000, n_users=100, n_items=50, rng=0)), 0.2)
    place = module.write_parts(tmp_path, parts, np.arange(100))
    scored = []
    monkeypatch.setattr(ours, "write", lambda spec, model, number: scored.append(model))
    saved = fit(module.read_train(place), "popularity", rng=0)
    monkeypatch.setattr(ours, "from_saved", lambda fitted: saved)
    ours.fit_whole({"model": "popularity", "settings": {}, "seed": 0}, module.read_train(place))
    assert scored == [saved.model]


@pytest.mark.parametrize("model", ["als", "gibbs", "popularity"])
def test_a_short_fit_before_the_clock_starts_suits_every_kind_of_model(script: Any, model: str) -> None:
    data = load(generate(2_000, n_users=100, n_items=50, rng=0))
    script("_ours").warm_up({"model": model, "settings": {}}, data)


def quality_record(versions: dict[str, str]) -> dict[str, Any]:
    """What a run of every model begins with."""
    return {"settings": {"rating": {}}, "versions": versions, "peer_versions": {"myfm": "0.4.0"}}


def test_quality_of_other_folds_stays_if_it_was_measured_with_the_same_versions(
    script: Any, tmp_path: Path
) -> None:
    module, path = script("bench_quality"), tmp_path / "quality.json"
    fold = {"rmse": 0.94, "fit_s": 2.0, "peak_mb": 200, "load_before": 1.0}
    als = module.summary("rating", {"1": fold})
    path.write_text(json.dumps({**quality_record({"tastemap": "1"}), "rating": {"als": als}}))
    kept = module.begun(path, quality_record({"tastemap": "1"}))
    assert kept["rating"]["als"]["folds"] == {"1": fold}
    assert kept["ranking"] == {}
    assert module.begun(path, quality_record({"tastemap": "2"}))["rating"] == {}


def test_quality_is_the_mean_of_the_folds_and_times_are_their_medians(script: Any) -> None:
    folds = {
        str(number): {"rmse": rmse, "fit_s": seconds, "peak_mb": 200, "load_before": 1.0}
        for number, rmse, seconds in ((3, 0.9, 9.0), (1, 0.8, 1.0), (2, 1.0, 2.0))
    }
    found = script("bench_quality").summary("rating", folds)
    assert (found["rmse"], found["fit_s"]) == (0.9, 2.0)
    assert list(found["folds"]) == ["1", "2", "3"]


def test_a_number_of_epochs_is_chosen_by_the_mean_of_the_seeds_among_the_numbers_asked_for(
    script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = script("bench_lastfm")
    figures = {0: [0.9, 0.2, 0.5, 0.3], 1: [0.9, 0.2, 0.1, 0.5]}
    monkeypatch.setattr(module, "on_valid", lambda fitted, valid: {"ndcg@10": fitted, "recall@10": fitted})
    found = module.in_epochs(lambda seed: iter(figures[seed]), range(2, 5), None)
    assert found == {"n_epochs": 4, "ndcg@10": 0.4, "recall@10": 0.4}


def test_the_record_of_lastfm_holds_the_settings_that_the_script_tries(script: Any) -> None:
    record = json.loads((BENCHMARKS / "results" / "lastfm.json").read_text(encoding="utf-8"))
    for model, grid in script("bench_lastfm").GRIDS.items():
        trials = record["models"][model]["trials_on_valid"]
        assert [{name: one[name] for name in grid[0]} for one in trials] == grid


def test_lists_of_the_factors_of_a_peer_are_those_of_their_products(script: Any) -> None:
    rng = np.random.default_rng(0)
    users, items = rng.normal(size=(5, 3)), rng.normal(size=(7, 3))
    model = script("_parts").factor_model(users, items)
    found = model.users(np.arange(5)).score_range()
    np.testing.assert_allclose(found, users @ items.T, rtol=1e-4, atol=1e-6)
