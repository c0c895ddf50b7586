"""``tastemap evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tastemap.cli import engine, options
from tastemap.cli.keep import Saved, check_keep
from tastemap.cli.output import next_step, print_blocks, print_json, say
from tastemap.cli.progress import TerminalProgress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tastemap.data import Dataset
    from tastemap.evaluation import EvaluationRecord
    from tastemap.evaluation.records import Difference, Estimate
    from tastemap.progress import Progress

NAME = "evaluate"
EXAMPLE = "tastemap evaluate ml-100k --models als,ials --out report.html"
_HEADLINE = ("rmse", "mae", "ndcg", "recall", "coverage")
"""Shown unless others are chosen; --json and the report have every metric."""


def command(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="Data to split and fit models to; or a saved model, with --test."
        ),
    ],
    models: Annotated[
        str | None, typer.Option(metavar="A,B,…", help="Models to fit and compare, such as als,ials.")
    ] = None,
    test: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="Test data; SOURCE before it is then a saved model.")
    ] = None,
    split: Annotated[
        str, typer.Option(metavar="KIND", help="random, folds, fold:K, leave-last, temporal or users.")
    ] = "random",
    k: options.K = 10,
    relevant_min: Annotated[
        float | None,
        typer.Option(
            metavar="R",
            help="Lowest rating of a relevant test row; default: 4 on a scale of 1 to 5; as high on others.",
        ),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(metavar="A,B,…", help="Metrics, such as rmse,ndcg@10; default: all, the main ones shown."),
    ] = None,
    also_mask: Annotated[
        str | None,
        typer.Option(metavar="SOURCE", help="Interactions to mask in lists besides the training rows."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="[MODEL.]KEY=VALUE", help="A setting of a model; give it again for more."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a self-contained report as well.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="With --test: save the figures with the model, as its next version.")
    ] = False,
    database: options.Database = None,
    seed: options.Seed = 0,
    on: engine.Name = None,
    master: engine.Master = None,
    conf: engine.Conf = None,
    query: options.Query = None,
    user_col: options.UserCol = None,
    item_col: options.ItemCol = None,
    rating_col: options.RatingCol = None,
    time_col: options.TimeCol = None,
    as_json: options.Json = False,
) -> None:
    """Measure models on held-out data, with 95 % intervals.

    The baselines stand beside them. Ranking is full: every item is ranked, only training rows are masked.
    Kept figures stand on the first page and the report of `tastemap serve`.
    """
    check_keep(keep=keep, test=test)
    _check(models, test, settings, out)
    others = {"models": models, "also_mask": also_mask, "out": out, "keep": keep, "metrics": metrics}
    spark = engine.Engine.of(on, master, conf, **others)
    columns = (user_col, item_col, rating_col, time_col)
    if spark is not None:
        return spark.evaluate(Path(source), str(test), columns, query, k, relevant_min, as_json=as_json)
    _check_query(query, source, test, also_mask)
    saved = None if test is None else Saved.read(Path(source), to_keep=keep)
    chosen = _names(metrics) if metrics else None
    with TerminalProgress(quiet=as_json) as progress:
        from tastemap.data.sql.urls import is_database_url
        from tastemap.evaluation import evaluate, evaluate_recommender

        def load(given: str) -> Dataset:
            of_it = query if is_database_url(given) else None
            return options.load_data(given, columns, (None, None), progress, of_it)

        mask = load(also_mask) if also_mask else None
        shared: dict[str, Any] = {"k": k, "relevant_min": relevant_min, "metrics": chosen, "rng": seed}
        shared |= {"also_mask": mask, "progress": progress}
        if saved is not None and test is not None:
            record = evaluate_recommender(saved.recommender, load(test), **shared)
        else:
            shared["settings"] = _settings_by_model(_names(models), settings)
            record = evaluate(load(source), _names(models), split=split, **shared)
    if not as_json:
        _tell(record, chosen)
    # With --json before the record, for after an error there must be no second document.
    _report(record, out, context.obj, progress)
    kept = saved.keep(record, database) if saved is not None and keep else []
    if as_json:
        print_json(record.as_json())
    elif kept:
        say("\n".join(kept))
        next_step("serve", source)
    elif out is None:
        next_step(*context.obj, "--out", "report.html")
    else:
        say(f"\nNext: open {out} in a browser")


def _check(models: str | None, test: str | None, settings: list[str] | None, out: Path | None) -> None:
    if (models is None) == (test is None):
        raise options.UsageError(
            "Give either --models a,b,c with data to split, or a saved model with --test SOURCE."
        )
    if models is not None and not _names(models):
        raise options.UsageError("--models names no model; give some, such as --models als,ials.")
    if test is not None and settings:
        raise options.UsageError("--set is for models to fit; a saved model with --test has its settings.")
    if out is None:
        return
    if out.suffix.lower() not in (".html", ".htm"):
        raise options.UsageError(f"--out writes a page and must end in .html. Got {out.name!r}.")
    from tastemap.reports import ensure_page

    ensure_page(out, name="--out")  # before anything is fitted


def _check_query(query: str | None, *sources: str | None) -> None:
    """Refuse a query where nothing is a database."""
    from tastemap.data.sql.urls import is_database_url

    if query is not None and not any(is_database_url(source) for source in sources if source is not None):
        options.queried(str(sources[0]), query)


def _names(text: str | None) -> list[str]:
    """``a, b,`` as ``["a", "b"]``."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _settings_by_model(names: list[str], settings: list[str] | None) -> dict[str, dict[str, object]]:
    """``als.n_factors=8`` goes to als; a plain ``n_factors=8`` goes to the only model there is."""
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


