"""Write docs/benchmarks.md from what the scripts of benchmarks/ measured; `make bench` ends with it.

Run: python scripts/write_benchmarks.py
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "benchmarks.md"

INTRO = """# Benchmarks

`scripts/write_benchmarks.py` writes this page from the records in `benchmarks/results/`; every table names the
command that measured it. `make bench` makes an environment for the peers (`make peers`), runs every script and
writes the page anew (`make bench-page` does only that).

**How systems are compared.** All get the same training rows and two threads, if they can use two; a peer gets
its options for threads, and one thread of OpenBLAS where it asks for that. They take turns in one run. A fit of
a peer has a process of its own, and so has ours, except in `bench_gibbs.py` and `bench_neural.py`, where the
script itself fits ours. Peak memory is that of the whole process. Reading the data and compiling our kernels
are not part of an iteration. Quality is measured on test rows that no system has seen, by one scorer of ours
(fastai's error alone is its own figure). Whole fits of ours are saved and loaded before `bench_quality.py`,
`bench_gibbs.py`, `bench_lastfm.py` and `bench_newcomers.py` measure them; a figure after a single epoch is of
the model in memory. Where fits are compared in speed, what they reached stands beside the time. The versions
of the peers are pinned in `benchmarks/peers/requirements.txt`. A script without a record in
`benchmarks/results/` has no section here.

**The load of the machine.** Each section says what it was just before the script began. Above 1 the machine was
busy with other work: wall times from there may be too long, and ratios of them are rough.
"""

ABOUT = {
    "benchmark", "machine", "versions", "peer_versions", "cores", "load", "load_before", "load_average_before",
    "python", "browser",
}  # fmt: skip
"""Keys that say where a record comes from, not what was measured."""

LOADS = ("load_before", "load_average_before", "load")
"""What records call the load before their run."""
MUCH, BUSY = 1.0, ": **the machine was busy**, wall times may be too long"

COMMANDS = {
    "ials_choice": "ials.py --choose irspack implicit --test-users 5000",
    "ials_choice_large": "ials.py --choose-large",
}
"""Of the records that have no script of their name."""

OBJECTIVES = {"rating": "rmse", "ranking": "ndcg@10"}
"""What every model is compared in beside its peers."""

MOST_COLUMNS = 8


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """A Markdown table, its first column left, the others right."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return [*lines, *("| " + " | ".join(shown(cell) for cell in row) + " |" for row in rows), ""]


def shown(value: object) -> str:
    """A figure as text: numbers as they were kept, lists with commas, nothing as a dash."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if value == int(value) and abs(value) >= 1_000 else f"{value:g}"
    if isinstance(value, list):
        return ", ".join(shown(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(one)}" for name, one in value.items())
    return str(value)


def median(values: Iterable[float]) -> float:
    """To four digits."""
    return float(f"{statistics.median(values):.4g}")


def leaves(record: dict[str, Any], path: str = "") -> Iterator[tuple[str, object]]:
    """Every figure of a nested record with its path; lists of records are numbered."""
    for name, value in record.items():
        here = f"{path} / {name}" if path else name
        if isinstance(value, dict):
            yield from leaves(value, here)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield from leaves({str(place): one for place, one in enumerate(value, start=1)}, here)
        else:
            yield here, value


def source(stem: str, record: dict[str, Any]) -> list[str]:
    """The command, the machine and the versions of a record."""
    widths = {name[2:]: entry for name, entry in record.items() if name.startswith("d=")}
    runs = [run for e in widths.values() if isinstance(e, dict) for own in e["runs"].values() for run in own]
    command = f"benchmarks/bench_{COMMANDS.get(stem, f'{stem}.py')}"
    folds = {
        fold for objective in OBJECTIVES for one in record.get(objective, {}).values() for fold in one["folds"]
    }
    seeds = {str(run["seed"]) for run in runs}
    growth = record if "axes" in record else {}
    millions = {f"{one['points'][0]['n_rows'] / 1e6:g}" for one in growth.get("axes", {}).values()}
    for option, values in (
        ("--d", widths),
        ("--seeds", sorted(seeds)),
        ("--folds", sorted(folds)),
        ("--models", growth.get("models")),
        ("--axes-at", millions),
    ):
        command += f" {option} {' '.join(values)}" if values else ""
    where = record.get("machine", "")
    facts = dict(where) if isinstance(where, dict) else {"machine": where} if where else {}
    facts |= {name: record[name] for name in ABOUT & record.keys() if name not in ("benchmark", "machine")}
    load = next((facts[name] for name in LOADS if name in facts), None)
    named = sorted(facts.keys() - set(LOADS))
    said = "; ".join(f"{name.replace('_', ' ')}: {shown(facts[name])}" for name in named)
    return [f"Command: `python {command}`. {said[:1].upper()}{said[1:]}. {said_of_load(load)}", ""]


def said_of_load(load: float | None) -> str:
    """A sentence on the load before a run."""
    if load is None:
        return "The load before was not recorded."
    return f"Load before: {shown(load)}{BUSY if load > MUCH else ''}."


def of_ials(record: dict[str, Any]) -> list[str]:
    """Each system, then ours beside each peer."""
    lines = [
        f"{shown(record['n_train'])} made-up interactions to learn from, {shown(record['test_users'])} users "
        "scored. Ours is compared with each peer at 99.8 % of the NDCG@20 that this peer has after "
        f"{record['n_iterations']} iterations; the smaller ratio is the result. A dash: not reached.",
        "",
    ]
    for width in (name for name in record if name.startswith("d=")):
        entry = record[width]
        rows: list[tuple[object, ...]] = []
        for system, runs in entry["runs"].items():
            iteration = median(statistics.median(one["iteration_s"]) for one in runs)
            figure = median(one["ndcg@20"][-1] for one in runs)
            settings = shown(entry["settings"][system])
            rows.append((system, settings, iteration, figure, median(one["peak_mb"] for one in runs)))
        lines += [f"**{width}**. {said_of_load(entry['load_before'])}", ""]
        lines += table((width, "settings", "s an iteration", "NDCG@20 at the end", "peak MiB"), rows)
        names = ("seeds", "target_ndcg@20", "peer_s", "ours_s", "times_faster")
        rows = [(peer, *(one[name] for name in names)) for peer, one in entry.get("beside", {}).items()]
        lines += table(("peer", "seeds", "NDCG@20 to reach", "its s", "our s", "median ratio"), rows)
        lines += [
            f"The smaller ratio: {shown(entry.get('times_faster'))}. implicit's regularization was chosen on "
            f"{entry['settings']['implicit_chosen_on']}, the settings of the others on a tenth of the users.",
            "",
        ]
    return lines


def of_choice(record: dict[str, Any]) -> list[str]:
    """Every setting that was tried, the best first."""
    trials = [(name, dict(one)) for name, own in record.items() if isinstance(own, list) for one in own]
    rows = [(name, one.pop("ndcg@20"), shown(one)) for name, one in trials]
    size = {"choice": ", of a tenth of the users of the 25 million rows, with as many rows each and all items"}
    said = f"{shown(record['n_train'])} made-up interactions{size.get(record['size'], '')}. One seed."
    return [said, "", *table(("", "NDCG@20", "settings"), rows)]


def of_als(record: dict[str, Any]) -> list[str]:
    """Time to convergence."""
    lines = [
        f"{shown(record['n_train'])} made-up ratings to learn from, {record['n_factors']} factors. RMSE "
        "counts as converged within 0.5 % of the lowest of the system's run. Surprise computes in one thread.",
        "",
    ]
    rows = [
        (
            system,
            runs[0].get("prepare_s"),
            min(runs[0]["rmse"]),
            record["seconds_to_converged"][system],
            runs[0]["peak_mb"],
        )
        for system, runs in record["runs"].items()
    ]
    lines += table(("system", "s of set-up", "lowest RMSE", "s to converged, by seed", "peak MiB"), rows)
    for peer in ("surprise", "lenskit"):
        if f"times_faster_than_{peer}" in record:
            lines += [f"{peer} takes {shown(record[f'times_faster_than_{peer}'])} times as long as ours.", ""]
    return lines


def of_quality(record: dict[str, Any]) -> list[str]:
    """One table for ratings and one for lists."""
    lines = [
        "Each figure is the mean of the official folds of ml-100k that its row names; seconds, memory and the "
        "load before are medians of one fit each. Names without a library are ours: their defaults, saved and "
        "loaded before they are scored. The peers have what their documentation uses in its examples; irspack "
        "has our settings of the same losses. LIBMF (`libmf`) fits factors without biases; scored is their "
        "product, since `predict` of its bindings answers for other pairs than those it is given.",
        "",
    ]
    for objective, metric in OBJECTIVES.items():
        found = record[objective]
        ordered = sorted(found, key=lambda name: found[name][metric] * (1 if metric == "rmse" else -1))
        names = (metric, "fit_s", "peak_mb", "load_before")
        rows = [
            (system, *(found[system][name] for name in names), ", ".join(found[system]["folds"]))
            for system in ordered
        ]
        lines += table((objective, metric.upper(), "fit s", "peak MiB", "load before", "folds"), rows)
    return lines


def of_growth(record: dict[str, Any]) -> list[str]:
    """A row for each size, and the exponents; then what grows alone."""
    lines = [
        "An exponent of 1 is growth in proportion to the rows. *Stolen* is the share of the processors that "
        "the host of this virtual machine gave to others meanwhile.",
        "",
    ]
    for model, entry in record["models"].items():
        lines += growth_table(f"rows of {model}", "n_rows", entry)
    for axis, entry in record["axes"].items():
        n_rows = entry["points"][0]["n_rows"]
        lines += growth_table(f"{axis.removeprefix('n_')} of ials, {n_rows:,} rows", axis, entry)
    return lines


def growth_table(head: str, axis: str, entry: dict[str, Any]) -> list[str]:
    """Points along an axis, and the exponents."""
    figures = ("epoch_s", "millions_a_second", "fit_s", "peak_gb", "stolen")
    rows = [(one[axis], *(one[figure] for figure in figures)) for one in entry["points"]]
    exponents = [entry.get(f"exponent_of_{figure}") for figure in figures]
    names = (head, "s an epoch", "millions a second", "s to read and 5 epochs", "peak GiB", "stolen")
    return table(names, [*rows, ("exponent", *exponents)])


OF_IRSPACK = (
    "The row irspack was measured here: the factors that its iALS writes after each epoch get our lists and "
    "our scorer. "
)


def of_lastfm(record: dict[str, Any]) -> list[str]:
    """Published figures and ours, with what was chosen on the validation part."""
    rows: list[tuple[object, ...]] = [
        (name, one["ndcg@10"], None, one["recall@10"], None) for name, one in record["published"].items()
    ]
    rows += [
        (name, one["ndcg@10"], one.get("ndcg@10_interval"), one["recall@10"], one.get("recall@10_interval"))
        for name, one in record["models"].items()
    ]
    lines = [
        "Fitted to the training part alone, settings by NDCG@10 on the validation part, measured on the test "
        "part, where only training rows are masked; ours from a saved model. The first three rows are as "
        "others have given them, not measured here and not checked against a paper; irspack's among them is a "
        f"run of it with its default settings. {OF_IRSPACK if 'irspack' in record['models'] else ''}The "
        "validation figures of models with epochs are means of the seeds "
        f"{shown(record.get('seeds_on_valid'))}; the test has seed {record['seed']}.",
        "",
        *table(("model", "NDCG@10", "95 % interval", "recall@10", "95 % interval"), rows),
    ]
    for name, one in record["models"].items():
        tried = one.get("trials_on_valid", ())
        if tried:
            head = (f"{name}, on valid", *tried[0])
            lines += table(head, [(n, *t.values()) for n, t in enumerate(tried, 1)])
    return lines


def of_gibbs(record: dict[str, Any]) -> list[str]:
    """Errors and seconds of each form, and the intervals where they were measured."""
    folds = ", ".join(next(iter(record["fits"].values()))["rmse"])
    lines = [
        f"Means over the official folds {folds} of ml-100k. Seconds are from the data in memory to the "
        f"predictions of the test rows, the smallest and the median of {record['rounds']}. Short are fewer "
        "sweeps: how many was chosen on parts held out of the training rows, and raised once after one look "
        "at a test fold.",
        "",
    ]
    rows = [(name, one["mean_rmse"], one["min_s"], one["median_s"]) for name, one in record["fits"].items()]
    lines += table(("fit", "RMSE", "smallest s", "median s"), rows)
    if "times_faster_than_myfm" in record:
        times = shown(record["times_faster_than_myfm"])
        lines += [f"With histories myFM takes {times} times as long as the short fit.", ""]
    if not record["intervals"]:
        return lines
    head = ("95 % intervals", "held", "in bins of users", "width", "of constant", "cut", "cut, to stars")
    kinds = ("share_of_constant", "share_of_constant_cut", "share_of_constant_cut_to_stars")
    names = ("held", "held_in_bins", "width", *kinds)
    return lines + table(head, ([fold, *(one[n] for n in names)] for fold, one in record["intervals"].items()))


def of_newcomers(record: dict[str, Any]) -> list[str]:
    """What was asked, then a row for each choice of the people."""
    return [
        "A fifth of the users is held out whole; half of the ratings of each is folded in, the other half is "
        "asked. Bins are of people with below 20, 50, 100, 200 and more ratings folded in. Milliseconds are "
        "what one thread works for the samples of a person.",
        "",
        *of_any(record),
    ]


HALF = 0.5
"""The share of implicit's time that batch lists are to stay below."""

FACTORS = {"fitted": "factors are fitted", "random": "factors are random"}
"""Kinds of factors of batch lists, as a sentence names them."""


def of_recommend(record: dict[str, Any]) -> list[str]:
    """Where half of implicit's time is enough, then all figures."""
    shares = {kind: record[kind]["median_s_of_implicit"] for kind in FACTORS if kind in record}
    said = [
        f"Where {FACTORS[kind]} ours takes 1/{1.0 / share:.2g} of implicit's time: the aim of one half is "
        f"{'met' if share <= HALF else 'missed'}."
        for kind, share in shares.items()
    ]
    why = (
        "Fitted factors let most items be passed over, since they cannot enter a list any more; random ones "
        "are the hard case, where no item is good for everybody and all must be scored."
    )
    return [" ".join([*said, why]), "", *of_any(record)]


LISTS_OF_SERVICE = {
    "*-made-anew": "every list is made anew: 20,000 different questions come in turns, more than the 4,096 "
    "answers that each worker keeps",
    "lists-*": "lists are sent again as they were made before: there are at most 943 different questions; one "
    "is made anew where an event of its user has come in (twenty events a second, of random users)",
    "events-*": "each list is made anew, since an event of its user comes just before",
    "reload": "lists are sent again, but each of two reloads a second lets go of those of the worker that "
    "does it",
    "large-1-*": "every list is made anew: about 5,000 different questions come in turns",
    "large-2-*": "each of two workers gets about half of the same questions, so a part of the lists is sent "
    "again",
}
"""Which lists the rows of a service are about; the first pattern that fits counts."""


def of_service(record: dict[str, Any]) -> list[str]:
    """Which rows are lists that are sent again and which are made anew, their figures, then all others."""
    rows = [name for name in record if name not in ABOUT]
    fits = [next((one for one in LISTS_OF_SERVICE if fnmatch(row, one)), None) for row in rows]
    said = [f"- `{pattern}`: {what}." for pattern, what in LISTS_OF_SERVICE.items() if pattern in fits]
    asked = [name for name in rows if isinstance(record[name], dict) and "requests_per_s" in record[name]]
    rest = of_any({name: value for name, value in record.items() if name not in asked})
    if not said:
        return rest
    clients = (
        "Sixteen clients of wrk, which takes its part of the same machine. *Stolen* is the share of the "
        "processors that the host of this virtual machine gave to others meanwhile."
    )
    lines = ["A worker sends a list again while nothing has changed that it says. Which rows are which:", ""]
    lines += [*said, "", clients, ""]
    names = ("requests_per_s", "p50_ms", "p99_ms", "errors", "memory_mb", "stolen")
    heads = ("", "requests a second", "p50 ms", "p99 ms", "errors", "memory MB", "stolen")
    return [*lines, *table(heads, [(row, *map(record[row].get, names)) for row in asked]), *rest]


def of_any(record: dict[str, Any]) -> list[str]:
    """A row for each part of the record if all parts hold the same few figures, else a row for each figure."""
    measured = {name: value for name, value in record.items() if name not in ABOUT}
    parts = {name: dict(leaves(value)) for name, value in measured.items() if isinstance(value, dict)}
    columns = [name for name in next(iter(parts.values()), {}) if all(name in part for part in parts.values())]
    if len(parts) < 2 or not 0 < len(columns) <= MOST_COLUMNS:
        return table(("figure", "value"), leaves(measured))
    lines = table(("", *columns), ([name, *(part[one] for one in columns)] for name, part in parts.items()))
    alone = {name: value for name, value in measured.items() if name not in parts}
    rest = [
        (f"{name} / {one}", v) for name, part in parts.items() for one, v in part.items() if one not in columns
    ]
    rows = [*leaves(alone), *rest]
    return lines + (table(("figure", "value"), rows) if rows else [])


SECTIONS: dict[str, tuple[str, Callable[[dict[str, Any]], list[str]]]] = {
    "ials": ("ials beside implicit and irspack", of_ials),
    "ials_choice": ("Settings for ials and its peers", of_choice),
    "ials_choice_large": ("Regularization of implicit on the whole file", of_choice),
    "als": ("als beside Surprise and LensKit", of_als),
    "gibbs": ("gibbs beside myFM", of_gibbs),
    "quality": ("Every model beside its peers", of_quality),
    "lastfm": ("Lists on the LastFM split, beside irspack and figures of others", of_lastfm),
    "growth": ("Growth with the number of rows", of_growth),
    "fit_memory": ("Memory of the whole command `tastemap fit`", of_any),
    "neural": ("dot and mlp beside fastai", of_any),
    "recommend": ("Lists of many users in one batch, beside implicit", of_recommend),
    "service": ("Service", of_service),
    "newcomers": ("Intervals of people whom the fit never saw, on ml-100k", of_newcomers),
}
"""In the order of the page; further records follow by name."""


def page() -> str:
    """The whole page."""
    stems = [path.stem for path in sorted(RESULTS.glob("*.json"))]
    ordered = [stem for stem in SECTIONS if stem in stems] + [stem for stem in stems if stem not in SECTIONS]
    lines = [INTRO]
    for stem in ordered:
        record = json.loads((RESULTS / f"{stem}.json").read_text(encoding="utf-8"))
        named = str(record.get("benchmark", stem.replace("_", " ")))
        title, render = SECTIONS.get(stem, (named[:1].upper() + named[1:], of_any))
        lines += [f"## {title}", "", *render(record), *source(stem, record)]
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
