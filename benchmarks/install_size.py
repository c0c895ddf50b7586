"""What `make demo` downloads from the package index, in bytes; fails above the limit.

Run: python benchmarks/install_size.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMIT_MB = 250.0
BYTES_PER_MB = 1e6


def demo_requirements() -> list[str]:
    """The requirements of `pip install -e .[explore]`, which is what `make demo` installs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["explore"]]


def download_sizes() -> dict[str, int]:
    """Bytes by file name of every wheel that the demo installs, largest first."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        subprocess.run(
            [*command, "-c", str(ROOT / "constraints.txt"), "-d", folder, *demo_requirements()], check=True
        )
        sizes = {path.name: path.stat().st_size for path in Path(folder).iterdir()}
    return dict(sorted(sizes.items(), key=lambda entry: -entry[1]))


def main() -> int:
    """Print the table; 1 if the sum is over the limit."""
    sizes = download_sizes()
    for name, size in sizes.items():
        print(f"{size / BYTES_PER_MB:8.1f} MB  {name}")
    total = sum(sizes.values()) / BYTES_PER_MB
    print(f"{total:8.1f} MB  in {len(sizes)} files; the limit is {LIMIT_MB:.0f} MB")
    return int(total > LIMIT_MB)


if __name__ == "__main__":
    sys.exit(main())
