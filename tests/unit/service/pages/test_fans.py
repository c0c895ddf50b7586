from __future__ import annotations

from dataclasses import replace

import polars as pl

from tastemap.service.pages.fans import fans
from tastemap.training import fit
from tests.toys import planted


def test_parts_named_by_numbers_rise_by_number() -> None:
    data = planted(n_users=80, n_items=20)
    ages = pl.DataFrame(
        {"user_id": data.interactions.users.ids, "age": ["25-34", "9", "56+", "100", "18-24"] * 16}
    )
    recommender = fit(replace(data, user_features=ages), "bias", rng=0)
    (table,) = fans(recommender, 0)
    assert [row["label"] for row in table["rows"]] == ["9", "18-24", "25-34", "56+", "100"]
