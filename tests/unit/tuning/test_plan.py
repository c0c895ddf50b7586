from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from tastemap.artifacts import save
from tastemap.artifacts.shapes import arrays_of
from tastemap.data import Dataset, load
from tastemap.data.generate import generate
from tastemap.errors import ColumnError, DataError, InvalidValueError, UnknownNameError
from tastemap.linalg.threads import use_threads
from tastemap.models.ease import is_by_users
from tastemap.training import MODELS, fit, make_config
from tastemap.tuning import machine, plan
from tastemap.tuning.cost import Cost, Size
from tastemap.tuning.costs import COSTS
from tastemap.tuning.machine import RATES, Speed, Work
from tastemap.tuning.plan import size_of
from tests.toys import checkerboard, hand_dataset

SHORT: dict[str, dict[str, object]] = {
    name: {"n_epochs": 2} if "n_epochs" in entry.config_class.model_fields else {}
    for name, entry in MODELS.items()
}
SHORT["itemknn"] = {"n_neighbors": 20}
SHORT["gibbs"] = {"n_epochs": 2, "burn_in": 1}


def made(n_rows: int, n_users: int, n_items: int) -> Dataset:
    """Made-up ratings."""
    return load(generate(n_rows, n_users=n_users, n_items=n_items, rng=0))


@pytest.fixture(scope="module")
def data() -> Dataset:
    """A few thousand ratings."""
    return made(6_000, 300, 200)


def test_every_registered_model_has_a_cost_and_no_other_name_has() -> None:
    assert set(COSTS) == set(MODELS)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_arrays_of_a_fitted_model_have_the_predicted_size(data: Dataset, name: str) -> None:
    config = make_config(name, SHORT[name])
    cost = COSTS[name](size_of(data, config), config)
    arrays = arrays_of(fit(data, name, settings=SHORT[name], rng=0))
    assert cost.model_bytes == pytest.approx(sum(array.nbytes for array in arrays.values()), rel=0.1, abs=9000)


@pytest.mark.parametrize("name", ["als", "ease", "popularity", "mlp"])
def test_a_saved_folder_has_the_predicted_size(data: Dataset, name: str, tmp_path: Path) -> None:
    folder = save(fit(data, name, settings=SHORT[name], rng=0), tmp_path / name)
    size = sum(file.stat().st_size for file in folder.iterdir())
    assert plan(data, name, SHORT[name]).artifact_bytes == pytest.approx(size, rel=0.3)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_plan_of_more_rows_needs_no_less_of_anything(data: Dataset, name: str) -> None:
    few, many = plan(data, name), plan(made(60_000, 3_000, 2_000), name)
    assert many.memory_bytes > few.memory_bytes
    assert many.artifact_bytes > few.artifact_bytes
    assert sum(many.parts.values()) == many.memory_bytes


def test_more_work_takes_longer_and_a_faster_machine_is_faster() -> None:
    work = {kind: 1e9 for kind in RATES}
    slow, fast = Speed(1.0, 1.0), Speed(2.0, 2.0)
    assert slow.seconds(Work(**work)) == pytest.approx(2 * fast.seconds(Work(**work)))
    assert slow.seconds(Work()) == 0.0


def test_settings_change_the_plan(data: Dataset) -> None:
    small, large = plan(data, "als", {"n_factors": 8}), plan(data, "als", {"n_factors": 512})
    assert large.memory_bytes > small.memory_bytes
    assert large.artifact_bytes - small.artifact_bytes == pytest.approx(4 * 500 * 504, rel=0.01)
    assert plan(data, "als", {"n_epochs": 5}).epochs == 10
    assert plan(data, "als", {"n_epochs": 5, "validation_fraction": 0.0}).epochs == 5
    assert plan(data, "bias").epochs == 0


@pytest.mark.parametrize("name", ["als", "dot"])
def test_history_factors_are_counted(data: Dataset, name: str) -> None:
    settings: dict[str, object] = {**SHORT[name], "implicit_history": True}
    config = make_config(name, settings)
    cost, bare = (COSTS[name](size_of(data, one), one) for one in (config, make_config(name, SHORT[name])))
    arrays = arrays_of(fit(data, name, settings=settings, rng=0))
    assert cost.model_bytes == pytest.approx(sum(array.nbytes for array in arrays.values()), rel=0.02)
    assert cost.fit_bytes > bare.fit_bytes
    assert Speed(1.0, 1.0).seconds(cost.epoch) > Speed(1.0, 1.0).seconds(bare.epoch)


def test_the_plan_of_ease_takes_the_same_way_as_the_fit_does() -> None:
    config = make_config("ease")
    for n_users, by_users in ((499, True), (501, False), (999, False)):
        cost = COSTS["ease"](Size(50_000, n_users, 1_000, 10**6), config)
        assert is_by_users(n_users, 1_000) is by_users
        assert cost.once.precise_products == (n_users if by_users else 1_000) ** 3
        assert bool(cost.once.solves) is by_users
        assert (cost.once.counts == 10**6) is not by_users


