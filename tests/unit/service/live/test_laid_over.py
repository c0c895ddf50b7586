from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tastemap.data import Dataset, make_interactions
from tastemap.errors import DataError, UnknownUserError
from tastemap.service.database.records import Event, Kind
from tastemap.service.live.person import entries_of, laid_over, person_of_user, without
from tastemap.service.live.replay import replayed
from tastemap.service.live.serving import Serving
from tastemap.training import fit
from tests.toys import as_dataset, hand_dataset


def served(data: Dataset, model: str = "als") -> Serving:
    made = fit(data, model, settings={"n_factors": 2, "n_epochs": 3} if model == "als" else {}, rng=0)
    return Serving(made, Path("nowhere"), 1, "0" * 64, 0.0, 0)


HAND = served(hand_dataset())
COUNTED = replace(
    HAND,
    recommender=fit(
        as_dataset(
            make_interactions(
                ["a", "a", "b"], [1, 2, 1], np.array([2.0, 1.0, 3.0], np.float32), timestamps=[50, 60, 70]
            )[0]
        ),
        "popularity",
        rng=0,
    ),
)


def event(
    seq: int, user: str, item: object, value: float = 1.0, *, time: float = 0.0, kind: Kind = "interaction"
) -> Event:
    return Event(seq, user, str(item), kind, value, time, 0.0, None)


def as_dict(serving: Serving, user: str, events: Sequence[Event]) -> dict[object, float]:
    entries = laid_over(serving, serving.recommender.users.find(user), events)
    return {
        serving.item_ids[i]: v for i, v in zip(entries.items.tolist(), entries.values.tolist(), strict=True)
    }


DAY = 86_400


def test_a_later_rating_replaces_the_training_row() -> None:
    assert as_dict(HAND, "u1", [event(1, "u1", 1, 2.0, time=99 * DAY)]) == {1: 2.0, 2: 4.0, 3: 1.0}


def test_a_rating_older_than_the_training_row_changes_nothing() -> None:
    assert as_dict(HAND, "u4", [event(1, "u4", 3, 1.0, time=0)])[3] == 4.0


def test_of_two_ratings_the_later_by_time_counts_though_it_came_first() -> None:
    news = [event(1, "u1", 5, 2.0, time=99 * DAY), event(2, "u1", 5, 4.0, time=98 * DAY)]
    assert as_dict(HAND, "u1", news)[5] == 2.0


def test_of_two_ratings_of_one_time_the_one_that_came_later_counts() -> None:
    news = [event(1, "u1", 5, 2.0, time=99 * DAY), event(2, "u1", 5, 4.0, time=99 * DAY)]
    assert as_dict(HAND, "u1", news)[5] == 4.0


def test_a_withdrawal_takes_an_item_out() -> None:
    news = [event(1, "u1", 1, 0.0, time=99 * DAY, kind="withdrawal")]
    assert as_dict(HAND, "u1", news) == {2: 4.0, 3: 1.0}


def test_an_erasure_takes_out_all_that_came_before_whatever_its_time() -> None:
    news = [
        event(1, "u1", 5, 2.0, time=200 * DAY),
        event(2, "u1", "", time=100 * DAY, kind="erasure"),
        event(3, "u1", 4, 3.0, time=1.0),
    ]
    assert as_dict(HAND, "u1", news) == {4: 3.0}


def test_counts_add_up() -> None:
    assert as_dict(COUNTED, "a", [event(1, "a", 1, 3.0, time=10), event(2, "a", 1, 1.0, time=99)]) == {
        1: 6.0,
        2: 1.0,
    }


def test_a_new_item_whose_rating_was_taken_back_is_no_part_of_the_history() -> None:
    news = [event(1, "u1", 77, 3.0, time=5), event(2, "u1", 78, 3.0, time=5)]
    back = [event(3, "u1", 77, time=6, kind="withdrawal"), event(4, "u1", 79, time=6, kind="withdrawal")]
    assert laid_over(HAND, 0, news).n_unknown == 2
    assert laid_over(HAND, 0, [*news, *back]).n_unknown == 1
    assert not person_of_user(HAND, "u1", [*back]).notes


def test_a_count_before_a_withdrawal_before_the_training_row_is_gone() -> None:
    news = [event(1, "a", 1, 3.0, time=41), event(2, "a", 1, time=45, kind="withdrawal")]
    assert as_dict(COUNTED, "a", news)[1] == 2.0


def test_of_two_ratings_within_a_second_the_one_that_came_later_counts() -> None:
    news = [event(1, "u1", 5, 5.0, time=99.7 * DAY), event(2, "u1", 5, 2.0, time=int(99.7 * DAY))]
    assert as_dict(HAND, "u1", news)[5] == 2.0


