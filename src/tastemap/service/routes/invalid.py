"""What is wrong with a query or a body, in our words: Pydantic's name its own types."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tastemap.service.database.appending import LONGEST_ID

_PLACES = frozenset({"query", "body", "path"})
_TYPES = frozenset({"int", "str", "float", "bool"})
_FIELD = re.compile(r"[A-Za-z_]\w*")
_IDS = frozenset({"user_id", "item_id", "exclude", "only", "pin", "drop"})
_MESSAGES = {"missing": "is needed", "extra_forbidden": "is not known here"}
_SUBJECT = re.compile(r"^(Input|String|List|Value|Tuple|Dictionary)( error,)?( should)? ?")
AN_ID = f"must be an id: a whole number up to 2^53, or text of 1 to {LONGEST_ID} characters"


def found_wrong(errors: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The place, as ``history.0.rating``, and the fault of each field that is wrong, in order.

    A value that may be of several types has an error for each; together they are one fault.
    """
    faults: dict[str, list[Mapping[str, Any]]] = {}
    for error in errors:
        faults.setdefault(_place(error["loc"]), []).append(error)
    return [(place, _fault(place, those)) for place, those in faults.items()]


def _place(parts: Iterable[object]) -> str:
    """Names of fields and places in lists; what Pydantic calls the branches of a union is left out."""
    return ".".join(str(part) for part in parts if _is_named(part)) or "body"


def _is_named(part: object) -> bool:
    if isinstance(part, int):
        return True
    text = str(part)
    return text not in _PLACES and text not in _TYPES and _FIELD.fullmatch(text) is not None


def _fault(place: str, errors: list[Mapping[str, Any]]) -> str:
    names = [part for part in place.split(".") if not part.isdigit()]
    if len(errors) > 1 and names and names[-1] in _IDS:
        return AN_ID
    error = errors[0]
    return _MESSAGES.get(error["type"]) or _SUBJECT.sub("must ", error["msg"]).replace("must must", "must")
