"""Evaluation records for tests of what reads them: one like a real run, and ways to make odd ones."""

from __future__ import annotations

from tastemap.evaluation.records import (
    Difference,
    Estimate,
    EvaluationRecord,
    ModelResult,
    Protocol,
    Slice,
    TestCounts,
)

PROTOCOL = Protocol("random", 1, 10, 4.0, 1000, 42)
COUNTS = TestCounts(80_000, 20_000, 943, 0, 30, 36, 3)


def estimate(value: float, half: float = 0.01, n_folds: int = 1) -> Estimate:
    """A figure with a symmetric interval, and folds spread around it."""
    folds = tuple(value + half * (fold - (n_folds - 1) / 2) / 2 for fold in range(n_folds))
    return Estimate(value, value - half, value + half, folds)


def result(
    model: str,
    *,
    rmse: float | None = None,
    ndcg: float | None = None,
    is_baseline: bool = False,
    n_folds: int = 1,
) -> ModelResult:
    """A row with the metrics that are given, and those that go with them."""
    metrics: dict[str, Estimate] = {}
    if rmse is not None:
        metrics["rmse"] = estimate(rmse, 0.008, n_folds)
        metrics["rmse_known"] = estimate(rmse - 0.001, 0.008, n_folds)
        metrics["mae"] = estimate(rmse * 0.785, 0.006, n_folds)
    if ndcg is not None:
        metrics["precision@10"] = estimate(ndcg * 0.8, 0.01, n_folds)
        metrics["recall@10"] = estimate(ndcg * 0.7, 0.01, n_folds)
        metrics["ndcg@10"] = estimate(ndcg, 0.012, n_folds)
        metrics["coverage@10"] = Estimate(ndcg, None, None, (ndcg,) * n_folds)
        metrics["novelty@10"] = estimate(2 + ndcg, 0.02, n_folds)
        metrics["gini@10"] = Estimate(1 - ndcg, None, None, (1 - ndcg,) * n_folds)
    settings: dict[str, object] = {} if is_baseline else {"n_factors": 16, "regularization": 0.1}
    return ModelResult(model, "rating" if rmse else "ranking", is_baseline, settings, metrics, 0.4, 0.1)


def movie_record(n_folds: int = 1) -> EvaluationRecord:
    """Ratings and lists of four models and the baselines, as an evaluation of a movie data set gives them."""
    models = (
        result("popularity", ndcg=0.208, is_baseline=True, n_folds=n_folds),
        result("bias", rmse=0.943, ndcg=0.061, is_baseline=True, n_folds=n_folds),
        result("als", rmse=0.913, ndcg=0.094, n_folds=n_folds),
        result("dot", rmse=0.9145, ndcg=0.102, n_folds=n_folds),
        result("ials", ndcg=0.317, n_folds=n_folds),
        result("ease", ndcg=0.312, n_folds=n_folds),
    )
    differences = (
        Difference("bias", "als", "rmse", 0.030, 0.026, 0.034),
        Difference("dot", "als", "rmse", 0.0015, -0.001, 0.004),
        Difference("als", "bias", "rmse", -0.030, -0.034, -0.026),
        Difference("dot", "bias", "rmse", -0.0285, -0.032, -0.024),
        *(
            Difference(row.model, "ials", "ndcg@10", row.metrics["ndcg@10"].value - 0.317, low, high)
            for row, (low, high) in zip(
                [models[0], *models[1:4], models[5]],
                [(-0.12, -0.1), (-0.27, -0.24), (-0.24, -0.2), (-0.23, -0.2), (-0.011, 0.001)],
                strict=True,
            )
        ),
        Difference("ials", "popularity", "ndcg@10", 0.109, 0.1, 0.12),
    )
    protocol = Protocol("random" if n_folds == 1 else "folds", n_folds, 10, 4.0, 1000, 42)
    notes = ("ml-100k is free for research use; it may not be redistributed without permission.",)
    return EvaluationRecord(
        "ml-100k", "9f2c1a7be0", False, protocol, COUNTS, models, differences, slices(models), notes
    )


def slices(models: tuple[ModelResult, ...]) -> tuple[Slice, ...]:
    """Four parts of the users and four of the items, with figures that move a little from part to part."""
    found = []
    for by, metrics in (
        ("user activity", ("rmse", "ndcg@10", "recall@10")),
        ("item popularity", ("rmse", "recall@10")),
    ):
        for number, label in enumerate(("5–28", "29–60", "61–120", "121–590")):
            figures = {
                row.model: {
                    name: row.metrics[name].value * (1.08 - 0.03 * number)
                    for name in metrics
                    if name in row.metrics
                }
                for row in models
            }
            found.append(Slice(by, f"{label} training interactions", 236, figures))
    return tuple(found)
