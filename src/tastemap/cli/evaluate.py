"""``tastemap evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tastemap.cli import options
from tastemap.cli.output import next_step, print_json, print_table, say
from tastemap.cli.progress import TerminalProgress

if TYPE_CHECKING:
    import polars as pl

    from tastemap.evaluation import EvaluationRecord
    from tastemap.evaluation.records import Estimate
    from tastemap.progress import Progress

NAME = "evaluate"
_HEADLINE = ("rmse", "mae")
_HEADLINE_AT_K = ("ndcg", "recall", "coverage")


def command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="Data to split and fit models to; or a saved model, with --test."
        ),
    ],
    models: Annotated[str | None, typer.Option(help="Models to fit and compare: a,b,c.")] = None,
    test: Annotated[str | None, typer.Option(metavar="SOURCE", help="Test data for a saved model.")] = None,
    split: Annotated[
        str, typer.Option(help="random, folds, fold:K, leave-last, temporal or users.")
    ] = "random",
    k: options.K = 10,
    relevant_min: Annotated[
        float | None, typer.Option(help="Lowest rating that makes a test row relevant; default 4 of 5 stars.")
    ] = None,
    metrics: Annotated[str | None, typer.Option(help="Metrics to report: rmse,ndcg@10,…")] = None,
    also_mask: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Interactions to hide from lists besides the training rows."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="[MODEL.]KEY=VALUE", help="A setting of a model; repeat."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a self-contained report.")
    ] = None,
    seed: options.Seed = 0,
    user_col: options.UserCol = None,
    item_col: options.ItemCol = None,
    rating_col: options.RatingCol = None,
    time_col: options.TimeCol = None,
    as_json: options.Json = False,
) -> None:
    """Measure models on held-out data, the baselines always beside them, with 95 % intervals.

    Ranking is full: every item is ranked, only training rows are masked.
    """
    _check(models, test, out)
    columns = (user_col, item_col, rating_col, time_col)
    with TerminalProgress(quiet=as_json) as progress:
        from tastemap.evaluation import evaluate, evaluate_recommender

        mask = options.load_data(also_mask, columns, (None, None), progress) if also_mask else None
        names = [name.strip() for name in metrics.split(",")] if metrics else None
        if test is not None:
            recommender = options.load_model(Path(source))
            record = evaluate_recommender(
                recommender,
                options.load_data(test, columns, (None, None), progress),
                k=k,
                relevant_min=relevant_min,
                also_mask=mask,
                metrics=names,
                rng=seed,
            )
        else:
            data = options.load_data(source, columns, (None, None), progress)
            record = evaluate(
                data,
                [name.strip() for name in (models or "").split(",") if name.strip()],
                split=split,
                k=k,
                relevant_min=relevant_min,
                also_mask=mask,
                metrics=names,
                settings=_settings_by_model(models or "", settings),
                rng=seed,
                progress=progress,
            )
    if as_json:
        print_json(record.as_json())
    else:
        _tell(record)
    _report(record, out, progress)
    _suggest(record, source, models, out)


def _check(models: str | None, test: str | None, out: Path | None) -> None:
    if (models is None) == (test is None):
        raise options.UsageError(
            "Give either --models a,b,c with data to split, or a saved model with --test SOURCE."
        )
    if models is not None and not models.strip(", "):
        raise options.UsageError("--models names no model; give some, such as --models als,ials.")
    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        raise options.UsageError(f"--out writes a page and must end in .html. Got {out.name!r}.")


def _settings_by_model(models: str, settings: list[str] | None) -> dict[str, dict[str, object]]:
    """``als.n_factors=8`` goes to als; a plain ``n_factors=8`` goes to the only model there is."""
    names = [name.strip() for name in models.split(",") if name.strip()]
    found: dict[str, dict[str, object]] = {}
    for key, value in options.parse_settings(settings).items():
        model, dot, name = key.partition(".")
        if not dot:
            if len(names) != 1:
                raise options.UsageError(
                    f"Several models are evaluated; say whose setting it is: --set MODEL.{key}=…"
                )
            model, name = names[0], key
        found.setdefault(model, {})[name] = value
    return found


def _report(record: EvaluationRecord, out: Path | None, progress: Progress) -> None:
    if out is None:
        return
    from tastemap.reports import write_report

    progress.note(f"Writing {out} …")
    write_report(record, out)


def _headline(record: EvaluationRecord) -> pl.DataFrame:
    """One row a model, each figure with its interval; baselines are marked. ``--json`` has every metric."""
    import polars as pl

    names = [name for name in _HEADLINE if any(name in row.metrics for row in record.models)]
    names += [name for row in record.models[:1] for name in row.metrics if name.split("@")[0] in _HEADLINE_AT_K]
    rows = []
    for row in record.models:
        cells = {name: _estimate(row.metrics.get(name)) for name in names}
        mark = f"{row.model} (baseline)" if row.is_baseline else row.model
        rows.append({"model": mark, **cells, "fit": f"{row.fit_s:.1f} s"})
    return pl.DataFrame(rows)


def _against_baselines(record: EvaluationRecord) -> list[str]:
    """How each model that is no baseline differs from the baselines, and whether that is clear."""
    baselines = {row.model for row in record.models if row.is_baseline}
    return [
        f"{found.metric}: {found.model} {found.value:+.4f} against {found.other} "
        f"({found.low:+.4f} to {found.high:+.4f}), {'a clear difference' if found.clear else 'not clear'}."
        for found in record.differences
        if found.other in baselines and found.model not in baselines
    ]


def _estimate(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    if estimate.low == estimate.high:
        return f"{estimate.value:.4f}"
    return f"{estimate.value:.4f} [{estimate.low:.3f}–{estimate.high:.3f}]"


def _tell(record: EvaluationRecord) -> None:
    from tastemap.evaluation import describe

    for sentence in describe(record):
        say(sentence)
    print_table(_headline(record))
    for sentence in _against_baselines(record):
        say(sentence)


def _suggest(record: EvaluationRecord, source: str, models: str | None, out: Path | None) -> None:
    if out is not None:
        next_step(f"open {out} in a browser")
    elif models is not None:
        next_step(
            f"tastemap evaluate {source} --models {models} --split {record.protocol.split} --out report.html"
        )
