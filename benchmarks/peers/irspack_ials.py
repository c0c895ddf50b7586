"""Epochs of irspack's ``IALSRecommender`` with its default solver (three steps of conjugate gradients).

Argument: a spec as ``peer_arrays.Task`` reads it, with ``n_factors, n_epochs, seed`` and the settings
``alpha0`` and ``reg`` (nu = 1: the loss that Tastemap's ``ials`` has).
"""

from __future__ import annotations

import time

from irspack import IALSRecommender
from peer_arrays import Task


def main() -> None:
    """Fit, keep the factors of each epoch, answer."""
    task = Task()
    spec, users = task.spec, task.array("users")
    start = time.perf_counter()
    model = IALSRecommender(
        task.train,
        n_components=spec["n_factors"],
        n_threads=spec["threads"],
        random_seed=spec["seed"],
        **spec["settings"],
    )
    model.start_learning()
    task.seconds["prepare_s"] = time.perf_counter() - start
    for _ in range(spec["n_epochs"]):
        start = time.perf_counter()
        model.run_epoch()
        task.iterations.append(time.perf_counter() - start)
        core = model.trainer_as_ials.core_trainer
        task.keep(users=core.user[users], items=core.item)
    task.answer()


if __name__ == "__main__":
    main()
