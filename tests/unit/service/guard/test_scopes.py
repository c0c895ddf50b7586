from __future__ import annotations

import re

import pytest

from tastemap.service.guard.scopes import needed_scope


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/login", "/logout", "/static/explorer.css"])
def test_probes_the_login_and_its_styles_are_for_anybody(path: str) -> None:
    assert needed_scope("GET", path) is None


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/v1/users/7"),
        ("GET", "/v1/users/7/export"),
        ("HEAD", "/v1/users/7/export"),
        ("GET", "/v1/users/a/b/export"),
        ("GET", "/v1/users/7/export/"),
        ("GET", "/v1/users/a\nb/export"),
        ("POST", "/v1/model/reload"),
        ("PATCH", "/"),
    ],
)
def test_what_erases_exports_or_reloads_needs_an_admin(method: str, path: str) -> None:
    assert needed_scope(method, path) == "admin"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/metrics",
        "/v1/users/7",
        "/v1/users/export",
        "/healthz/",
        "/healthz\n",
        "/static_files",
        "/anything",
    ],
)
def test_everything_else_needs_a_key_known_or_not(path: str) -> None:
    assert needed_scope("GET", path) == "client"


@pytest.mark.parametrize("ending", ["", "\n", "/", "\n\n", "/\n"])
def test_no_path_that_a_route_takes_for_an_export_passes_as_another(ending: str) -> None:
    route = re.compile("^/v1/users/(?P<user_id>.*)/export$")  # how Starlette compiles a route
    path = f"/v1/users/7/export{ending}"
    assert needed_scope("GET", path) == "admin" or not route.match(path)
