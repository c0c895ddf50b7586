from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tastemap.artifacts import ensure_storable, ensure_writable, info, is_artifact, load, save
from tastemap.data import Catalog
from tastemap.errors import ArtifactError
from tastemap.models.ease import EASEConfig
from tastemap.models.factor import FactorModel
from tastemap.models.item_weights import ItemWeights
from tastemap.models.recommender import Recommender
from tastemap.training.fit import fit
from tests.saved import (
    contents_of,
    data_file,
    factors_recommender,
    manifest_of,
    neighbors_recommender,
    weights_recommender,
)
from tests.toys import planted

EVERY = [
    pytest.param(factors_recommender, id="factors"),
    pytest.param(weights_recommender, id="item_weights"),
    pytest.param(neighbors_recommender, id="sparse_item_weights"),
]


def factors_of(recommender: Recommender) -> FactorModel:
    assert isinstance(recommender.model, FactorModel)
    return recommender.model


def with_model(**changes: object) -> Recommender:
    made = factors_recommender()
    return replace(made, model=replace(factors_of(made), **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("make", EVERY)
def test_saving_what_was_loaded_gives_the_same_bytes(make: object, tmp_path: Path) -> None:
    assert callable(make)
    first = save(make(), tmp_path / "first")
    second = save(load(first), tmp_path / "second")
    assert contents_of(first) == contents_of(second)


@pytest.mark.parametrize("make", EVERY)
def test_scores_are_the_same_bits_after_loading(make: object, tmp_path: Path) -> None:
    assert callable(make)
    made: Recommender = make()
    loaded = load(save(made, tmp_path / "saved"))
    everyone, every_item = np.arange(6), np.tile(np.arange(5, dtype=np.int32), (6, 1))
    history = made.train.interactions.by_user
    for before, after in (
        (made.model.users(everyone), loaded.model.users(everyone)),
        (made.model.fold_in(history), loaded.model.fold_in(history)),
    ):
        np.testing.assert_array_equal(before.score(every_item), after.score(every_item))
        np.testing.assert_array_equal(before.score_range(), after.score_range())


def test_a_fitted_model_comes_back_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    made = fit(planted(), "als", settings={"n_factors": 3}, rng=5)
    loaded = load(save(made, tmp_path / "saved"))
    assert (loaded.name, loaded.objective, loaded.seed) == ("als", "rating", 5)
    assert (loaded.config, loaded.resolved) == (made.config, made.resolved)
    assert loaded.train.fingerprint == made.train.fingerprint
    assert loaded.losses.equals(made.losses)
    assert made.validation is not None
    assert loaded.validation is not None
    assert loaded.validation.equals(made.validation)


def test_every_part_of_the_data_comes_back(tmp_path: Path) -> None:
    made = factors_recommender()
    interactions = replace(made.train.interactions, folds=np.arange(13, dtype=np.int8) % 5 + 1)
    made = replace(made, train=replace(made.train, interactions=interactions))
    loaded = load(save(made, tmp_path / "saved"))
    data = loaded.train.interactions
    assert data.folds is not None
    np.testing.assert_array_equal(data.folds, interactions.folds)
    assert data.frame().equals(interactions.frame())
    assert data.rating_scale == interactions.rating_scale
    assert loaded.train.catalog.frame.equals(made.train.catalog.frame)
    assert (loaded.train.name, loaded.train.report) == (made.train.name, made.train.report)
    assert (factors_of(loaded).link, factors_of(loaded).user_side) == (
        made.model.link,
        factors_of(made).user_side,
    )


def test_item_weights_find_their_history_in_the_interactions(tmp_path: Path) -> None:
    loaded = load(save(weights_recommender(), tmp_path / "saved"))
    assert isinstance(loaded.model, ItemWeights)
    assert loaded.model.history is loaded.train.interactions.by_user


def test_zip_codes_of_users_are_left_out(tmp_path: Path) -> None:
    folder = save(factors_recommender(), tmp_path / "saved")
    features = load(folder).train.user_features
    assert features is not None
    assert features.columns == ["user_id", "age", "gender"]
    assert not any(b"85711" in content for content in contents_of(folder).values())


@pytest.mark.parametrize("name", ["zip", "ZIP_CODE", "zipcode", "postcode", "Postal Code"])
def test_a_postal_code_is_recognized_by_its_usual_names(name: str, tmp_path: Path) -> None:
    made = factors_recommender()
    features = pl.DataFrame({"user_id": ["u1"], name: ["85711"], "zipper": [1]})
    loaded = load(save(replace(made, train=replace(made.train, user_features=features)), tmp_path / "saved"))
    assert loaded.train.user_features is not None
    assert loaded.train.user_features.columns == ["user_id", "zipper"]


def test_durations_of_the_evaluation_are_left_out_and_nan_becomes_null(tmp_path: Path) -> None:
    made = replace(
        factors_recommender(), evaluation={"fit_s": 1.5, "models": ({"predict_s": 2.0, "rmse": np.nan},)}
    )
    assert load(save(made, tmp_path / "saved")).evaluation == {"models": [{"rmse": None}]}


def test_arrays_are_mapped_and_cannot_be_written_to(tmp_path: Path) -> None:
    loaded = load(save(factors_recommender(), tmp_path / "saved"))
    factors, values = factors_of(loaded).user_factors, loaded.train.interactions.values
    assert not factors.flags.owndata
    assert not factors.flags.writeable
    assert not values.flags.writeable


def test_a_model_without_factors_is_saved_too(tmp_path: Path) -> None:
    made = with_model(user_factors=np.zeros((6, 0), np.float32), item_factors=np.zeros((5, 0), np.float32))
    loaded = factors_of(load(save(made, tmp_path / "saved")))
    assert (loaded.user_factors.shape, loaded.item_factors.shape) == ((6, 0), (5, 0))


def test_equal_tables_give_equal_bytes_however_they_came_about(tmp_path: Path) -> None:
    made = factors_recommender()
    frame = made.train.catalog.frame
    pieces = pl.concat([frame[:2], frame[2:]], rechunk=False)
    other = replace(made, train=replace(made.train, catalog=Catalog(pieces)))
    assert contents_of(save(made, tmp_path / "a")) == contents_of(save(other, tmp_path / "b"))


def test_the_bytes_do_not_depend_on_threads(tmp_path: Path) -> None:
    script = (
        "import sys, polars as pl; from dataclasses import replace; from tastemap.artifacts import save;"
        "from tests.saved import factors_recommender; made = factors_recommender();"
        "rows = pl.DataFrame({'user_id': [f'u{n}' for n in range(150_000)], 'age': range(150_000)});"
        "save(replace(made, train=replace(made.train, user_features=rows)), sys.argv[1])"
    )
    for threads in ("1", "3"):
        environment = os.environ | {"POLARS_MAX_THREADS": threads, "PYTHONHASHSEED": threads}
        subprocess.run([sys.executable, "-c", script, str(tmp_path / threads)], env=environment, check=True)
    assert contents_of(tmp_path / "1") == contents_of(tmp_path / "3")


def test_the_bytes_hold_no_clock_host_or_path(tmp_path: Path) -> None:
    folder = save(factors_recommender(), tmp_path / "a-telling-name")
    everything = b"".join(contents_of(folder).values())
    assert b"a-telling-name" not in everything
    assert os.uname().nodename.encode() not in everything
    assert set(manifest_of(folder)) == {
        "config", "data", "evaluation", "files", "format", "format_version", "global_bias", "input_relu",
        "library_version", "link", "load_report", "model", "n_items", "n_layers", "n_products", "n_users",
        "objective", "rating_scale", "resolved", "seed", "shape", "user_loss",
    }  # fmt: skip


def test_the_manifest_is_readable_json_with_sorted_keys(tmp_path: Path) -> None:
    text = (save(factors_recommender(), tmp_path / "saved") / "manifest.json").read_text()
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def test_info_tells_the_manifest_and_sizes_without_reading_data(tmp_path: Path) -> None:
    folder = save(factors_recommender(), tmp_path / "saved")
    sizes = [path.stat().st_size for path in folder.iterdir()]
    arrays = data_file(folder, "arrays")
    arrays.write_bytes(bytes(arrays.stat().st_size))
    found = info(folder)
    assert (found["model"], found["n_users"], found["n_items"], found["version"]) == ("als", 6, 5, 1)
    assert found["size"] == sum(sizes) - (folder / "manifest.json").stat().st_size


def test_info_names_a_file_of_another_size(tmp_path: Path) -> None:
    folder = save(factors_recommender(), tmp_path / "saved")
    arrays = data_file(folder, "arrays")
    arrays.write_bytes(arrays.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match=f"{arrays.name} in .* is damaged: it has"):
        info(folder)


def test_is_artifact_answers_for_anything(tmp_path: Path) -> None:
    assert is_artifact(save(factors_recommender(), tmp_path / "saved"))
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "manifest.json").write_text('{"name": "a web page"}')
    assert not is_artifact(tmp_path / "web")
    assert not is_artifact(tmp_path)
    assert not is_artifact(tmp_path / "web" / "manifest.json")
    assert not is_artifact(tmp_path / "missing")


def test_a_folder_of_other_things_is_never_written_to(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ArtifactError, match=r"is not empty and no artifact. Only an artifact is overwritten"):
        save(factors_recommender(), tmp_path)
    assert contents_of(tmp_path) == {"thesis.tex": b"years of work"}


@pytest.mark.parametrize(
    "text", ['{"name": "a web page"}', "no JSON", '{"format": "other", "format_version": 1}']
)
def test_a_foreign_manifest_is_never_overwritten(text: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ArtifactError, match="no artifact"):
        save(factors_recommender(), tmp_path)
    assert contents_of(tmp_path) == {"manifest.json": text.encode()}


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("a file")
    with pytest.raises(ArtifactError, match="is a file; give a new folder"):
        ensure_writable(tmp_path / "model")


def test_an_empty_folder_and_a_missing_one_are_written_to(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert is_artifact(save(factors_recommender(), tmp_path / "empty"))
    assert is_artifact(save(factors_recommender(), tmp_path / "not" / "yet" / "there"))


def test_a_folder_whose_name_looks_like_a_pattern_works(tmp_path: Path) -> None:
    assert load(save(factors_recommender(), tmp_path / "model [v1]*?")).name == "als"


def test_other_files_in_the_folder_stay(tmp_path: Path) -> None:
    folder = save(factors_recommender(), tmp_path / "saved")
    (folder / "report.html").write_text("a report")
    save(factors_recommender(shift=0.5), folder)
    assert (folder / "report.html").read_text() == "a report"


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (with_model(user_factors=np.zeros((6, 2))), "user_factors: it has dtype float64"),
        (
            with_model(user_factors=np.zeros((5, 2), np.float32)),
            r"user_factors has shape \(5, 2\) where \(6, 2\)",
        ),
        (with_model(item_bias=np.full(5, np.nan, np.float32)), "item_bias holds a value that is not a finite"),
        (with_model(global_bias=float("nan")), "global_bias"),
        (replace(factors_recommender(), seed=-1), "seed"),
        (replace(factors_recommender(), evaluation={"when": object()}), "evaluation: it holds a object"),
    ],
)
def test_what_loading_would_refuse_is_not_saved(made: Recommender, said: str, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=said):
        save(made, tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_histories_other_than_the_interactions_are_not_saved(tmp_path: Path) -> None:
    made = weights_recommender()
    other = replace(made, train=made.train.select(np.arange(13) < 12))
    with pytest.raises(ArtifactError, match="not its training interactions"):
        save(other, tmp_path / "saved")
    # Of at least 1.0 are all ratings: then only what a newcomer's ratings count differs from the model's.
    for lowest in (4.0, 1.0):
        choosy = replace(made, resolved=EASEConfig(positive_min=lowest))
        with pytest.raises(ArtifactError, match="not its training interactions"):
            save(choosy, tmp_path / "saved")


def test_a_column_that_the_format_lacks_is_named(tmp_path: Path) -> None:
    made = factors_recommender()
    frame = made.train.catalog.frame.with_columns(pl.struct("year", "title").alias("both"))
    with pytest.raises(ArtifactError, match="'both' has type Struct"):
        save(replace(made, train=replace(made.train, catalog=Catalog(frame))), tmp_path / "saved")


def test_a_table_that_could_not_be_saved_is_refused_before_the_fit_as_after_it(tmp_path: Path) -> None:
    made = factors_recommender()
    ensure_storable(made.train)
    ids = made.train.interactions.users.ids
    users = pl.DataFrame({"user_id": ids, "tags": [[] for _ in ids]})
    train = replace(made.train, user_features=users)
    said = r"^Cannot save the user features: its column 'tags' has type List\(Null\)"
    with pytest.raises(ArtifactError, match=said):
        ensure_storable(train)
    with pytest.raises(ArtifactError, match=said):
        save(replace(made, train=train), tmp_path / "saved")
