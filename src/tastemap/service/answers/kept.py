"""What takes long to make: made once, however many ask at the same time, and let go with its version."""

from __future__ import annotations

from collections.abc import Callable, Hashable, MutableMapping
from concurrent.futures import Future
from functools import wraps
from threading import Lock
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from tastemap.service.live.serving import Serving

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """Values by key: the first who asks makes one in their own thread, the others wait for it.

    Parameters
    ----------
    made : mapping to Future
        Where values are kept, empty; a weak mapping lets them go with their keys.
    most : int, optional
        Of more, the oldest is let go. None keeps all.
    """

    def __init__(self, made: MutableMapping[K, Future[V]], most: int | None = None) -> None:
        self._made, self._most, self._lock = made, most, Lock()

    def of(self, key: K, make: Callable[[], V]) -> V:
        """The value of a key, made if need be; what `make` raises reaches all who wait and is not kept."""
        with self._lock:
            found = self._made.get(key)
            is_mine = found is None
            if found is None:
                found = self._made[key] = Future()
                if self._most is not None and len(self._made) > self._most:
                    del self._made[next(iter(self._made))]
        if is_mine:
            self._fulfill(key, found, make)
        return found.result()

    def _fulfill(self, key: K, promised: Future[V], make: Callable[[], V]) -> None:
        try:
            promised.set_result(make())
        except BaseException as error:  # those who wait must not wait forever
            with self._lock:
                if self._made.get(key) is promised:
                    del self._made[key]
            promised.set_exception(error)


def kept_by_version(make: Callable[[Serving], V]) -> Callable[[Serving], V]:
    """A function that works once for each version in memory; its values must not hold the version."""
    kept: Kept[Serving, V] = Kept(WeakKeyDictionary())

    @wraps(make)
    def once(serving: Serving) -> V:
        return kept.of(serving, lambda: make(serving))

    return once