def test_items_that_the_model_does_not_know_are_left_out_and_counted() -> None:
    entries = laid_over(HAND, 0, [event(1, "u1", 77, 5.0), event(2, "u1", 77, 4.0)])
    assert entries.n_unknown == 1
    assert len(entries.items) == 3


def test_a_user_without_events_is_the_fitted_one() -> None:
    person = person_of_user(HAND, "u2", [])
    assert person.basis == "user"
    np.testing.assert_array_equal(
        person.states.score_range(), HAND.recommender.model.users(np.array([1])).score_range()
    )


def test_a_user_with_events_is_folded_in_from_all_that_is_known() -> None:
    news = [event(1, "u2", 3, 5.0, time=99 * DAY)]
    person = person_of_user(HAND, "u2", news)
    assert person.basis == "history"
    assert dict(zip(person.history.indices.tolist(), person.history.values.tolist(), strict=True)) == {
        0: 4.0,
        1: 5.0,
        2: 5.0,
    }
    np.testing.assert_array_equal(
        person.states.score_range(), HAND.recommender.model.fold_in(person.history).score_range()
    )


def test_an_unknown_user_with_events_is_a_history_and_without_is_nobody() -> None:
    assert person_of_user(HAND, "new", [event(1, "new", 3, 5.0)]).basis == "history"
    assert person_of_user(HAND, "new", []).basis == "popularity"


def test_an_erased_user_is_nobody() -> None:
    gone = [event(1, "u1", "", kind="erasure")]
    assert person_of_user(HAND, "u1", gone).basis == "popularity"
    with pytest.raises(UnknownUserError):
        entries_of(HAND, "u1", gone)


def test_leaving_entries_out_is_what_folding_in_without_them_gives() -> None:
    person = person_of_user(HAND, "u1", [])
    left = without(person, [2])
    assert left.history.indices.tolist() == [0, 2]
    assert without(person, [4]) is person
    assert without(person, [1, 2, 3]).basis == "popularity"


USERS, ITEMS = ["u1", "u2", "u3", "new"], ["1", "2", "3", "6"]
KINDS: list[Kind] = ["interaction", "interaction", "interaction", "withdrawal", "erasure"]


@st.composite
def news(draw: st.DrawFn) -> list[Event]:
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(USERS),
                st.sampled_from(ITEMS),
                st.sampled_from(KINDS),
                st.sampled_from([1.0, 2.0, 5.0]),
                st.integers(0, 14).map(lambda half: half * DAY / 2 + half / 8) | st.floats(40.0, 80.0),
            ),
            max_size=12,
        )
    )
    return [
        event(seq, user, "" if kind == "erasure" else item, value, time=time, kind=kind)
        for seq, (user, item, kind, value, time) in enumerate(rows, start=1)
    ]


def test_a_count_that_is_none_in_the_precision_of_a_fit_is_left_out() -> None:
    before = as_dict(COUNTED, "b", [])
    assert as_dict(COUNTED, "b", [event(1, "b", 2, 5e-324, time=99)]) == before == {1: 3.0}


@pytest.mark.parametrize("serving", [HAND, COUNTED], ids=["ratings", "counts"])
@given(events=news())
def test_a_refit_sees_for_every_user_what_the_service_saw(serving: Serving, events: list[Event]) -> None:
    known = {str(id) for id in serving.item_ids}
    events = [one for one in events if one.kind == "erasure" or one.item_id in known]
    try:
        made = replayed(serving.recommender.train, events, since=0).data.interactions
    except DataError:
        for user in serving.recommender.users.ids.to_list():
            assert as_dict(serving, user, [one for one in events if one.user_id == user]) == {}
        return
    rows = made.frame()
    value = "count" if made.is_implicit else "rating"
    for user in {*USERS, *serving.recommender.users.ids.to_list()}:
        own = rows.filter(pl.col("user_id") == user)
        live = as_dict(serving, user, [one for one in events if one.user_id == user])
        assert dict(zip(own["item_id"].to_list(), own[value].to_list(), strict=True)) == live


def test_a_refit_knows_new_users_and_new_items_and_the_last_event() -> None:
    done = replayed(
        HAND.recommender.train, [event(7, "new", 9, 4.0), event(9, "u1", "", kind="erasure")], since=3
    )
    assert done.through == 9
    assert done.n_events == 2
    assert done.erased == ("u1",)
    assert done.data.interactions.users.find("new") >= 0
    assert done.data.interactions.items.find(9) >= 0
    assert done.data.interactions.users.find("u1") == -1
