"""The Spark engine on real executors, against the local engine on the same data."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from fastapi.testclient import TestClient

import tastemap
from tastemap.cli.main import run
from tastemap.data import Dataset
from tastemap.engines.spark import Cluster, evaluate, fit, open_cluster, write_lists
from tastemap.engines.spark.read import working
from tastemap.errors import EngineError, InvalidValueError
from tastemap.evaluation import evaluate_recommender
from tastemap.inference import Rules, explain
from tastemap.models.recommender import Recommender
from tests.engines.cluster import executors
from tests.engines.rows import same
from tests.surfaces.service.conftest import serving


@pytest.fixture(scope="module")
def parts() -> tuple[Dataset, Dataset]:
    """The first fold of ml-100k."""
    return tastemap.load_data("ml-100k:u1.train"), tastemap.load_data("ml-100k:u1.test")


@pytest.fixture(scope="module")
def train_file(parts: tuple[Dataset, Dataset], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The training part, in an order that says nothing."""
    path = tmp_path_factory.mktemp("spark") / "ratings.parquet"
    parts[0].interactions.frame().sample(fraction=1.0, shuffle=True, seed=1).write_parquet(path)
    return str(path)


class KillOnce:
    """Progress that ends one executor when the fit is under way, as a machine that fails would."""

    def __init__(self) -> None:
        self.killed: list[int] = []
        self.tasks: list[str] = []

    def note(self, message: str) -> None:
        """Nothing is noted."""

    def step(self, task: str, done: int, total: int, figures: dict[str, float]) -> None:
        """Kill at the first exact alternation, whose users are on the executors alone."""
        self.tasks.append(task)
        if "exact alternation 1" in task:
            self.killed.append(executors(os.getpid())[0])
            os.kill(self.killed[0], signal.SIGKILL)


@pytest.fixture(scope="module")
def fitted(cluster: Cluster, train_file: str) -> tuple[Recommender, KillOnce]:
    """``als`` on ml-100k u1, with one executor killed on the way."""
    progress = KillOnce()
    return fit(cluster, train_file, "als", rng=0, progress=progress), progress


