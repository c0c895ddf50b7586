"""The quick reader and the data check read alike: repairing a table that loads changes nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tastemap.data import Dataset, fix, load

IDS = st.sampled_from(["1", "2", "3", "12", "007", "b", ""])
RATINGS = st.sampled_from(["1", "2.5", "3", "4.0", "5"])
ROWS = st.tuples(IDS, IDS, RATINGS, st.integers(946_684_800, 946_684_900).map(str))


def content(data: Dataset) -> list[tuple[object, ...]]:
    rows = data.interactions.frame().rows()
    return sorted((str(row[0]), str(row[1]), *row[2:]) for row in rows)


@given(rows=st.lists(ROWS, min_size=2, max_size=12), n_blank=st.integers(0, 2))
def test_a_repaired_table_loads_as_the_table_itself(rows: list[tuple[str, ...]], n_blank: int) -> None:
    rows = [("1", "2", "3", "946684800"), ("2", "1", "5", "946684800"), *rows]
    with tempfile.TemporaryDirectory() as folder:
        source, repaired = Path(folder) / "ratings.csv", Path(folder) / "repaired.csv"
        lines = ["user_id,item_id,rating,timestamp", *(",".join(row) for row in rows), *[""] * n_blank]
        source.write_text("\n".join(lines) + "\n")
        changed = fix(source, repaired, rating_scale=(1.0, 5.0))
        before, after = (load(path, rating_scale=(1.0, 5.0)) for path in (source, repaired))
    assert content(before) == content(after)
    assert after.report.n_rows == after.report.n_kept
    assert before.report.n_rows - before.report.n_kept == before.report.n_merged + sum(
        before.report.dropped.values()
    )
    assert sum(changed.values()) >= before.report.n_rows - before.report.n_kept
