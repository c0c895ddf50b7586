"""The parts of a page: each has a heading, a name to link to, and its contents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tastemap.reports.markup import Child, Markup, block, tag


@dataclass(frozen=True)
class Section:
    """A part of a page: the name that links use, the title, and the whole as markup."""

    name: str
    title: str
    markup: Markup


def section(name: str, title: str, *children: Child) -> Section:
    """A section under its heading."""
    heading = tag("h2", title, id=f"{name}-title")
    return Section(name, title, block("section", heading, *children, id=name, aria_labelledby=f"{name}-title"))


def definitions(words: Sequence[tuple[str, str]]) -> Markup:
    """Terms with a sentence each."""
    return tag("dl", [[tag("dt", name), tag("dd", sentence)] for name, sentence in words], class_="words")
