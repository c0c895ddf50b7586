"""The shell of a page: one file that loads nothing, runs only its own scripts, and reads well without them."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources

from tastemap.charts import Chart, javascript_bundle, page_spec, svg
from tastemap.reports.markup import Child, Markup, block, render, tag

# Scripts by the class of what they draw. They use the functions of report.js.
_SCRIPTS = {"plot": "plot.js", "finder": "neighbors.js"}


def page(title: str, *body: Child) -> str:
    """A whole HTML document around `body`.

    The content security policy allows the page's own style and scripts, by their hashes, and nothing
    else: no network, no eval, no script in a name that came with the data.
    """
    content = render(body)
    style = asset("colors.css") + asset("charts.css") + asset("report.css")
    scripts = (
        [javascript_bundle(), _classic("marks.js"), asset("report.js")] if 'class="chart"' in content else []
    )
    scripts += [asset(name) for mark, name in _SCRIPTS.items() if f'class="{mark}"' in content]
    head = block(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(style, scripts)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        block("title", title),
        block("style", Markup(style)),
    )
    tail = [block("script", Markup(script)) for script in scripts]
    page_body = block("body", tag("a", "Skip to the content", href="#content", class_="skip"), content, tail)
    return "<!doctype html>\n" + tag("html", head, page_body, lang="en") + "\n"


def chart_block(chart: Chart, name: str, described: str, *, role: str = "img") -> Markup:
    """A chart, drawn already, with its specification for the page's script; `described` is read for it.

    Its role is ``group`` where it has controls, which would be hidden inside of an image.
    """
    # The holder says what the drawing shows: its single marks have no names to be read.
    drawing = Markup(svg(chart).replace("<svg ", '<svg aria-hidden="true" ', 1))
    holder = tag("div", drawing, class_="chart", role=role, aria_label=described, data_spec=f"spec-{name}")
    return Markup(holder + spec_block(chart, name))


def spec_block(chart: Chart, name: str) -> Markup:
    """The specification of a chart, where the page's script finds it by `name`."""
    return data_block(page_spec(chart), f"spec-{name}")


def data_block(data: Mapping[str, object], name: str) -> Markup:
    """Data for the page's script, in an element of this name that is never run or shown."""
    # "<" cannot end the element when it is written as its escape, which JSON readers undo.
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return block("script", Markup(text), type="application/json", id=name)


def table_block(caption: Child, head: Sequence[Child], rows: Sequence[Sequence[Markup]], label: str) -> Markup:
    """A table that scrolls sideways by itself on a narrow screen; the first cell of a row is its heading."""
    header = tag("tr", [cell if isinstance(cell, Markup) else tag("th", cell, scope="col") for cell in head])
    body = [block("tr", row) for row in rows]
    table = tag("table", tag("caption", tag("span", caption)), tag("thead", header), tag("tbody", body))
    return block("div", table, class_="scroll", role="region", aria_label=label, tabindex="0")


def _policy(style: str, scripts: Sequence[str]) -> str:
    allowed = " ".join(_hash(script) for script in scripts) or "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@functools.cache
def asset(name: str) -> str:
    """A script or a style of the pages, by its name."""
    return resources.files("tastemap.reports").joinpath("assets", name).read_text(encoding="utf-8")


def _classic(name: str) -> str:
    """A module as a script without modules: what it exports is there for the scripts after it."""
    return re.sub(r"^export (?=const |function )", "", asset(name), flags=re.MULTILINE)


def slug(text: str) -> str:
    """A name for an element: letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")
