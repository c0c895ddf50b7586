"""Iterations of implicit's ``AlternatingLeastSquares`` with its own defaults for solver and threads' work.

Argument: a spec as ``peer_arrays.Task`` reads it, with ``n_factors, n_epochs, seed`` and the settings
``regularization`` and ``alpha``. The time of an iteration is the one that the library measures.
"""

from __future__ import annotations

import time

from implicit.cpu.als import AlternatingLeastSquares
from peer_arrays import Task


def main() -> None:
    """Fit, keep the factors of each iteration, answer."""
    task = Task()
    spec, users = task.spec, task.array("users")
    model = AlternatingLeastSquares(
        factors=spec["n_factors"],
        iterations=spec["n_epochs"],
        num_threads=spec["threads"],
        random_state=spec["seed"],
        **spec["settings"],
    )

    def after(_: int, elapsed: float, __: float | None) -> None:
        task.iterations.append(elapsed)
        task.keep(users=model.user_factors[users], items=model.item_factors)

    start = time.perf_counter()
    model.fit(task.train, show_progress=False, callback=after)
    task.seconds["fit_s"] = time.perf_counter() - start
    task.answer()


if __name__ == "__main__":
    main()
