"""Models whose score is a dot product of factors plus biases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from tastemap.linalg.cosine import cosine_to, cosines, dots_to, row_norms
from tastemap.linalg.csr import CSR, empty_rows
from tastemap.linalg.gramian import moments
from tastemap.linalg.jit import fast_kernel, kernel
from tastemap.linalg.threads import map_blocks
from tastemap.linalg.types import Float32Array, Float64Array, Int32Array, Int64Array, IntArray
from tastemap.models.base import Contributions, Link, Measure, check_items, no_item_vectors
from tastemap.models.new_items import with_folded_items
from tastemap.models.rating_samples import RatingSamples, RatingSpread
from tastemap.models.reach import FactorsByReach, ItemReach, item_reach
from tastemap.models.user_priors import UserPosterior
from tastemap.plurals import plural

USERS_PER_BLOCK = 512
SCORES_AT_ONCE = 512 * 512
"""1 MB of scores stays in the cache of a core, with the factors that they come from."""
FEWEST_ITEMS = 512
"""Items of a product at least: of fewer it would take longer."""


class UserSide(Protocol):
    """How user rows follow from histories: :class:`tastemap.models.user_loss.UserLoss` solves for them,
    :class:`tastemap.models.implicit_history.ImplicitHistory` adds a prior,
    :class:`tastemap.models.encoder.HistoryEncoder` runs layers.
    """

    def fold_in(self, model: FactorModel, history: CSR) -> tuple[Float32Array, Float32Array]:
        """Factors (B, d) and biases (B,) for each row of `history` (B, I)."""

    def contributions(self, model: FactorModel, history: CSR, item_index: Int32Array) -> Contributions:
        """How the entries of one history (1, I) make up the folded-in scores of items (k,)."""


@dataclass(frozen=True, eq=False)
class FactorModel:
    r"""Score :math:`s_{ui} = \mu + b_u + b_i + x_u^\top y_i`, prediction ``link.apply(score)``.

    Parameters
    ----------
    user_factors : array of shape (U, d), float32
    item_factors : array of shape (I, d), float32
        ``d`` may be 0: a model of biases alone.
    user_bias : array of shape (U,), float32
    item_bias : array of shape (I,), float32
    global_bias : float
    link : Link
    user_side : UserSide or None
        How the row of a user follows from a history: the loss that it minimises while the item side is
        fixed, or the layers that encode it. None for a model without a user side.
    samples : RatingSamples or None
        How sure the predictions are, where the model was sampled.
    """

    user_factors: Float32Array
    item_factors: Float32Array
    user_bias: Float32Array
    item_bias: Float32Array
    global_bias: float
    link: Link
    user_side: UserSide | None
    samples: RatingSamples | None = None

    def __repr__(self) -> str:
        counts = (self.n_users, "user"), (self.n_items, "item"), (self.n_factors, "factor")
        return f"FactorModel of {', '.join(plural(n, what) for n, what in counts)}"

    @property
    def n_users(self) -> int:
        """Fitted users U."""
        return len(self.user_factors)

    @property
    def n_items(self) -> int:
        """Fitted items I."""
        return len(self.item_factors)

    @property
    def n_factors(self) -> int:
        """Factors d."""
        return int(self.item_factors.shape[1])

    @cached_property
    def item_moments(self) -> Float64Array:
        """The gramian of ``[y, 1, μ + b]``, (d + 2, d + 2): what unseen items say to every user."""
        return moments(self.item_factors, self.item_bias + np.float32(self.global_bias))

    @cached_property
    def has_item_bias(self) -> bool:
        """Whether an item has a bias; models that rank seldom do, and a pass over all scores is spared."""
        return bool(self.item_bias.any())

    @cached_property
    def item_reach(self) -> ItemReach | None:
        """The order in which items can lead lists; None where it would not help, or items have biases."""
        return None if self.has_item_bias else item_reach(self.item_norms)

    @cached_property
    def item_norms(self) -> Float64Array:
        """Lengths of the item factors, shape (I,): shared by all cosines."""
        return row_norms(self.item_factors)

    def users(self, user_index: IntArray) -> FactorUsers:
        """States of fitted users; index -1 is somebody without a history."""
        known = user_index >= 0
        if known.all():
            return FactorUsers(self, self.user_factors[user_index], self.user_bias[user_index], user_index)
        nobody = self.fold_in(empty_rows(1, self.n_items))
        factors, bias = np.repeat(nobody.factors, len(known), axis=0), np.repeat(nobody.bias, len(known))
        factors[known] = self.user_factors[user_index[known]]
        bias[known] = self.user_bias[user_index[known]]
        return FactorUsers(self, factors, bias, user_index)

    def fold_in(self, history: CSR) -> FactorUsers:
        """What the user side makes of each row of `history`; zeros where there is none."""
        if self.user_side is None:
            n = history.n_rows
            return FactorUsers(self, np.zeros((n, self.n_factors), np.float32), np.zeros(n, np.float32))
        return FactorUsers(self, *self.user_side.fold_in(self, history), history)

    def contributions(self, history: CSR, item_index: Int32Array) -> Contributions:
        """How the history makes up the folded-in scores of items."""
        if self.user_side is None:
            baseline = self.item_bias[item_index].astype(np.float64) + self.global_bias
            return Contributions(baseline, np.zeros((len(item_index), len(history.indices))))
        return self.user_side.contributions(self, history, item_index)

    def similarity(self, item_index: int, measure: Measure) -> Float64Array:
        """Similarity by factors alone: biases say how liked an item is, not what it is like."""
        if not self.n_factors:
            raise no_item_vectors("A model of biases alone")
        if measure == "cosine":
            return cosine_to(self.item_factors, self.item_norms, item_index)
        return dots_to(self.item_factors, item_index)

    def similarities(self, item_index: Int32Array) -> Float64Array:
        """Cosines of factors; O(n^2 d)."""
        if not self.n_factors:
            raise no_item_vectors("A model of biases alone")
        return cosines(self.item_factors[item_index])

    def with_items(self, places: Int32Array, histories: CSR, user_index: IntArray) -> FactorModel:
        """New items are folded in as users are, the roles exchanged."""
        return with_folded_items(self, places, histories, user_index)

    def score_history(self, history: CSR) -> Float64Array:
        """Scores of the entries of `history`, whose rows are the fitted users, shape (nnz,), float64.

        For losses over whole training sets: no factors are gathered, and the order of the sum is the
        compiler's, so the last bits may differ from :meth:`FactorUsers.score`.
        """
        scores = np.empty(len(history.indices))
        item_side = self.item_bias.astype(np.float64) + self.global_bias

        def score(start: int, stop: int) -> None:
            _score_entries(
                history.indptr,
                history.indices,
                self.user_factors,
                self.user_bias,
                self.item_factors,
                item_side,
                start,
                stop,
                scores,
            )

        map_blocks(score, history.n_rows, USERS_PER_BLOCK)
        return scores


@dataclass(frozen=True, eq=False)
class FactorUsers:
    """B users as factors of shape (B, d) and biases of shape (B,), float32.

    `origin` is where they come from, by which samples of the posterior are found: indices of fitted users (B,),
    or the histories that were folded in, (B, I); None where there is no user side.
    """

    model: FactorModel
    factors: Float32Array
    bias: Float32Array
    origin: IntArray | CSR | None = None

    def __len__(self) -> int:
        return len(self.factors)

    def take(self, rows: IntArray) -> FactorUsers:
        """The states of the given rows."""
        origin = self.origin.take(rows) if self.origin is not None else None
        return FactorUsers(self.model, self.factors[rows], self.bias[rows], origin)

    def score(self, item_index: Int32Array) -> Float64Array:
        """Scores of chosen items, shape (B, k), float64, summed in factor order."""
        scores = np.empty(item_index.shape)
        model = self.model
        check_items(item_index, model.n_items)
        _score_factors(
            self.factors, self.bias, model.item_factors, model.item_bias, model.global_bias, item_index, scores
        )
        return scores

    @property
    def items_at_once(self) -> int:
        """As many as keep the scores in the cache of a processor core; all items for a single user."""
        return max(FEWEST_ITEMS, SCORES_AT_ONCE // max(len(self), 1))

    def score_range(self, start: int = 0, stop: int | None = None) -> Float32Array:
        """Scores of neighboring items, shape (B, b), float32, by a matrix product."""
        return self.score_items(slice(start, stop))

    def score_items(self, chosen: slice | Int32Array) -> Float32Array:
        """The same of any items."""
        model = self.model
        scores: Float32Array = self.factors @ model.item_factors[chosen].T  # (B, b)
        if model.has_item_bias or model.global_bias or self.bias.any():
            _add_biases(self.bias, model.item_bias[chosen], model.global_bias, scores)
        return scores

    def by_reach(self) -> FactorsByReach | None:
        """Items by the lengths of their factors, where these differ enough."""
        reach = self.model.item_reach
        return None if reach is None else FactorsByReach(self, row_norms(self.factors), reach)

    def spread(self, item_index: Int32Array) -> RatingSpread | None:
        """From the samples beside the model; what a folded-in history says of a user is found once."""
        check_items(item_index, self.model.n_items)
        samples, people = self.model.samples, self._people
        return None if samples is None or people is None else samples.spread(people, item_index)

    @cached_property
    def _people(self) -> IntArray | Sequence[UserPosterior] | None:
        samples, origin = self.model.samples, self.origin
        if not isinstance(origin, CSR):
            return origin
        return None if samples is None else samples.posteriors(origin)


@kernel
def _add_biases(
    user_bias: Float32Array, item_bias: Float32Array, global_bias: float, scores: Float32Array
) -> None:
    """Add all biases in one pass over the scores (B, b), which are in the cache still."""
    for row in range(scores.shape[0]):
        user_part, of_row = np.float32(global_bias + user_bias[row]), scores[row]
        for item in range(len(of_row)):
            of_row[item] += item_bias[item] + user_part


@kernel
def _score_factors(
    user_factors: Float32Array,
    user_bias: Float32Array,
    item_factors: Float32Array,
    item_bias: Float32Array,
    global_bias: float,
    item_index: Int32Array,
    scores: Float64Array,
) -> None:
    for row in range(item_index.shape[0]):
        for place in range(item_index.shape[1]):
            item = item_index[row, place]
            score = np.float64(global_bias) + user_bias[row]  # without the cast, plain NumPy sums in float32
            if item >= 0:
                score += item_bias[item]
                for factor in range(user_factors.shape[1]):
                    score += np.float64(user_factors[row, factor]) * np.float64(item_factors[item, factor])
            scores[row, place] = score


@fast_kernel
def _score_entries(
    indptr: Int64Array,
    indices: Int32Array,
    user_factors: Float32Array,
    user_bias: Float32Array,
    item_factors: Float32Array,
    item_side: Float64Array,
    start: int,
    stop: int,
    scores: Float64Array,
) -> None:
    for user in range(start, stop):
        for entry in range(indptr[user], indptr[user + 1]):
            item = indices[entry]
            score = item_side[item] + user_bias[user]
            for factor in range(user_factors.shape[1]):
                score += np.float64(user_factors[user, factor]) * np.float64(item_factors[item, factor])
            scores[entry] = score
