from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tastemap.data.feature_columns import N_BINS, FeatureColumn, encode_features
from tastemap.errors import ColumnError
from tests.toys import hand_dataset, planted, with_features

FRAME = pl.DataFrame(
    {
        "item_id": [1, 2, 3, 4],
        "genres": [["Drama", "Action"], None, [], ["Drama", None]],
        "language": ["no", "en", None, "no"],
        "stars": [3, 3, None, 5],
        "color": [True, None, False, True],
    }
)


def column(name: str, frame: pl.DataFrame = FRAME) -> FeatureColumn:
    (found,) = encode_features(frame, [name], owner="catalog")
    assert found.name == name
    return found


def test_text_is_numbered_in_sorted_order_and_a_null_has_no_value() -> None:
    found = column("language")
    assert found.n_values == 2
    assert found.padded().tolist() == [[1], [0], [2], [1]]


def test_a_list_gives_a_row_several_values_each_once() -> None:
    found = column("genres")
    assert found.n_values == 2
    assert found.padded().tolist() == [[0, 1], [2, 2], [2, 2], [1, 2]]
    assert found.values.row_lengths.tolist() == [2, 0, 0, 1]
    twice = pl.DataFrame({"item_id": [1], "genres": [["Drama", "Drama"]]})
    assert column("genres", twice).padded().tolist() == [[0]]


def test_few_numbers_and_truth_values_are_values_of_their_own() -> None:
    assert column("stars").padded().tolist() == [[0], [0], [2], [1]]
    assert column("color").padded().tolist() == [[1], [2], [0], [1]]


@pytest.mark.parametrize("kind", [pl.Int64, pl.Float64])
def test_many_numbers_are_cut_into_groups_of_equal_size_in_order(kind: type[pl.DataType]) -> None:
    numbers = np.random.default_rng(0).permutation(100) ** 2
    found = column("year", pl.DataFrame({"year": pl.Series(numbers).cast(kind)}))
    groups = found.padded()[:, 0]
    assert found.n_values == N_BINS
    assert np.bincount(groups).tolist() == [10] * N_BINS
    assert np.all(np.diff(groups[np.argsort(numbers)]) >= 0)


def test_numbers_that_are_missing_or_not_finite_have_no_group() -> None:
    numbers = [None, float("nan"), float("inf"), *map(float, range(50))]
    found = column("year", pl.DataFrame({"year": numbers}))
    assert found.values.row_lengths.tolist() == [0, 0, 0] + [1] * 50
    assert found.n_values == N_BINS


@pytest.mark.parametrize("empty", [[None, None], [float("nan"), float("inf")], [[], None]])
def test_a_column_without_a_value_is_refused(empty: list[object]) -> None:
    with pytest.raises(
        ColumnError, match=r"'year' of the catalog has no value for any id.*leave the feature out"
    ):
        column("year", pl.DataFrame({"year": empty}))


def test_a_missing_column_is_named_with_near_ones() -> None:
    with pytest.raises(
        ColumnError, match=r"The catalog has no column 'genre'\. Did you mean genres\?"
    ) as caught:
        encode_features(FRAME, ["language", "genre"], owner="catalog")
    assert caught.value.details == {"columns": ["genres", "language", "stars", "color"]}
    with pytest.raises(ColumnError, match="no column 'item_id'"):
        encode_features(FRAME, ["item_id"], owner="catalog")


def test_a_data_set_gives_features_in_index_order_and_none_to_what_the_tables_lack() -> None:
    data = hand_dataset()
    (genres,) = data.item_features(["genres"])
    assert genres.padded()[1].tolist() == [0, 1]  # item 2: Action, Comedy
    few = with_features(planted(6, 4, density=0.9))
    assert few.user_features is not None
    half = few.user_features.filter(pl.col("user_id") >= 3).reverse()
    (ages,) = replace(few, user_features=half).user_feature_columns(["age"])
    assert ages.padded()[:, 0].tolist() == [3, 3, 3, 0, 1, 2]
    assert few.item_features([]) == few.user_feature_columns([]) == []


def test_who_has_no_table_of_users_is_told_so() -> None:
    with pytest.raises(ColumnError, match=r"table of users has no column 'age'\. Columns found: none"):
        planted().user_feature_columns(["age"])
