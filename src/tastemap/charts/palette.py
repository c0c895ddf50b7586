"""The few colors that charts use: ink, quiet ink, grid, paper and one accent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Palette:
    """Colors of a chart, each anything that SVG takes as a color.

    Parameters
    ----------
    ink, muted : str
        Text and marks; quiet text and baselines.
    grid : str
        Hair lines behind the marks.
    paper : str
        The inside of hollow marks; the color of what the chart lies on.
    accent : str
        The one color: blue of the palette of Okabe and Ito, which people who see few colors tell
        from gray by its lightness too. Meaning never hangs on it alone: shapes repeat it.
    """

    ink: str
    muted: str
    grid: str
    paper: str
    accent: str


SERIES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
"""Other colors of Okabe and Ito, for lines and groups; shapes or dashes repeat what they say."""

LIGHT = Palette(ink="#1c1d1f", muted="#5c5f66", grid="#e3e1dc", paper="#fdfcfa", accent="#0072b2")
DARK = Palette(ink="#ebe9e4", muted="#a3a6ad", grid="#34373d", paper="#15171a", accent="#56b4e9")

# A page defines these variables for light, dark and print, so its charts change with it, unredrawn.
PAGE = Palette("var(--ink)", "var(--muted)", "var(--grid)", "var(--paper)", "var(--accent)")
