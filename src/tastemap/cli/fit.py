"""``tastemap fit``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tastemap.cli import engine, options
from tastemap.cli.fit_choice import repeat, show_race, show_trials
from tastemap.cli.output import next_step, print_json, say
from tastemap.cli.progress import TerminalProgress
from tastemap.plurals import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tastemap.data import Dataset
    from tastemap.models.recommender import Recommender

AUTO = "auto"
AUTO_BUDGET = "60s"
NAME = "fit"
EXAMPLE = "tastemap fit ratings.csv --model als -o my-model --set n_factors=32"


def command(
    context: typer.Context,
    source: options.Source,
    model: Annotated[
        str,
        typer.Option(
            metavar="MODEL",
            help="Rating: bias, als, gibbs, dot or mlp. Ranking: popularity, itemknn, ease, ials or softmax. "
            "auto: a race between those that suit the data.",
        ),
    ],
    objective: Annotated[
        Literal["rating", "ranking"] | None,
        typer.Option(help="Stop unless the model has this objective; for auto: what it is good at."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="DIR", help="Where to save; default: the names of data and model."),
    ] = None,
    settings: options.Set = None,
    seed: options.Seed = 0,
    positive_min: options.PositiveMin = None,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Time for the whole command: 60s, 5m or 1.5h; auto has 60s by default."
        ),
    ] = None,
    tune: Annotated[
        bool, typer.Option("--tune", help="Search the settings that --set does not fix, by a part of the data.")
    ] = False,
    max_memory: options.MaxMemory = None,
    on: engine.Name = None,
    master: engine.Master = None,
    conf: engine.Conf = None,
    query: options.Query = None,
    watermark: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Column that only grows, by which `refit --newer` finds new rows; default: the times.",
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
    from tastemap.artifacts import ensure_storable, ensure_writable, save
    from tastemap.tuning.budget import Budget

    _check_usage(model, objective, settings, tune=tune)
    others = {"budget": budget, "tune": tune, "max_memory": max_memory, "watermark": watermark}
    spark = engine.Engine.of(on, master, conf, **others)
    time = Budget(
        budget or (AUTO_BUDGET if model == AUTO else None), used_s=perf_counter() - context.obj.started
    )
    if out is not None:
        ensure_writable(out)
    with TerminalProgress(quiet=as_json) as progress:
        columns = (user_col, item_col, rating_col, time_col)
        features = (user_features, item_features)
        given = options.parse_settings(settings)
        shared: dict[str, Any] = {"positive_min": positive_min, "rng": seed, "progress": progress}
        if spark is not None:
            out = _place(out, spark.name_of(source), model)
            shared |= {"query": query, "settings": given}
            choice = _Choice(spark.fit(source, model, columns, features, **shared))
        else:
            limit = None if tune or model == AUTO else options.data_limit(model, max_memory)
            data = options.load_data(source, columns, features, progress, query, watermark, limit)
            out = _place(out, data.name, model)
            ensure_storable(data)
            shared |= {"budget": time, "max_memory": max_memory}
            choice = _choose(data, model, objective, given, out, shared, tune=tune)
    save(choice.recommender, out)
    choice.saved()
    if as_json:
        print_json({"artifact": str(out), **_facts(choice.recommender), **choice.facts})
    else:
        choice.show()
        _tell(choice.recommender, out)
        if model == AUTO or tune:
            say(f"Without the search: {repeat(choice.recommender, context.obj)}")


@dataclass(frozen=True)
class _Choice:
    """A fitted model, and what is told of how it was chosen."""

    recommender: Recommender
    facts: Mapping[str, object] = field(default_factory=dict)
    show: Callable[[], None] = lambda: None
    saved: Callable[[], None] = lambda: None


def _check_usage(model: str, objective: str | None, settings: Sequence[str] | None, *, tune: bool) -> None:
    if model != AUTO:
        from tastemap.training import check_objective

        check_objective(model, objective)
    elif settings:
        raise options.UsageError("--set goes with one model, and auto chooses settings itself; leave one out.")
    elif tune:
        raise options.UsageError("--tune searches the settings of one model, and auto chooses one; name it.")


def _place(out: Path | None, name: str, model: str) -> Path:
    """Where to save, which must be writable; unless it is said, a folder named after data and model."""
    from tastemap.artifacts import ensure_writable

    place = out if out is not None else Path(f"{name.replace(':', '-')}-{model}")
    ensure_writable(place)
    return place


def _choose(
    data: Dataset,
    model: str,
    objective: Literal["rating", "ranking"] | None,
    settings: dict[str, object],
    out: Path,
    shared: dict[str, Any],
    *,
    tune: bool,
) -> _Choice:
    if model == AUTO:
        return _auto(data, objective, shared)
    return _tune(data, model, settings, shared) if tune else _fit(data, model, settings, out, shared)


def _fit(data: Dataset, model: str, settings: dict[str, object], out: Path, shared: dict[str, Any]) -> _Choice:
    from tastemap.artifacts.checkpoints import FileCheckpoints
    from tastemap.tuning.within import fit_within

    kept = FileCheckpoints(out, progress=shared["progress"])
    fitted = fit_within(data, model, settings=settings, checkpoints=kept, **shared)
    return _Choice(fitted, saved=kept.forget)


def _tune(data: Dataset, model: str, settings: dict[str, object], shared: dict[str, Any]) -> _Choice:
    from tastemap.tuning.tune import tune

    found = tune(data, model, settings=settings, **shared)
    return _Choice(found.recommender, found.as_json(), lambda: show_trials(found))


def _auto(data: Dataset, objective: Literal["rating", "ranking"] | None, shared: dict[str, Any]) -> _Choice:
    from tastemap.tuning.auto import auto

    if objective is None and not data.interactions.is_implicit:
        shared["progress"].note("Race for rating accuracy (RMSE); for the best lists: --objective ranking.")
    found = auto(data, objective=objective, **shared)
    return _Choice(found.recommender, found.as_json(), lambda: show_race(found))


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
        "interrupted": recommender.interrupted,
        "last_losses": recommender.losses.tail(1).to_dicts(),
    }


def _tell(recommender: Recommender, out: Path) -> None:
    data = recommender.train.interactions
    counted = f"{plural(len(data), 'interaction')} of {plural(data.n_users, 'user')}"
    say(f"{recommender.train.name}: {counted} with {plural(data.n_items, 'item')}.")
    for sentence in [*recommender.train.report.sentences(), *_positive_notes(recommender)]:
        say(f"  {sentence}")
    figure = chosen_epoch(recommender.losses.to_dicts())
    if figure is not None:
        n_epochs = recommender.losses["phase"].to_list().count("final")
        say(f"{figure}; then fitted to all rows for {n_epochs}.")
        say(f"`tastemap evaluate` measures {recommender.name} with intervals, beside other models.")
    say(f"Saved {recommender.name} (seed {recommender.seed}) in {out}.")
    next_step("recommend", out, "--user", recommender.users.to_id(0))


def _positive_notes(recommender: Recommender) -> list[str]:
    from tastemap.models.config import positive_note

    note = positive_note(recommender.config, recommender.train.interactions)
    return [] if note is None else [note]


def chosen_epoch(losses: Sequence[Mapping[str, Any]]) -> str | None:
    """What the validation part said of the epoch that the fit to all rows ended with."""
    metrics = [name for name in (losses[0] if losses else ()) if name.startswith("validation_")]
    if not metrics:
        return None
    search = [row for row in losses if row["phase"] == "search"]
    n_epochs = len(losses) - len(search)
    label, chosen = metrics[0].removeprefix("validation_"), search[n_epochs - 1]
    beside = [f"{name.rpartition('_of_')[2]} {chosen[name]:.4f}" for name in metrics[1:]]
    said = f"Validation {label} {chosen[metrics[0]]:.4f} after {n_epochs} of {plural(len(search), 'epoch')}"
    return f"{said} ({', '.join(beside)})" if beside else said
