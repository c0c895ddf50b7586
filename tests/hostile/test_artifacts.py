from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tastemap.artifacts import arrow_guard, is_artifact, load, save, tables, tensors
from tastemap.artifacts.manifest import SUFFIXES
from tastemap.artifacts.tensors import Array
from tastemap.errors import ArtifactError
from tastemap.training import fit
from tests.saved import (
    Json,
    data_file,
    edit_manifest,
    encoder_recommender,
    factors_recommender,
    neighbors_recommender,
    network_recommender,
    replace_data,
    weights_recommender,
)
from tests.toys import hand_dataset


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save(factors_recommender(), tmp_path / "saved")


def assert_refused(folder: Path, said: str, *, verify: bool = True) -> None:
    """Loading ends in one sentence that names what is wrong."""
    with pytest.raises(ArtifactError, match=said) as caught:
        load(folder, verify=verify)
    assert "\n" not in caught.value.message


def with_arrays(folder: Path, role: str, **changes: Array | None) -> None:
    """Change arrays of a role (None removes one) and vouch for the new file."""
    arrays = tensors.decode(data_file(folder, role).read_bytes(), role)
    changed = {name: array for name, array in (arrays | changes).items() if array is not None}
    replace_data(folder, role, b"".join(tensors.encode(changed)))


def with_table(folder: Path, role: str, frame: pl.DataFrame) -> None:
    replace_data(folder, role, tables.encode(frame, role))


# What stands where an artifact should.


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert_refused(tmp_path / "nowhere", "nowhere is no artifact: there is no such folder")


def test_an_empty_folder_is_no_artifact(tmp_path: Path) -> None:
    assert_refused(tmp_path, "is no artifact: the folder is empty")


def test_what_was_found_instead_is_said(tmp_path: Path) -> None:
    (tmp_path / "u.data").write_text("1\t2\t3\t4")
    assert_refused(tmp_path, r"it holds u\.data, but no manifest\.json")


def test_a_file_is_no_artifact(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("x")
    assert_refused(tmp_path / "model", "is no artifact")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        (b"\x80\x04\x95cposix\nsystem\n", "is not JSON"),
        (b"[1, 2]", "must be a JSON object; got list"),
        (b"{", "is not JSON"),
        (b'{"format": "tastemap"', "is not JSON"),
        (b'{"format": "tastemap", "format": "tastemap"}', "a key is repeated"),
        (b'{"format": NaN}', "NaN is not a number"),
        (b'{"format": 1e999}', "1e999 is too large"),
        (b'{"format": ' + b"9" * 10_000 + b"}", "is not JSON"),
        (b'{"format": ' + b"[" * 200_000, "nests too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nests too deeply"),
        (b'{"name": "a web page"}', "is not the manifest of a Tastemap artifact"),
        (b'{"format": "tastemap"}', "has format version None"),
        (b'{"format": "tastemap", "format_version": true}', "has format version True"),
        (b'{"format": "tastemap", "format_version": 1}', "is not understood: library_version: Field required"),
    ],
)
def test_a_manifest_that_is_none_is_refused(text: bytes, said: str, folder: Path) -> None:
    (folder / "manifest.json").write_bytes(text)
    assert_refused(folder, said)


def test_a_future_format_is_refused_with_what_to_do(folder: Path) -> None:
    def edit(manifest: Json) -> None:
        manifest.update(format_version=2, library_version="9.1", unheard_of=True)

    edit_manifest(folder, edit)
    assert_refused(
        folder, "has format version 2, saved by Tastemap '9.1'; this version reads 1. Upgrade Tastemap"
    )
    assert is_artifact(folder)


def test_a_future_artifact_is_not_overwritten(folder: Path) -> None:
    edit_manifest(folder, lambda manifest: manifest.update(format_version=2))
    before = (folder / "manifest.json").read_bytes()
    with pytest.raises(ArtifactError, match="Upgrade Tastemap"):
        save(factors_recommender(), folder)
    assert (folder / "manifest.json").read_bytes() == before


