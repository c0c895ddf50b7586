"""Request ids: taken from the client if they are harmless, else made."""

from __future__ import annotations

import os
import re

LONGEST = 128
_SANE = re.compile(rb"[\x21-\x7e]{1,%d}" % LONGEST)


def request_id(given: bytes | None) -> str:
    """The client's id if it is 1 to 128 visible ASCII characters, else 16 random hexadecimal digits.

    >>> request_id(b"order-7")
    'order-7'
    >>> len(request_id(b"two words"))
    16
    """
    if given is not None and _SANE.fullmatch(given):
        return given.decode("ascii")
    return os.urandom(8).hex()
