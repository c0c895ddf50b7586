"""Lists, neighbors, predictions and reasons on toy data whose answers are known."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Literal

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tastemap.data import Catalog
from tastemap.errors import FilterError, InvalidValueError, UnknownItemError, UnknownUserError, did_you_mean
from tastemap.inference import (
    Rules,
    explain,
    explain_for_history,
    find_item,
    predict,
    recommend,
    recommend_for_history,
    similar_items,
)
from tastemap.inference.near import COMPARED, did_you_mean_among
from tastemap.models.recommender import Recommender
from tastemap.training import fit
from tests.toys import checkerboard, hand_dataset


@cache
def by_hand() -> Recommender:
    return fit(hand_dataset(), "als", settings={"n_factors": 2, "validation_fraction": 0.0}, rng=0)


@cache
def popular() -> Recommender:
    return fit(hand_dataset(), "popularity", rng=0)


@pytest.mark.parametrize("model", ["ials", "ease"])
def test_the_missing_square_of_the_checkerboard_is_recommended(model: str) -> None:
    frame = recommend(fit(checkerboard(), model, rng=0), k=1).frame
    assert frame["item_id"].to_list() == frame["user_id"].to_list()


def test_popularity_ranks_by_count_then_by_item() -> None:
    # Items 1 … 5 have 4, 3, 3, 2, 1 interactions; user u6 has seen item 2.
    found = recommend(popular(), ["u6"], k=4)
    assert found.frame["item_id"].to_list() == [1, 3, 4, 5]
    assert found.frame["score"].to_list() == [4.0, 3.0, 2.0, 1.0]
    assert found.frame["prediction"].null_count() == 4


def test_lists_come_in_the_order_asked_for() -> None:
    frame = recommend(popular(), ["u4", "u1"], k=1).frame
    assert frame["user_id"].to_list() == ["u4", "u1"]


def test_unknown_users_can_be_left_out_and_are_counted() -> None:
    found = recommend(popular(), ["u1", "nobody"], k=1, strict=False)
    assert found.n_users == 1
    assert "1 user not in the training data" in found.notes[0]
    with pytest.raises(UnknownUserError, match="'nobody'"):
        recommend(popular(), ["u1", "nobody"])


def test_seen_items_can_be_allowed() -> None:
    frame = recommend(popular(), ["u1"], k=5, exclude_seen=False).frame
    assert frame["item_id"].to_list() == [1, 2, 3, 4, 5]


def test_rules_combine() -> None:
    rules = Rules(exclude=[5], only=[3, 4, 5], where="year >= 1995")
    assert recommend(popular(), ["u6"], rules=rules).frame["item_id"].to_list() == [4]


def test_one_user_may_stand_alone_but_rules_take_lists() -> None:
    assert recommend(popular(), "u6", k=2).frame.equals(recommend(popular(), ["u6"], k=2).frame)
    with pytest.raises(InvalidValueError, match="take a list of ids"):
        recommend(popular(), "u6", rules=Rules(exclude="12"))
    mixed = Rules(exclude=[5, "4"])
    assert recommend(popular(), "u6", rules=mixed).frame["item_id"].to_list() == [1, 3]


def test_an_empty_list_says_why() -> None:
    found = recommend(popular(), ["u6"], rules=Rules(where="year > 3000"))
    assert found.frame.is_empty()
    assert found.notes == ("No item is allowed: none of the 5 items meets all that was asked for.",)


def test_a_list_that_is_empty_for_a_misspelled_value_says_so() -> None:
    found = recommend(popular(), ["u6"], rules=Rules(where="genre = Horrror"))
    assert found.frame.is_empty()
    assert found.notes[0] == "No item has 'Horrror' in genres. Did you mean Horror?"
    history = recommend_for_history(popular(), {1: 5.0}, rules=Rules(where="genre = Horrror"))
    assert history.notes[0] == found.notes[0]


def test_a_title_is_found_by_id_by_name_and_by_part() -> None:
    assert find_item(by_hand(), 3).item_index == 2
    assert find_item(by_hand(), "3").item_index == 2
    assert find_item(by_hand(), "gamma (1994)").item_index == 2
    assert find_item(by_hand(), "gam").item_index == 2
    several = find_item(by_hand(), "(19")
    assert several.item_index == 0  # Alpha is the most popular of the matches
    assert several.others == ("Beta (1980)", "Gamma (1994)", "Delta (1995)")


def test_a_title_that_nobody_has_lists_near_ones() -> None:
    with pytest.raises(UnknownItemError, match=r"Did you mean Epsilon \(2001\)"):
        find_item(by_hand(), "Epsilom (2001)")
    with pytest.raises(UnknownItemError):
        find_item(by_hand(), "Alpha (1977)", by="id")
    with pytest.raises(UnknownItemError):
        find_item(by_hand(), "3", by="title")
    with pytest.raises(InvalidValueError, match=r"by must be 'id', 'title' or None\. Got 'name'"):
        find_item(by_hand(), 3, by="name")  # type: ignore[arg-type]


def test_a_model_without_titles_or_features_says_how_to_get_them() -> None:
    bare = replace(by_hand(), train=replace(by_hand().train, catalog=Catalog.empty()))
    needs = r"--item-features FILE \(columns item_id, title\)"
    with pytest.raises(UnknownItemError, match=needs):
        find_item(bare, "Alpha (1977)")
    with pytest.raises(UnknownItemError, match=needs):
        find_item(bare, "Alpha (1977)", by="title")
    with pytest.raises(UnknownItemError, match="Unknown item id"):
        find_item(bare, "Alpha (1977)", by="id")
    assert find_item(bare, 3).item_index == 2
    with pytest.raises(FilterError, match=r"--item-features FILE \(columns item_id, year"):
        recommend(bare, rules=Rules(where="year > 1980"))


@pytest.mark.parametrize("n", [150, 5_000])
def test_a_near_name_is_found_among_few_and_among_many(n: int) -> None:
    films = [f"Film {place}: The Story of {place * 7919 % n}" for place in range(n)]
    names = pl.Series([*films, "Casablanca (1942)"])
    assert did_you_mean_among("Casablnaca (1942)", names) == " Did you mean Casablanca (1942)?"
    assert "Film 77: The Story of" in did_you_mean_among("film 77 the story of", names)
    assert did_you_mean_among("Qx", names) == ""


def test_names_fewer_than_the_shortlist_are_all_compared() -> None:
    names = pl.Series(["abc", "bca", "cab", "xyz"])  # no run of three characters in common
    assert did_you_mean_among("acb", names) == did_you_mean("acb", names) != ""


def test_a_near_name_is_found_by_runs_that_overlap() -> None:
    # "star wrs" shares sta, tar, "ar " and "r w" with "star wars", and two runs with each shorter decoy.
    decoys = [f"sta{place}wrs" for place in range(100, 100 + COMPARED)]
    near = did_you_mean_among("star wrs", pl.Series([*decoys, "Star Wars"]))
    assert near.startswith(" Did you mean Star Wars,")


def test_long_names_do_not_crowd_out_a_near_one() -> None:
    # Each of them shares all runs of the name; "Star Wars" has four of six.
    decoys = [f"The wrs of a far star wrs, which nobody had seen before: {place}" for place in range(COMPARED)]
    assert did_you_mean_among("star wrs", pl.Series([*decoys, "Star Wars"])) == " Did you mean Star Wars?"


@pytest.mark.parametrize("n", [3, 300])
def test_nothing_is_near_to_an_empty_name(n: int) -> None:
    assert did_you_mean_among("", pl.Series(["", *(f"Amélie {place}" for place in range(n))])) == ""


@given(st.text())
def test_any_text_may_be_looked_for_among_many_accented_names(text: str) -> None:
    names = pl.Series(["", "é", "🎬🎬", "İß", *(f"Amélie № {place} 的 e\u0301" for place in range(COMPARED))])
    assert isinstance(did_you_mean_among(text, names), str)


@pytest.mark.parametrize("by", ["id", "title", None])
@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_item_is_said_to_be_one(blank: str, by: Literal["id", "title"] | None) -> None:
    with pytest.raises(
        InvalidValueError, match=f"an id, a title or a part of a title. Got '{blank}'; name one"
    ):
        find_item(by_hand(), blank, by=by)


def test_similar_items_count_the_users_who_have_both() -> None:
    frame = similar_items(by_hand(), "Gamma (1994)", k=4, min_common_users=0).frame
    common = dict(frame.select("item_id", "common_users").iter_rows())
    assert common == {4: 2, 1: 2, 2: 1, 5: 0}
    with pytest.raises(InvalidValueError, match="'cosine' or 'dot'"):
        similar_items(by_hand(), 1, measure="euclid")  # type: ignore[arg-type]


def test_items_with_few_users_in_common_are_left_out_and_counted() -> None:
    every = similar_items(by_hand(), 3, k=4, min_common_users=0)
    assert (every.left_out, every.notes) == (0, ())
    two = similar_items(by_hand(), 3, k=4, min_common_users=2)
    assert two.frame.drop("rank").equals(every.frame.filter(pl.col("common_users") >= 2).drop("rank"))
    assert two.left_out == 2
    assert "Left out: 2 items with fewer than 2 users who have both" in two.notes[0]
    assert "shorter than 4: 2 other items can be listed" in two.notes[1]
    # Of a full list only those are counted that would have stood in it.
    first = similar_items(by_hand(), 3, k=1, min_common_users=2)
    place = every.frame["item_id"].to_list().index(first.frame["item_id"][0])
    assert first.left_out == place
    with pytest.raises(InvalidValueError, match=r"min_common_users must be an integer >= 0\. Got -1"):
        similar_items(by_hand(), 3, min_common_users=-1)


def test_an_item_that_hardly_anybody_has_has_no_neighbors_and_says_why() -> None:
    found = similar_items(by_hand(), 5)  # one user
    assert found.frame.is_empty()
    assert found.left_out == 4
    assert "fewer than 5 users who have both; a lower minimum of common users lists them" in found.notes[0]


def test_an_unknown_side_contributes_nothing() -> None:
    frame = predict(by_hand(), ["u1", "new", "new"], [1, 1, 99])
    model = by_hand().model
    mean = model.global_bias  # type: ignore[attr-defined]
    item_bias = float(model.item_bias[0])  # type: ignore[attr-defined]
    assert frame["score"].to_list()[1:] == [pytest.approx(mean + item_bias), pytest.approx(mean)]


def test_predictions_stay_on_the_rating_scale() -> None:
    frame = predict(by_hand(), ["u1"] * 5, [1, 2, 3, 4, 5])
    assert frame["prediction"].is_between(1.0, 5.0).all()


def test_pairs_must_be_pairs() -> None:
    with pytest.raises(InvalidValueError, match="Got 2 and 1"):
        predict(by_hand(), ["u1", "u2"], [1])


def test_reasons_name_the_users_own_items_strongest_first() -> None:
    found = explain(by_hand(), "u1", 4)
    assert sorted(found.reasons["item_id"]) == [1, 2, 3]
    assert found.reasons["contribution"].abs().is_sorted(descending=True)
    assert dict(found.reasons.select("item_id", "rating").iter_rows()) == {1: 5.0, 2: 4.0, 3: 1.0}
    assert found.title == "Delta (1995)"
    assert found.prediction is not None


def test_a_history_is_read_with_care() -> None:
    with pytest.raises(UnknownItemError, match="no item of the training data"):
        recommend_for_history(by_hand(), {99: 4.0})
    with pytest.raises(InvalidValueError, match="from 1 to 5"):
        recommend_for_history(by_hand(), {1: 6.0})
    with pytest.raises(InvalidValueError, match="from 1 to 5"):
        recommend_for_history(by_hand(), {1: float("nan")})
    found = recommend_for_history(by_hand(), {1: 5.0, 99: 1.0}, k=2)
    assert "1 item of the history unknown" in found.notes[0]
    with pytest.raises(UnknownItemError):
        explain_for_history(by_hand(), {1: 5.0}, 99)


def test_a_rating_moves_a_new_person_towards_it() -> None:
    loves = recommend_for_history(by_hand(), {3: 5.0, 1: 1.0}, k=5).frame
    hates = recommend_for_history(by_hand(), {3: 1.0, 1: 5.0}, k=5).frame
    score = [dict(frame.select("item_id", "score").iter_rows())[4] for frame in (loves, hates)]
    assert score[0] > score[1]


def test_tables_have_the_agreed_columns() -> None:
    assert recommend(popular(), k=1).frame.columns == [
        "user_id",
        "item_id",
        "rank",
        "score",
        "prediction",
        "title",
        "pinned",
    ]
    history = recommend_for_history(popular(), {1: 5.0}, k=1).frame
    assert history.columns == ["item_id", "rank", "score", "prediction", "title", "pinned"]
    assert predict(popular(), ["u1"], [1]).columns == ["user_id", "item_id", "score", "prediction", "known"]
    assert recommend(popular(), k=1).frame["rank"].dtype == pl.Int64


def test_many_blocks_give_the_same_lists_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from tastemap.inference import lists

    whole = recommend(by_hand(), k=3).frame
    monkeypatch.setattr(lists, "BLOCK_SCORES", 5)
    assert recommend(by_hand(), k=3).frame.equals(whole)
    assert np.isfinite(whole["score"].to_numpy()).all()
