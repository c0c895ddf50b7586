"""The service over models that the command line fitted, asked in this process."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tastemap.service.app import create_app
from tastemap.service.settings import ServiceSettings

Serve = Callable[..., TestClient]


@contextmanager
def serving(folder: Path, **settings: object) -> Iterator[TestClient]:
    """A client of the service over an artifact, from its start to its end."""
    app = create_app(ServiceSettings.of(folder=folder, **settings))
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def serve(fitted: dict[str, Path], tmp_path: Path) -> Iterator[Serve]:
    """``serve("als")``: a client of the service over a copy of a fitted model, with a database of its own."""
    with ExitStack() as ending:

        def start(name: str, **settings: object) -> TestClient:
            folder = tmp_path / name
            if not folder.exists():
                shutil.copytree(fitted[name], folder)
            return ending.enter_context(serving(folder, **settings))

        yield start


@pytest.fixture
def client(serve: Serve) -> TestClient:
    """The service over a rating model."""
    return serve("als")


@pytest.fixture
def serve_either(database_url: str, serve: Serve) -> Serve:
    """`serve` with an empty database of each kind, which is dropped after the service has ended."""
    return partial(serve, database=database_url)


@pytest.fixture
def live(serve_either: Serve) -> TestClient:
    """The service over a rating model, with a database of each kind."""
    return serve_either("als")
