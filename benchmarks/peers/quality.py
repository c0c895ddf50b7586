"""One fit of a peer to a small data set, by the name in the spec, and its predictions or scores of all items.

Argument: a spec as ``peer_arrays.Task`` reads it, with ``system``, ``settings`` and ``seed``. Rating systems
keep predictions of the test rows, ranking systems scores of all items for ``users``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from peer_arrays import Task, lenskit_data, surprise_data
from scipy import sparse


def surprise(task: Task, name: str) -> Any:
    """A rating system of Surprise."""
    from surprise import SVD, KNNBaseline, SVDpp

    train = surprise_data(task)
    seeded = {} if name == "KNNBaseline" else {"random_state": task.spec["seed"]}
    kinds = {"SVD": SVD, "SVDpp": SVDpp, "KNNBaseline": KNNBaseline}
    model = kinds[name](verbose=False, **task.spec["settings"], **seeded)
    task.timed(lambda: model.fit(train))
    pairs = zip(task.array("test_users").tolist(), task.array("test_items").tolist(), strict=True)
    return np.array([model.predict(user, item).est for user, item in pairs])


def lenskit(task: Task, scorer: Any) -> Callable[[int, Any], Any]:
    """Fit a scorer of LensKit; returns the scores of items for a user."""
    from lenskit.data import ItemList, RecQuery
    from lenskit.training import TrainingOptions

    data = lenskit_data(task)
    task.timed(lambda: scorer.train(data, TrainingOptions(rng=task.spec["seed"])))

    def scores(user: int, items: Any) -> Any:
        query = RecQuery(user_id=user, user_items=data.user_row(user))
        return scorer(query, ItemList(item_ids=items)).scores()

    return scores


def lenskit_ratings(task: Task, scorer: Any) -> Any:
    """Predictions of the test rows; what an item-based scorer leaves out is the user's mean."""
    scores = lenskit(task, scorer)
    users, items = task.array("test_users"), task.array("test_items")
    found = np.empty(len(users))
    for user in np.unique(users):
        rows = users == user
        found[rows] = scores(int(user), items[rows])
    lengths = np.maximum(np.diff(task.train.indptr), 1)
    means = np.asarray(task.train.sum(axis=1)).ravel() / lengths
    return np.where(np.isfinite(found), found, means[users])


def lenskit_ranking(task: Task, scorer: Any) -> Any:
    """Scores of all items for the users."""
    scores = lenskit(task, scorer)
    everything = np.arange(task.spec["n_items"])
    return np.stack([scores(int(user), everything) for user in task.array("users")])


def bayesian_fm(task: Task) -> Any:
    """myFM with indicators of users and items."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it reads its own version in a way that is deprecated
        from myfm import MyFMRegressor

    n_users, n_items = task.spec["n_users"], task.spec["n_items"]

    def features(users: Any, items: Any) -> Any:
        sides = [
            sparse.csr_matrix((np.ones(len(index)), (np.arange(len(index)), index)), shape=(len(index), size))
            for index, size in ((users, n_users), (items, n_items))
        ]
        return sparse.hstack(sides, format="csr")

    rows = task.train.tocoo()
    settings = dict(task.spec["settings"])
    n_iter = settings.pop("n_iter")
    model = MyFMRegressor(random_seed=task.spec["seed"], **settings)
    table = features(rows.row, rows.col)
    task.timed(
        lambda: model.fit(
            table, rows.data, n_iter=n_iter, n_kept_samples=n_iter, group_shapes=[n_users, n_items]
        )
    )
    return model.predict(features(task.array("test_users"), task.array("test_items")))


def libmf(task: Task) -> Any:
    """LIBMF by the bindings that are on PyPI: factors without biases, and no seed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they compare strings by `is`
        from libmf import mf

    model = mf.MF(nr_threads=task.spec["threads"], quiet=True, **task.spec["settings"])
    rows = task.train.tocoo()
    table = np.column_stack((rows.row, rows.col, rows.data)).astype(np.float32)
    task.timed(lambda: model.fit(table))
    users, items = task.array("test_users"), task.array("test_items")
    # `predict` of the bindings answers for other pairs than those it is given; LIBMF's own is this product.
    return np.einsum("nd,nd->n", model.p_factors()[users], model.q_factors()[items])


def implicit(task: Task, name: str) -> Any:
    """A system of implicit, on ones; all scores come from its own lists of every item."""
    from implicit.cpu.als import AlternatingLeastSquares
    from implicit.nearest_neighbours import BM25Recommender

    ones = task.ones()
    threads = {"num_threads": task.spec["threads"]}
    seeded = {"random_state": task.spec["seed"]} if name == "als" else {}
    kinds = {"als": AlternatingLeastSquares, "bm25": BM25Recommender}
    model = kinds[name](**task.spec["settings"], **threads, **seeded)
    task.timed(lambda: model.fit(ones, show_progress=False))
    users, n_items = task.array("users"), task.spec["n_items"]
    items, scores = model.recommend(users, ones[users], N=n_items, filter_already_liked_items=False)
    dense = np.full((len(users), n_items), -np.inf)
    rows, places = np.nonzero(items >= 0)
    dense[rows, items[rows, places]] = scores[rows, places]
    return dense


def irspack(task: Task, name: str) -> Any:
    """A system of irspack, on ones."""
    from irspack import DenseSLIMRecommender, IALSRecommender

    ones = task.ones()
    if name == "ials":
        more = {"n_threads": task.spec["threads"], "random_seed": task.spec["seed"]}
        model = IALSRecommender(ones, **task.spec["settings"], **more)
    else:
        model = DenseSLIMRecommender(ones, **task.spec["settings"])
    task.timed(model.learn)
    return model.get_score(task.array("users"))


def answer_of(task: Task) -> Any:
    """Fit the system of the spec; returns predictions or scores."""
    library, name = task.spec["system"].split(":")
    if library == "surprise":
        return surprise(task, name)
    if library == "libmf":
        return libmf(task)
    if library == "myfm":
        return bayesian_fm(task)
    if library == "lenskit":
        from lenskit.als import BiasedMFScorer, ImplicitMFScorer
        from lenskit.knn import ItemKNNScorer

        kinds = {"BiasedMF": BiasedMFScorer, "ItemKNN": ItemKNNScorer, "ImplicitMF": ImplicitMFScorer}
        scorer = kinds[name](**task.spec["settings"])
        if name == "ImplicitMF":
            return lenskit_ranking(task, scorer)
        return lenskit_ratings(task, scorer)
    return {"implicit": implicit, "irspack": irspack}[library](task, name)


def main() -> None:
    """Fit, keep what is to be scored, answer."""
    task = Task()
    task.keep(predictions=answer_of(task))
    task.answer()


if __name__ == "__main__":
    main()
