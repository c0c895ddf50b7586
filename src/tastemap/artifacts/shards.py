"""Large sets of arrays in several files: each array whole, since it is mapped as one piece."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tastemap.artifacts.tensors import Array

LARGEST_SHARD = 4 * 2**30
"""Bytes of arrays in one file, unless a single array is larger: file systems and stores have limits."""

_NUMBERED = re.compile(r"(?P<role>[a-z_]+)_(?P<number>0[2-9]|[1-9][0-9])")


def shards(role: str, arrays: Mapping[str, Array]) -> Iterator[tuple[str, dict[str, Array]]]:
    """The arrays of a role, by name, in as many files as they need, each with its own role.

    The first file has the role itself, the others ``arrays_02``, ``arrays_03``, …
    """
    number, size, held = 1, 0, dict[str, Array]()
    for name in sorted(arrays):
        if held and size + arrays[name].nbytes > LARGEST_SHARD:
            yield _role_of(role, number), held
            number, size, held = number + 1, 0, {}
        held[name] = arrays[name]
        size += arrays[name].nbytes
    yield _role_of(role, number), held


def whole_role(role: str) -> str:
    """The role that a file is a part of.

    >>> whole_role("arrays_02"), whole_role("arrays"), whole_role("arrays_1")
    ('arrays', 'arrays', 'arrays_1')
    """
    found = _NUMBERED.fullmatch(role)
    return role if found is None else found["role"]


def are_complete(roles: set[str]) -> bool:
    """Whether every numbered role has all those before it."""
    return all(_before(role) in roles for role in roles if whole_role(role) != role)


def _role_of(role: str, number: int) -> str:
    return role if number == 1 else f"{role}_{number:02d}"


def _before(role: str) -> str:
    whole = whole_role(role)
    return _role_of(whole, int(role.removeprefix(f"{whole}_")) - 1)
