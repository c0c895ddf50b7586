"""Pages about the service, done as a reader does them: in a shell and in Python, with a real server."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.surfaces.service.running import started

SAID = "http://127.0.0.1:8000"
"""Where the service of the pages is; that of the tests has a port of its own."""
VARYING = frozenset({"saved", "age_s"})
"""Fields of an answer that are of the clock."""

_PART = re.compile(
    r"^#+ (?P<heading>[^\n]*)\n"
    r"|^```(?P<kind>\w*)\n(?P<code>.*?)^```\n(?:\n```(?:json|text)\n(?P<shown>.*?)^```\n)?",
    re.DOTALL | re.MULTILINE,
)

Asked = tuple[str, str]
"""Method and path of a request."""


@dataclass(frozen=True)
class Step:
    """A block of a page, what is shown below it, and the heading that it stands under."""

    kind: str
    code: str
    shown: str
    heading: str


def steps_of(page: str) -> list[Step]:
    """The blocks of a page that a reader runs, in order."""
    steps, heading = [], ""
    for part in _PART.finditer(page):
        if part["kind"] in ("sh", "python"):
            steps.append(Step(part["kind"], part["code"], part["shown"] or "", heading))
        elif part["heading"]:
            heading = part["heading"]
    return steps


@dataclass
class Outcome:
    """What came of a step: what it printed and asked, or why it failed."""

    printed: str = ""
    asked: Sequence[Asked] = ()
    failure: BaseException | None = None


class Reader:
    """Somebody who does what pages say, in a folder, with a service that ends with :meth:`close`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._url = SAID
        self._server: subprocess.Popen[str] | None = None
        self._names: dict[str, Any] = {}
        self._asked: list[Asked] = []
        self._patch = pytest.MonkeyPatch()
        self._opened = urllib.request.urlopen
        self._patch.setattr(urllib.request, "urlopen", self._watched)
        # The commands of pages are those of this Python, whose folder a run need not have in its path.
        self._patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)

    def close(self) -> None:
        """End the service in good order."""
        self._patch.undo()
        if self._server is not None:
            self._server.send_signal(signal.SIGTERM)
            self._server.wait(30)
            assert self._server.stdout is not None
            self._server.stdout.close()

    def does(self, step: Step) -> Outcome:
        """Run a block."""
        self._asked = []
        try:
            printed = self._python(step.code) if step.kind == "python" else self._shell(step.code)
        except BaseException as failure:
            return Outcome(failure=failure)
        return Outcome(printed, self._asked)

    def _python(self, code: str) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), _within(120):
            exec(compile(code.replace(SAID, self._url), "<page>", "exec"), self._names)
        return printed.getvalue()

    def _shell(self, code: str) -> str:
        if "tastemap serve" in code:
            return self._starts(code)
        after = self._folder / "environment"
        script = f"set -e\n{code.replace(SAID, self._url)}\nenv -0 > {shlex.quote(str(after))}\n"
        done = subprocess.run(
            ["bash", "-c", script], cwd=self._folder, capture_output=True, encoding="utf-8", timeout=300
        )
        assert done.returncode == 0, done.stderr
        exported = dict(line.split("=", 1) for line in after.read_text(encoding="utf-8").split("\0") if line)
        for name in re.findall(r"^export (\w+)=", code, re.MULTILINE):
            self._patch.setenv(name, exported[name])
        if "tastemap keys add" in code:
            self._wait_for_keys()
        self._asked += curls_in(code)
        return done.stdout

    def _wait_for_keys(self) -> None:
        """Until the service asks for keys: within a second, says the guide."""
        late = time.monotonic() + 10.0
        while time.monotonic() < late:
            try:
                with self._opened(f"{self._url}/v1/model"):
                    time.sleep(0.1)
            except urllib.error.HTTPError as error:
                if error.code != 401:
                    raise
                return
        raise AssertionError("the service goes on to answer without a key")

    def _starts(self, code: str) -> str:
        """Install nothing, do what is to be done before, and serve."""
        for line in code.splitlines():
            words = shlex.split(line)
            if words[:2] == ["tastemap", "serve"]:
                self._server, self._url = started(self._folder / words[2], self._folder, *words[3:])
            elif words[0] == "tastemap":
                subprocess.run(words, cwd=self._folder, check=True, capture_output=True)
        return ""

    def _watched(self, request: Any, *rest: Any, **more: Any) -> Any:
        if isinstance(request, urllib.request.Request):
            self._asked.append((request.get_method(), urlsplit(request.full_url).path))
        return self._opened(request, *rest, **more)


@contextlib.contextmanager
def _within(seconds: int) -> Iterator[None]:
    """Fail if a block waits for what does not come."""

    def late(*_: object) -> None:
        raise AssertionError(f"the block did not end within {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def curls_in(code: str) -> list[Asked]:
    """What the curl commands of a block ask."""
    found = []
    for line in code.replace("\\\n", " ").split("\ncurl "):
        words = shlex.split(line)
        urls = [word for word in words if word.startswith(SAID)]
        if urls:
            method = words[words.index("-X") + 1] if "-X" in words else "POST" if "-d" in words else "GET"
            found.append((method, urlsplit(urls[0]).path))
    return found


def documents(printed: str) -> Iterator[Any]:
    """The JSON answers that a block printed, one after the other; none if it printed text."""
    decoder, rest = json.JSONDecoder(), printed.strip()
    while rest.startswith("{"):
        found, end = decoder.raw_decode(rest)
        yield found
        rest = rest[end:].lstrip()


def differences(shown: str, found: Any) -> list[str]:
    """Where an answer is another one than the JSON that a page shows.

    Lists may be cut after their first entries, and texts where they end in ``…``. Decimals may differ by one in
    the last digit that is shown.
    """
    return list(_differing(json.loads(shown, parse_float=Decimal), found, "answer"))


def _differing(shown: Any, found: Any, place: str) -> Iterator[str]:
    if isinstance(shown, Mapping) and isinstance(found, Mapping):
        if set(shown) != set(found):
            yield f"{place} has {sorted(found)}, shown are {sorted(shown)}"
        for name in set(shown) & set(found):
            yield from _differing(shown[name], found[name], f"{place}.{name}")
    elif isinstance(shown, list) and isinstance(found, list):
        if bool(shown) != bool(found) or len(shown) > len(found):
            yield f"{place} has {len(found)} entries, shown are {len(shown)}"
        for number, pair in enumerate(zip(shown, found, strict=False)):
            yield from _differing(*pair, f"{place}[{number}]")
    elif not _is_shown(shown, found, place.rpartition(".")[2]):
        yield f"{place} is {found!r}, shown is {shown!r}"


def _is_shown(shown: Any, found: Any, name: str) -> bool:
    if isinstance(shown, Decimal) and isinstance(found, float):
        exponent = int(shown.as_tuple().exponent)
        return name in VARYING or abs(float(shown) - found) < 1.5 * 10.0**exponent
    if isinstance(shown, str) and isinstance(found, str) and shown.endswith("…"):
        return found.startswith(shown[:-1])
    return type(shown) is type(found) and bool(shown == found)
