"""Elements of a page as functions; text is escaped unless it is already markup."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import TypeAlias

Child: TypeAlias = "str | Markup | Iterable[Child] | None"
_VOID = frozenset({"meta", "br", "hr", "img", "source"})


class Markup(str):
    """Text that is HTML. Everything else is a name or a sentence, and is escaped on its way into a page."""

    __slots__ = ()


def render(child: Child) -> Markup:
    """One piece of markup from nested children; None adds nothing."""
    if child is None:
        return Markup("")
    if isinstance(child, Markup):
        return child
    if isinstance(child, str):
        return Markup(html.escape(child))
    return Markup("".join(render(part) for part in child))


def tag(name: str, /, *children: Child, **attributes: str | None) -> Markup:
    """An element. ``class_`` stands for ``class``, ``_`` for ``-``; an attribute that is None is left out.

    >>> tag("p", "1 < 2 ", tag("b", "so"), class_="note")
    '<p class="note">1 &lt; 2 <b>so</b></p>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{render(children)}</{name}>")


def block(name: str, /, *children: Child, **attributes: str | None) -> Markup:
    """An element with a line of its own."""
    return Markup(tag(name, *children, **attributes) + "\n")
