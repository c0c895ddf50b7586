"""From ratings in PostgreSQL to lists of all users in a table: seconds of each step, and peak memory.

Starts a server of its own (Debian's postgresql), fills it, and runs all steps in one fresh process.

Run: python benchmarks/bench_sql.py [--rows 1000000] [--model als] [--out benchmarks/results/sql.json]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
from _run import surroundings

from tastemap.data.generate import generate
from tastemap.data.sql.urls import DatabaseUrl
from tastemap.data.sql.writing import write_rows

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "sql.json"
PACKAGES = ("tastemap", "numpy", "polars", "numba", "psycopg")
K = 10
ROWS_PER_USER, ROWS_PER_ITEM = 50, 200

# VmHWM belongs to this program; getrusage would count the parent before exec as well.
STEPS = """
import json, re, sys, time
from pathlib import Path
url, name, k = sys.argv[1], sys.argv[2], int(sys.argv[3])
start = time.perf_counter()
import tastemap as tm
from tastemap.data import write_rows
data = tm.load_data(tm.DatabaseQuery(url, "ratings"))
read = time.perf_counter()
model = tm.fit(data, name, rng=0)
fitted = time.perf_counter()
lists = tm.recommend(model, k=k).frame.drop("pinned")
listed = time.perf_counter()
write_rows(lists, url, "recommendations")
written = time.perf_counter()
write_rows(lists, url, "recommendations")
again = time.perf_counter()
print(json.dumps({
    "n_users": data.interactions.n_users, "n_items": data.interactions.n_items,
    "n_interactions": len(data.interactions), "n_written": len(lists),
    "read_s": round(read - start, 2), "fit_s": round(fitted - read, 2), "lists_s": round(listed - fitted, 2),
    "write_s": round(written - listed, 2), "total_s": round(written - start, 2),
    "replace_s": round(again - written, 2),
    "peak_rss_mb": int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024,
}))
"""


def measure(url: str, rows: int, model: str, seed: int) -> dict[str, object]:
    """Fill the database, run the steps in a process of their own."""
    ratings = generate(rows, n_users=rows // ROWS_PER_USER, n_items=rows // ROWS_PER_ITEM, rng=seed)
    start = time.perf_counter()
    write_rows(ratings, url, "ratings")
    filled_s = time.perf_counter() - start
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE ratings")
    busy = os.getloadavg()[0]
    done = subprocess.run(
        [sys.executable, "-c", STEPS, url, model, str(K)], check=True, capture_output=True, text=True
    )
    return {
        "benchmark": "ratings from PostgreSQL, lists of all users back, in a fresh process",
        "rows": rows,
        "model": model,
        "k": K,
        "seed": seed,
        **json.loads(done.stdout.splitlines()[-1]),
        "fill_s": round(filled_s, 2),
        **surroundings(PACKAGES, busy),
    }


def main() -> None:
    """Parse, measure, keep and show the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--model", default="als")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--url", help="an empty PostgreSQL database; default: a server started for this")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    if given.url is not None:
        DatabaseUrl.of(given.url)
        figures = measure(given.url, given.rows, given.model, given.seed)
    else:
        sys.path.insert(0, str(HERE.parent))
        from tests.postgres import Cluster, newest_postgres

        found = newest_postgres()
        if found is None:
            sys.exit("PostgreSQL is not installed. Run: apt-get install postgresql")
        # Unlike for tests the server writes as carefully as in production.
        cluster = Cluster(Path(found).parent)
        try:
            for setting in ("fsync", "full_page_writes"):
                cluster.execute(f"ALTER SYSTEM SET {setting} = on")
            cluster.stop()
            cluster.start()
            with cluster.database() as url:
                figures = measure(url, given.rows, given.model, given.seed)
        finally:
            cluster.remove()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