@pytest.fixture(scope="module")
def folder(fitted: tuple[Recommender, KillOnce], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tastemap.save(fitted[0], tmp_path_factory.mktemp("spark") / "als")


def figure(recommender: Recommender, test: Dataset, metric: str) -> float:
    record = evaluate_recommender(recommender, test, metrics=[metric], n_draws=1)
    return next(row.metrics[metric].value for row in record.models if row.model == recommender.name)


def test_a_fit_ends_though_an_executor_was_killed(fitted: tuple[Recommender, KillOnce]) -> None:
    recommender, progress = fitted
    assert len(progress.killed) == 1
    assert "exact alternation 3" in progress.tasks[-1]
    losses = recommender.losses["loss"].to_list()
    assert losses == sorted(losses, reverse=True)


def test_als_on_spark_is_as_good_as_here(
    fitted: tuple[Recommender, KillOnce], parts: tuple[Dataset, Dataset]
) -> None:
    train, test = parts
    local = tastemap.fit(train, "als", rng=0)
    theirs, ours = figure(fitted[0], test, "rmse"), figure(local, test, "rmse")
    assert theirs <= 0.94
    assert abs(theirs / ours - 1.0) <= 0.01


def test_the_rows_and_their_order_are_those_of_a_local_load(
    fitted: tuple[Recommender, KillOnce], train_file: str
) -> None:
    assert same(fitted[0].train.interactions, tastemap.load_data(train_file).interactions)


def test_users_are_what_folding_in_their_histories_gives(fitted: tuple[Recommender, KillOnce]) -> None:
    model, data = fitted[0].model, fitted[0].train.interactions
    folded = model.fold_in(data.by_user)
    chosen = np.tile(np.arange(20, dtype=np.int32), (data.n_users, 1))
    np.testing.assert_allclose(
        model.users(np.arange(data.n_users)).score(chosen), folded.score(chosen), atol=1e-6
    )


def test_a_saved_artifact_explains_its_scores(folder: Path) -> None:
    recommender = tastemap.load(folder)
    told = explain(recommender, recommender.users.to_id(3), recommender.items.to_id(5))
    parts = told.baseline + sum(told.reasons["contribution"])
    assert abs(parts + told.remainder - told.score) <= 1e-4
    assert abs(told.remainder) <= 1e-4


@pytest.fixture
def client(folder: Path, tmp_path: Path) -> Iterator[TestClient]:
    """The service over a copy of the artifact, with a database of its own."""
    with serving(shutil.copytree(folder, tmp_path / "als")) as opened:
        yield opened


def test_the_service_answers_with_a_saved_artifact_what_the_library_says(
    client: TestClient, folder: Path
) -> None:
    recommender = tastemap.load(folder)
    user = recommender.users.to_id(3)
    assert client.get("/readyz").json()["status"] == "ready"
    told = client.get(f"/v1/users/{user}/recommendations?k=5&reasons=3").json()
    assert told["basis"] == "user"
    library = tastemap.recommend(recommender, user, k=5).frame.select("item_id", "score")
    assert [(row["item_id"], row["score"]) for row in told["items"]] == library.rows()
    for row in told["items"]:
        parts = sum(reason["contribution"] for reason in row["reasons"])
        assert len(row["reasons"]) == 3
        assert row["baseline"] + parts + row["others"] + row["remainder"] == pytest.approx(row["score"])


def test_an_event_changes_the_next_list_of_a_user_of_a_saved_artifact(client: TestClient, folder: Path) -> None:
    user = tastemap.load(folder).users.to_id(3)
    asked = f"/v1/users/{user}/recommendations?k=40"
    before = client.get(asked).json()["items"]
    event = {"user_id": user, "item_id": before[0]["item_id"], "rating": 1}
    assert client.post("/v1/events", json=event).status_code == 201
    after = client.get(asked).json()
    assert after["basis"] == "history"
    assert before[0]["item_id"] not in [row["item_id"] for row in after["items"]]
    scores = {row["item_id"]: row["score"] for row in before}
    assert any(row["score"] != scores.get(row["item_id"], row["score"]) for row in after["items"])


def test_lists_of_all_users_are_those_of_a_local_recommend(
    cluster: Cluster, folder: Path, tmp_path: Path
) -> None:
    recommender = tastemap.load(folder)
    rules = Rules(exclude=(recommender.items.to_id(0),))
    done = write_lists(cluster, folder, recommender, str(tmp_path / "lists.parquet"), k=5, rules=rules)
    written = pl.read_parquet(tmp_path / "lists.parquet" / "*.parquet").sort("user_id", "rank")
    local = tastemap.recommend(recommender, k=5, rules=rules).frame
    assert written.equals(local)
    assert (done.n_users, done.n_rows, done.n_short) == (len(recommender.users), len(local), 0)
    assert len(list((tmp_path / "lists.parquet").glob("part-*"))) > 1


def test_figures_are_those_of_a_local_evaluation(
    cluster: Cluster, folder: Path, parts: tuple[Dataset, Dataset]
) -> None:
    recommender = tastemap.load(folder)
    found = evaluate(cluster, folder, recommender, parts[1])
    record = evaluate_recommender(recommender, parts[1], n_draws=1)
    local = next(row.metrics for row in record.models if row.model == "als")
    assert {"rmse", "mae", "ndcg@10", "recall@10"} <= set(found.figures)
    for name, one in found.figures.items():
        assert one.value == pytest.approx(local[name].value, abs=1e-9), name
        assert one.low < one.value < one.high


def test_ials_on_spark_is_as_good_as_here(
    cluster: Cluster, train_file: str, parts: tuple[Dataset, Dataset]
) -> None:
    settings = {"n_factors": 16, "regularization": 0.01}
    recommender = fit(cluster, train_file, "ials", settings=settings, positive_min=3.0, rng=0)
    local = tastemap.fit(parts[0], "ials", settings=settings, positive_min=3.0, rng=0)
    theirs, ours = figure(recommender, parts[1], "ndcg@10"), figure(local, parts[1], "ndcg@10")
    assert abs(theirs / ours - 1.0) <= 0.03
    assert np.isfinite(recommender.model.similarity(0, "dot")).all()


def test_odd_ids_repeats_and_gaps_are_read_as_a_local_load_reads_them(cluster: Cluster, tmp_path: Path) -> None:
    users = ["ann", "ann", "ann", "bob", "bob", "", "Åse", "007", "7", " 7 ", "zoë", "ann"]
    items = ["x", "y", "x", "x", "z", "x", "y", "z", "z", "y", "", "z"]
    ratings = [1, 2, 5, 4, 3, 1, 2, 5, 4, 3, 2, 4]
    times = [10, 20, 30, 10, 10, 10, 10, 10, 10, 10, 10, ""]
    rows = [",".join(map(str, row)) for row in zip(users, items, ratings, times, strict=True)]
    (tmp_path / "odd.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *rows]) + "\n")
    local = tastemap.load_data(tmp_path / "odd.csv")
    recommender = fit(
        cluster, str(tmp_path / "odd.csv"), "als", settings={"n_factors": 2, "n_epochs": 4}, rng=0
    )
    assert same(recommender.train.interactions, local.interactions)
    report = recommender.train.report
    assert (report.n_rows, report.n_merged, report.dropped) == (12, 1, local.report.dropped)
    assert np.isfinite(recommender.model.users(np.arange(5)).score(np.zeros((5, 1), np.int32))).all()


def test_counts_of_repeated_pairs_are_summed(cluster: Cluster, tmp_path: Path) -> None:
    frame = pl.DataFrame({"user_id": [5, 5, -3, 2**40], "item_id": [1, 1, 1, 2], "plays": [2, 3, 1, 4]})
    frame.write_parquet(tmp_path / "plays.parquet")
    settings = {"n_factors": 2, "n_epochs": 4, "alpha": 0.5}
    made = fit(cluster, str(tmp_path / "plays.parquet"), "ials", settings=settings, rng=0)
    assert same(made.train.interactions, tastemap.load_data(tmp_path / "plays.parquet").interactions)
    assert made.train.interactions.values.tolist() == [1.0, 5.0, 4.0]


def test_a_full_disk_of_an_executor_is_one_sentence_that_names_the_folders(cluster: Cluster) -> None:
    def spill(_row: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(EngineError, match=r"A disk of the cluster is full: .*spark\.local\.dir"), working():
        cluster.spark.sparkContext.range(2).foreach(spill)


def test_an_application_that_runs_is_neither_taken_over_nor_stopped(cluster: Cluster) -> None:
    with pytest.raises(EngineError, match="runs in this process already"), open_cluster("local[1]"):
        pass
    assert cluster.spark.range(3).count() == 3


def test_settings_that_do_not_map_are_refused_before_any_work(cluster: Cluster) -> None:
    with pytest.raises(InvalidValueError, match="implicit_history=true"):
        fit(cluster, "nothing.csv", "als", settings={"implicit_history": True})
    with pytest.raises(InvalidValueError, match="fits als and ials"):
        fit(cluster, "nothing.csv", "ease")


def test_the_commands_work_on_the_cluster(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def opened(master: str, settings: Mapping[str, str]) -> Iterator[Cluster]:
        assert (master, settings) == ("local[1]", {"spark.executor.memory": "1g"})
        yield cluster

    monkeypatch.setattr("tastemap.engines.spark.open_cluster", opened)
    rows = [f"{user},{item},{1 + (user * item) % 5}" for user in range(12) for item in range(9) if user != item]
    (tmp_path / "ratings.csv").write_text("\n".join(["user,item,rating", *rows]))
    source, model, lists = (str(tmp_path / name) for name in ("ratings.csv", "model", "lists.parquet"))
    engine = ["--engine", "spark", "--master", "local[1]", "--conf", "spark.executor.memory=1g"]
    small = ["--set", "n_factors=2", "--set", "n_epochs=4"]
    assert run(["fit", source, "--model", "als", "-o", model, *small, *engine]) == 0
    assert "99 interactions of 12 users" in capsys.readouterr().err
    assert run(["evaluate", model, "--test", source, *engine, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["rmse"]["n_users"] == 12
    assert run(["recommend", model, "--all", "-k", "2", "--out", lists, *engine, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_short"] == 12
    assert run(["info", model]) == 0
    assert run(["recommend", model, "--all", "--out", lists, *engine]) == 1
    assert "exists already" in capsys.readouterr().err