def test_an_oversized_manifest_is_not_even_read(folder: Path) -> None:
    with (folder / "manifest.json").open("r+b") as file:
        file.truncate(2**40)  # sparse: takes no room on disk
    assert_refused(folder, "too many for a manifest")


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda m: m.pop("seed"), "seed: Field required"),
        (lambda m: m.update(surprise=1), "surprise: Extra inputs are not permitted"),
        (lambda m: m.update(seed="7"), "seed: Input should be a valid integer"),
        (lambda m: m.update(seed=True), "seed: Input should be a valid integer"),
        (lambda m: m.update(n_users=-1), "n_users"),
        (lambda m: m.update(n_users=2**80), "n|user"),
        (lambda m: m.update(shape="tower"), "shape: Input should be"),
        (lambda m: m.update(shape="network"), "global_bias belongs to the shape factors"),
        (lambda m: m.update(input_relu=True), "input_relu"),
        (lambda m: m.update(n_layers=2), "either has a loss or layers, not both"),
        (lambda m: m.update(global_bias=None), "global_bias belongs to the shape factors"),
        (lambda m: m.update(model="svd++"), "Unknown model 'svd\\+\\+'"),
        (lambda m: m.update(objective="ranking"), "als has the objective rating, not ranking"),
        (lambda m: m["config"].update(n_factors=-3), "n_factors"),
        (lambda m: m["config"].update(code="print()"), "Unknown setting of als 'code'"),
        (lambda m: m["resolved"].update(n_factors="many"), "n_factors"),
        (lambda m: m["link"].update(kind="eval"), "link.kind"),
        (lambda m: m["link"].update(low=6.0), "its range from 6.0 to 5.0 is empty"),
        (lambda m: m["user_loss"].update(regularization=-1.0), "user_loss.regularization"),
        (lambda m: m["data"].update(fingerprint="0" * 64), "has not the fingerprint"),
        (lambda m: m["files"].pop("arrays"), "files has the roles"),
        (lambda m: m["files"].update(code=m["files"]["arrays"]), "files has the roles"),
        (lambda m: m["files"]["arrays"].update(size=0), "files.arrays.size"),
        (lambda m: m["files"]["arrays"].update(sha256="0" * 63), "files.arrays.sha256"),
        (lambda m: m["files"]["arrays"].update(sha256="0" * 64 + "\n"), "files.arrays.sha256"),
    ],
)
def test_a_manifest_with_wrong_fields_is_refused(edit: Callable[[Json], Any], said: str, folder: Path) -> None:
    edit_manifest(folder, edit)
    assert_refused(folder, said)


# Names and links that lead out of the folder.


@pytest.mark.parametrize(
    "name",
    [
        "../outside.safetensors",
        "/etc/passwd",
        "a/b.safetensors",
        "..\\outside",
        "",
        ".",
        "manifest.json",
        "arrays-\0.safetensors",
        "file:///etc/passwd",
        "s3://bucket/arrays.safetensors",
    ],
)
def test_a_file_name_that_leaves_the_folder_is_refused(name: str, folder: Path) -> None:
    edit_manifest(folder, lambda manifest: manifest["files"]["arrays"].update(name=name))
    assert_refused(folder, "files names .* is due")


@pytest.mark.parametrize("role", ["arrays", "catalog"])
def test_a_symbolic_link_in_the_place_of_a_file_is_refused(role: str, folder: Path, tmp_path: Path) -> None:
    path = data_file(folder, role)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert_refused(folder, "it is a symbolic link")


def test_a_linked_manifest_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "manifest.json").rename(tmp_path / "elsewhere.json")
    (folder / "manifest.json").symlink_to(tmp_path / "elsewhere.json")
    assert_refused(folder, "it is a symbolic link")


@pytest.mark.parametrize("what", ["pipe", "folder"])
def test_a_pipe_or_folder_in_the_place_of_a_file_is_refused_at_once(what: str, folder: Path) -> None:
    path = data_file(folder, "arrays")
    path.unlink()
    if what == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    assert_refused(folder, "it is no plain file")


# Files that are not what the manifest says.


@pytest.mark.parametrize("role", SUFFIXES)
def test_a_missing_file_is_named(role: str, folder: Path) -> None:
    path = data_file(folder, role)
    path.unlink()
    assert_refused(folder, f"{path.name} is missing")


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("role", SUFFIXES)
def test_a_truncated_file_is_noticed_even_without_verifying(role: str, verify: bool, folder: Path) -> None:
    path = data_file(folder, role)
    path.write_bytes(path.read_bytes()[:-1])
    assert_refused(folder, "it has .* bytes where .* are due", verify=verify)


