"""The filter grammar: what it accepts, what it means, and where it points when it cannot read."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tastemap.errors import FilterError
from tastemap.inference.near import did_you_mean_among
from tastemap.inference.where import matching

CATALOG = pl.DataFrame(
    {
        "item_id": [1, 2, 3, 4, 5],
        "title": ["Alien (1979)", "Brazil (1985)", 'He said "No" (1990)', None, "Zulu's End (2001)"],
        "year": [1979, 1985, 1990, None, 2001],
        "genres": [["Horror", "Sci-Fi"], ["Sci-Fi"], ["Drama"], [], ["War", "Film Noir"]],
    }
)


def ids(expression: str) -> list[int]:
    return CATALOG.filter(pl.Series(matching(CATALOG, expression)[0]))["item_id"].to_list()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("year >= 1985", [2, 3, 5]),
        ("year = 1979", [1]),
        ("year != 1979", [2, 3, 5]),
        ("year < 1985 or year > 2000", [1, 5]),
        ("year in (1979, 2001)", [1, 5]),
        ("genre = Horror", [1]),
        ("genres = sci-fi", [1, 2]),
        ("genre != Sci-Fi", [3, 4, 5]),
        ('genre = "film noir"', [5]),
        ("genre in (Drama, War)", [3, 5]),
        ("genre ~ sci", [1, 2]),
        ("title ~ zil", [2]),
        ('title ~ "zulu\'s"', [5]),
        ("title ~ '\"No\"'", [3]),
        ("title = 'ALIEN (1979)'", [1]),
        ("year >= 1980 and genre = Sci-Fi", [2]),
        ("not genre = Sci-Fi and year > 0", [3, 5]),
        ("not (year = 1979 or year = 1985) and year > 0", [3, 5]),
        ("genre = Drama or genre = War and year > 2000", [3, 5]),
        ("item_id in (1)", [1]),
    ],
)
def test_an_expression_selects_the_items_it_describes(expression: str, expected: list[int]) -> None:
    assert ids(expression) == expected


@pytest.mark.parametrize(
    ("expression", "place", "said"),
    [
        ("", 1, "expected a column"),
        ("year", 5, "expected one of"),
        ("year >", 7, "expected a value"),
        ("year > > 3", 8, "expected a value"),
        ("year = abc", 8, "expected a number"),
        ("yaer = 3", 1, "Did you mean year"),
        ("(year = 3", 10, "expected `)`"),
        ("year = 3 genre = Drama", 10, "expected `and`, `or`"),
        ("year in 3", 9, "expected `(`"),
        ("year in (3; 4)", 10, "expected a number"),
        ('title ~ "open', 9, "quote"),
        ("genre < Drama", 7, "holds lists"),
        ("year ~ 19", 6, "holds numbers"),
        ("and", 1, "expected a column"),
    ],
)
def test_what_cannot_be_read_is_pointed_at(expression: str, place: int, said: str) -> None:
    with pytest.raises(FilterError) as caught:
        matching(CATALOG, expression)
    assert said in caught.value.message
    assert f"character {place}" in caught.value.message
    assert caught.value.message.splitlines()[-1].index("^") == 2 + place - 1


@pytest.mark.parametrize(
    ("expression", "notes"),
    [
        ("genre = Horrror", ["No item has 'Horrror' in genres. Did you mean Horror?"]),
        ("not genre != Dramma", ["No item has 'Dramma' in genres. Did you mean Drama?"]),
        ("genre in (Drama, Wat, Wat)", ["No item has 'Wat' in genres. Did you mean War?"]),
        (
            "title = 'Brasil (1985)' or year > 0",
            ["No item has 'Brasil (1985)' in title. Did you mean Brazil (1985)?"],
        ),
        ("genre = Qqqq", ["No item has 'Qqqq' in genres."]),
        ("genre = horror and year > 1999", []),
        ("genre ~ orrr or year = 3000", []),
    ],
)
def test_a_text_that_no_item_has_is_noted_with_near_ones(expression: str, notes: list[str]) -> None:
    assert matching(CATALOG, expression)[1] == notes


def test_near_texts_are_looked_up_for_the_first_three_only(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up = []

    def noting(text: object, names: pl.Series) -> str:
        looked_up.append(text)
        return did_you_mean_among(text, names)

    monkeypatch.setattr("tastemap.inference.where.did_you_mean_among", noting)
    _, notes = matching(CATALOG, f"genre in (Horrror, {', '.join(f'q{n}' for n in range(20))})")
    assert looked_up == ["Horrror", "q0", "q1"]
    assert notes[0] == "No item has 'Horrror' in genres. Did you mean Horror?"
    assert notes[3:] == ["No item has 18 other texts of the filter either."]


@pytest.mark.parametrize(
    "expression",
    [
        f"genre in ({', '.join(f'a{n}' for n in range(51))})",
        " or ".join(f"title ~ a{n}" for n in range(51)),
    ],
)
def test_more_texts_than_fifty_are_refused_at_the_first_beyond_them(expression: str) -> None:
    with pytest.raises(FilterError, match="at most 50 texts") as caught:
        matching(CATALOG, expression)
    assert caught.value.details["position"] == expression.index("a50")
    assert matching(CATALOG, expression.replace(", a50", "").replace(" or title ~ a50", ""))[0].sum() == 0


def test_deep_nesting_is_refused_in_words() -> None:
    with pytest.raises(FilterError, match="nested deeper"):
        matching(CATALOG, "(" * 5_000 + "year = 1" + ")" * 5_000)


@pytest.mark.parametrize("joint", [" or ", " and "])
def test_a_thousand_terms_are_one_flat_expression(joint: str) -> None:
    mask, _ = matching(CATALOG, joint.join(f"year != {year}" for year in range(3000, 4000)))
    assert mask.tolist() == [True, True, True, False, True]


@given(st.text(alphabet="yearginot ()<>=!~,'\"0123456789and", max_size=40))
def test_any_text_is_read_or_refused_never_a_crash(expression: str) -> None:
    try:
        said = str(matching(CATALOG, expression)[0].shape)
    except FilterError as error:
        said = error.message.splitlines()[-1].strip()
    assert said in {"(5,)", "^"}
