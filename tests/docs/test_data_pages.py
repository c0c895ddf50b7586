"""The pages on splits and on the data check name everything there is, as it is."""

from __future__ import annotations

import re
from pathlib import Path

from tastemap.data.data_fix import REMOVING_KINDS
from tastemap.data.findings import KINDS
from tastemap.data.rating_scale import USUAL_SCALES
from tastemap.data.splits import SPLIT_KINDS

DOCS = Path(__file__).parents[2] / "docs"
CHECK = (DOCS / "data-check.md").read_text(encoding="utf-8")
SPLITS = (DOCS / "splits.md").read_text(encoding="utf-8")


def test_every_finding_stands_in_the_table_with_its_severity_and_repair() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| .+ \| ([^|]+) \|$", CHECK, re.MULTILINE)
    stated = [(kind, severity, fixed.strip() != "no") for kind, severity, fixed in rows]
    assert stated == [(kind, known.severity, known.fixable) for kind, known in KINDS.items()]


def test_the_order_of_removal_is_the_one_stated() -> None:
    stated = CHECK.split("the first in this order:")[1].split(".")[0]
    assert tuple(re.findall(r"`(\w+)`", stated)) == REMOVING_KINDS


def test_every_usual_scale_is_stated() -> None:
    stated = CHECK.split("usual scale (")[1].split(")")[0]
    assert re.findall(r"([\d.]+)–([\d.]+)", stated) == [(f"{low:g}", f"{high:g}") for low, high in USUAL_SCALES]


def test_every_kind_of_split_has_its_row() -> None:
    assert tuple(re.findall(r"^\| `([\w:-]+)` \|", SPLITS, re.MULTILINE)) == SPLIT_KINDS
