"""Write made-up interactions in the shape of a known data set.

Run: python scripts/make_data.py ml-25m ratings.csv --seed 0
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

from tastemap.data.generate import SHAPES, write_generated


def main() -> None:
    """Parse, write, say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("shape", choices=sorted(SHAPES))
    parser.add_argument("path", type=Path, help="a .csv or .parquet file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--implicit", action="store_true", help="leave ratings out")
    given = parser.parse_args()
    blueprint = replace(SHAPES[given.shape], implicit=given.implicit)
    start = time.perf_counter()
    write_generated(given.path, blueprint, rng=given.seed)
    print(f"{given.path}: {blueprint.n_rows:,} rows in {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
