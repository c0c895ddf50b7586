"""Tastemap from a table of ratings to a measured, saved recommender, by its own commands.

Run by `make demo`. Each command is shown before it runs, so that you can run it yourself.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

OUT = Path("demo-artifacts")
ALS, IALS, REPORT = str(OUT / "als"), str(OUT / "ials"), str(OUT / "report.html")
NEWCOMER = {"Star Wars (1977)": 5, "Alien (1979)": 5, "Blade Runner (1982)": 4}

STEPS: list[tuple[str, list[list[str]]]] = [
    ("Fetch MovieLens 100K: 100,000 ratings of 1,682 films by 943 people", [["data", "fetch", "ml-100k"]]),
    ("Check it before trusting it", [["data", "check", "ml-100k"]]),
    (
        "Train a model that predicts ratings and one that ranks films",
        [
            ["fit", "ml-100k", "--model", "als", "--seed", "0", "-o", ALS],
            ["fit", "ml-100k", "--model", "ials", "--seed", "0", "-o", IALS],
        ],
    ),
    (
        "Measure both on held-out ratings, beside the baselines",
        [["evaluate", "ml-100k", "--models", "als,ials", "--seed", "0", "--out", REPORT]],
    ),
]

NEXT = [
    ["info", IALS],
    ["similar", IALS, "Toy Story (1995)"],
    ["explain", ALS, "--user", "196", "--item", "50"],
    ["recommend", IALS, "--user", "196", "--where", "year >= 1990 and genre = Comedy"],
    ["fit", "your-ratings.csv", "--model", "als", "-o", "my-model"],
]


def shown(arguments: list[str]) -> str:
    """The command as one would type it."""
    return "tastemap " + shlex.join(arguments)


def run(arguments: list[str]) -> None:
    """Show the command, then run it; stop the demo if it fails."""
    print(f"\n$ {shown(arguments)}", flush=True)
    status = subprocess.run([command_path(), *arguments], check=False).returncode
    if status:
        sys.exit(f"The demo stopped: `{shown(arguments)}` ended with status {status}.")


def first_item(arguments: list[str]) -> int:
    """The item on top of a list, as a program would learn it: by `--json`."""
    answer = subprocess.run([command_path(), *arguments, "--json"], check=True, stdout=subprocess.PIPE)
    item_id: int = json.loads(answer.stdout)["items"][0]["item_id"]
    return item_id


def recommend_with_reasons() -> None:
    """Two lists for people of the data set and one for a newcomer, each with the reasons for its first film."""
    for user in ("196", "19"):
        for_user = ["recommend", IALS, "--user", user, "-k", "5"]
        run(for_user)
        run(["explain", IALS, "--user", user, "--item", str(first_item(for_user)), "-k", "3"])
    rated = [part for title, stars in NEWCOMER.items() for part in ("--rated", f"{title}={stars}")]
    for_newcomer = ["recommend", IALS, *rated, "-k", "5"]
    run(for_newcomer)
    run(["explain", IALS, *rated, "--item", str(first_item(for_newcomer))])


def command_path() -> str:
    """`tastemap` beside this Python, or wherever it is installed."""
    beside = Path(sys.executable).with_name("tastemap")
    found = str(beside) if beside.exists() else shutil.which("tastemap")
    if found is None:
        sys.exit("There is no `tastemap` command. Install the project first: make demo.")
    return found


def main() -> None:
    """Run every step and name what to try next."""
    started = time.monotonic()
    OUT.mkdir(exist_ok=True)
    for number, (title, commands) in enumerate(STEPS, start=1):
        print(f"\n== {number}. {title}")
        for arguments in commands:
            run(arguments)
    print(f"\n== {len(STEPS) + 1}. Recommend, with reasons: to two people of the data set, and to a newcomer")
    recommend_with_reasons()
    print(f"\nDone in {time.monotonic() - started:.0f} s. The models are in {OUT}/, the report is {REPORT}.")
    print("Try next (first: . .venv/bin/activate):")
    for arguments in NEXT:
        print("  " + shown(arguments))


if __name__ == "__main__":
    main()