def _report(record: EvaluationRecord, out: Path | None, typed: Sequence[str], progress: Progress) -> None:
    if out is None:
        return
    import shlex

    from tastemap.reports import write_report

    progress.note(f"Writing {out} …")
    write_report(record, out, command=shlex.join(["tastemap", *typed]))


def _figures(record: EvaluationRecord, chosen: Sequence[str] | None) -> tuple[list[str], list[list[str]]]:
    """One row a model, each figure with half its interval: the metrics chosen, or the headline ones."""
    from tastemap.evaluation.table import metric_names

    names = metric_names(record)
    if chosen is None:
        names = [name for name in names if name.split("@")[0] in _HEADLINE]
    rows = [
        [
            f"{row.model} *" if row.is_baseline else row.model,
            *(_estimate(row.metrics.get(name)) for name in names),
            f"{row.fit_s:.1f} s",
        ]
        for row in record.models
    ]
    return ["model", *names, "fit"], rows


def _against_baselines(record: EvaluationRecord) -> list[str]:
    """How each model that is no baseline differs from the baselines, and whether that is clear."""
    baselines = {row.model for row in record.models if row.is_baseline}
    return [
        f"{found.metric}: {found.model} {found.value:+.4f} against {found.other}{_clearness(found)}."
        for found in record.differences
        if found.other in baselines and found.model not in baselines
    ]


def _clearness(found: Difference) -> str:
    if found.low is None:
        return ", without an interval"
    return f" ({found.low:+.4f} to {found.high:+.4f}), {'a clear difference' if found.clear else 'not clear'}"


def _estimate(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.4f}"
    return f"{estimate.value:.4f} ±{(estimate.high - estimate.low) / 2:.4f}"


def _tell(record: EvaluationRecord, chosen: Sequence[str] | None) -> None:
    from tastemap.evaluation import describe

    for sentence in describe(record):
        say(sentence)
    names, rows = _figures(record, chosen)
    print_blocks(names, rows)
    say("* baseline; ± half the width of the 95 % interval.")
    for sentence in _against_baselines(record):
        say(sentence)
