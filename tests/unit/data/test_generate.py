from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tastemap.data.bit_stable import BELL_SD, bell, hashes, key_of, shuffled
from tastemap.data.generate import SHAPES, Blueprint, _chunks, generate, write_generated
from tastemap.errors import InvalidValueError

# The frozen output: whoever changes it changes every benchmark that was made with it.
FROZEN = {
    (False, 0.5): "1d43072bd01ca26c20327f51def71e41defaf65cf4a5c1478f327c162415b72a",
    (False, 1.0): "fb04b83380a98044f042150415310a262cfa26982e05479d59912f5023699c39",
    (True, 0.5): "5d8902b0e0f43e0ac34d620aa7e6bccdadb1387dc01d5c855b1b51535ef750d2",
}
SMALL = Blueprint(5_000, 200, 300)


def sha256(frame: pl.DataFrame) -> str:
    digest = hashlib.sha256()
    for name, bytes_of in (("user_id", "<i8"), ("item_id", "<i8"), ("rating", "<f4"), ("timestamp", "<i8")):
        if name in frame.columns:
            digest.update(frame[name].to_numpy().astype(bytes_of).tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize(("implicit", "rating_step"), list(FROZEN))
def test_the_output_is_frozen(implicit: bool, rating_step: float) -> None:
    made = generate(2_000, n_users=100, n_items=150, implicit=implicit, rating_step=rating_step, rng=7)
    assert sha256(made) == FROZEN[implicit, rating_step]


def test_the_hash_is_splitmix64() -> None:
    # The first outputs of the published generator for the state 1234567.
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert hashes(np.uint64(1234567), 0, 3).tolist() == expected


def test_a_part_of_a_stream_is_the_same_as_within_the_whole() -> None:
    key = key_of(3, "test")
    assert np.array_equal(hashes(key, 0, 100)[40:60], hashes(key, 40, 60))
    assert np.array_equal(bell(key, 100)[40:60], bell(key, 60, 40))


def test_bells_have_mean_zero_and_the_known_deviation() -> None:
    drawn = bell(key_of(0, "bell"), 200_000)
    assert abs(drawn.mean()) < 2.0
    assert abs(drawn.std() - BELL_SD) < 1.5


def test_shuffled_is_a_permutation() -> None:
    assert sorted(shuffled(key_of(0, "order"), 1_000).tolist()) == list(range(1_000))


@settings(deadline=None, max_examples=40)
@given(
    n_users=st.integers(1, 30),
    n_items=st.integers(1, 30),
    fill=st.floats(0.0, 1.0),
    implicit=st.booleans(),
    seed=st.integers(0, 2**70),
)
def test_any_shape_is_met_exactly(n_users: int, n_items: int, fill: float, implicit: bool, seed: int) -> None:
    fewest, most = max(n_users, n_items), n_users * n_items
    n_rows = round(fewest + fill * (most - fewest))
    made = generate(n_rows, n_users=n_users, n_items=n_items, implicit=implicit, rng=seed)
    assert len(made) == n_rows
    assert made.select(pl.struct("user_id", "item_id").n_unique()).item() == n_rows
    assert sorted(made["user_id"].unique()) == list(range(1, n_users + 1))
    assert sorted(made["item_id"].unique()) == list(range(1, n_items + 1))


def test_the_size_of_a_chunk_changes_nothing() -> None:
    whole = pl.concat(_chunks(SMALL, 5, 10**6))
    for chunk_rows in (1, 37, 1_000):
        assert pl.concat(_chunks(SMALL, 5, chunk_rows)).equals(whole)


def test_chunks_are_no_longer_than_asked_unless_one_user_is() -> None:
    for chunk in _chunks(SMALL, 5, 500):
        assert len(chunk) <= 500 or chunk["user_id"].n_unique() == 1


def test_another_seed_gives_other_rows() -> None:
    first, second = (generate(500, n_users=50, n_items=40, rng=seed) for seed in (0, 1))
    assert not first.equals(second)


@pytest.mark.parametrize(("step", "lowest"), [(0.5, 0.5), (1.0, 1.0)])
def test_ratings_are_steps_up_to_five_stars(step: float, lowest: float) -> None:
    ratings = generate(20_000, n_users=500, n_items=400, rating_step=step)["rating"].to_numpy()
    assert set(np.unique(ratings)) == set(np.arange(lowest, 5.01, step))


def test_the_noise_is_what_was_asked_for() -> None:
    """The same seed without noise differs by the noise and two roundings, where nothing was clipped."""
    noisy, clean = (
        generate(50_000, n_users=500, n_items=400, noise=noise, rng=2)["rating"].to_numpy()
        for noise in (0.5, 0.0)
    )
    inside = (clean > 2.4) & (clean < 3.6)
    rounding = 2 * 0.5**2 / 12
    assert abs(np.std((noisy - clean)[inside]) - np.sqrt(0.5**2 + rounding)) < 0.02


def test_without_noise_the_ratings_have_the_rank_of_the_planted_factors() -> None:
    """A full matrix minus row and column means has d large singular values; rounding is the rest."""
    made = generate(200 * 150, n_users=200, n_items=150, n_factors=2, noise=0.0, rng=4)
    matrix = np.zeros((200, 150))
    matrix[made["user_id"].to_numpy() - 1, made["item_id"].to_numpy() - 1] = made["rating"].to_numpy()
    matrix -= matrix.mean(axis=1, keepdims=True)
    matrix -= matrix.mean(axis=0, keepdims=True)
    singular = np.linalg.svd(matrix, compute_uv=False)
    assert singular[1] > 3 * singular[2]


def test_users_and_items_follow_power_laws() -> None:
    made = generate(100_000, n_users=943, n_items=1_682, rng=0)
    for side, share in (("item_id", 0.4), ("user_id", 0.25)):
        counts = made.group_by(side).len()["len"].sort(descending=True)
        assert counts[: len(counts) // 10].sum() / len(made) > share


def test_times_of_a_user_rise_and_lie_between_1995_and_2020() -> None:
    made = generate(5_000, n_users=60, n_items=300)
    times, users = made["timestamp"].to_numpy(), made["user_id"].to_numpy()
    assert (np.diff(times)[np.diff(users) == 0] >= 0).all()
    assert times.min() >= 788_918_400
    assert times.max() < 1_577_836_800


def structure(made: pl.DataFrame) -> float:
    """The second and third singular values of who chose what, less what popularity and activity expect.

    The first one is saturation: an active user runs out of popular items.
    """
    chosen = np.zeros((300, 400))
    chosen[made["user_id"].to_numpy() - 1, made["item_id"].to_numpy() - 1] = 1.0
    expected = np.outer(chosen.sum(axis=1), chosen.sum(axis=0)) / chosen.sum()
    singular = np.linalg.svd(chosen - expected, compute_uv=False)
    return float(singular[1:3].sum())


def test_choices_follow_taste_only_without_ratings() -> None:
    rated, chosen = (
        generate(12_000, n_users=300, n_items=400, n_factors=2, implicit=implicit, rng=1)
        for implicit in (False, True)
    )
    assert chosen.columns == ["user_id", "item_id", "timestamp"]
    assert structure(chosen) > 1.5 * structure(rated)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("implicit", [False, True])
def test_files_hold_the_same_rows(tmp_path: Path, ending: str, implicit: bool) -> None:
    path = tmp_path / f"made.{ending}"
    write_generated(path, Blueprint(3_000, 100, 200, implicit=implicit), rng=3)
    read = pl.read_csv(path) if ending == "csv" else pl.read_parquet(path)
    made = generate(3_000, n_users=100, n_items=200, implicit=implicit, rng=3)
    assert read.cast(made.schema).equals(made)


def test_a_file_of_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match=r"\.csv or \.parquet"):
        write_generated(tmp_path / "made.xlsx", SMALL)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"n_rows": 299}, "n_rows"),
        ({"n_rows": 60_001}, "n_rows"),
        ({"n_users": 0}, "n_users"),
        ({"n_factors": 0}, "n_factors"),
        ({"noise": -1.0}, "noise"),
        ({"noise": float("nan")}, "noise"),
        ({"rating_step": 0.25}, "rating_step"),
    ],
)
def test_what_cannot_be_made_is_refused(change: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidValueError, match=named):
        Blueprint(**({"n_rows": 5_000, "n_users": 200, "n_items": 300} | change))


def test_the_known_shapes_can_be_made() -> None:
    assert (SHAPES["ml-25m"].n_rows, SHAPES["ml-25m"].n_users, SHAPES["ml-25m"].n_items) == (
        25_000_095,
        162_541,
        59_047,
    )
