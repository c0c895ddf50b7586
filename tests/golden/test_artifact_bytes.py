from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import polars as pl
import pytest

from tastemap.artifacts import save
from tests.conftest import GoldenCheck
from tests.saved import (
    contents_of,
    encoder_recommender,
    factors_recommender,
    neighbors_recommender,
    network_recommender,
    weights_recommender,
)

HERE = Path(__file__).parent


@pytest.mark.parametrize(
    "make",
    [factors_recommender, weights_recommender, neighbors_recommender, network_recommender, encoder_recommender],
)
def test_an_artifact_is_the_same_byte_for_byte(make: object, tmp_path: Path, golden: GoldenCheck) -> None:
    """The digest of every file; the manifest's without the version of the library, which may change it."""
    assert callable(make)
    contents = contents_of(save(make(), tmp_path / "saved"))
    manifest = contents["manifest.json"]
    contents["manifest.json"] = re.sub(rb'"library_version": "[^"]*"', b'"library_version": "*"', manifest)
    assert contents["manifest.json"] != manifest
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(contents.items())}
    golden(HERE / f"artifact_{getattr(make, '__name__', '')}.json", json.dumps(digests, indent=2) + "\n")


def test_the_arrow_writer_has_not_changed(golden: GoldenCheck, tmp_path: Path) -> None:
    """If this fails after an upgrade of Polars, equal tables are stored anew; old artifacts still load."""
    path = tmp_path / "x.arrow"
    pl.DataFrame({"user_id": ["u1", "u2"]}).write_ipc(path, compression="uncompressed")
    golden(HERE / "artifact_arrow_writer.txt", hashlib.sha256(path.read_bytes()).hexdigest() + "\n")