def test_the_plan_of_ials_counts_steps_where_the_fit_takes_steps() -> None:
    size = Size(24_500_000, 162_000, 59_000, 10**10)

    def cost(**settings: object) -> Cost:
        return COSTS["ials"](size, make_config("ials", settings))

    exact, steps = cost(solver="cholesky"), cost()
    assert steps.epoch.solves < 0.3 * exact.epoch.solves
    assert cost(cg_steps=6).epoch.solves > 1.5 * steps.epoch.solves
    assert steps.fit_bytes > exact.fit_bytes
    with use_threads(1):  # measured: 9.4 s
        assert Speed(1.0, 1.0).seconds(steps.epoch) == pytest.approx(9.4, rel=0.3)


def test_the_plan_of_ials_counts_the_start_from_leading_directions() -> None:
    size = Size(1_000_000, 6_000, 4_000, 10**9)
    by_start = {
        init: COSTS["ials"](size, make_config("ials", {"init": init})).once.solves
        for init in ("auto", "leading", "random")
    }
    assert by_start["auto"] == by_start["leading"]
    # sums of 2 x 10^6 vectors, then gramians and products of 10^4 rows, of 64 numbers
    assert by_start["auto"] - by_start["random"] == 2 * 10**6 * 64 + 2 * 10**4 * 64**2
    exact = COSTS["ials"](size, make_config("ials", {"solver": "cholesky", "init": "leading"}))
    assert exact.once.solves == by_start["leading"] - by_start["random"]


@pytest.mark.parametrize(
    ("size", "sweeps", "measured_s"),
    [(Size(100_000, 943, 1_682, 2 * 10**7), 200, 6.8), (Size(1_000_209, 6_040, 3_706, 10**9), 60, 10.0)],
)
def test_the_work_of_gibbs_takes_as_long_as_it_was_measured_to(
    size: Size, sweeps: int, measured_s: float
) -> None:
    cost = COSTS["gibbs"](size, make_config("gibbs", {"n_epochs": sweeps}))
    speed = Speed(1.0, 1.0)
    with use_threads(1):
        assert speed.seconds(cost.once) + sweeps * speed.seconds(cost.epoch) == pytest.approx(
            measured_s, rel=0.4
        )


def test_the_history_factors_of_dot_are_summed_at_the_speed_of_sums() -> None:
    settings = {"n_factors": 50, "n_epochs": 6, "implicit_history": True}
    config = make_config("dot", settings)
    size = Size(100_000, 943, 1_682, 10**7)
    # A step of 512 rows sums all histories anew; measured: 1.8 ms forth and back.
    step_s = Speed(1.0, 1.0).seconds(Work(gathered=COSTS["dot"](size, config).epoch.gathered)) / 196
    assert step_s == pytest.approx(0.0018, rel=0.3)


def test_feature_columns_are_counted() -> None:
    data = hand_dataset()
    bare = size_of(data, make_config("mlp"))
    with_genres = size_of(data, make_config("mlp", {"item_features": ["genres"]}))
    assert (bare.item_values, bare.item_inputs) == (0, 0)
    assert with_genres.item_values == 4
    assert with_genres.item_inputs > 0


def test_rows_below_positive_min_are_not_counted_as_learned_from() -> None:
    data = hand_dataset()
    size = size_of(data, make_config("itemknn", {"positive_min": 4.0}))
    assert size.n_rows == int(np.count_nonzero(data.interactions.values >= 4.0))


def test_too_little_memory_is_said_with_what_to_do(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    assert plan(data, "als").fits
    monkeypatch.setattr(import_module("tastemap.tuning.plan"), "machine_memory", lambda: 10**8)
    short = plan(data, "als")
    assert not short.fits
    needed = f"The fit needs about {short.memory_bytes / 1e9:.1f} GB and this machine has 0.1 GB: "
    assert short.advice == (f"{needed}lower n_factors, or take a machine with more memory.",)


def test_a_machine_that_does_not_say_its_memory_gets_a_plan(
    data: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(machine, "CGROUP_LIMIT", tmp_path / "none")
    assert machine.machine_memory() is not None
    monkeypatch.delattr(os, "sysconf")
    monkeypatch.delattr(os, "sysconf_names")
    assert machine.machine_memory() is None
    found = plan(data, "als")
    assert found.machine_bytes is None
    assert found.fits


def test_what_the_fit_would_refuse_is_said_in_its_own_words() -> None:
    size = Size(n_rows=1_000_000, n_users=1_000, n_items=40_000, user_pairs=10**9)
    cost = COSTS["ease"](size, make_config("ease"))
    assert cost.refused is not None
    assert "ease needs a dense matrix of 40,000 x 40,000 items" in cost.refused
    assert COSTS["ease"](Size(1_000, 100, 100, 10_000), make_config("ease")).refused is None


def test_wrong_names_and_data_without_ratings_are_errors(data: Dataset) -> None:
    with pytest.raises(UnknownNameError, match="als"):
        plan(data, "alss")
    with pytest.raises(UnknownNameError, match="n_factors"):
        plan(data, "als", {"n_factor": 3})
    with pytest.raises(DataError, match="predicts ratings"):
        plan(checkerboard(), "als")
    with pytest.raises(ColumnError, match="genre"):
        plan(hand_dataset(), "mlp", {"item_features": ["genre"]})
    with pytest.raises(InvalidValueError, match="Dataset"):
        plan("ml-100k", "als")  # type: ignore[arg-type]
