from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tastemap.artifacts import load, save, strict_json, tables, tensors
from tastemap.data import Catalog, Dataset, IdMap, LoadReport, make_interactions
from tastemap.errors import ArtifactError
from tastemap.models.factor import FactorModel
from tests.saved import contents_of, factors_recommender
from tests.toys import STARS

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
IDS = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=8, unique=True),
    st.lists(TEXTS, min_size=1, max_size=8, unique=True),
)
FLAGS = {"flag": pl.Boolean, "none": pl.Boolean}
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


@given(users=IDS, items=IDS, seed=st.integers(0, 2**32), timed=st.booleans())
def test_any_ids_and_factors_come_back_and_are_saved_again_as_the_same_bytes(
    users: list[int] | list[str], items: list[int] | list[str], seed: int, timed: bool
) -> None:
    rng = np.random.default_rng(seed)
    pairs = [(user, item) for user in users for item in items]
    interactions, _ = make_interactions(
        [user for user, _ in pairs],
        [item for _, item in pairs],
        rng.uniform(1, 5, len(pairs)).astype(np.float32),
        timestamps=rng.integers(-(2**62), 2**62, len(pairs)) if timed else None,
        rating_scale=STARS,
    )
    base = factors_recommender()
    assert isinstance(base.model, FactorModel)
    model = replace(
        base.model,
        user_factors=rng.normal(size=(len(users), 3)).astype(np.float32),
        item_factors=rng.normal(size=(len(items), 3)).astype(np.float32),
        user_bias=rng.normal(size=len(users)).astype(np.float32),
        item_bias=rng.normal(size=len(items)).astype(np.float32),
        global_bias=float(rng.normal()),
    )
    train = Dataset("any", interactions, Catalog.empty(), None, LoadReport(len(pairs), len(pairs)))
    with tempfile.TemporaryDirectory() as parent:
        folder = save(replace(base, model=model, train=train), Path(parent) / "a")
        loaded = load(folder)
        assert loaded.users == interactions.users
        assert loaded.items == interactions.items
        assert loaded.train.fingerprint == train.fingerprint
        assert isinstance(loaded.model, FactorModel)
        np.testing.assert_array_equal(loaded.model.user_factors, model.user_factors, strict=True)
        assert loaded.model.global_bias == model.global_bias
        assert contents_of(save(loaded, Path(parent) / "b")) == contents_of(folder)


@given(ids=IDS)
def test_sorted_ids_are_what_the_loader_takes_for_sorted(ids: list[int] | list[str]) -> None:
    series = IdMap(ids, kind="user").ids
    assert len(series) < 2 or (series[1:] > series[:-1]).all()


@given(
    shapes=st.dictionaries(
        TEXTS, st.tuples(st.sampled_from(list(tensors.DTYPES)), st.integers(0, 5), st.integers(0, 5))
    )
)
def test_any_arrays_are_read_as_written(shapes: dict[str, tuple[str, int, int]]) -> None:
    arrays = {
        name: np.arange(rows * columns).astype(tensors.DTYPES[dtype]).reshape(rows, columns)
        for name, (dtype, rows, columns) in shapes.items()
    }
    found = tensors.decode(b"".join(tensors.encode(arrays)), "a file")
    assert set(found) == set(arrays)
    for name, array in found.items():
        np.testing.assert_array_equal(array, arrays[name], strict=True)


@given(value=st.dictionaries(TEXTS, JSON, max_size=4))
def test_json_is_read_as_written(value: dict[str, object]) -> None:
    text = strict_json.encode(value)
    assert strict_json.decode(text, "a text") == value
    assert strict_json.encode(strict_json.decode(text, "a text")) == text


@given(content=st.binary(max_size=300))
def test_any_bytes_are_json_or_one_error(content: bytes) -> None:
    try:
        strict_json.decode(content, "a text")
    except ArtifactError as error:
        message = error.message
    else:
        message = "a text is fine"
    assert message.startswith("a text ")


@given(
    rows=st.lists(
        st.tuples(st.none() | st.integers(-5, 5), st.none() | TEXTS, st.none() | st.lists(TEXTS, max_size=2))
    ),
    cut=st.integers(0, 10),
)
def test_a_table_has_the_same_bytes_in_one_piece_and_in_two(
    rows: list[tuple[int | None, str | None, list[str] | None]], cut: int
) -> None:
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "number": pl.Int64,
        "text": pl.String,
        "list": pl.List(pl.String),
    }
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    pieces = pl.concat([frame[:cut], frame[cut:]], rechunk=False)
    content = tables.encode(frame, "table")
    assert content == tables.encode(pieces, "table")
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        assert tables.decode(file, "table").equals(frame)


@given(values=st.lists(st.none() | st.booleans(), max_size=40))
def test_columns_of_single_bits_pass_the_check_of_sizes(values: list[bool | None]) -> None:
    tables.encode(pl.DataFrame({"flag": values, "none": [None] * len(values)}, schema_overrides=FLAGS), "table")
