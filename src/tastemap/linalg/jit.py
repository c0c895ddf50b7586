"""The one way in which Tastemap compiles a kernel."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeVar, cast

from numba import njit
from numba.core import event

from tastemap.progress import Progress

if "scipy.linalg" not in sys.modules:
    # When Numba loads its array functions it imports SciPy's BLAS, half a second of every command, for
    # np.dot inside kernels, which ours do not use. It takes an ImportError to mean that there is no BLAS.
    sys.modules["scipy.linalg"] = None  # type: ignore[assignment]
    try:
        import_module("numba.np.arraymath")
    finally:
        del sys.modules["scipy.linalg"]

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile `function` with Numba: without the interpreter lock, kept on disk after the first use.

    Sums keep the order they are written in (no ``fastmath``), so results are the same bits at any
    thread count. The cache stands beside the module, or in the user's cache folder where the
    package is read-only.
    """
    return cast(F, njit(cache=True, nogil=True)(function))


def fast_kernel(function: F) -> F:
    """Like :func:`kernel`, but sums may be reordered to use the processor's vector units.

    The order is fixed when the code is compiled, so results still do not depend on threads.
    """
    return cast(F, njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})(function))


class _FirstCompile(event.Listener):
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._told = False

    def on_start(self, event: Any) -> None:
        if not self._told:
            self._told = True
            self._progress.note("Compiling numeric kernels; this happens once, they are cached for later runs.")

    def on_end(self, event: Any) -> None:
        """Nothing to say when a kernel is ready."""


@contextmanager
def announce_compilation(progress: Progress) -> Iterator[None]:
    """Within this block, the first kernel that is really compiled (not read from disk) is announced."""
    with event.install_listener("numba:compile", _FirstCompile(progress)):
        yield
