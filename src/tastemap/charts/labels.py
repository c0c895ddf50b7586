"""Which points of a picture can carry their titles without one covering another."""

from __future__ import annotations

import re

import polars as pl

FONT_SIZE = 11  # pixels
LETTER = 6.2  # pixels, a little more than the mean letter takes
ABOVE = 9  # pixels from a point up to the middle of its title
LONGEST = 24  # letters
PADDING = 24  # pixels between the edge and the outermost points


def short_title(title: str) -> str:
    """A title as a label: without its year, cut where it is long.

    >>> short_title("Empire Strikes Back, The (1980)"), short_title("Dr. Strangelove or: How I Learned")
    ('Empire Strikes Back, The', 'Dr. Strangelove or: How…')
    """
    bare = re.sub(r"\s*\(\d{4}\)\s*$", "", title) or title
    return bare if len(bare) <= LONGEST else f"{bare[: LONGEST - 1].rstrip()}…"


def place_labels(
    frame: pl.DataFrame, x: str, y: str, *, width: int, height: int, limit: int = 40
) -> pl.DataFrame:
    """The first rows whose labels fit beside those before them: ``x, y, label``.

    Parameters
    ----------
    frame : DataFrame
        ``title`` and coordinates; the rows that matter most come first.
    x, y : str
        The columns of the coordinates.
    width, height : int
        Size of the picture in pixels; the outermost points lie `PADDING` inside it.
    limit : int
        Labels at most.
    """
    across, down = _pixels(frame[x], width), [height - up for up in _pixels(frame[y], height)]
    taken: list[tuple[float, float, float]] = []
    rows: list[int] = []
    labels: list[str] = []
    for row, title in enumerate(frame["title"].to_list()):
        label = short_title(title)
        half = LETTER * len(label) / 2
        center, middle = across[row], down[row] - ABOVE
        inside = half <= center <= width - half and FONT_SIZE <= middle
        if inside and not any(
            abs(center - other) < half + reach and abs(middle - level) < FONT_SIZE + 3
            for other, level, reach in taken
        ):
            taken.append((center, middle, half))
            rows.append(row)
            labels.append(label)
        if len(rows) == limit:
            break
    placed = frame[rows].select(x=pl.col(x), y=pl.col(y))
    return placed.with_columns(pl.Series("label", labels, dtype=pl.String))


def _pixels(values: pl.Series, size: int) -> list[float]:
    low, high = float(values.min() or 0.0), float(values.max() or 0.0)  # type: ignore[arg-type]  # numbers
    scale = (size - 2 * PADDING) / ((high - low) or 1.0)
    return [PADDING + (value - low) * scale for value in values.to_list()]
