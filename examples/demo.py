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

import tastemap
from tastemap.training import with_evaluation

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
]
EVALUATE = ["evaluate", "ml-100k", "--models", "als,ials", "--seed", "0", "--out", REPORT, "--json"]
SHOWN = ("rmse", "ndcg@10", "recall@10", "coverage@10")

NEXT = [
    ["serve", ALS],
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


def evaluate_and_keep() -> None:
    """Measure both kinds of model on a fifth of the ratings, and keep the figures with the two saved models."""
    print(f"\n$ {shown(EVALUATE)}", flush=True)
    answer = subprocess.run([command_path(), *EVALUATE], check=False, stdout=subprocess.PIPE)
    if answer.returncode:
        sys.exit(f"The demo stopped: `{shown(EVALUATE)}` ended with status {answer.returncode}.")
    record = json.loads(answer.stdout)
    counts = record["counts"]
    tested = f"{counts['n_test']:,} of {counts['n_users']} users to test."
    print(f"{counts['n_train']:,} ratings to learn from; {tested}")
    print("With half the width of the 95 % interval; * baseline:\n")
    print(f"{'model':14}" + "".join(f"{name:>20}" for name in SHOWN))
    for row in record["models"]:
        name = row["model"] + (" *" if row["is_baseline"] else "")
        print(f"{name:14}" + "".join(f"{figure(row['metrics'].get(metric)):>20}" for metric in SHOWN))
    print()
    for folder in (ALS, IALS):
        tastemap.save(with_evaluation(tastemap.load(folder), record), folder)
        print(f"Kept with the model in {folder}: its pages in `tastemap serve {folder}` show these figures.")


def figure(estimate: dict[str, float | None] | None) -> str:
    """A figure of the record and half the width of its interval, where there are such."""
    if estimate is None:
        return "–"
    value, low, high = estimate["value"], estimate["low"], estimate["high"]
    return f"{value:.4f}" if low is None or high is None else f"{value:.4f} ±{(high - low) / 2:.4f}"


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
    print(
        f"\n== {len(STEPS) + 1}. Measure both on held-out ratings, beside the baselines, and keep the figures"
    )
    evaluate_and_keep()
    print(f"\n== {len(STEPS) + 2}. Recommend, with reasons: to two people of the data set, and to a newcomer")
    recommend_with_reasons()
    print(f"\nDone in {time.monotonic() - started:.0f} s. The models are in {OUT}/, the report is {REPORT}.")
    print("Try next (first: . .venv/bin/activate):")
    for arguments in NEXT:
        print("  " + shown(arguments))


if __name__ == "__main__":
    main()
