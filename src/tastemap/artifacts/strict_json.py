"""JSON as the artifact format has it: one meaning per text, no numbers that are not numbers, no bombs."""

from __future__ import annotations

import json
import math
from typing import NoReturn

from tastemap.errors import ArtifactError


def decode(text: bytes, what: str) -> dict[str, object]:
    """The JSON object in `text`.

    Raises
    ------
    ArtifactError
        If `text` is not UTF-8, not JSON, not an object, nests too deeply, repeats a key or holds a
        number that is not finite. `what` opens the sentence.
    """
    try:
        found = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_without_repeats,
            parse_constant=_not_finite,
            parse_float=_finite,
        )
    except RecursionError as error:
        raise ArtifactError(f"{what} nests too deeply to be read; restore it from a copy.") from error
    except ValueError as error:
        raise ArtifactError(
            f"{what} is not JSON that can be read ({error}); restore it from a copy."
        ) from error
    if not isinstance(found, dict):
        raise ArtifactError(
            f"{what} must be a JSON object; got {type(found).__name__}. Restore it from a copy."
        )
    return found


def encode(value: dict[str, object]) -> bytes:
    """Readable JSON with sorted keys, the same bytes for the same value.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key is repeated")
    return made


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large")
    return number


def _not_finite(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number")
