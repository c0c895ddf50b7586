"""Surprise's ``SVD`` fitted anew for each number of epochs, since it cannot go on from where it stood.

Argument: a spec as ``peer_arrays.Task`` reads it, with ``n_factors, checkpoints`` (numbers of epochs), ``seed``
and further settings of ``SVD``. ``prepare_s`` is the time of making its training set from a table.
The predictions are computed from its parameters: a call of ``predict`` a row would take minutes.
"""

from __future__ import annotations

import time

import numpy as np
from peer_arrays import Task, surprise_data
from surprise import SVD


def main() -> None:
    """Fit, keep the predictions at each checkpoint, answer."""
    task = Task()
    spec = task.spec
    users, items = task.array("test_users"), task.array("test_items")
    train = task.prepared(lambda: surprise_data(task))
    inner_users = np.array([train.to_inner_uid(user) for user in range(spec["n_users"])])
    inner_items = np.array([train.to_inner_iid(item) for item in range(spec["n_items"])])
    user, item = inner_users[users], inner_items[items]
    for n_epochs in spec["checkpoints"]:
        model = SVD(
            n_factors=spec["n_factors"], n_epochs=n_epochs, random_state=spec["seed"], **spec["settings"]
        )
        start = time.perf_counter()
        model.fit(train)
        # Each fit starts anew: the time since the last checkpoint is a difference.
        task.iterations.append(time.perf_counter() - start - sum(task.iterations))
        product = np.einsum("nd,nd->n", model.pu[user], model.qi[item])
        task.keep(predictions=train.global_mean + model.bu[user] + model.bi[item] + product)
    task.answer()


if __name__ == "__main__":
    main()
