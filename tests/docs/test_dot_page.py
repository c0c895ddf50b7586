"""The page of ``dot`` lists every option with the default that the code has."""

from __future__ import annotations

import re
from pathlib import Path

from tastemap.models.dot import USUAL_PENALTY, DotConfig

PAGE = (Path(__file__).parents[2] / "docs" / "models" / "dot.md").read_text(encoding="utf-8")


def as_written(value: object) -> str:
    return "unset" if value is None else str(value).lower()


def test_every_option_stands_in_the_table_with_its_default() -> None:
    rows = re.findall(r"^\| (`[^|]+) \| ([^|]+) \|", PAGE, re.MULTILINE)
    listed = {name: default for names, default in rows for name in re.findall(r"`(\w+)`", names)}
    assert listed == {name: as_written(field.default) for name, field in DotConfig.model_fields.items()}


def test_the_page_names_the_usual_penalty() -> None:
    assert f"unset: {USUAL_PENALTY:g} / n" in PAGE
