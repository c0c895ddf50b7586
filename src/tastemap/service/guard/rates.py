"""How many requests a client may send: a token bucket for each key or address."""

from __future__ import annotations

MOST_CLIENTS = 10_000
"""Buckets kept; beyond it full ones are dropped, then the oldest."""


class Rates:
    """Token buckets of one size, made as clients appear.

    A bucket is kept as one number, the time at which it will be full again: taking a token moves it by
    1 / `rate`, and there is none to take if it would lie more than `burst` / `rate` ahead.

    Parameters
    ----------
    rate : float
        Tokens a second.
    burst : int
        Tokens of a full bucket.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._step = 1.0 / rate
        self._depth = burst / rate
        self._full_at: dict[str, float] = {}

    def wait(self, client: str, now: float) -> float:
        """Take a token; returns 0, or the seconds until there is one if there is none now.

        >>> rates = Rates(rate=2.0, burst=1)
        >>> rates.wait("a", 0.0), rates.wait("a", 0.0), rates.wait("a", 0.5)
        (0.0, 0.5, 0.0)
        """
        full_at = max(self._full_at.get(client, 0.0), now) + self._step
        if full_at - now > self._depth + 1e-9:
            return full_at - now - self._depth
        self._full_at[client] = full_at
        if len(self._full_at) > MOST_CLIENTS:
            self._drop(now)
        return 0.0

    def _drop(self, now: float) -> None:
        self._full_at = {client: full_at for client, full_at in self._full_at.items() if full_at > now}
        while len(self._full_at) > MOST_CLIENTS // 2:
            del self._full_at[next(iter(self._full_at))]
