"""The sampler of ``gibbs`` draws from the posterior, and its mean model predicts as the draws do on average."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tastemap.data import Catalog, Dataset, LoadReport, RatingScale, make_interactions
from tastemap.errors import ColumnError, InvalidValueError
from tastemap.linalg.csr import CSR, from_pairs, row_numbers
from tastemap.linalg.posterior import draw_rows, row_posterior_reference
from tastemap.linalg.threads import use_threads
from tastemap.linalg.types import Float64Array
from tastemap.models.factor import FactorModel
from tastemap.models.gibbs import GibbsConfig, epochs, fit
from tastemap.models.gibbs_mean import Draws
from tastemap.models.gibbs_sampler import MEAN_WEIGHT, Side, draw_noise_precision, draw_prior, first_side
from tastemap.models.implicit_history import ImplicitHistory
from tastemap.models.side_features import SideFeatures, column_matrix, decomposed, leading_directions
from tastemap.models.user_loss import PriorLoss
from tests.toys import STARS, communities, planted, with_features


def rmse(model: FactorModel, data: Dataset, test: Dataset) -> float:
    """Of a model fitted to `data` on the rows of `test` whose users and items it knows."""
    rows = test.interactions
    users = data.interactions.users.indices(rows.users.ids)[rows.user_index]
    items = data.interactions.items.indices(rows.items.ids)[rows.item_index].astype(np.int32)
    predicted = model.link.apply(model.users(users).score(items[:, None])[:, 0])
    known = (users >= 0) & (items >= 0)
    return float(np.sqrt(np.mean((predicted - rows.values)[known] ** 2)))


def held_out(data: Dataset, share: float = 0.2) -> tuple[Dataset, Dataset]:
    held = np.random.default_rng(1).random(len(data.interactions)) < share
    return data.select(~held), data.select(held)


# Moments


def test_alternate_draws_of_rows_have_the_moments_of_the_exact_posterior() -> None:
    # two users and items, three ratings, one factor and a bias; the exact moments weigh draws of the prior
    noise_precision, precision = 2.0, np.array([[2.0, 0.3], [0.3, 1.0]])
    mean = np.array([0.4, -0.2])
    by_user = from_pairs(
        np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([1.0, -0.5, 0.8], np.float32), (2, 2)
    )
    rng = np.random.default_rng(0)
    n = 400_000
    spread = np.linalg.inv(np.linalg.cholesky(precision)).T
    drawn = mean + rng.standard_normal((n, 4, 2)) @ spread.T  # two users, two items
    scores = drawn[:, :2, None, 0] * drawn[:, None, 2:, 0] + drawn[:, :2, None, 1] + drawn[:, None, 2:, 1]
    squares = sum((scores[:, u, i] - r) ** 2 for u, i, r in ((0, 0, 1.0), (0, 1, -0.5), (1, 1, 0.8)))
    weights = np.exp(-0.5 * noise_precision * squares)
    weights /= weights.sum()
    exact = np.einsum("n,nui->ui", weights, scores), np.einsum("n,nui->ui", weights, scores**2)

    users, items = np.zeros((2, 2), np.float32), np.zeros((2, 2), np.float32)
    sums = np.zeros((2, 2, 2))
    for _ in range(8_000):
        users = _drawn(by_user, items, noise_precision, mean, precision, rng)
        items = _drawn(by_user.transposed, users, noise_precision, mean, precision, rng)
        score = users[:, None, 0] * items[None, :, 0] + users[:, None, 1] + items[None, :, 1]
        sums += score.astype(float), score.astype(float) ** 2
    np.testing.assert_allclose(sums[0] / 8_000, exact[0], atol=0.04)
    np.testing.assert_allclose(sums[1] / 8_000, exact[1], atol=0.08)


def _drawn(
    rows: CSR,
    other: np.ndarray,
    noise: float,
    mean: Float64Array,
    precision: Float64Array,
    rng: np.random.Generator,
) -> np.ndarray:
    vectors, offsets = other.copy(), other[:, -1].copy()
    vectors[:, -1] = 1.0
    means = np.tile(mean, (rows.n_rows, 1))
    return draw_rows(rows, vectors, offsets, noise, means, precision, rng.standard_normal(means.shape))[0]


def test_the_conditional_draws_of_a_prior_leave_its_distribution_as_it_is() -> None:
    # Geweke 2004: rows from the prior, then the prior given the rows, again and again: its marginal must stay.
    rng = np.random.default_rng(0)
    blocks = [
        decomposed(rng.normal(size=(5, 2)).astype(np.float32)),
        decomposed(np.eye(5, 1, dtype=np.float32)),
    ]
    expected = np.array([_figures(_prior(blocks, rng)) for _ in range(6_000)])
    middle = np.median(expected, axis=0)
    side, found = _prior(blocks, rng), []
    for _ in range(6_000):
        spread = np.linalg.inv(np.linalg.cholesky(side.precision)).T
        rows = side.prior_means + rng.standard_normal((5, 2)) @ spread.T
        side = draw_prior(replace(side, rows=rows.astype(np.float32)), blocks, rng)
        found.append(_figures(side))
    shares = (np.array(found) > middle).mean(axis=0)
    np.testing.assert_allclose(shares, 0.5, atol=0.06)


def _prior(blocks: list[SideFeatures], rng: np.random.Generator) -> Side:
    root = np.tril(rng.standard_normal((2, 2)), -1)
    root[np.diag_indices(2)] = np.sqrt(rng.chisquare(2 - np.arange(2)))  # Wishart(2, I)
    spread = np.linalg.inv(root).T
    penalties = tuple(rng.gamma(1.0) for _ in blocks)
    weights = tuple(
        rng.standard_normal((len(block.singular), 2)) @ spread.T / np.sqrt(penalty)
        for block, penalty in zip(blocks, penalties, strict=True)
    )
    effects = tuple(
        block.expand(block.singular[:, None] * own) for block, own in zip(blocks, weights, strict=True)
    )
    mean = spread @ rng.standard_normal(2) / np.sqrt(MEAN_WEIGHT)
    return Side(np.zeros((5, 2), np.float32), mean, root @ root.T, weights, penalties, effects)


def _figures(side: Side) -> list[float]:
    numbers = [side.mean[0], abs(side.mean[1]), side.precision[0, 0], side.precision[0, 1]]
    numbers += [np.linalg.slogdet(side.precision)[1], *side.penalties]
    return [*numbers, side.weights[0][0, 0], abs(side.weights[0][1, 1]), abs(side.weights[1][0, 0])]


def test_the_noise_has_the_mean_of_its_conditional_distribution() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_noise_precision(8, 3.0, rng) for _ in range(20_000)]
    assert np.mean(drawn) == pytest.approx((1 + 8 / 2) / (1 + 3 / 2), rel=0.02)


def test_features_are_decomposed_from_either_side() -> None:
    for shape in ((7, 4), (4, 7), (5, 5)):
        features = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        features[:, 1] = features[:, 0]  # not of full rank
        block = decomposed(features)
        gram = (block.left * block.singular**2) @ block.left.T
        np.testing.assert_allclose(gram, features @ features.T, atol=1e-4)
        rows = np.random.default_rng(1).normal(size=(shape[0], 3))
        np.testing.assert_allclose(block.project(rows), block.left.T @ rows, atol=1e-5)


# What the model makes of the draws


def test_planted_ratings_are_predicted_to_the_noise() -> None:
    train, test = held_out(planted(200, 120, density=0.4, noise=0.1))
    *_, last = epochs(train, GibbsConfig(n_factors=5, n_epochs=150, burn_in=75), rng=np.random.default_rng(0))
    # 0.1 is the noise; the cut at 1 and 5 stars is not a product of factors
    assert rmse(last.model, train, test) < 0.16
    assert 0.08 < last.losses["noise"] < 0.16


def test_the_mean_model_predicts_as_the_draws_do_on_average(monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = held_out(planted(300, 200, density=0.3, noise=0.5))
    users = train.interactions.users.indices(test.interactions.users.ids)[test.interactions.user_index]
    items = train.interactions.items.indices(test.interactions.items.ids)[test.interactions.item_index]
    sums: list[Float64Array] = []
    plus = Draws.plus

    def listening(draws: Draws, user_side: Side, item_side: Side, noise_precision: float) -> Draws:
        left, right = user_side.rows[users].astype(float), item_side.rows[items].astype(float)
        if draws.product.n == 0:
            sums.clear()
        sums.append(np.einsum("nd,nd->n", left[:, :-1], right[:, :-1]) + left[:, -1] + right[:, -1])
        return plus(draws, user_side, item_side, noise_precision)

    monkeypatch.setattr(Draws, "plus", listening)
    model = fit(train, GibbsConfig(n_factors=4, n_epochs=150, burn_in=50), rng=np.random.default_rng(0))
    ratings = train.interactions.values.astype(float)
    assert len(sums) == 100
    mean = np.clip(ratings.mean() + ratings.std() * np.mean(sums, axis=0), 1.0, 5.0)
    of_draws = float(np.sqrt(np.mean((mean - test.interactions.values) ** 2)))
    assert rmse(model, train, test) == pytest.approx(of_draws, abs=1e-3)


def test_more_draws_predict_better_than_one() -> None:
    train, test = held_out(planted(150, 100, density=0.25, noise=0.8))
    one, many = (
        rmse(fit(train, GibbsConfig(n_epochs=80, burn_in=burn_in), rng=np.random.default_rng(0)), train, test)
        for burn_in in (79, 40)
    )
    assert many < 0.97 * one


def test_histories_tell_of_a_taste_that_few_ratings_cannot() -> None:
    data, is_shared = communities()
    hidden = is_shared & (np.random.default_rng(1).random(len(is_shared)) < 0.8)
    train, test = data.select(~hidden), data.select(hidden)
    errors = {}
    for implicit_history in (False, True):
        config = GibbsConfig(n_factors=4, implicit_history=implicit_history, n_epochs=200, burn_in=100)
        model = fit(train, config, rng=np.random.default_rng(0))
        assert isinstance(model.user_side, ImplicitHistory if implicit_history else PriorLoss)
        errors[implicit_history] = rmse(model, train, test)
    assert errors[True] < 0.7 * errors[False]


def test_features_tell_of_items_that_few_have_rated() -> None:
    # half of the users like even items, the other half odd ones; items have two ratings or so
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((30, 400)) < 0.06)
    ratings = np.where(users % 2 == items % 2, 4.0, 2.0) + 0.2 * rng.normal(size=len(users))
    rows, _ = make_interactions(users, items, ratings.astype(np.float32), rating_scale=STARS)
    catalog = pl.DataFrame({"item_id": np.arange(400), "kind": np.arange(400) % 2})
    train, test = held_out(Dataset("kinds", rows, Catalog(catalog), None, LoadReport(len(rows), len(rows))))
    config = GibbsConfig(n_factors=2, n_epochs=200, burn_in=100, implicit_history=False)
    errors = [
        rmse(
            fit(train, config.model_copy(update={"item_features": names}), rng=np.random.default_rng(0)),
            train,
            test,
        )
        for names in ((), ("kind",))
    ]
    assert errors[1] < 0.9 * errors[0]


def test_ratings_of_another_scale_are_predicted_alike() -> None:
    data = planted().interactions
    large = replace(data, values=data.values * 100.0, rating_scale=RatingScale(100.0, 500.0))
    config = GibbsConfig(n_factors=3, n_epochs=20, burn_in=10)
    small_model, large_model = (
        fit(replace(planted(), interactions=rows), config, rng=np.random.default_rng(0))
        for rows in (data, large)
    )
    everyone = np.arange(data.n_users)
    small, great = (model.users(everyone).score_range() for model in (small_model, large_model))
    np.testing.assert_allclose(great, 100.0 * small, rtol=2e-2)


def test_a_new_user_is_the_mean_of_the_posterior() -> None:
    data = with_features(planted())
    model = fit(data, GibbsConfig(n_factors=3, n_epochs=40, burn_in=20), rng=np.random.default_rng(0))
    side = model.user_side
    assert isinstance(side, ImplicitHistory)
    assert isinstance(side.loss, PriorLoss)
    items, values = np.array([0, 3, 9], np.int32), np.array([5.0, 1.0, 3.0], np.float32)
    history = CSR(np.array([0, 3]), items, values, model.n_items)
    assert side.history_bias is not None
    prior = np.append(side.history_factors, side.history_bias[:, None], axis=1)[items].sum(axis=0) / np.sqrt(
        3.0
    )
    Y = np.append(model.item_factors[items], np.ones((3, 1)), axis=1)
    targets = values - model.global_bias - model.item_bias[items]
    # the penalty is the precision of the prior over that of the noise, which is then 1
    expected, _ = row_posterior_reference(Y, targets, 1.0, prior, side.loss.penalty)
    found = model.fold_in(history)
    np.testing.assert_allclose(np.append(found.factors[0], found.bias), expected, atol=2e-4)


def test_an_epoch_that_lasts_gives_its_model_after_the_next_ones() -> None:
    config = GibbsConfig(n_factors=3, n_epochs=8, burn_in=2)
    at_once = [epoch.model.user_factors for epoch in epochs(planted(), config, rng=np.random.default_rng(0))]
    later = [epoch.later() for epoch in epochs(planted(), config, rng=np.random.default_rng(0))]
    for first, second in zip(at_once, later, strict=True):
        np.testing.assert_array_equal(first, second().user_factors)


# Bad and odd data


def test_equal_ratings_are_predicted_as_they_are() -> None:
    data = planted()
    equal = replace(data.interactions, values=np.full(len(data.interactions), 3.0, np.float32))
    model = fit(
        replace(data, interactions=equal), GibbsConfig(n_epochs=20, burn_in=10), rng=np.random.default_rng(0)
    )
    scores = model.users(np.arange(equal.n_users)).score_range()
    np.testing.assert_allclose(scores, 3.0, atol=0.01)


@pytest.mark.parametrize("n_users", [1, 2])
def test_one_user_and_more_factors_than_rows_are_fine(n_users: int) -> None:
    rows, _ = make_interactions(
        [0] * 4 + [1] * (n_users - 1),
        list(range(4 + n_users - 1)),
        np.array([1.0, 5, 3, 4, 2][: 3 + n_users]),
        rating_scale=STARS,
    )
    data = Dataset("one", rows, Catalog.empty(), None, LoadReport(len(rows), len(rows)))
    model = fit(data, GibbsConfig(n_factors=20, n_epochs=20, burn_in=5), rng=np.random.default_rng(0))
    assert np.isfinite(model.users(np.arange(n_users)).score_range()).all()
    assert np.isfinite(model.fold_in(rows.by_user).factors).all()


def test_a_feature_that_half_of_the_users_lack_is_of_use_for_the_others() -> None:
    data = with_features(planted())
    assert data.user_features is not None
    half = pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.col("age"))
    missing = replace(data, user_features=data.user_features.with_columns(age=half))
    config = GibbsConfig(n_factors=3, n_epochs=10, burn_in=5, user_features=("age",))
    model = fit(missing, config, rng=np.random.default_rng(0))
    assert np.isfinite(model.users(np.arange(model.n_users)).score_range()).all()


@pytest.mark.parametrize("n_epochs", [5, 20])
def test_a_burn_in_that_leaves_no_sweep_is_refused(n_epochs: int) -> None:
    config = GibbsConfig(n_epochs=n_epochs)
    with pytest.raises(
        InvalidValueError, match=rf"n_epochs must be above burn_in, .* Got {n_epochs} and 20; raise n_epochs"
    ):
        fit(planted(), config, rng=np.random.default_rng(0))


def test_a_feature_without_any_value_is_refused() -> None:
    data = with_features(planted())
    assert data.user_features is not None
    missing = replace(data, user_features=data.user_features.with_columns(age=pl.lit(None, pl.Int64)))
    with pytest.raises(ColumnError, match="has no value for any id"):
        fit(missing, GibbsConfig(n_epochs=2, burn_in=1, user_features=("age",)), rng=np.random.default_rng(0))


def test_a_row_without_a_feature_has_the_mean_of_the_others() -> None:
    matrix = column_matrix(with_features(planted()).item_features(("year",)))
    assert not matrix[0].any()
    np.testing.assert_allclose(matrix.sum(axis=0), 0.0, atol=1e-5)


@pytest.mark.parametrize("of_items", [False, True])
def test_directions_of_histories_are_those_of_their_rows_of_length_one(of_items: bool) -> None:
    data, _ = communities()
    history = data.interactions.by_item if of_items else data.interactions.by_user
    dense = np.zeros((history.n_rows, history.n_columns))
    dense[row_numbers(history.indptr), history.indices] = 1.0
    dense /= np.sqrt(history.row_lengths)[:, None]
    exact = np.linalg.svd(dense, compute_uv=False)
    all_of_them = leading_directions(history, 1000, np.random.default_rng(0))
    gram = (all_of_them.left * all_of_them.singular**2) @ all_of_them.left.T
    np.testing.assert_allclose(gram, dense @ dense.T, atol=1e-3)
    few = leading_directions(history, 8, np.random.default_rng(0))
    np.testing.assert_allclose(few.left.T @ few.left, np.eye(8), atol=1e-5)
    np.testing.assert_allclose(few.singular[::-1], exact[:8], rtol=0.05)


def test_directions_of_histories_are_the_same_bits_at_any_thread_count() -> None:
    history = planted(700, 600, density=0.05).interactions.by_user
    found = []
    for count in (1, 2, 3):
        with use_threads(count):
            found.append(leading_directions(history, 20, np.random.default_rng(0)))
    for other in found[1:]:
        np.testing.assert_array_equal(found[0].left, other.left)
        rows = np.random.default_rng(1).normal(size=(history.n_rows, 3))
        np.testing.assert_array_equal(found[0].project(rows), other.project(rows))


def test_the_first_factors_are_small_and_the_rest_is_unknown() -> None:
    side = first_side(50, 4, [], np.random.default_rng(0))
    assert 0.05 < side.rows[:, :4].std() < 0.2
    assert not side.prior_means.any()
    assert not side.rows[:, 4].any()
