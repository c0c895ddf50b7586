"""``tastemap info``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tastemap.cli import options
from tastemap.cli.fit import chosen_epoch
from tastemap.cli.output import next_step, print_facts, print_json
from tastemap.plurals import plural

NAME = "info"
EXAMPLE = "tastemap info my-model"
_HEADLINE = ("rmse", "ndcg", "recall")


def command(folder: options.Folder, as_json: options.Json = False) -> None:
    """Say what a saved model is and how it came about."""
    from tastemap.artifacts import info

    facts: dict[str, Any] = info(folder)
    if as_json:
        print_json(facts)
        return
    chosen = chosen_epoch(facts["losses"])
    print_facts(
        [
            ("model", _model(facts)),
            ("changed", _changed(facts) or "nothing: all settings are the defaults"),
            ("defaults", _defaults(facts) or "none"),
            ("data", _data(facts)),
            *(("", sentence) for sentence in _load_notes(facts["load_report"])),
            *([("chosen", chosen)] if chosen else []),
            ("losses", _losses(facts["losses"])),
            ("evaluation", _evaluation(facts)),
            ("size", f"{_bytes(facts['size'])} in {plural(len(facts['files']), 'data file')}"),
            ("versions", _versions(facts)),
        ]
    )
    next_step("recommend", folder, "--all", "-k", 10, "--out", "lists.csv")


def _model(facts: Mapping[str, Any]) -> str:
    from tastemap.training import MODELS

    known = MODELS.get(facts["model"])
    what = f", {known.summary}" if known else ""
    epochs = facts["resolved"].get("n_epochs")
    fitted = f" for {plural(epochs, 'epoch')}" if epochs is not None else ""
    return (
        f"{facts['model']} ({facts['objective']}){what}; fitted{fitted} with seed {facts['seed']} "
        f"by Tastemap {facts['library_version']}"
    )


def _defaults_of(facts: Mapping[str, Any]) -> dict[str, Any]:
    from tastemap.training import MODELS

    if facts["model"] not in MODELS:
        return {}
    return MODELS[facts["model"]].config_class().model_dump(mode="json")


def _changed(facts: Mapping[str, Any]) -> str:
    defaults, config = _defaults_of(facts), facts["config"]
    return ", ".join(
        f"{name} = {value} (default {defaults.get(name, 'unknown')})"
        for name, value in config.items()
        if name not in defaults or value != defaults[name]
    )


def _defaults(facts: Mapping[str, Any]) -> str:
    defaults, config = _defaults_of(facts), facts["config"]
    same = [name for name, value in defaults.items() if config.get(name) == value]
    return ", ".join(f"{name} = {config[name]}" for name in same)


def _data(facts: Mapping[str, Any]) -> str:
    data, scale = facts["data"], facts["rating_scale"]
    rated = f", rated from {scale['low']:g} to {scale['high']:g}" if scale else ", implicit feedback"
    counted = f"{plural(data['n_interactions'], 'interaction')} of {plural(facts['n_users'], 'user')}"
    return (
        f"{data['name']}: {counted} with {plural(facts['n_items'], 'item')}{rated}; "
        f"fingerprint {data['fingerprint'][:12]}"
    )


def _load_notes(report: Mapping[str, Any]) -> list[str]:
    from tastemap.data import LoadReport

    return LoadReport(**{**report, "notes": tuple(report["notes"])}).sentences()


def _losses(rows: Sequence[Mapping[str, Any]]) -> str:
    """The first and the last figure of each loss, by phase; one model has no epochs and no losses."""
    from tastemap.models.recommender import NOT_LOSSES

    said = []
    for phase in ("search", "final"):
        of_phase = [row for row in rows if row["phase"] == phase]
        names = [name for name in (of_phase[0] if of_phase else ()) if name not in NOT_LOSSES]
        figures = [
            f"{name} {of_phase[0][name]:.4g} to {of_phase[-1][name]:.4g}"
            for name in names
            if of_phase[0][name] is not None and of_phase[-1][name] is not None
        ]
        if figures:
            said.append(f"{phase}, {plural(len(of_phase), 'epoch')}: {', '.join(figures)}")
    return "; ".join(said) or "none: the model is fitted in one step"


def _evaluation(facts: Mapping[str, Any]) -> str:
    record = facts["evaluation"]
    if record is None:
        return "none recorded"
    of_model = [row for row in record["models"] if row["model"] == facts["model"]]
    figures = [
        f"{name} {estimate['value']:.4f}"
        for row in of_model
        for name, estimate in row["metrics"].items()
        if name.split("@")[0] in _HEADLINE
    ]
    return f"{record['data']}, split {record['protocol']['split']}: {', '.join(figures)}"


def _versions(facts: Mapping[str, Any]) -> str:
    earlier = [number for number in facts["versions"] if number != facts["version"]]
    if not earlier:
        return f"{facts['version']}, the only one"
    kept = f"to go back to: {', '.join(map(str, earlier))}, by tastemap.load(DIR, version={earlier[-1]})"
    return f"{facts['version']}; {kept}; {_bytes(facts['size_on_disk'])} with these"


def _bytes(size: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
