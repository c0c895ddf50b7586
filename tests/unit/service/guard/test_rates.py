from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tastemap.service.guard.rates import MOST_CLIENTS, Rates


@given(
    st.lists(st.floats(0, 2), min_size=1, max_size=60),
    st.floats(0.5, 20),
    st.integers(1, 8),
)
def test_a_bucket_lets_through_what_one_with_counted_tokens_would(
    gaps: list[float], rate: float, burst: int
) -> None:
    rates, tokens, now = Rates(rate, burst), float(burst), 0.0
    for gap in gaps:
        now += gap
        tokens = min(burst, tokens + rate * gap)
        if abs(tokens - 1) < 1e-6:
            return  # rounding decides
        waits = rates.wait("client", now)
        assert (waits == 0) == (tokens >= 1)
        if tokens >= 1:
            tokens -= 1
        else:
            assert waits == pytest.approx((1 - tokens) / rate, abs=1e-6)


def test_clients_do_not_share_a_bucket() -> None:
    rates = Rates(1.0, 1)
    assert [rates.wait(client, 0.0) for client in ("a", "b", "a")] == [0.0, 0.0, 1.0]


def test_many_clients_take_no_more_room_than_is_set_aside() -> None:
    rates = Rates(1.0, 1)
    for client in np.arange(3 * MOST_CLIENTS):
        rates.wait(str(client), 0.0)
    assert len(rates._full_at) <= MOST_CLIENTS
    assert rates.wait(str(3 * MOST_CLIENTS - 1), 0.0) > 0  # the latest ones are still known
