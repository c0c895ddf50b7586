"""How a page writes metrics, numbers and the protocol, in plain words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tastemap import plurals
from tastemap.evaluation.names import METRICS
from tastemap.evaluation.records import Difference, Estimate, EvaluationRecord, Protocol

MINUS = "−"
THIN = "\u202f"  # a narrow space that does not break


@dataclass(frozen=True)
class Wording:
    """What a reader must know of a metric: label, family, which direction is better, one sentence."""

    label: str
    family: str
    better: str
    sentence: str
    decimals: int = 3

    @property
    def lower_is_better(self) -> bool:
        """Whether the smaller figure is the better one."""
        return self.better == "lower"


# label, sentence, decimals; direction and family are those of the evaluation
_WORDS: dict[str, tuple[str, str, int]] = {
    "rmse": ("RMSE", "The typical error of a predicted rating, in rating points; large errors weigh more.", 3),
    "rmse_known": ("RMSE, known only", "The same over the rows whose user and item both occur in training.", 3),
    "mae": ("MAE", "The mean size of the error of a predicted rating, in rating points.", 3),
    "ndcg": ("NDCG", "How much of what is relevant the list holds, with more weight on its first places.", 3),
    "recall": ("Recall", "The share of a user's relevant items that the list holds.", 3),
    "precision": ("Precision", "The share of the list's places that hold a relevant item.", 3),
    "map": ("MAP", "The precision down to each relevant item of the list, averaged.", 3),
    "mrr": ("MRR", "One divided by the place of the first relevant item.", 3),
    "hit_rate": ("Hit rate", "The share of users whose list holds a relevant item.", 3),
    "coverage": ("Coverage", "The share of the catalog that is shown to anyone.", 3),
    "novelty": (
        "Novelty",
        "How rare the shown items are, in bits: one bit more means half as many users have them.",
        2,
    ),
    "gini": ("Gini", "How unevenly items are shown: 0 shows all alike, 1 gives every place to one item.", 3),
}


def wording(metric: str) -> Wording:
    """The wording of ``ndcg@10`` and the like; an unknown metric keeps its name and stands among "other"."""
    stem, at, k = metric.partition("@")
    known = METRICS.get(stem)
    if known is None:
        return Wording(metric, "other", "higher", "")
    label, sentence, decimals = _WORDS.get(stem, (stem, known.summary, 3))
    return Wording(f"{label}{at}{k}", known.family, known.better, sentence, decimals)


def number(value: float, decimals: int = 3, *, sign: bool = False) -> str:
    """A figure with a true minus; a dash where there is none.

    >>> number(-0.0312), number(0.5, 2, sign=True), number(float("nan"))
    ('−0.031', '+0.50', '–')
    """
    if not math.isfinite(value):
        return "–"
    text = f"{value:{'+' if sign else ''}.{decimals}f}"
    if float(text) == 0.0:  # no minus zero, no plus zero
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def count(value: int) -> str:
    """A whole number, its thousands set apart: 80 000 with narrow spaces."""
    return f"{value:,}".replace(",", THIN)


def interval(low: float | None, high: float | None, decimals: int = 3, *, sign: bool = False) -> str:
    """An interval: ``0.905–0.920``, or ``−0.04 to +0.01`` where signs would hide the dash."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return "no interval"
    join = " to " if sign or low < 0 else "–"
    return f"{number(low, decimals, sign=sign)}{join}{number(high, decimals, sign=sign)}"


def estimate(metric: str, found: Estimate) -> str:
    """A figure with its interval, if it has one: ``0.912 (0.905–0.920)``."""
    decimals = wording(metric).decimals
    if found.low is None:
        return number(found.value, decimals)
    return f"{number(found.value, decimals)} ({interval(found.low, found.high, decimals)})"


def difference(found: Difference) -> str:
    """A paired difference with its interval, signed, with one decimal more than the figures."""
    decimals = wording(found.metric).decimals + 1
    spread = interval(found.low, found.high, decimals, sign=True)
    return f"{number(found.value, decimals, sign=True)} ({spread})"


def listed(names: Sequence[str]) -> str:
    """Names as a sentence lists them: a, b and c."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def plural(n: int, one: str, many: str | None = None) -> str:
    """A count with its noun: 1 user, 80 000 users with a narrow space."""
    return plurals.plural(n, one, many).replace(",", THIN)


def split_sentence(protocol: Protocol, share: float) -> str:
    """How the test rows were chosen; `share` is the tested share of all rows."""
    percent = f"{100 * share:.0f}{THIN}%"
    kind, _, which = protocol.split.partition(":")
    sentences = {
        "random": f"A random {percent} of the interactions were hidden from the models, to test them on.",
        "folds": f"The interactions were dealt into {protocol.n_folds} parts. Each part was hidden from the "
        "models once, to test them on; figures are means over the parts.",
        "fold": f"Part {which} of the data's folds was hidden from the models, to test them on.",
        "leave-last": "Each user's last interaction was hidden from the models, to test them on.",
        "temporal": f"The models learned from the past, to be tested on the latest {percent} of interactions.",
        "users": "Some users were hidden from the models altogether, then met with one part of their history "
        "and tested on the rest.",
        "test": "Models fitted earlier were tested on interactions given separately.",
    }
    return sentences.get(kind, f"The test rows were chosen by the split “{protocol.split}”.")


def relevance_sentence(record: EvaluationRecord) -> str:
    """What counted as relevant in a list, and what the lists left out."""
    protocol = record.protocol
    what = (
        "every tested interaction counts as relevant"
        if protocol.relevant_min is None
        else f"a tested item counts as relevant if rated {protocol.relevant_min:g} or more"
    )
    masked = ""
    if protocol.also_given is not None:
        given = plural(protocol.also_given, "pair")
        masked = f" Of {given} to be masked too, as asked, {count(protocol.also_masked)} were."
    return (
        f"Lists hold {protocol.k} items, picked from the whole catalog except what the user has in training; "
        f"{what}.{masked}"
    )