@pytest.mark.parametrize("role", SUFFIXES)
@pytest.mark.parametrize("place", [0.0, 0.3, 0.999])
def test_one_damaged_byte_anywhere_is_noticed(role: str, place: float, folder: Path) -> None:
    path = data_file(folder, role)
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 0x01
    path.write_bytes(content)
    assert_refused(folder, f"{path.name} .* its sha256 is not the one in the manifest")


# Files that the manifest vouches for, and that lie all the same.

# The hand matrix, sorted and in range but for the first index: a kernel would read before its array.
BELOW_USERS = np.array([-1, 0, 0, 1, 1, 2, 2, 3, 3, 3, 4, 4, 5], np.int32)
BELOW_ITEMS = np.array([-1, 1, 2, 0, 1, 2, 3, 0, 2, 3, 0, 4, 1], np.int32)


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize(
    ("role", "changes", "said"),
    [
        ("arrays", {"user_factors": np.zeros((5, 2), np.float32)}, r"user_factors has shape \(5, 2\)"),
        ("arrays", {"user_factors": np.zeros((6, 3), np.float32)}, r"user_factors has shape \(6, 3\)"),
        ("arrays", {"item_factors": np.zeros(10, np.float32)}, "item_factors has 1 dimensions"),
        ("arrays", {"user_bias": np.zeros((6, 1), np.float32)}, "user_bias has shape"),
        ("arrays", {"user_factors": np.zeros((6, 2), np.int32)}, "user_factors has dtype int32"),
        ("arrays", {"item_factors": np.full((5, 2), np.nan, np.float32)}, "item_factors holds a value"),
        ("arrays", {"item_bias": np.full(5, np.inf, np.float32)}, "item_bias holds a value"),
        ("arrays", {"item_bias": None}, "the arrays are"),
        ("arrays", {"weights": np.zeros((5, 5), np.float32)}, "the arrays are"),
        ("arrays", {"history_factors": np.zeros((5, 3), np.float32)}, r"history_factors has shape \(5, 3\)"),
        ("arrays", {"history_factors": np.full((5, 2), np.nan, np.float32)}, "history_factors holds a value"),
        ("interactions", {"item_index": np.full(13, 5, np.int32)}, "item_index runs from 5 to 5"),
        ("interactions", {"item_index": BELOW_ITEMS}, "item_index runs from -1 to 4"),
        ("interactions", {"user_index": BELOW_USERS}, "user_index runs from -1 to 5"),
        ("interactions", {"user_index": np.full(13, 2**31 - 1, np.int32)}, "user_index runs from"),
        ("interactions", {"user_index": np.arange(13, dtype=np.int32)[::-1] // 3}, "not sorted by user"),
        ("interactions", {"item_index": np.zeros(13, np.int32)}, "repeat a pair"),
        ("interactions", {"user_index": np.zeros(12, np.int32)}, "user_index has shape"),
        ("interactions", {"user_index": np.zeros(13, np.int64)}, "user_index has dtype int64"),
        ("interactions", {"values": np.full(13, np.nan, np.float32)}, "values holds a value"),
        ("interactions", {"timestamps": np.zeros(13, np.int32)}, "timestamps has dtype int32"),
        ("interactions", {"folds": np.zeros(3, np.int8)}, "folds has shape"),
        ("interactions", {"values": None}, "the interactions are"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    role: str, changes: dict[str, Array | None], said: str, verify: bool, folder: Path
) -> None:
    changes = {name: None if array is None else np.ascontiguousarray(array) for name, array in changes.items()}
    with_arrays(folder, role, **changes)
    assert_refused(folder, said, verify=verify)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"user_samples": np.zeros((6, 8), np.float16)}, r"item_samples has shape \(5, 6\) where \(5, 8\)"),
        ({"user_samples": np.zeros((6, 5), np.float16)}, "user_samples has 5 columns for 2 samples"),
        ({"user_samples": np.zeros((6, 6), np.float32)}, "user_samples has dtype float32"),
        ({"item_samples": np.full((5, 6), np.inf, np.float16)}, "item_samples holds a value"),
        ({"sample_noise": np.zeros((2, 1), np.float32)}, "sample_noise has 2 dimensions"),
        ({"sample_noise": np.zeros(0, np.float32)}, "columns for 0 samples"),
        ({"user_scale": np.zeros(5, np.float32)}, "user_scale has shape"),
        ({"item_scale": None}, "the arrays are"),
        ({"activity_edges": np.array(1.0, np.float32)}, "activity_edges has 0 dimensions"),
        ({"activity_edges": np.zeros(2, np.float32)}, "error_quantiles has shape"),
        ({"user_penalty": np.zeros((2, 2), np.float32)}, "user_penalty has shape"),
        ({"history_bias": np.zeros(5, np.float32)}, "history_bias is there without history_factors"),
        ({"prior_means": np.zeros((2, 2), np.float32)}, r"prior_means has shape \(2, 2\) where \(2, 3\)"),
        ({"prior_means": None}, "prior_means are missing"),
        ({"prior_precisions": np.zeros((6, 3), np.float32)}, "a matrix that is not positive definite"),
        ({"prior_precisions": np.full((6, 3), np.nan, np.float32)}, "prior_precisions holds a value"),
        ({"prior_directions": np.zeros((5, 1), np.float16)}, r"prior_weights has shape \(0, 6\)"),
        ({"sample_noise": np.zeros(2, np.float32)}, "sample_noise holds a value that is not above 0"),
    ],
)
def test_samples_that_do_not_fit_are_refused(
    changes: dict[str, Array | None], said: str, tmp_path: Path
) -> None:
    settings = {"n_factors": 2, "n_epochs": 2, "burn_in": 0, "implicit_history": False}
    save(fit(hand_dataset(), "gibbs", settings=settings, rng=0), tmp_path / "model")
    with_arrays(tmp_path / "model", "arrays", **changes)
    assert_refused(tmp_path / "model", said)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda m: m.update(n_layers=None), "n_layers.* belong to the shape network"),
        (lambda m: m.update(n_layers=0), "n_layers: Input should be greater"),
        (lambda m: m.update(n_layers=65), "n_layers: Input should be less"),
        (lambda m: m.update(n_layers=10**9), "n_layers: Input should be less"),
        (lambda m: m.update(n_layers="2"), "n_layers: Input should be a valid integer"),
        (lambda m: m.update(n_layers=1), "the arrays are"),
        (lambda m: m.update(n_layers=3), "the arrays are"),
        (lambda m: m.update(input_relu=None), "input_relu.* belong to the shape network"),
        (lambda m: m.update(n_products=None), "n_products belong to the shape network"),
        (lambda m: m.update(n_products=3), "n_products is 3 where <= 2 is due"),
        (lambda m: m.update(n_products=-1), "n_products: Input should be greater"),
        (lambda m: m.update(input_relu=1), "input_relu: Input should be a valid boolean"),
        (lambda m: m.update(user_loss=None), "user_loss must be there for the shape network"),
        (lambda m: m.update(global_bias=0.0), "global_bias belongs to the shape factors"),
        (lambda m: m.update(shape="item_weights"), "belong to the shape"),
    ],
)
def test_a_manifest_of_a_network_with_wrong_fields_is_refused(
    edit: Callable[[Json], Any], said: str, tmp_path: Path
) -> None:
    folder = save(network_recommender(), tmp_path / "network")
    edit_manifest(folder, edit)
    assert_refused(folder, said)


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"user_inputs": np.zeros((5, 2), np.float32)}, r"user_inputs has shape \(5, 2\) where \(6, 2\)"),
        ({"user_inputs": np.zeros((6, 1), np.float32)}, r"layer_0_weights has shape \(4, 5\) where \(4, 4\)"),
        ({"item_inputs": np.zeros((5, 9), np.float32)}, r"layer_0_weights has shape \(4, 5\) where \(4, 11\)"),
        ({"item_inputs": np.zeros(5, np.float32)}, "item_inputs has 1 dimensions"),
        ({"layer_0_weights": np.zeros((3, 5), np.float32)}, r"layer_0_weights has shape \(3, 5\)"),
        ({"layer_0_weights": np.zeros((4, 5), np.int32)}, "layer_0_weights has dtype int32"),
        ({"layer_0_offsets": np.zeros(5, np.float32)}, r"layer_0_offsets has shape \(5,\) where \(4,\)"),
        (
            {"layer_1_weights": np.zeros((2, 4), np.float32)},
            r"layer_1_weights has shape \(2, 4\) where \(1, 4\)",
        ),
        (
            {"layer_1_weights": np.zeros((1, 7), np.float32)},
            r"layer_0_weights has shape \(4, 5\) where \(7, 5\)",
        ),
        ({"layer_1_weights": np.zeros(4, np.float32)}, "layer_1_weights has 1 dimensions"),
        ({"layer_1_offsets": np.full(1, np.nan, np.float32)}, "layer_1_offsets holds a value"),
        ({"layer_1_offsets": None}, "the arrays are"),
        ({"layer_2_weights": np.zeros((1, 1), np.float32)}, "the arrays are"),
        ({"user_bias": np.zeros(6, np.float32)}, "the arrays are"),
    ],
)
def test_networks_whose_arrays_do_not_fit_are_refused(
    changes: dict[str, Array | None], said: str, verify: bool, tmp_path: Path
) -> None:
    folder = save(network_recommender(), tmp_path / "network")
    with_arrays(folder, "arrays", **changes)
    assert_refused(folder, said, verify=verify)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"history_inputs": None}, "the arrays are"),
        ({"history_inputs": np.zeros((4, 3), np.float32)}, r"history_inputs has shape \(4, 3\) where \(5, 3\)"),
        (
            {"history_inputs": np.zeros((5, 2), np.float32)},
            r"layer_0_weights has shape \(4, 3\) where \(4, 2\)",
        ),
        ({"history_inputs": np.full((5, 3), np.inf, np.float32)}, "history_inputs holds a value"),
        (
            {"layer_1_weights": np.zeros((3, 4), np.float32)},
            r"layer_1_weights has shape \(3, 4\) where \(2, 4\)",
        ),
        ({"layer_1_offsets": np.zeros(3, np.float32)}, r"layer_1_offsets has shape \(3,\)"),
    ],
)
def test_encoders_whose_arrays_do_not_fit_are_refused(
    changes: dict[str, Array | None], said: str, tmp_path: Path
) -> None:
    folder = save(encoder_recommender(), tmp_path / "encoder")
    with_arrays(folder, "arrays", **changes)
    assert_refused(folder, said)


