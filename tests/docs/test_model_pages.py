"""The page of each model lists every option with the default that the code has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tastemap.models.dot import USUAL_PENALTY
from tastemap.training import MODELS

PAGES = Path(__file__).parents[2] / "docs" / "models"
PAGE_OF = {"bias": "baselines", "popularity": "baselines"}


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_option_stands_in_the_table_with_its_default(name: str) -> None:
    page = (PAGES / f"{PAGE_OF.get(name, name)}.md").read_text(encoding="utf-8")
    assert f"`{name}`" in page
    rows = re.findall(r"^\| (`[^|]+) \| ([^|]+) \|", page, re.MULTILINE)
    listed = {option: default for options, default in rows for option in re.findall(r"`(\w+)`", options)}
    fields = MODELS[name].config_class.model_fields
    for option, field in fields.items():
        default = list(field.default) if isinstance(field.default, tuple) else field.default
        written = "unset" if default is None else str(default).lower()
        assert listed.get(option) == written, f"{name}: {option}"
    if name not in PAGE_OF:
        assert set(listed) == set(fields)


def test_the_page_of_dot_names_the_usual_penalty() -> None:
    assert f"unset: {USUAL_PENALTY:g} / n" in (PAGES / "dot.md").read_text(encoding="utf-8")
