"""Epochs of LensKit's ``BiasedMFScorer`` (explicit alternating least squares, biases fixed before).

Argument: a spec as ``peer_arrays.Task`` reads it, with ``n_factors, n_epochs, seed`` and further settings of
``BiasedMFConfig``.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from lenskit.als import BiasedMFScorer
from lenskit.training import TrainingOptions
from peer_arrays import Task, lenskit_data


def main() -> None:
    """Fit, keep the predictions after each epoch, answer."""
    task = Task()
    spec = task.spec
    users, items = task.array("test_users"), task.array("test_items")
    model = BiasedMFScorer(embedding_size=spec["n_factors"], epochs=spec["n_epochs"], **spec["settings"])

    def begun() -> tuple[Any, Any]:
        data = lenskit_data(task)
        return data, model.create_trainer(data, TrainingOptions(rng=spec["seed"]))

    data, trainer = task.prepared(begun)
    user, item = data.users.numbers(users), data.items.numbers(items)
    bias = model.bias.global_bias + model.bias.user_biases[user] + model.bias.item_biases[item]
    for _ in range(spec["n_epochs"]):
        start = time.perf_counter()
        trainer.train_epoch()
        task.iterations.append(time.perf_counter() - start)
        product = np.einsum("nd,nd->n", model.user_embeddings[user], model.item_embeddings[item])
        task.keep(predictions=bias + product)
    task.answer()


if __name__ == "__main__":
    main()