def test_item_weights_that_are_not_square_are_refused(tmp_path: Path) -> None:
    folder = save(weights_recommender(), tmp_path / "weights")
    with_arrays(folder, "arrays", weights=np.zeros((5, 4), np.float32))
    assert_refused(folder, r"weights has shape \(5, 4\) where \(5, 5\) is due")


def integers(dtype: type[np.generic], *values: int) -> Array:
    return np.array(values, dtype)


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"weight_indptr": None}, "the arrays are"),
        ({"weight_values": None}, "the arrays are"),
        ({"weights": np.zeros((5, 5), np.float32)}, "the arrays are"),
        ({"weight_indptr": integers(np.int64, 0, 2, 3, 5, 6)}, r"weight_indptr has shape \(5,\) where \(6,\)"),
        ({"weight_indptr": integers(np.int32, 0, 2, 3, 5, 5, 6)}, "weight_indptr has dtype int32"),
        ({"weight_indptr": integers(np.int64, 0, 2, 3, 5, 5, 7)}, "does not divide the 6 weights into rows"),
        ({"weight_indptr": integers(np.int64, 1, 2, 3, 5, 5, 6)}, "does not divide"),
        ({"weight_indptr": integers(np.int64, 0, -2, 3, 5, 5, 6)}, "does not divide"),
        ({"weight_indptr": integers(np.int64, 0, 2**40, 3, 5, 5, 6)}, "does not divide"),
        ({"weight_indptr": integers(np.int64, 0, 3, 3, 5, 5, 6)}, "do not rise within a row"),
        ({"weight_indices": integers(np.int32, 1, 3, 0, 0, 5, 2)}, "weight_indices runs from 0 to 5"),
        ({"weight_indices": integers(np.int32, 1, 3, -1, 0, 4, 2)}, "weight_indices runs from -1 to 4"),
        ({"weight_indices": integers(np.int32, 1, 1, 0, 0, 4, 2)}, "do not rise within a row"),
        ({"weight_indices": integers(np.int64, 1, 3, 0, 0, 4, 2)}, "weight_indices has dtype int64"),
        ({"weight_indices": np.zeros((3, 2), np.int32)}, r"weight_indices has shape \(3, 2\) where \(6,\)"),
        ({"weight_values": np.zeros(5, np.float32)}, r"weight_values has shape \(5,\) where \(6,\)"),
        ({"weight_values": np.full(6, np.nan, np.float32)}, "weight_values holds a value"),
    ],
)
def test_sparse_item_weights_that_do_not_fit_are_refused(
    changes: dict[str, Array | None], said: str, verify: bool, tmp_path: Path
) -> None:
    folder = save(neighbors_recommender(), tmp_path / "neighbors")
    with_arrays(folder, "arrays", **changes)
    assert_refused(folder, said, verify=verify)


