"""Near matches among many names."""

from __future__ import annotations

import numpy as np
import polars as pl

from tastemap.errors import did_you_mean

COMPARED = 200
"""Names compared letter by letter, 0.1 ms each; where there are more, these share the most with the name."""


def did_you_mean_among(name: object, names: pl.Series) -> str:
    """:func:`tastemap.errors.did_you_mean` over a text column of any length: a shortlist is compared.

    A name stands on it for the runs of three characters it shares with `name`, in proportion to its length.
    """
    if len(names) <= COMPARED:
        return did_you_mean(name, names)
    text = str(name).lower()
    runs = list({text[start : start + 3] for start in range(max(1, len(text) - 2))})
    folded = names.str.to_lowercase()
    shared = folded.str.extract_many(runs, overlapping=True).list.n_unique()
    share = (shared / (folded.str.len_chars() + len(runs))).to_numpy()
    return did_you_mean(name, names.gather(np.argsort(-share, kind="stable")[:COMPARED]))
