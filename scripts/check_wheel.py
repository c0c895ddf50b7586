"""Use Tastemap as a bare `pip install` leaves it, without extras. Run by `make build` in a new environment."""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
import tempfile
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

EXTRAS = ("torch", "altair", "vl_convert", "pyspark", "fastapi")


def tastemap(*arguments: str) -> str:
    """Standard output of the installed command; its failure is ours."""
    command = [str(Path(sys.executable).with_name("tastemap")), *arguments]
    print("$ tastemap", *arguments)
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def write_ratings(path: Path) -> None:
    """Forty users who like either odd or even items."""
    random.seed(0)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["user", "item", "rating"])
        for user in range(40):
            for item in random.sample(range(30), 12):
                table.writerow([user, item, 5 if item % 2 == user % 2 else 1])


def check(folder: Path) -> None:
    """Fit and recommend by the command line and by the library."""
    ratings, model = folder / "ratings.csv", folder / "model"
    write_ratings(ratings)
    assert metadata.version("tastemap") in tastemap("--version")
    tastemap("fit", str(ratings), "--model", "als", "-o", str(model), "--seed", "0")
    lists = tastemap("recommend", str(model), "--user", "1", "-k", "3", "--json")
    assert lists.count('"item_id"') == 3, json.loads(lists)

    import tastemap as tm

    train = tm.load_data(str(ratings))
    fitted = tm.fit(train, "ials", rng=0)
    assert fitted.items.is_integer
    present = [name for name in EXTRAS if find_spec(name) is not None]
    loaded = [name for name in EXTRAS if name in sys.modules]
    assert not present, f"a bare install brought {present}"
    assert not loaded, f"fitting imported {loaded}"


def main() -> None:
    """Check in a folder that is thrown away."""
    assert sys.prefix != sys.base_prefix, "run this inside a virtual environment, not on the system's Python"
    with tempfile.TemporaryDirectory() as folder:
        check(Path(folder))
    print(f"The bare wheel of Tastemap {metadata.version('tastemap')} works.")


if __name__ == "__main__":
    main()