def test_sparse_item_weights_may_be_none_at_all(tmp_path: Path) -> None:
    folder = save(neighbors_recommender(), tmp_path / "neighbors")
    empty = {"weight_indices": np.zeros(0, np.int32), "weight_values": np.zeros(0, np.float32)}
    with_arrays(folder, "arrays", weight_indptr=np.zeros(6, np.int64), **empty)
    assert not load(folder).model.users(np.arange(6)).score_range().any()


@pytest.mark.parametrize(
    ("role", "frame", "said"),
    [
        ("user_ids", pl.DataFrame({"user_id": ["u2", "u1", "u3", "u4", "u5", "u6"]}), "is not sorted"),
        ("user_ids", pl.DataFrame({"user_id": ["u1", "u1", "u3", "u4", "u5", "u6"]}), "repeats an id"),
        ("user_ids", pl.DataFrame({"user_id": ["u1", None, "u3", "u4", "u5", "u6"]}), "holds a null"),
        ("user_ids", pl.DataFrame({"user_id": ["u1"]}), "there are 1 user_id where 6 are due"),
        ("user_ids", pl.DataFrame({"item_id": list("123456")}), "has the columns"),
        ("item_ids", pl.DataFrame({"item_id": [1.0, 2.0, 3.0, 4.0, 5.0]}), "has type Float64"),
        ("catalog", pl.DataFrame({"title": ["Alpha"]}), "the catalog table has no column item_id"),
        ("catalog", pl.DataFrame({"item_id": [1, 1], "title": ["A", "B"]}), "repeats or is null"),
        ("catalog", pl.DataFrame({"item_id": [1], "title": [3]}), "title of the catalog table has type Int64"),
        ("user_features", pl.DataFrame({"age": [3]}), "has no column user_id"),
        ("losses", pl.DataFrame({"epoch": [1]}), "the table of losses has the columns"),
        ("validation", pl.DataFrame({"user_id": ["u1"]}), "the validation table has the columns"),
        (
            "validation",
            pl.DataFrame({name: [1] * 10_001 for name in ("user_id", "item_id", "rating", "prediction")}),
            "has 10,001 rows",
        ),
    ],
)
def test_tables_that_do_not_fit_are_refused(role: str, frame: pl.DataFrame, said: str, folder: Path) -> None:
    with_table(folder, role, frame)
    assert_refused(folder, said)


