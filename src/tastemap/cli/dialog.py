"""Questions about items at the terminal, and what may be answered."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from tastemap.cli.output import say

if TYPE_CHECKING:
    from tastemap.data import Id
    from tastemap.models.recommender import Recommender

SHOWN_MATCHES = 9
"""Items listed after a search; each is chosen by one digit."""


class _LeaveError(Exception):
    """The person has ended the dialog."""


@dataclass(frozen=True)
class _Step:
    """What one answer changed; `before` is the rating that the item had."""

    item: int
    before: float | None
    was_asked: bool
    was_skipped: bool = False


class Dialog:
    """Asks for ratings; what was answered before is never asked about.

    Parameters
    ----------
    recommender : Recommender
    ratings : dict of item id to rating
        What the person has rated before the dialog.
    """

    def __init__(self, recommender: Recommender, ratings: dict[Id, float]) -> None:
        self._recommender = recommender
        known = recommender.items.indices(list(ratings)).tolist() if ratings else []
        self._rated: dict[int, float] = dict(zip(known, ratings.values(), strict=True))
        self._plan: list[int] = []
        self._is_whole = False  # whether no item is left to add to the plan
        self._skipped: set[int] = set()
        self._steps: list[_Step] = []

    @property
    def ratings(self) -> dict[Id, float]:
        """What has been rated so far, by item id."""
        return {self._recommender.items.to_id(item): rating for item, rating in self._rated.items()}

    def ask(self, n_questions: int) -> None:
        """Ask until there are enough answers, the items end, or the person does (q, Ctrl-D or Ctrl-C)."""
        if not self._waiting(n_questions):
            say("There is no item left to ask about.")
            return
        say(f"Rate {self._allowed()}, Enter if you do not know it, /words to search, u to undo, q to end.")
        try:
            while waiting := self._waiting(n_questions):
                n_asked = self._n_asked() + 1
                label = f"{n_asked}/{n_asked + len(waiting) - 1}"
                self._take(waiting[0], _line(f"{label}  {self._title(waiting[0])}: "))
        except _LeaveError:
            return

    def _n_asked(self) -> int:
        return sum(step.was_asked for step in self._steps)

    def _waiting(self, n_questions: int) -> list[int]:
        """Items still to be asked about; others take the place of those that a search has led to."""
        from tastemap.inference import informative_items

        wanted = n_questions - self._n_asked()
        waiting = [item for item in self._plan if item not in self._rated and item not in self._skipped]
        missing = wanted - len(waiting)
        if missing > 0 and not self._is_whole:
            used = {*self._plan, *self._rated}
            more = informative_items(self._recommender, missing, leave_out=used).tolist()
            self._is_whole = len(more) < missing
            self._plan += more
            waiting += more
        return waiting[:wanted]

    def _take(self, item: int, answer: str) -> None:
        """Do what was answered about an item; after an answer that cannot be read it is asked about again."""
        if not answer:
            self._steps.append(_Step(item, None, was_asked=True, was_skipped=True))
            self._skipped.add(item)
        elif answer.startswith("/"):
            self._search(answer[1:].strip())
        elif answer.lower() in ("u", "undo"):
            self._undo()
        else:
            self._rate(item, answer, was_asked=True)

    def _undo(self) -> None:
        if not self._steps:
            say("  There is nothing to undo.")
            return
        step = self._steps.pop()
        if step.was_skipped:
            self._skipped.remove(step.item)
        elif step.before is not None:
            self._rated[step.item] = step.before
        else:
            del self._rated[step.item]
        self._is_whole = False  # the item may be free again without being planned
        if not step.was_asked:
            say(f"  {self._title(step.item)}: taken back.")

    def _search(self, words: str) -> None:
        """Let an item be chosen and rated."""
        from tastemap.inference import matching_items

        if not words:
            say("  Type words of a title, or an id, after the slash, such as /star.")
            return
        found = matching_items(self._recommender, words, SHOWN_MATCHES + 1).tolist()
        if not found:
            say(f"  No title or id matches {words!r}.")
            return
        shown = found[:SHOWN_MATCHES]
        for number, item in enumerate(shown, start=1):
            say(f"  {number}  {self._title(item)}{self._given(item)}")
        if len(found) > len(shown):
            say("  More items match; add words to see others.")
        while chosen := _line("  which, or Enter for none: "):
            if chosen.isdecimal() and 1 <= int(chosen) <= len(shown):
                self._ask_found(shown[int(chosen) - 1])
                return
            say(f"  {chosen!r} is no answer: type a number from 1 to {len(shown)}, or press Enter.")

    def _ask_found(self, item: int) -> None:
        while answer := _line(f"  {self._title(item)}: "):
            if self._rate(item, answer, was_asked=False):
                return

    def _rate(self, item: int, answer: str, *, was_asked: bool) -> bool:
        """Take a rating down; false, with a sentence, if it is none."""
        scale = self._recommender.train.interactions.rating_scale
        if scale is None and answer.lower() in ("y", "yes"):
            answer = "1"
        try:
            rating = float(answer)
        except ValueError:
            rating = float("nan")
        if not (scale.low <= rating <= scale.high if scale else 0.0 < rating < float("inf")):
            search = ", or search with a slash before the words" if was_asked else ""
            say(f"  {answer!r} is no answer: rate {self._allowed()}, press Enter{search}.")
            return False
        self._steps.append(_Step(item, self._rated.get(item), was_asked))
        self._rated[item] = rating
        return True

    def _allowed(self) -> str:
        scale = self._recommender.train.interactions.rating_scale
        return f"from {scale.low:g} to {scale.high:g}" if scale else "y if you like it"

    def _given(self, item: int) -> str:
        return f" (you gave {self._rated[item]:g})" if item in self._rated else ""

    def _title(self, item: int) -> str:
        from tastemap.inference import item_titles

        title: str | None = item_titles(self._recommender)[item]
        return title or f"item {self._recommender.items.to_id(item)}"


def _line(prompt: str) -> str:
    """One line of the person's, without blanks around it; _LeaveError at q, Ctrl-C or the end of input."""
    try:
        if sys.platform != "win32":
            # Polars sets a handler after which reads go on: Ctrl-C would wait for the end of the line.
            signal.siginterrupt(signal.SIGINT, True)
        typer.echo(prompt, nl=False, err=True)
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        line = ""
    if not line:
        say("")  # the cursor still stands behind the prompt
    if not line or line.strip().lower() in ("q", "quit"):
        raise _LeaveError
    return line.strip()
