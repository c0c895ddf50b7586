"""The end of an evaluation report: how to read it, every setting, and how to repeat it."""

from __future__ import annotations

import json

from tastemap.evaluation.records import EvaluationRecord
from tastemap.metrics.bootstrap import FEWEST_USERS
from tastemap.reports.markup import tag
from tastemap.reports.reproduce import command, version
from tastemap.reports.sections import Section, definitions, section
from tastemap.reports.verdict import metrics_of
from tastemap.reports.wording import count, plural, wording


def reading(record: EvaluationRecord) -> Section:
    """What intervals and differences mean, and each metric in a sentence."""
    draws = count(record.protocol.bootstrap_draws)
    metrics = [
        metric for metric in metrics_of(record.models) if wording(metric).family in ("rating", "ranking")
    ]
    words = [
        (
            "95\u202f% interval",
            f"The users were drawn anew {draws} times, with repetition, and the figure computed each time; the "
            "interval holds the middle 95\u202f% of the results. Other users like them would probably give "
            f"a figure inside it. Fewer than {FEWEST_USERS} users are too few for one.",
        ),
        (
            "Paired difference",
            "Two models are compared on the same users, so what makes a user easy or hard for both falls away. "
            "Intervals of two models may overlap and their difference still be clear: trust the difference.",
        ),
        ("Clear", "The interval of the difference leaves out zero. With many pairs, some are clear by chance."),
        ("Baseline", "A model that learns little: what it reaches, any other model should beat."),
        *((wording(metric).label, wording(metric).sentence) for metric in metrics if wording(metric).sentence),
    ]
    return section("reading", "How to read this page", definitions(words))


def settings(record: EvaluationRecord) -> Section:
    """The settings of each model, folded away."""
    parts = []
    for row in record.models:
        pairs = [
            (key, value if isinstance(value, str) else json.dumps(value)) for key, value in row.settings.items()
        ]
        body = [[tag("dt", key), tag("dd", text)] for key, text in sorted(pairs)]
        shown = (
            tag("dl", body, class_="plain") if body else tag("p", "This model has no settings.", class_="note")
        )
        parts.append(tag("details", tag("summary", f"{row.model} ({row.objective})"), shown))
    return section("settings", "Settings of the models", parts)


def repeating(record: EvaluationRecord) -> Section:
    """The command, what it depends on, and the notes of the record."""
    facts = [
        ("Tastemap", version()),
        ("Seed", str(record.protocol.seed)),
        ("Split", f"{record.protocol.split}, {plural(record.protocol.n_folds, 'fold')}"),
        ("Data", record.data),
        ("Fingerprint", record.fingerprint),
    ]
    notes = [tag("p", note) for note in record.notes]
    return section(
        "reproduce",
        "Repeat it",
        tag("pre", tag("code", command(record)), tabindex="0", aria_label="Command"),
        tag("dl", [[tag("dt", name), tag("dd", text)] for name, text in facts], class_="plain"),
        [tag("h3", "Notes"), notes] if notes else None,
    )