@pytest.mark.parametrize("content", [b"x", b"ARROW1\0\0" + b"\xff" * 100, b"PAR1" + b"\0" * 64])
def test_a_file_that_is_no_arrow_table_is_refused(content: bytes, folder: Path) -> None:
    replace_data(folder, "catalog", content)
    assert_refused(folder, "is not an Arrow table")


def test_a_compressed_table_is_refused_before_it_is_unpacked(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "bomb.arrow"
    pl.DataFrame({"item_id": np.zeros(2_000_000, np.int64)}).write_ipc(path, compression="zstd")
    assert path.stat().st_size < 10_000
    replace_data(folder, "catalog", path.read_bytes())
    assert_refused(folder, "it is compressed")


def test_a_table_with_dictionaries_is_refused(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.arrow"
    frame = pl.DataFrame({"item_id": [1], "title": pl.Series(["A"], dtype=pl.Categorical)})
    frame.write_ipc(path, compression="uncompressed")
    replace_data(folder, "catalog", path.read_bytes())
    assert_refused(folder, "has columns in dictionaries")


def test_a_block_listed_twice_is_refused() -> None:
    content = bytearray(tables.encode(pl.DataFrame({"item_id": np.arange(250_000)}), "catalog"))
    arrow_guard.check(bytes(content), "catalog")
    footer = len(content) - 10 - int.from_bytes(content[-10:-6], "little")
    first, second = arrow_guard._entries(
        bytes(content), arrow_guard._follow(bytes(content), footer), 3, size=24
    )
    content[second : second + 24] = content[first : first + 24]
    with pytest.raises(ArtifactError, match="its blocks overlap"):
        arrow_guard.check(bytes(content), "catalog")


def test_a_buffer_longer_than_the_file_is_refused_before_memory_is_reserved(folder: Path) -> None:
    content = data_file(folder, "catalog").read_bytes()
    place = struct.pack("<qq", 64, 80)  # where the text of the titles lies in its block
    assert content.count(place) == 1
    replace_data(folder, "catalog", content.replace(place, struct.pack("<qq", 64, 2**46)))
    assert_refused(folder, "its buffers overlap or leave their block")


def only_batch(content: bytes) -> tuple[int, int]:
    """Where the record batch of a table of one block is, and the bytes of its body."""
    end = len(content) - 10
    root = arrow_guard._follow(content, end - int.from_bytes(content[end : end + 4], "little"))
    (block,) = arrow_guard._entries(content, root, arrow_guard.BLOCKS, size=24)
    start, _, body = struct.unpack_from("<qi4xq", content, block)
    header = arrow_guard._field(content, arrow_guard._follow(content, start + 8), arrow_guard.HEADER)
    assert header is not None
    return arrow_guard._follow(content, header), body


@pytest.mark.parametrize("many", [True, False], ids=["too many", "negative"])
@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("rows", "claims more rows"),
        ("values of a column", "claims more rows"),
        ("nulls of a column", "claims more rows"),
        ("buffers of a column of text", "claims more buffers"),
    ],
)
def test_a_number_of_things_that_a_block_cannot_hold_is_refused(what: str, said: str, many: bool) -> None:
    frame = pl.DataFrame({"item_id": [1, 2, 3], "title": ["too long to stand in place", None, "B"]})
    content = bytearray(tables.encode(frame, "catalog"))
    batch, body = only_batch(bytes(content))
    rows = arrow_guard._field(bytes(content), batch, arrow_guard.ROWS)
    _, column = arrow_guard._entries(bytes(content), batch, arrow_guard.NODES, size=16)
    (count,) = arrow_guard._entries(bytes(content), batch, arrow_guard.VARIADIC_COUNTS, size=8)
    n_buffers = len(arrow_guard._entries(bytes(content), batch, arrow_guard.BUFFERS, size=16))
    assert rows is not None
    place, most = {
        "rows": (rows, 8 * body),
        "values of a column": (column, 8 * body),
        "nulls of a column": (column + 8, 8 * body),
        "buffers of a column of text": (count, n_buffers),
    }[what]
    struct.pack_into("<q", content, place, most)
    arrow_guard.check(bytes(content), "catalog")
    struct.pack_into("<q", content, place, most + 1 if many else -1)
    with pytest.raises(ArtifactError, match=said):
        arrow_guard.check(bytes(content), "catalog")


@given(
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 10_000),
)
def test_changed_or_cut_arrow_files_pass_the_guard_or_are_refused(
    changes: list[tuple[int, int]], cut: int
) -> None:
    content = bytearray(tables.encode(pl.DataFrame({"item_id": [1, 2], "title": ["A", None]}), "catalog"))
    for at, value in changes:
        content[at % len(content)] = value
    with contextlib.suppress(ArtifactError):
        arrow_guard.check(bytes(content[: cut % (2 * len(content))]), "catalog")


def test_a_column_type_that_the_format_lacks_is_refused(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.arrow"
    pl.DataFrame({"item_id": [1], "both": [{"a": 1}]}).write_ipc(path, compression="uncompressed")
    replace_data(folder, "catalog", path.read_bytes())
    assert_refused(folder, "its column 'both' has type Struct")
