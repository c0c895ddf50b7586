"""Fitting: settings, early stopping, stopping by hand, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tastemap.data import Dataset, Interactions, make_interactions
from tastemap.errors import DataError, InvalidValueError, MissingExtraError, UnknownNameError
from tastemap.models import als
from tastemap.models.config import Epoch
from tastemap.models.factor import FactorModel
from tastemap.training import check_objective, fit, get, make_config
from tastemap.training.registry import BASELINE_OF, MODELS, ModelEntry
from tastemap.training.validation import hold_out
from tests.toys import STARS, as_dataset, checkerboard, hand_dataset, planted


class Listener:
    """Hears everything; can press Ctrl-C after some steps of a task."""

    def __init__(self, *, stop: str | None = None, after: int = 0) -> None:
        self.notes: list[str] = []
        self.steps: list[tuple[str, int, int]] = []
        self._stop, self._after = stop, after

    def note(self, message: str) -> None:
        self.notes.append(message)

    def step(self, task: str, done: int, total: int, figures: dict[str, float]) -> None:
        self.steps.append((task, done, total))
        if task == self._stop and done >= self._after:
            raise KeyboardInterrupt


def same_model(left: object, right: object) -> bool:
    assert isinstance(left, FactorModel)
    assert isinstance(right, FactorModel)
    return np.array_equal(left.user_factors, right.user_factors) and np.array_equal(
        left.item_bias, right.item_bias
    )


def test_the_search_stops_at_the_best_epoch_and_the_refit_repeats_it() -> None:
    data = planted(noise=0.6)
    settings = {"n_factors": 8, "regularization": 0.05, "patience": 3, "tolerance": 0.01}
    recommender = fit(data, "als", settings=settings, rng=1)
    figures = recommender.losses.filter(pl.col("phase") == "search")["validation_rmse"].to_list()
    best = 1
    for epoch, figure in enumerate(figures, start=1):
        if figure < figures[best - 1] - 0.01 * figure:
            best = epoch
    final = recommender.losses.filter(pl.col("phase") == "final")
    assert len(final) == best
    assert len(figures) == best + 3
    assert recommender.resolved.model_dump()["n_epochs"] == best
    assert recommender.resolved.model_dump()["validation_fraction"] == 0.0


def test_the_resolved_settings_repeat_the_model() -> None:
    data = planted()
    recommender = fit(data, "als", settings={"n_factors": 3}, rng=5)
    again = fit(data, "als", settings=recommender.resolved.model_dump(), rng=recommender.seed)
    assert same_model(recommender.model, again.model)


def test_ctrl_c_in_the_search_fits_for_the_best_epochs_so_far() -> None:
    ear = Listener(stop="search als", after=2)
    recommender = fit(planted(), "als", settings={"n_factors": 3}, rng=0, progress=ear)
    assert len(recommender.losses.filter(pl.col("phase") == "search")) == 2
    assert any("Search stopped" in note for note in ear.notes)
    again = fit(planted(), "als", settings=recommender.resolved.model_dump(), rng=0)
    assert same_model(recommender.model, again.model)


def test_ctrl_c_in_the_fit_keeps_the_last_whole_epoch() -> None:
    ear = Listener(stop="fit als", after=2)
    settings = {"n_factors": 3, "n_epochs": 9, "validation_fraction": 0.0}
    recommender = fit(planted(), "als", settings=settings, rng=0, progress=ear)
    assert recommender.resolved.model_dump()["n_epochs"] == 2
    again = fit(planted(), "als", settings=recommender.resolved.model_dump(), rng=0)
    assert same_model(recommender.model, again.model)


def test_the_settings_of_a_sampler_that_was_stopped_in_its_burn_in_repeat_it() -> None:
    settings = {"n_factors": 3, "n_epochs": 30, "burn_in": 20}
    stopped = fit(planted(), "gibbs", settings=settings, rng=0, stop=lambda phase, done: done == 3)
    resolved = stopped.resolved.model_dump()
    assert (resolved["n_epochs"], resolved["burn_in"]) == (3, 2)
    assert same_model(stopped.model, fit(planted(), "gibbs", settings=resolved, rng=0).model)
    late = fit(planted(), "gibbs", settings=settings, rng=0, stop=lambda phase, done: done == 25)
    assert late.resolved.model_dump()["burn_in"] == 20


def test_ctrl_c_before_the_first_epoch_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(
        train: Interactions, config: als.ALSConfig, *, rng: np.random.Generator
    ) -> Iterator[Epoch[FactorModel]]:
        raise KeyboardInterrupt
        yield  # pragma: no cover  # makes this a generator

    monkeypatch.setattr(als, "epochs", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(planted(), "als", rng=0)


def test_validation_rows_are_kept_with_their_predictions() -> None:
    recommender = fit(planted(), "als", settings={"n_factors": 3, "tolerance": 0.0}, rng=0)
    rows = recommender.validation
    assert rows is not None
    assert rows.columns == ["user_id", "item_id", "rating", "prediction"]
    error = np.sqrt(np.mean((rows["rating"] - rows["prediction"]).to_numpy() ** 2))
    assert error == pytest.approx(recommender.losses["validation_rmse"].min(), rel=1e-5)


def test_a_ranking_search_watches_ndcg() -> None:
    recommender = fit(checkerboard(), "ials", settings={"n_factors": 4}, rng=0)
    assert "validation_ndcg@10" in recommender.losses.columns
    assert recommender.validation is None


@pytest.mark.parametrize(
    ("name", "data", "column", "worse"),
    [
        ("als", planted(), "validation_rmse", 1.0),
        ("ials", checkerboard(), "validation_ndcg@10", -1.0),
    ],
)
def test_a_search_sets_the_baseline_beside_its_figure(
    name: str, data: Dataset, column: str, worse: float
) -> None:
    losses = fit(data, name, settings={"n_factors": 4}, rng=0).losses.filter(pl.col("phase") == "search")
    baseline = losses[f"{column}_of_{BASELINE_OF[MODELS[name].objective]}"]
    assert baseline.n_unique() == 1
    best = losses[column].min() if worse > 0 else losses[column].max()
    assert worse * (baseline[0] - best) > 0.0


def test_progress_hears_both_phases() -> None:
    ear = Listener()
    fit(planted(), "als", settings={"n_factors": 2, "n_epochs": 2}, rng=0, progress=ear)
    assert {task for task, _, _ in ear.steps} == {"search als", "fit als"}


@pytest.mark.parametrize(("parts", "n_said"), [(0, 1), (2, 0)])
def test_a_fit_says_once_that_its_intervals_are_not_calibrated(parts: int, n_said: int) -> None:
    ear = Listener()
    settings = {"n_factors": 2, "n_epochs": 3, "burn_in": 1, "calibration_parts": parts}
    fit(planted(), "gibbs", settings=settings, rng=0, progress=ear)
    assert sum("as wide as the model believes" in note for note in ear.notes) == n_said


def test_without_a_seed_one_is_drawn_and_recorded() -> None:
    first, second = (fit(planted(), "als", settings={"n_factors": 2, "n_epochs": 1}) for _ in range(2))
    assert first.seed != second.seed
    again = fit(planted(), "als", settings={"n_factors": 2, "n_epochs": 1}, rng=first.seed)
    assert same_model(first.model, again.model)


@pytest.mark.parametrize("model", ["als", "ials"])
def test_the_training_loss_never_rises(model: str) -> None:
    settings = {"n_epochs": 25, "n_factors": 6, "validation_fraction": 0.0}
    losses = fit(planted(noise=0.5), model, settings=settings, rng=0).losses["loss"].to_numpy()
    assert (np.diff(losses) <= 1e-6).all()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"n_factors": 0}, "als: n_factors must be greater than or equal to 1. Got 0."),
        ({"n_factors": "many"}, "n_factors must be a valid integer"),
        ({"regularization": -1.0}, "regularization must be greater than 0"),
        ({"regularization": float("nan")}, "finite"),
    ],
)
def test_a_setting_out_of_range_is_named(settings: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidValueError, match=said):
        make_config("als", settings)


def test_unknown_names_list_near_ones() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean als"):
        fit(planted(), "asl")
    with pytest.raises(UnknownNameError, match="Did you mean n_factors"):
        make_config("als", {"n_factor": 3})


def test_the_choice_of_a_model_is_named_where_a_model_is_wanted() -> None:
    with pytest.raises(
        UnknownNameError, match=r"Unknown model 'auto': `tastemap fit --model auto`, or tastemap"
    ) as said:
        fit(planted(), "auto")
    assert set(MODELS) <= set(said.value.message.replace(",", "").replace(".", " ").split())
    assert said.value.details["known"] == sorted(MODELS)
    with pytest.raises(
        UnknownNameError, match=r"Known: als, .* `tastemap fit --model auto`, or .* chooses one\.$"
    ):
        fit(planted(), "svd")


def test_an_objective_must_suit_the_model() -> None:
    check_objective("als", "rating")
    check_objective("als", None)
    with pytest.raises(InvalidValueError, match="als is a rating model"):
        check_objective("als", "ranking")
    with pytest.raises(InvalidValueError, match="rating or ranking"):
        check_objective("als", "sorting")


def test_rating_models_refuse_data_without_ratings() -> None:
    with pytest.raises(DataError, match="no rating column"):
        fit(checkerboard(), "als")


def test_one_user_or_one_item_is_refused() -> None:
    lonely, _ = make_interactions([1, 1, 1], [1, 2, 3], np.ones(3, np.float32))
    with pytest.raises(DataError, match="Got 1 and 3"):
        fit(as_dataset(lonely), "ials")


def test_positive_min_says_what_is_learned_from_and_keeps_every_interaction() -> None:
    data = hand_dataset()
    recommender = fit(data, "popularity", positive_min=4.0, rng=0)
    assert recommender.train is data
    assert isinstance(recommender.model, FactorModel)
    assert recommender.model.item_bias.tolist() == [2.0, 2.0, 2.0, 2.0, 0.0]


def test_positive_min_is_a_setting_that_may_be_given_once() -> None:
    by_keyword = fit(hand_dataset(), "ease", positive_min=4, rng=0)
    by_setting = fit(hand_dataset(), "ease", settings={"positive_min": 4.0}, rng=0)
    assert by_keyword.config == by_setting.config == make_config("ease", {"positive_min": 4.0})
    assert (
        fit(hand_dataset(), "ease", settings={"positive_min": 4}, positive_min=4.0).config == by_setting.config
    )
    with pytest.raises(InvalidValueError, match=r"Got 4\.0 and, among the settings, 3; give it once"):
        fit(hand_dataset(), "ease", settings={"positive_min": 3}, positive_min=4.0)


def test_a_rating_model_refuses_positive_min() -> None:
    with pytest.raises(InvalidValueError, match="positive_min is for ranking models"):
        fit(hand_dataset(), "als", positive_min=4.0)


def test_too_few_positives_say_to_lower_positive_min() -> None:
    with pytest.raises(InvalidValueError, match="Got 0 and 0; lower positive_min"):
        fit(hand_dataset(), "popularity", positive_min=5.5)
    pairs, _ = make_interactions(
        [1, 1, 2, 2], [1, 2, 1, 2], np.array([5, 5, 1, 1], np.float32), rating_scale=STARS
    )
    with pytest.raises(InvalidValueError, match="Got 1 and 2; lower positive_min"):
        fit(as_dataset(pairs), "ials", positive_min=2.0)


def test_the_search_learns_from_positives_ranks_them_and_lists_nothing_that_was_seen() -> None:
    data = planted(n_users=200, noise=0.5).interactions
    part = hold_out(data, "ranking", 0.3, 1, 3.5)
    assert part is not None
    assert part.ranked is not None
    whole = hold_out(data, "ranking", 0.3, 1, None)
    assert whole is not None
    assert len(whole.learned) == len(whole.inner) == len(part.inner)
    assert part.learned.values.min() >= 3.5
    assert len(part.learned) == (part.inner.values >= 3.5).sum()
    assert part.learned.users is part.inner.users
    assert part.ranked.values.min() >= 3.5
    assert len(part.ranked.values) == (part.held_out.values >= 3.5).sum()


def test_a_search_without_positives_on_both_sides_is_left_out() -> None:
    data = hand_dataset().interactions
    assert hold_out(data, "ranking", 0.5, 0, 5.5) is None


def remarks_of(data: Dataset, model: str, **settings: object) -> tuple[str, ...]:
    return fit(data, model, settings=settings, rng=0).train.report.notes


def test_ratings_that_are_all_the_same_are_remarked_on_for_a_rating_model() -> None:
    data = planted()
    values = np.full_like(data.interactions.values, 3.5)
    same = replace(data, interactions=replace(data.interactions, values=values))
    (said,) = remarks_of(same, "bias")
    assert said.startswith("All ratings are 3.5: there is nothing to tell apart")
    assert remarks_of(same, "popularity") == remarks_of(data, "bias") == ()


def test_a_handful_of_users_or_items_is_remarked_on() -> None:
    pairs, _ = make_interactions([1, 1, 2, 2], [1, 2, 1, 2], np.array([5, 4, 1, 1], np.float32))
    assert remarks_of(as_dataset(pairs), "popularity") == ("2 users and 2 items: far too few to learn from.",)
    assert remarks_of(hand_dataset(), "popularity") == ()


def test_more_factors_than_items_or_users_are_remarked_on_where_they_were_asked_for() -> None:
    data = planted(30, 20, density=0.9)
    settings = {"n_epochs": 1, "validation_fraction": 0.0}
    for model in ("als", "ials"):
        assert remarks_of(data, model, n_factors=25, **settings) == (
            "n_factors 25 is above the number of items, 20: more than 20 adds nothing.",
        )
        assert remarks_of(data, model, n_factors=20, **settings) == remarks_of(data, model, **settings) == ()
    few_users = planted(20, 30, density=0.9)
    (said,) = remarks_of(few_users, "als", n_factors=25, **settings)
    assert "above the number of users, 20" in said


def test_a_second_fit_to_the_same_data_remarks_once() -> None:
    pairs, _ = make_interactions([1, 1, 2, 2], [1, 2, 1, 2], np.ones(4, np.float32))
    first = fit(as_dataset(pairs), "popularity", rng=0)
    assert fit(first.train, "popularity", rng=0).train is first.train


def test_a_missing_extra_names_the_command_that_installs_it() -> None:
    entry = ModelEntry(
        "ghost", "rating", "", "tastemap.models.als:ALSConfig", "no_such_package.fit", extra="torch"
    )
    with pytest.raises(MissingExtraError, match=r"pip install 'tastemap\[torch\]'"):
        _ = entry.fit
    assert get("als").epochs is not None


def test_an_evaluation_can_refuse_a_partial_fit() -> None:
    for task in ("search als", "fit als"):
        with pytest.raises(KeyboardInterrupt):
            fit(planted(), "als", rng=0, progress=Listener(stop=task, after=1), keep_partial=False)
