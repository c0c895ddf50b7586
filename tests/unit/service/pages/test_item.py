from __future__ import annotations

from tastemap.service.pages.item import _with_caution


def test_a_bias_that_rests_on_few_ratings_says_so() -> None:
    assert _with_caution("Liked less.", 1) == "Liked less. This rests on 1 rating and may be chance."
    assert _with_caution("Liked less.", 9) == "Liked less. This rests on 9 ratings and may be chance."
    assert _with_caution("Liked less.", 10) == "Liked less."
    assert _with_caution(None, 1) is None
