"""Charts of what is served: drawn once for each version, by a process beside the requests, and kept.

Nobody waits for them: a page says that they are being drawn, and its script puts them in place.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import subprocess
import sys
import weakref
from collections import OrderedDict
from collections.abc import Collection
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Thread

import orjson
from fastapi import Request

from tastemap.service.answers.report import MOST_COMPARISONS, Compared, compared_of
from tastemap.service.live.serving import Serving
from tastemap.service.pages.drawn import Drawn

LOG = logging.getLogger("tastemap.service")
SOON = Drawn(is_soon=True)
TROUBLE = "The charts could not be drawn; the tables have their figures."


@dataclass
class _Come:
    """What has come from a process; its thread alone changes it, but for whether it is wanted."""

    parts: dict[str, Drawn] = field(default_factory=dict)
    missing: str | None = None
    script: Future[bytes | None] = field(default_factory=Future)
    is_wanted: bool = True


class Drawing:
    """Charts as far as a process has drawn them.

    The process ends with this object, at the latest with the interpreter.

    Parameters
    ----------
    arguments : list of str
        Of :mod:`tastemap.service.pages.draw`.
    erased : collection of str
        Users whose rows are not drawn; arguments would tell their ids to everybody on this machine.
    """

    def __init__(self, arguments: list[str], erased: Collection[str] = ()) -> None:
        self._come = _Come()
        command = [sys.executable, "-m", "tastemap.service.pages.draw", *arguments]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.stop = weakref.finalize(self, _end, process, self._come)
        self.thread = Thread(
            target=_take_all, args=(process, sorted(erased), self._come), name="charts", daemon=True
        )
        self.thread.start()

    def part(self, page: str) -> Drawn:
        """The charts of a page; or that they come soon, or why there are none."""
        missing = self._come.missing  # before the parts: what came last came before the end
        if page in self._come.parts:
            return self._come.parts[page]
        return Drawn(missing=missing) if missing is not None else SOON

    async def script(self) -> bytes | None:
        """Vega as one script, once it is there; None where there is none."""
        return await asyncio.shield(asyncio.wrap_future(self._come.script))


def _end(process: subprocess.Popen[bytes], come: _Come) -> None:
    """Nobody waits for what a process draws any more."""
    come.is_wanted = False
    process.kill()


def _take_all(process: subprocess.Popen[bytes], erased: list[str], come: _Come) -> None:
    """Tell a process whom to leave out, and read what it draws, until it ends."""
    assert process.stdin is not None, "a pipe was asked for"
    assert process.stdout is not None, "a pipe was asked for"
    missing = TROUBLE
    with contextlib.suppress(OSError), process.stdin:  # it may have ended before it was told
        process.stdin.write(orjson.dumps(erased))
    with process.stdout as lines:
        for line in lines:
            if not line.endswith(b"\n"):  # it was ended while it wrote
                break
            found = orjson.loads(line)
            if "page" in found:
                come.parts[found["page"]] = Drawn(**found["drawn"])
            elif "script" in found:
                come.script.set_result(found["script"].encode())
            else:
                missing = found["missing"]
    status = process.wait()
    if status != 0 and come.is_wanted:
        LOG.warning("charts could not be drawn: their process ended with status %d", status)
    come.missing = missing
    if not come.script.done():
        come.script.set_result(None)


class Drawings:
    """The charts of the version that is served, and of its latest comparisons; earlier ones are let go."""

    def __init__(self) -> None:
        self._own_of: tuple[str, frozenset[str]] | None = None
        self._own: Drawing | None = None
        self._compared: OrderedDict[Compared, Drawing] = OrderedDict()

    def of(self, serving: Serving) -> Drawing:
        """The charts of a version without the erased; the first who asks has them begun."""
        wanted = serving.digest, serving.erased
        if self._own is None or self._own_of != wanted:
            if self._own is not None:
                self._own.stop()
            self._own_of, self._own = wanted, Drawing(_arguments(serving), serving.erased)
        return self._own

    def compared(self, serving: Serving, against: int) -> Drawing:
        """The charts of a version held against another one, by its number.

        Raises
        ------
        InvalidValueError
            If there is no such other version.
        """
        pair = compared_of(serving, against)
        if pair not in self._compared:
            self._compared[pair] = Drawing([*_arguments(serving), str(against)], serving.erased)
            if len(self._compared) > MOST_COMPARISONS:
                self._compared.popitem(last=False)[1].stop()
        return self._compared[pair]


def _arguments(serving: Serving) -> list[str]:
    return [str(serving.folder), str(serving.version), serving.digest]


def drawing_of(request: Request, serving: Serving) -> Drawing:
    """The charts of what is served, as far as they are drawn."""
    return _drawings(request).of(serving)


def comparison_of(request: Request, serving: Serving, against: int) -> Drawing:
    """The charts of a comparison, as far as they are drawn; raises as :meth:`Drawings.compared`."""
    return _drawings(request).compared(serving, against)


def _drawings(request: Request) -> Drawings:
    state = request.app.state
    if not hasattr(state, "drawings"):
        state.drawings = Drawings()
    drawings: Drawings = state.drawings
    return drawings
