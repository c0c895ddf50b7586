"""What ``tastemap fit`` shows of a choice: the leaderboard of ``auto``, and how to repeat the fit."""

from __future__ import annotations

import shlex
import textwrap
from typing import TYPE_CHECKING

import typer

from tastemap.cli.output import is_wide_enough, print_cells, say
from tastemap.plurals import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tastemap.models.recommender import Recommender
    from tastemap.tuning.auto import Auto
    from tastemap.tuning.leaderboard import Standing
    from tastemap.tuning.race import LeftOut
    from tastemap.tuning.trial import TriedSettings
    from tastemap.tuning.tune import Tuned

SHOWN_TRIALS = 10
LABEL_WIDTH = 60
CHOOSING = {
    "--model": True,
    "--objective": True,
    "--set": True,
    "--seed": True,
    "--positive-min": True,
    "--budget": True,
    "--max-memory": True,
    "-o": True,
    "--out": True,
    "--tune": False,
    "--json": False,
}
"""Options that a repetition gives anew or leaves out, and whether a value follows."""

COLUMNS = ("model", "", "to the best", "epochs", "users", "s")
LINE = 80
"""Columns of the lines of settings below a table that is too narrow for them."""


def show_race(found: Auto) -> None:
    """Print the leaderboard, who was left out, and why the choice."""
    from tastemap.tuning.candidates import Candidate

    if found.leaderboard:
        _print_board(found)
    for reason, same in _by_reason(found.left_out).items():
        names = same if len(same) == 1 else dict.fromkeys(label.partition(" ")[0] for label in same)
        label = textwrap.shorten(", ".join(names), LABEL_WIDTH, placeholder=" …")
        say(f"Left out: {label}: {reason.removesuffix('.')}.")
    for note in found.notes:
        say(note)
    settings = found.recommender.resolved.model_dump(exclude_defaults=True)
    say(f"Chosen: {Candidate(found.recommender.name, settings).label}, fitted to all rows.")


def _print_board(found: Auto) -> None:
    """The leaderboard; settings stand below it where the terminal is too narrow for them."""
    from tastemap.tuning.candidates import Candidate

    header = [found.metric if not name else name for name in COLUMNS]
    labels = [Candidate(one.model, one.settings).label for one in found.leaderboard]
    rows = [[label, *_figures(one)] for label, one in zip(labels, found.leaderboard, strict=True)]
    if is_wide_enough(header, rows):
        print_cells(header, rows, right=set(header[1:]))
    else:
        names = _numbered(labels)
        print_cells(
            header, [[name, *row[1:]] for name, row in zip(names, rows, strict=True)], right=set(header[1:])
        )
        for name, label in zip(names, labels, strict=True):
            if name != label:
                line = f"{name}: {label.partition(' ')[2]}"
                typer.echo(
                    "\n".join(textwrap.wrap(line, LINE, subsequent_indent="    ", break_on_hyphens=False))
                )
    say("± half the width of the 95 % interval; to the best: paired, on the same rows.")


def _numbered(labels: Sequence[str]) -> list[str]:
    """The model of each label, with a number where it has settings."""
    count: dict[str, int] = {}
    names = []
    for label in labels:
        model, _, settings = label.partition(" ")
        if settings:
            count[model] = count.get(model, 0) + 1
        names.append(f"{model} ({count[model]})" if settings else model)
    return names


def _by_reason(left_out: Sequence[LeftOut]) -> dict[str, list[str]]:
    """The labels of those that are left out for the same reason."""
    found: dict[str, list[str]] = {}
    for one in left_out:
        found.setdefault(one.reason, []).append(one.candidate.label)
    return found


def show_trials(found: Tuned) -> None:
    """Print the best trials of a search."""
    from tastemap.tuning.candidates import Candidate

    header = ("settings", found.metric, "epochs", "s", "")
    given = next(one for one in found.trials if one.is_given)
    shown = found.trials[:SHOWN_TRIALS]
    rows = [
        (
            "the defaults" if not one.settings else Candidate("", one.settings).label.strip(),
            f"{one.value:.4f}",
            "" if one.n_epochs is None else str(one.n_epochs),
            f"{one.seconds:.1f}",
            "as given" if one.is_given and one.settings else "" if one.is_whole else "ended early",
        )
        for one in (shown if given in shown else (*shown, given))
    ]
    print_cells(header, rows, right=set(header[1:4]))
    if len(found.trials) > SHOWN_TRIALS:
        say(f"The best {SHOWN_TRIALS} of {plural(len(found.trials), 'trial')}.")
    say(_gain(found, given))
    for note in found.notes:
        say(note)


def _gain(found: Tuned, given: TriedSettings) -> str:
    """What the search has brought on the held-out rows."""
    start, best = given.value, found.trials[0].value
    name = "the defaults" if not given.settings else "the settings as given"
    if found.trials[0] is given:
        return f"Nothing that was tried is better than {name}."
    gain = f": {100 * abs(best / start - 1):.1f} % better" if start else ""
    return (
        f"The best settings have {found.metric} {best:.4f}, {name} {start:.4f}{gain} "
        "on the rows that chose them."
    )


def repeat(recommender: Recommender, typed: Sequence[str]) -> str:
    """The command that fits the same model again, made from the one that was typed."""
    from tastemap.tuning.candidates import written

    kept, is_value = [], False
    for word in typed:
        name, has_value = word.partition("=")[0], "=" in word
        if name in CHOOSING:
            is_value = CHOOSING[name] and not has_value
        elif is_value:
            is_value = False
        else:
            kept.append(word)
    settings = recommender.resolved.model_dump(exclude_defaults=True)
    given = [part for key, value in settings.items() for part in ("--set", f"{key}={written(value)}")]
    words = [*kept, "--model", recommender.name, *given, "--seed", str(recommender.seed)]
    return f"tastemap {shlex.join(words)}"


def _figures(one: Standing) -> list[str]:
    """A row without its first cell; the best has no difference to itself."""
    value = f"{one.value:.4f}{_half(one.low, one.high)}"
    difference = ""
    if one.difference:
        difference = f"{one.difference:+.4f}{_half(one.difference_low, one.difference_high)}"
    epochs = "" if one.n_epochs is None else f"{one.n_epochs}{', cut' if one.was_cut else ''}"
    return [value, difference, epochs, f"{one.share:.0%}", f"{one.seconds:.1f}"]


def _half(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ±{(high - low) / 2:.4f}"
