"""What a request needs: one table, by method and path.

| what | scope |
|---|---|
| `/healthz`, `/readyz`, `/login`, `/logout`, `/static/…` | none |
| erasure, export, `/v1/model/reload`, and every other `DELETE`, `PUT` and `PATCH` | `admin` |
| everything else: lists, events, pages, `/metrics` | `client` |
"""

from __future__ import annotations

import re

from tastemap.service.database.records import Scope
from tastemap.service.guard.headers import STATIC

HEALTH = frozenset({"/healthz", "/readyz"})
"""Answered to anybody and under any load, or a probe would end a service that is merely busy."""
LOGIN, LOGOUT = "/login", "/logout"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
API = "/v1/"

_OPEN = HEALTH | {LOGIN, LOGOUT}
_ADMIN_METHODS = frozenset({"DELETE", "PUT", "PATCH"})
# An id may be any text, so whatever ends like an export is taken for one. A route's pattern ends in $, which
# lets a line break stand behind the path.
_ADMIN_PATHS = re.compile(r"/v1/(users/.*/export|model/reload)[/\s]*", re.DOTALL)


def needed_scope(method: str, path: str) -> Scope | None:
    """The scope that a key must have for a request; None: anybody may ask.

    >>> needed_scope("GET", "/v1/users/7"), needed_scope("DELETE", "/v1/users/7")
    ('client', 'admin')
    """
    if path in _OPEN or path.startswith(STATIC):
        return None
    if method in _ADMIN_METHODS or _ADMIN_PATHS.fullmatch(path):
        return "admin"
    return "client"
