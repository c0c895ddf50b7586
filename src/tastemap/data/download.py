"""One HTTP download, and short words for why one failed."""

from __future__ import annotations

import zipfile
from pathlib import Path

from tastemap.progress import Progress

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 60


class _Bar:
    """What pooch calls while it downloads, handed on to a :class:`Progress`."""

    def __init__(self, progress: Progress, task: str) -> None:
        self._progress, self._task = progress, task
        self.total: int | None = 0
        self._done = 0

    def update(self, n_bytes: int) -> None:
        """Count bytes that came."""
        self._done += n_bytes
        self._progress.step(self._task, self._done, int(self.total or self._done), {})

    def reset(self) -> None:
        """Pooch starts again at the end, to show a full bar."""
        self._done = 0

    def close(self) -> None:
        """Nothing to close."""


def download(url: str, path: Path, progress: Progress, *, task: str) -> None:
    """Download `url` into `path`; steps are bytes.

    Raises
    ------
    OSError
        Whatever the HTTP client raises; see :func:`why`.
    """
    import pooch  # here, because it loads an HTTP client

    bar = _Bar(progress, task)
    fetcher = pooch.HTTPDownloader(progressbar=bar, timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S))
    fetcher(url, str(path), None)


def why(error: Exception) -> str:
    """The reason of a failure in a few words."""
    kinds = [kind.__name__ for kind in type(error).__mro__]
    if isinstance(error, zipfile.BadZipFile):
        return "what came is not a zip file"
    if "HTTPError" in kinds:
        status = getattr(getattr(error, "response", None), "status_code", None)
        return f"it answered HTTP {status}" if status else "it answered with an HTTP error"
    if "ConnectTimeout" in kinds:
        return f"no connection within {CONNECT_TIMEOUT_S} s"
    if "NameResolutionError" in str(error) or "resolve" in str(error):
        return "no connection (its name could not be resolved)"
    if "ConnectionError" in kinds:
        return "no connection"
    if "Timeout" in kinds:
        return f"no data within {READ_TIMEOUT_S} s"
    if isinstance(error, KeyError):
        return f"a file is missing: {error.args[0] if error.args else error}"
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
