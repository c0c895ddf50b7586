"""The evaluation report: what was tested and how, who won, by how much, for whom, and how to repeat it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tastemap.data.writing import write_page
from tastemap.errors import check_type
from tastemap.evaluation.records import EvaluationRecord
from tastemap.reports.appendix import reading, repeating, settings
from tastemap.reports.figures import (
    difference_figures,
    figures_table,
    fold_figure,
    interval_figure,
    note,
    slice_panels,
    slice_table,
)
from tastemap.reports.markup import Child, Markup, block, tag
from tastemap.reports.page import page, table_block
from tastemap.reports.sections import Section, definitions, section
from tastemap.reports.verdict import headline_metrics, metrics_of, ranked, verdict
from tastemap.reports.wording import listed, relevance_sentence, split_sentence, wording

_FAMILIES = {
    "rating": ("ratings", "Predicted ratings", "How close the predicted ratings come to those people gave."),
    "ranking": ("lists", "Ranked lists", "How well the lists meet what people went on to like."),
    "other": ("other", "Other figures", "Figures that this page has no words for."),
}


@dataclass(frozen=True)
class ExampleList:
    """One list to show in a report.

    Parameters
    ----------
    title : str
        Whose list it is and which model made it, such as "als for user 42".
    history : tuple of str
        Some of what the user rated, as text.
    items : tuple of (str, str)
        Each listed item with its reason, as text; the reason may be empty.
    """

    title: str
    history: tuple[str, ...]
    items: tuple[tuple[str, str], ...]


def evaluation_report(
    record: EvaluationRecord, *, examples: Sequence[ExampleList] = (), command: str | None = None
) -> str:
    """An evaluation as one HTML page.

    *Stability: caller-stable.* The page is a single file: it loads nothing, and its charts are there
    without scripts too. The same record gives the same bytes with the same releases of Tastemap, Altair
    and vl-convert and the same fonts.

    Parameters
    ----------
    record : EvaluationRecord
    examples : sequence of ExampleList
        Lists to show beside the figures.
    command : str or None
        What to type to repeat the evaluation; a record alone does not hold all of it.

    Returns
    -------
    str
        HTML, about 1.3 MB, of which Vega is 0.9 MB. How long a model took to fit is left out: it would
        differ from run to run.

    Raises
    ------
    MissingExtraError
        When this module is imported without the extra ``explore``.
    """
    check_type("record", record, EvaluationRecord, "an EvaluationRecord", "tastemap.evaluate makes one")
    sections = [
        *_results(record),
        _slices(record),
        _beyond(record),
        _examples(examples),
        reading(record),
        settings(record),
        repeating(record, command),
    ]
    shown = [part for part in sections if part is not None]
    main = tag("main", _facts(record), _verdict(record), [part.markup for part in shown], id="content")
    return page(f"{record.title}: evaluation", _header(record, shown), main)


def evaluation_sections(record: EvaluationRecord) -> list[Section]:
    """The parts of :func:`evaluation_report` that hold figures, and how to read them, for another page."""
    parts = [*_results(record), _slices(record), _beyond(record), reading(record)]
    return [part for part in parts if part is not None]


def write_report(
    record: EvaluationRecord,
    path: str | os.PathLike[str],
    *,
    examples: Sequence[ExampleList] = (),
    command: str | None = None,
) -> Path:
    """Write :func:`evaluation_report` to a file, whole or not at all.

    *Stability: caller-stable.*

    Raises
    ------
    InvalidValueError
        If `path` is a folder.
    TastemapError
        If it cannot be written.
    """
    return write_page(evaluation_report(record, examples=examples, command=command), path)


def _header(record: EvaluationRecord, sections: Sequence[Section]) -> Markup:
    counts = record.counts
    share = counts.n_test / max(counts.n_train + counts.n_test, 1)
    links = [tag("li", tag("a", part.title, href=f"#{part.name}")) for part in sections]
    return block(
        "header",
        tag("p", "Evaluation report", class_="eyebrow"),
        tag("h1", record.title),
        tag("p", f"{_line_up(record)} {split_sentence(record.protocol, share)}", class_="lede"),
        tag("p", relevance_sentence(record)) if _has_lists(record) else None,
        tag("nav", tag("ul", links), aria_label="Parts of this page"),
    )


def _line_up(record: EvaluationRecord) -> str:
    """Which models were measured against which baselines, as a sentence."""
    models = [row.model for row in record.models if not row.is_baseline]
    baselines = [row.model for row in record.models if row.is_baseline]
    kind = "baseline" if len(baselines) == 1 else "baselines"
    if models and baselines:
        return f"Measured: {listed(models)}, against the {kind} {listed(baselines)}."
    if models or baselines:
        return f"Measured: {listed(models)}." if models else f"Measured: the {kind} {listed(baselines)}."
    return "No model was measured."


def _facts(record: EvaluationRecord) -> Markup:
    counts = record.counts
    over = " over all folds" if record.protocol.n_folds > 1 else ""
    facts = [
        (f"training rows{over}", counts.n_train),
        (f"test rows{over}", counts.n_test),
        (f"tested users{over}", counts.n_users),
        ("users unknown to training", counts.n_unknown_users),
        ("items unknown to training", counts.n_unknown_items),
        ("test rows with an unknown side", counts.n_rows_unknown),
    ]
    if _has_lists(record):
        facts.append(("users without a relevant row, left out of lists", counts.n_users_without_relevant))
    return block(
        "dl", [tag("div", tag("dt", name), tag("dd", f"{value:,}")) for name, value in facts], class_="facts"
    )


def _verdict(record: EvaluationRecord) -> Markup:
    said = [verdict(record, metric) for metric in headline_metrics(record)]
    sentences = [text for text in said if text] or ["The record holds no figures."]
    return block(
        "div", tag("h2", "Verdict"), [tag("p", _unbroken(text)) for text in sentences], class_="verdict"
    )


def _unbroken(sentence: str) -> list[Child]:
    """The sentence with its intervals kept from breaking at the end of a line."""
    parts = re.split(r"(\([^()]*\d[^()]*\))", sentence)
    return [tag("span", part, class_="unbroken") if at % 2 else part for at, part in enumerate(parts)]


def _results(record: EvaluationRecord) -> list[Section | None]:
    return [_family(record, family) for family in _FAMILIES]


def _family(record: EvaluationRecord, family: str) -> Section | None:
    """Chart, table, differences and folds of the metrics of one family."""
    metrics = [metric for metric in metrics_of(record.models) if wording(metric).family == family]
    metrics = [metric for metric in metrics if ranked(record, metric)]
    if not metrics:
        return None
    headline = next((metric for metric in headline_metrics(record) if metric in metrics), metrics[0])
    metrics = [headline, *(metric for metric in metrics if metric != headline)]
    name, title, lede = _FAMILIES[family]
    differences = difference_figures(record, headline)
    folds = fold_figure(record, headline)
    return section(
        name,
        title,
        tag("p", lede),
        interval_figure(record, headline),
        figures_table(record, metrics, f"{title} with 95\u202f% intervals; the best of a column is bold"),
        [tag("h3", "Is the difference more than chance?"), differences] if differences else None,
        [tag("h3", "Fold by fold"), folds] if folds else None,
    )


def _slices(record: EvaluationRecord) -> Section | None:
    """Small multiples for each way of slicing: headline metrics, or another one of lists where NDCG is not."""
    parts: list[Child] = []
    tables: list[Child] = []
    for by in dict.fromkeys(part.by for part in record.slices):
        group = [part for part in record.slices if part.by == by]
        named = dict.fromkeys(metric for part in group for row in part.figures.values() for metric in row)
        measured = [metric for metric in metrics_of(record.models) if metric in named]
        chosen = [metric for metric in headline_metrics(record) if metric in measured]
        if all(wording(metric).family != "ranking" for metric in chosen):
            chosen += [metric for metric in measured if wording(metric).family == "ranking"][:1]
        for metric in chosen or list(named)[:1]:
            heading = f"{wording(metric).label} by {by}"
            parts += [tag("h3", heading, note(metric)), slice_panels(record, group, metric)]
        tables += [slice_table(record, group, metric) for metric in named]
    if not parts:
        return None
    return section(
        "slices",
        "For whom, and on what",
        tag("p", "The same figures for parts of the data. All panels of a row share one axis."),
        parts,
        tag("details", tag("summary", "All parts as tables"), tables),
    )


def _beyond(record: EvaluationRecord) -> Section | None:
    metrics = [metric for metric in metrics_of(record.models) if wording(metric).family == "catalog"]
    if not metrics:
        return None
    words = [(wording(metric).label, wording(metric).sentence) for metric in metrics]
    return section(
        "beyond",
        "Beyond accuracy",
        tag("p", "What the lists do to the catalog, apart from being right."),
        figures_table(record, metrics, "Coverage, novelty and evenness of the lists"),
        definitions(words),
    )


def _examples(examples: Sequence[ExampleList]) -> Section | None:
    if not examples:
        return None
    parts: list[Child] = []
    for example in examples:
        rows = [
            [tag("th", f"{rank}. {item}", scope="row"), tag("td", reason or "–", class_="text")]
            for rank, (item, reason) in enumerate(example.items, start=1)
        ]
        parts.append(tag("h3", example.title))
        if example.history:
            parts.append(tag("p", f"From: {'; '.join(example.history)}.", class_="note"))
        head = ["Item", tag("th", "Reason", scope="col", class_="text")]
        parts.append(table_block("Items in the order of the list", head, rows, example.title))
    return section("examples", "Example lists", parts)


def _has_lists(record: EvaluationRecord) -> bool:
    return any(wording(metric).family in ("ranking", "catalog") for metric in metrics_of(record.models))
