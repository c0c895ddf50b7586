"""How the figures of a record came about, in sentences."""

from __future__ import annotations

from tastemap.evaluation.records import EvaluationRecord
from tastemap.metrics.bootstrap import FEWEST_USERS
from tastemap.plurals import plural


def describe(record: EvaluationRecord) -> list[str]:
    """The protocol, what was tested and what was left out; printed above every table."""
    protocol, counts = record.protocol, record.counts
    folds = f", {protocol.n_folds} folds" if protocol.n_folds > 1 else ""
    relevant = (
        "every test row"
        if protocol.relevant_min is None
        else f"test rows of at least {protocol.relevant_min:g}"
    )
    masked = ""
    if protocol.also_given is not None:
        masked = f"; of {plural(protocol.also_given, 'pair')} to be masked too, {protocol.also_masked:,} are"
        masked += " (summed over folds)" if folds else ""
    said = [
        f"{record.data}, split {protocol.split}{folds}, seed {protocol.seed}: {counts.n_train:,} training and "
        f"{plural(counts.n_test, 'test row')} of {plural(counts.n_users, 'test user')}"
        + (", summed over folds." if protocol.n_folds > 1 else "."),
        f"Relevant: {relevant}. All items are ranked, training rows masked{masked}. Test users without a "
        f"relevant row, left out of ranking figures: {counts.n_users_without_relevant:,}.",
    ]
    if counts.n_rows_unknown:
        said.append(
            f"Unknown to training: {plural(counts.n_unknown_users, 'user')} and "
            f"{plural(counts.n_unknown_items, 'item')}, in {plural(counts.n_rows_unknown, 'test row')}; an "
            "unknown side adds zero to a prediction, and an unknown item is never listed."
        )
    said.append(
        f"Intervals are 95 %, from {protocol.bootstrap_draws:,} bootstrap draws of users; figures of fewer "
        f"than {FEWEST_USERS} users have none."
    )
    return [*said, *record.notes]
