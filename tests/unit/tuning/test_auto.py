"""``auto``: who races, who is chosen, and what ends it early."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tastemap.artifacts import save
from tastemap.data import Catalog, Dataset, LoadReport, make_interactions
from tastemap.errors import InvalidValueError
from tastemap.training import MODELS, fit, make_config
from tastemap.training.registry import BASELINE_OF
from tastemap.tuning import caps, costs
from tastemap.tuning import race as race_module
from tastemap.tuning.arena import make_arena
from tastemap.tuning.auto import Auto, auto
from tastemap.tuning.budget import Budget
from tastemap.tuning.candidates import SIMPLEST_FIRST, Candidate, candidates
from tastemap.tuning.forecast import Forecast
from tastemap.tuning.leaderboard import preferred, standings
from tastemap.tuning.outcome import ranked
from tastemap.tuning.plan import plan
from tastemap.tuning.race import LeftOut, Race, better_half, run_race, shares
from tastemap.tuning.trial import Trial, run_trial
from tastemap.tuning.within import fit_within
from tests.toys import checkerboard, communities, planted
from tests.unit.tuning.clocks import Hand, Listener, Ticking, files_of

auto_module = import_module("tastemap.tuning.auto")
DATA = planted()
RANKING = communities()[0]


@pytest.fixture(scope="module")
def chosen() -> Auto:
    """A race on a clock that stands still: nothing is left out for lack of time."""
    return auto(RANKING, objective="ranking", budget=Budget("60s", clock=Hand()), rng=3)


def test_every_model_has_a_place_in_the_order_of_simplicity_and_the_baseline_the_first() -> None:
    assert sorted(name for names in SIMPLEST_FIRST.values() for name in names) == sorted(MODELS)
    for objective, names in SIMPLEST_FIRST.items():
        assert names[0] == BASELINE_OF[objective]
        assert all(MODELS[name].objective == objective for name in names)


@pytest.mark.parametrize("objective", ["rating", "ranking"])
def test_the_settings_of_every_candidate_are_valid_and_each_is_entered_once(objective: Any) -> None:
    entrants = candidates(objective)
    assert len({candidate.label for candidate in entrants}) == len(entrants)
    for candidate in entrants:
        make_config(candidate.model, candidate.settings)


def test_all_candidates_are_measured_where_there_is_time(chosen: Auto) -> None:
    assert [one.reason for one in chosen.left_out] == []
    assert len(chosen.leaderboard) == len(candidates("ranking"))
    ranks = [(one.n_folds, one.value) for one in chosen.leaderboard]
    assert ranks == sorted(ranks, reverse=True)
    assert chosen.leaderboard[0].difference == 0.0


def test_the_chosen_model_is_fitted_to_all_rows_and_fit_repeats_it_bit_for_bit(
    chosen: Auto, tmp_path: Path
) -> None:
    found = chosen.recommender
    assert found.train is RANKING
    again = fit(RANKING, found.name, settings=found.resolved.model_dump(exclude_defaults=True), rng=3)
    assert files_of(save(found, tmp_path / "found")) == files_of(save(again, tmp_path / "again"))


def test_ratings_are_predicted_where_there_are_some_and_lists_made_where_there_are_none() -> None:
    budget = Budget("1s", clock=Ticking(0.02))
    assert auto(DATA, budget=budget, rng=0).metric == "rmse"
    assert auto(checkerboard(), budget=Budget("1s", clock=Ticking(0.02)), rng=0).metric == "ndcg@10"


def test_the_first_round_has_few_users_where_time_is_short() -> None:
    assert shares(90_000, total_s=1000.0, left_s=60.0)[0] == pytest.approx(1 / 81)
    assert shares(90_000, total_s=10.0, left_s=60.0) == [1.0]
    assert shares(2_999, total_s=1000.0, left_s=60.0) == [1.0]


def test_half_of_the_candidates_go_out_in_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(race_module, "FEWEST_USERS", 20)
    forecast = Forecast(RANKING, "ranking")
    monkeypatch.setattr(forecast, "fit_s", lambda candidate: 4.0)
    entrants = [
        Candidate("popularity"),
        Candidate("itemknn"),
        Candidate("ease"),
        Candidate("ease", {"regularization": 1.0}),
    ]
    race = run_race(
        RANKING,
        entrants,
        "ranking",
        forecast=forecast,
        budget=Budget("40s", clock=Hand()),
        seed=0,
        progress=Listener(),
    )
    assert [(round(share, 2), len(trials)) for share, _, trials in race.rounds] == [(0.33, 4), (1.0, 2)]
    _, arena, trials = race.rounds[0]
    assert better_half(trials, arena) == [trial.candidate for trial in race.rounds[1][2]]
    known = {trial.candidate.label for trial in race.rounds[1][2]}
    worst = max(arena.cost(trial.figure) for trial in trials if trial.candidate.label in known)
    assert all(arena.cost(trial.figure) >= worst for trial in trials if trial.candidate.label not in known)


def trials_of(*entrants: Candidate) -> tuple[Any, list[Trial]]:
    """An arena, and the trials of some candidates in it."""
    arena = make_arena(RANKING, "ranking", 1.0, 0)
    assert arena is not None
    return arena, [run_trial(one, make_config(one.model, one.settings), arena, 0, Hand()) for one in entrants]


def test_of_equal_models_the_simplest_is_preferred_with_its_best_settings() -> None:
    arena, (knn, ease) = trials_of(Candidate("itemknn"), Candidate("ease"))
    copy = replace(ease, candidate=Candidate("itemknn", {"shrinkage": 7.0}))
    found = standings(arena, [ease, copy], 1.0, 0)
    assert [one.as_good for one in found] == [True, True]
    assert preferred(arena, [ease, copy], found)[0] is copy
    assert knn.figure == pytest.approx(arena.figure(knn.measured))


def flat(model: str, figure: float, of: Trial) -> Trial:
    """A trial in which every user has the same figure."""
    _, counted = of.measured.sums["ndcg@10"]
    measured = replace(of.measured, sums={"ndcg@10": (figure * counted, counted)})
    return replace(of, candidate=Candidate(model), measured=measured, figure=figure)


@pytest.mark.parametrize(("share", "as_good"), [(0.985, True), (0.97, False)])
def test_a_simple_model_is_taken_if_it_is_at_most_two_percent_worse(share: float, as_good: bool) -> None:
    arena, (ease,) = trials_of(Candidate("ease"))
    trials = [flat("popularity", share * 0.5, ease), flat("ease", 0.5, ease)]
    found = standings(arena, trials, 1.0, 0)
    assert [one.as_good for one in found] == [as_good, True]
    assert preferred(arena, trials, found)[0].candidate.model == ("popularity" if as_good else "ease")
    assert found[0].difference_high is not None
    assert found[0].difference_high < 0.0


@pytest.mark.parametrize(("share", "as_good"), [(1.004, True), (1.006, False)])
def test_a_rating_model_is_as_good_if_its_rmse_is_at_most_half_a_percent_worse(
    share: float, as_good: bool
) -> None:
    arena = make_arena(DATA, "rating", 1.0, 0)
    assert arena is not None
    bias = run_trial(Candidate("bias"), make_config("bias"), arena, 0, Hand())
    errors, counted = bias.measured.sums["rmse"]
    worse = replace(bias.measured, sums={"rmse": (errors * share**2, counted)})
    trials = [replace(bias, measured=worse, figure=bias.figure * share), bias]
    assert [one.as_good for one in standings(arena, trials, 1.0, 0)] == [as_good, True]


def test_the_note_on_a_simpler_model_says_which_rule_allows_it() -> None:
    arena, (knn,) = trials_of(Candidate("itemknn"))
    trials = [flat("popularity", 0.495, knn), flat("ease", 0.5, knn)]
    _, _, notes = ranked(Race([(1.0, arena, trials)]), 0)
    assert notes == [
        "popularity is about as good as ease, the best, and simpler: "
        "its NDCG@10 is 0.0050 worse, within 2 % of the best."
    ]
    _, counted = knn.measured.sums["ndcg@10"]
    uneven = counted * np.where(np.arange(len(counted)) % 2, 1.1, 0.0)
    other = replace(trials[0], figure=float(uneven.sum() / counted.sum()))
    other = replace(other, measured=replace(knn.measured, sums={"ndcg@10": (uneven, counted)}))
    _, _, notes = ranked(Race([(1.0, arena, [other, trials[1]])]), 0)
    assert re.search(r"within one standard error of their paired difference \(0\.\d{4}\)\.$", notes[0])


def test_a_simple_model_is_taken_within_one_standard_error_though_it_is_more_than_two_percent_worse() -> None:
    arena, (ease,) = trials_of(Candidate("ease"))
    _, counted = ease.measured.sums["ndcg@10"]
    uneven = counted * np.where(np.arange(len(counted)) % 2, 1.1, 0.0)
    other = replace(flat("popularity", 0.0, ease), figure=float(uneven.sum() / counted.sum()))
    other = replace(other, measured=replace(ease.measured, sums={"ndcg@10": (uneven, counted)}))
    best = flat("ease", 0.5, ease)
    one, _ = standings(arena, [other, best], 1.0, 0)
    assert one.difference is not None
    assert one.difference < -0.02 * 0.5
    assert one.as_good


def test_an_ended_budget_leaves_the_rest_out_with_the_reason_and_is_not_overdrawn() -> None:
    clock = Ticking(0.2)
    budget = Budget("12s", clock=clock)
    found = auto(RANKING, objective="ranking", budget=budget, rng=0)
    assert any("are left" in one.reason for one in found.left_out)
    assert budget.used_s <= 12.0 * 1.1
    assert found.recommender.train is RANKING


def test_ctrl_c_takes_the_best_so_far() -> None:
    progress = Listener(interrupt_at="ease")
    found = auto(RANKING, objective="ranking", budget=Budget("60s", clock=Hand()), rng=0, progress=progress)
    assert found.recommender.interrupted
    assert {one.model for one in found.leaderboard} <= {"popularity", "itemknn", "ease"}
    assert found.recommender.name in {"popularity", "itemknn", "ease"}
    assert found.notes[0] == "Ctrl-C ended the race; the best so far is taken."


def test_the_bar_names_each_candidate_and_moves_while_one_is_fitted() -> None:
    progress = Listener()
    auto(DATA, budget=Budget("60s", clock=Hand()), max_memory="330MB", rng=0, progress=progress)
    tasks = [task for task, _, _ in progress.steps]
    assert "auto (s): bias" in tasks
    assert tasks.count("auto (s): als") > 2


def test_a_cap_on_memory_leaves_out_what_is_predicted_to_need_more() -> None:
    forecast = Forecast(RANKING, "ranking")
    cap = forecast.plan(Candidate("ials")).memory_bytes
    found = auto(RANKING, objective="ranking", budget=Budget("60s", clock=Hand()), max_memory=cap, rng=0)
    assert {one.candidate.model for one in found.left_out} >= {"softmax"}
    assert all("of memory" in one.reason for one in found.left_out)


def test_without_a_cap_the_memory_of_the_machine_is_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    cap = Forecast(RANKING, "ranking").plan(Candidate("ials")).memory_bytes
    monkeypatch.setattr(caps, "machine_memory", lambda: cap)
    found = auto(RANKING, objective="ranking", budget=Budget("60s", clock=Hand()), rng=0)
    reasons = {one.candidate.model: one.reason for one in found.left_out}
    assert "of memory, and this machine has" in reasons["softmax"]
    monkeypatch.setattr(caps, "machine_memory", lambda: 1_000_000)
    with pytest.raises(InvalidValueError, match=r"popularity is predicted to need .* this machine has 1 MB"):
        auto(RANKING, objective="ranking", budget=Budget("60s", clock=Hand()), rng=0)
    with pytest.raises(InvalidValueError, match=r"this machine has 1 MB; take a smaller model.*max_memory"):
        fit_within(RANKING, "ials")
    monkeypatch.setattr(caps, "machine_memory", lambda: None)
    assert fit_within(RANKING, "popularity").name == "popularity"


def test_rows_below_positive_min_need_no_memory() -> None:
    needed = plan(DATA, "ials", {"positive_min": 4.5}).memory_bytes
    with pytest.raises(InvalidValueError, match="max_memory must be at least"):
        fit_within(DATA, "ials", max_memory=needed)
    assert fit_within(DATA, "ials", positive_min=4.5, max_memory=needed, rng=0).name == "ials"


def test_what_a_fit_to_all_rows_would_refuse_does_not_race(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = "ease is meant for fewer items."
    monkeypatch.setattr(costs, "too_many_items", lambda n_items: refusal)
    found = auto(RANKING, objective="ranking", budget=Budget("60s", clock=Hand()), max_memory="330MB", rng=0)
    assert [one.reason for one in found.left_out if one.candidate.model == "ease"] == [refusal] * 3
    assert "ease" not in {one.model for one in found.leaderboard}


@pytest.mark.parametrize("error", [MemoryError(), InvalidValueError("There are too many items.")])
def test_a_choice_that_cannot_be_fitted_to_all_rows_gives_way_to_the_next_one(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def chosen() -> Auto:
        budget = Budget("60s", clock=Hand())
        return auto(DATA, objective="ranking", budget=budget, max_memory="330MB", rng=3)

    first = chosen().recommender.name

    def refusing(data: Dataset, model: str, **options: Any) -> Any:
        if model == first:
            raise error
        return fit(data, model, **options)

    monkeypatch.setattr(auto_module, "fit", refusing)
    found = chosen()
    assert found.recommender.name not in {first, "popularity"}
    assert any(
        note.startswith(first) and note.endswith("The next one is taken.") and "could not be fitted" in note
        for note in found.notes
    )


def two_rounds(*, last: list[str], left_out: list[str]) -> Race:
    """A race of three, the most complex the best, of which some were measured in the last round."""
    few, everybody = (make_arena(RANKING, "ranking", share, 0) for share in (0.5, 1.0))
    assert few is not None
    assert everybody is not None
    of_few, of_all = (
        run_trial(Candidate("itemknn"), make_config("itemknn"), arena, 0, Hand()) for arena in (few, everybody)
    )
    figures = {"popularity": 0.1, "itemknn": 0.12, "ease": 0.4, "ials": 0.5}
    first = [flat(model, figure, of_few) for model, figure in figures.items()]
    race = Race([(0.5, few, first), (1.0, everybody, [flat(name, figures[name], of_all) for name in last])])
    race.left_out = [LeftOut(Candidate(name), "it needs more memory than there is") for name in left_out]
    return race


def test_a_round_that_has_not_seen_the_best_does_not_decide() -> None:
    order, board, _ = ranked(two_rounds(last=["ease"], left_out=[]), 0)
    assert order[0].candidate.model == "ials"
    assert board[0].share == 0.5
    assert len(board) == 4
    _, board, _ = ranked(two_rounds(last=["ease", "ials"], left_out=[]), 0)
    assert [(one.model, one.share) for one in board[:3]] == [("ials", 1.0), ("ease", 1.0), ("itemknn", 0.5)]


def test_a_round_that_the_clock_ended_after_some_trials_does_not_decide() -> None:
    race = two_rounds(last=["itemknn", "ease"], left_out=[])
    share, arena, trials = race.rounds[0]
    more = [*trials, flat("dot", 0.45, trials[0]), flat("mlp", 0.05, trials[0])]
    race.rounds[0] = (share, arena, more)  # of six, ease, ials and dot go on
    order, _, _ = ranked(race, 0)
    assert order[0].candidate.model == "ials"


def test_who_could_not_be_fitted_later_is_left_out_and_on_no_leaderboard() -> None:
    race = two_rounds(last=["ease"], left_out=["ials"])
    order, board, _ = ranked(race, 0)
    assert order[0].candidate.model == "ease"
    assert "ials" not in {one.model for one in board}


def test_who_was_measured_and_then_has_no_time_goes_out_and_is_not_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(race_module, "FEWEST_USERS", 20)
    forecast = Forecast(RANKING, "ranking")
    clock = Hand()
    monkeypatch.setattr(forecast, "fit_s", lambda candidate: 4.0)

    class Late(Listener):
        def note(self, message: str) -> None:
            super().note(message)
            clock.now += 9.0

    race = run_race(
        RANKING,
        [Candidate("popularity"), Candidate("itemknn"), Candidate("ease")],
        "ranking",
        forecast=forecast,
        budget=Budget("33s", clock=clock),
        seed=0,
        progress=Late(),
    )
    measured = {trial.candidate.label for _, _, trials in race.rounds for trial in trials}
    assert len(race.rounds) == 2
    assert not measured & {one.candidate.label for one in race.left_out}
    assert race.notes
    assert all("went out before the round on more users: it would need about" in note for note in race.notes)


def test_a_budget_that_reading_has_used_up_says_how_much_reading_took_and_what_is_enough() -> None:
    with pytest.raises(InvalidValueError) as said:
        auto(RANKING, objective="ranking", budget=Budget("5s", used_s=30.0, clock=Hand()), rng=0)
    found = re.fullmatch(
        r"budget must be at least about (\d+)s to fit even popularity to this data\. "
        r"Got 5\.0 s, and 30 s were over once the data was read; allow more time\.",
        said.value.message,
    )
    assert found is not None
    assert auto(
        RANKING, objective="ranking", budget=Budget(f"{found[1]}s", used_s=30.0, clock=Hand()), rng=0
    ).recommender.name


def test_data_too_small_to_compare_gives_the_baseline_and_says_so() -> None:
    two_rows_each, _ = make_interactions([1, 1, 2, 2], [1, 2, 1, 2], np.ones(4, np.float32))
    data = Dataset("tiny", two_rows_each, Catalog.empty(), None, LoadReport(4, 4))
    assert make_arena(data, "ranking", 1.0, 0) is None
    found = auto(data, budget=Budget("60s", clock=Hand()), rng=0)
    assert found.recommender.name == "popularity"
    assert found.leaderboard == ()
    assert found.notes == ("No models could be compared: the baseline is taken.",)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"budget": "0.05s"}, r"budget must be at least about \d+s"),
        ({"max_memory": "1MB"}, r"max_memory must be at least .* MB.* Got 1 MB"),
        ({"objective": "both"}, "objective must be rating or ranking"),
        ({"positive_min": 4.0}, "positive_min is for ranking models"),
        ({"budget": float("nan")}, "budget must be a time above 0"),
    ],
)
def test_what_cannot_be_is_one_sentence(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        auto(DATA, **{"budget": Budget("60s", clock=Hand()), **arguments})


def test_rating_models_are_refused_for_data_without_ratings() -> None:
    with pytest.raises(InvalidValueError, match="objective must be ranking"):
        auto(checkerboard(), objective="rating", budget=Budget("60s", clock=Hand()))
