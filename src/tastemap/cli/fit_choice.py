"""What ``tastemap fit`` shows of a choice: the leaderboard of ``auto``, and how to repeat the fit."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from tastemap.cli.output import print_cells, say

if TYPE_CHECKING:
    from tastemap.models.recommender import Recommender
    from tastemap.tuning.auto import Auto
    from tastemap.tuning.leaderboard import Standing

COLUMNS = ("model", "", "95 % interval", "to the best", "95 % interval", "epochs", "users", "s")


def show_race(found: Auto) -> None:
    """Print the leaderboard, who was left out, and why the choice."""
    from tastemap.tuning.candidates import Candidate

    header = [found.metric if not name else name for name in COLUMNS]
    if found.leaderboard:
        print_cells(header, [_row(one) for one in found.leaderboard], right=set(header[1:]))
    for one in found.left_out:
        say(f"Left out: {one.candidate.label}: {one.reason.removesuffix('.')}.")
    for note in found.notes:
        say(note)
    settings = found.recommender.resolved.model_dump(exclude_defaults=True)
    say(f"Chosen: {Candidate(found.recommender.name, settings).label}, fitted to all rows.")


def repeat(recommender: Recommender, source: str) -> str:
    """The command that fits the same model again."""
    from tastemap.tuning.candidates import written

    settings = recommender.resolved.model_dump(exclude_defaults=True)
    given = [part for key, value in settings.items() for part in ("--set", f"{key}={written(value)}")]
    words = ["fit", source, "--model", recommender.name, *given, "--seed", str(recommender.seed)]
    return f"tastemap {shlex.join(words)}"


def _row(one: Standing) -> list[str]:
    from tastemap.tuning.candidates import Candidate

    return [
        Candidate(one.model, one.settings).label,
        f"{one.value:.4f}",
        _ends(one.low, one.high, "{:.4f}"),
        "" if one.difference is None else f"{one.difference:+.4f}",
        _ends(one.difference_low, one.difference_high, "{:+.4f}"),
        "" if one.n_epochs is None else str(one.n_epochs),
        f"{one.share:.0%}",
        f"{one.seconds:.1f}",
    ]


def _ends(low: float | None, high: float | None, form: str) -> str:
    return "" if low is None or high is None else f"{form.format(low)} to {form.format(high)}"
