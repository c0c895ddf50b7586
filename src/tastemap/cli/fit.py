"""``tastemap fit``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tastemap.cli import options
from tastemap.cli.output import next_step, print_json, say
from tastemap.cli.progress import TerminalProgress

if TYPE_CHECKING:
    from tastemap.models.recommender import Recommender

NAME = "fit"


def command(
    source: options.Source,
    model: Annotated[str, typer.Option(help="bias, als, dot, popularity, ease or ials.")],
    objective: Annotated[str | None, typer.Option(help="rating or ranking; must suit the model.")] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="DIR", help="Where to save; default: DATA-MODEL.")
    ] = None,
    settings: options.Set = None,
    seed: options.Seed = 0,
    positive_min: Annotated[
        float | None,
        typer.Option(
            help="Ranking: learn from ratings of at least this; lower ones only keep items out of lists."
        ),
    ] = None,
    user_col: options.UserCol = None,
    item_col: options.ItemCol = None,
    rating_col: options.RatingCol = None,
    time_col: options.TimeCol = None,
    user_features: options.UserFeatures = None,
    item_features: options.ItemFeatures = None,
    as_json: options.Json = False,
) -> None:
    """Fit a model to SOURCE and save it.

    An iterative model stops by a validation part of the data and is then fitted to all of it.
    Ctrl-C keeps the best so far.
    """
    from tastemap.artifacts import ensure_writable, save
    from tastemap.training import check_objective, fit

    check_objective(model, objective)
    if out is not None:
        ensure_writable(out)
    with TerminalProgress(quiet=as_json) as progress:
        columns = (user_col, item_col, rating_col, time_col)
        data = options.load_data(source, columns, (user_features, item_features), progress)
        out = out if out is not None else Path(f"{data.name.replace(':', '-')}-{model}")
        ensure_writable(out)
        recommender = fit(
            data,
            model,
            settings=options.parse_settings(settings),
            positive_min=positive_min,
            rng=seed,
            progress=progress,
        )
    save(recommender, out)
    if as_json:
        print_json({"artifact": str(out), **_facts(recommender)})
    else:
        _tell(recommender, out)


def _facts(recommender: Recommender) -> dict[str, object]:
    data, report = recommender.train.interactions, recommender.train.report
    return {
        "model": recommender.name,
        "objective": recommender.objective,
        "n_users": data.n_users,
        "n_items": data.n_items,
        "n_interactions": len(data),
        "n_merged": report.n_merged,
        "dropped": report.dropped,
        "notes": [*report.notes, *_positive_notes(recommender)],
        "config": recommender.config.model_dump(),
        "resolved": recommender.resolved.model_dump(),
        "seed": recommender.seed,
        "last_losses": recommender.losses.tail(1).to_dicts(),
    }


def _tell(recommender: Recommender, out: Path) -> None:
    data = recommender.train.interactions
    say(
        f"{recommender.train.name}: {len(data):,} interactions of {data.n_users:,} users "
        f"with {data.n_items:,} items."
    )
    for sentence in [*recommender.train.report.sentences(), *_positive_notes(recommender)]:
        say(f"  {sentence}")
    for sentence in _search_sentences(recommender):
        say(sentence)
    say(f"Saved {recommender.name} (seed {recommender.seed}) in {out}.")
    user = recommender.users.to_id(0)
    next_step(f"tastemap recommend {out} --user {user}")


def _positive_notes(recommender: Recommender) -> list[str]:
    from tastemap.models.config import positive_note

    note = positive_note(recommender.config, recommender.train.interactions)
    return [] if note is None else [note]


def _search_sentences(recommender: Recommender) -> list[str]:
    """What the validation part said: the best figure of the search, and after how many epochs."""
    import polars as pl

    losses = recommender.losses
    metrics = [name for name in losses.columns if name.startswith("validation_")]
    if not metrics:
        return []
    metric = metrics[0]
    search = losses.filter(pl.col("phase") == "search")
    figures = search[metric].to_numpy()
    best = figures.min() if metric.endswith("rmse") else figures.max()
    epochs = len(losses) - len(search)
    label = metric.removeprefix("validation_")
    return [f"Validation {label} {best:.4f}; then fitted to all rows for {epochs} epochs."]
