"""``tastemap rate``: questions at the terminal, then a list with reasons."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tastemap.cli import newcomer, options
from tastemap.cli.output import next_step, print_cells, print_json, records, say
from tastemap.errors import TastemapError
from tastemap.plurals import plural

if TYPE_CHECKING:
    from tastemap.data import Id
    from tastemap.models.recommender import Recommender

NAME = "rate"
EXAMPLE = "tastemap rate my-model --save my-ratings.csv"
SHOWN_MATCHES = 9
"""Titles listed after a search; each is chosen by one digit."""
REASONS = 2


def command(
    folder: options.Folder,
    questions: Annotated[int, typer.Option(min=1, metavar="N", help="Items asked about at most.")] = 10,
    history: newcomer.History = None,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the ratings, for --history: .csv, .tsv, .parquet or .jsonl."),
    ] = None,
    k: options.K = 10,
    as_json: options.Json = False,
) -> None:
    """Rate a few items and get a list with reasons.

    Answer with a rating, Enter for an item you do not know, /words to search for a title, q to end.
    """
    recommender = options.load_model(folder)
    ratings = newcomer.ratings_of(recommender, None, history) if history is not None else {}
    dialog = _Dialog(recommender, ratings)
    dialog.ask(questions)
    if not dialog.ratings:
        raise TastemapError("Nothing was rated, so there is no list; rate at least one item.")
    if save is not None:
        _save(recommender, dialog.ratings, save)
    _tell(recommender, dialog.ratings, k, as_json=as_json)
    if not as_json:
        kept = ["--history", save] if save is not None else _as_options(dialog.ratings)
        next_step("recommend", folder, *kept, "-k", k)


@dataclass
class _Dialog:
    """Questions and answers; `ratings` holds what has been answered so far."""

    recommender: Recommender
    ratings: dict[Id, float]
    n_asked: int = field(default=0)

    def ask(self, n_questions: int) -> None:
        """Ask until there are enough answers, the items end, or the person does."""
        say(f"Rate {self._allowed()}, Enter if you do not know it, /words to search, q to end.")
        for item in self._items(n_questions):
            if not self._ask_about(item, f"{self.n_asked}/{n_questions}"):
                return

    def _items(self, n_questions: int) -> Iterator[int]:
        from tastemap.inference import informative_items

        known = (
            self.recommender.items.indices([str(id) for id in self.ratings]).tolist() if self.ratings else []
        )
        for item in informative_items(self.recommender, n_questions, leave_out=known).tolist():
            self.n_asked += 1
            yield item

    def _ask_about(self, item: int, label: str) -> bool:
        """Whether to go on, after an answer that could be read."""
        while True:
            answer = _line(f"{label}  {self._title(item)}: ")
            if answer is None or answer.lower() == "q":
                return False
            if not answer:
                return True
            if answer.startswith("/"):
                if not self._search(answer[1:].strip()):
                    return False
            elif self._rate(item, answer):
                return True

    def _search(self, words: str) -> bool:
        """Let a title be chosen and rated; false if the person has gone."""
        from tastemap.inference import matching_items

        found = matching_items(self.recommender, words, SHOWN_MATCHES)
        if not len(found):
            say(f"No title holds {words!r}.")
            return True
        for number, item in enumerate(found.tolist(), start=1):
            say(f"  {number}  {self._title(item)}")
        chosen = _line("  which, or Enter for none: ")
        if chosen is None:
            return False
        if not chosen.isdigit() or not 1 <= int(chosen) <= len(found):
            return True
        item = int(found[int(chosen) - 1])
        answer = _line(f"  {self._title(item)}: ")
        while answer and not self._rate(item, answer):
            answer = _line(f"  {self._title(item)}: ")
        return answer is not None

    def _rate(self, item: int, answer: str) -> bool:
        """Take a rating down; false, with a sentence, if it is none."""
        scale = self.recommender.train.interactions.rating_scale
        if scale is None and answer.lower() in ("y", "yes"):
            answer = "1"
        try:
            rating = float(answer)
        except ValueError:
            rating = float("nan")
        if not (scale.low <= rating <= scale.high if scale else 0.0 < rating < float("inf")):
            say(f"  {answer!r} is no answer: rate {self._allowed()}, or press Enter.")
            return False
        self.ratings[self.recommender.items.to_id(item)] = rating
        return True

    def _allowed(self) -> str:
        scale = self.recommender.train.interactions.rating_scale
        return f"from {scale.low:g} to {scale.high:g}" if scale else "y if you like it"

    def _title(self, item: int) -> str:
        from tastemap.inference import item_titles

        title: str | None = item_titles(self.recommender)[item]
        return title or f"item {self.recommender.items.to_id(item)}"


def _line(prompt: str) -> str | None:
    """One line of the person's, without blanks around it; None at the end of input."""
    typer.echo(prompt, nl=False, err=True)
    line = sys.stdin.readline()
    return line.strip() if line else None


def _save(recommender: Recommender, ratings: dict[Id, float], path: Path) -> None:
    import polars as pl

    from tastemap.data import write_table

    ids = recommender.items.take(recommender.items.indices([str(id) for id in ratings]))
    write_table(pl.DataFrame([ids, pl.Series("rating", list(ratings.values()))]), path)
    say(f"Wrote {plural(len(ratings), 'rating')} to {path}.")


def _tell(recommender: Recommender, ratings: dict[Id, float], k: int, *, as_json: bool) -> None:
    from tastemap.inference import explain_for_history, recommend_for_history

    found = recommend_for_history(recommender, ratings, k=k)
    rows = records(found.frame)
    for row in rows:
        reasons = explain_for_history(recommender, ratings, row["item_id"]).reasons
        row["reasons"] = records(reasons.filter(reasons["contribution"] > 0.0).head(REASONS))
    if as_json:
        rated = [{"item_id": id, "rating": rating} for id, rating in ratings.items()]
        print_json({"k": k, "ratings": rated, "notes": list(found.notes), "items": rows})
        return
    for note in found.notes:
        say(note)
    figure = "prediction" if recommender.objective == "rating" else "score"
    cells = [
        [str(row["rank"]), row["title"] or str(row["item_id"]), f"{row[figure]:.2f}", _because(row["reasons"])]
        for row in rows
    ]
    title = f"Your list, by {recommender.name}, from {plural(len(ratings), 'rating')}"
    print_cells(["rank", "title", figure, "because of"], cells, right={"rank", figure}, title=title)


def _because(reasons: list[dict[str, Any]]) -> str:
    return "; ".join(reason["title"] or str(reason["item_id"]) for reason in reasons)


def _as_options(ratings: dict[Id, float]) -> list[str]:
    return [word for id, rating in ratings.items() for word in ("--rated", f"{id}={rating:g}")]
