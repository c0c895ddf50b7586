"""What a source is called, and how it is shown, without what its address holds in confidence."""

from __future__ import annotations

import re
from pathlib import Path

from tastemap.data.sql.urls import POSTGRESQL, DatabaseUrl

JDBC = "jdbc:"
TABLE = "table:"
ADDRESS = re.compile(r"(?i)[a-z][a-z0-9+.-]*://")
SECRET = re.compile(
    r"(?i)([\w.-]*(?:password|passwd|pwd|secret|token|signature|credential|access.?key|\bsig)[\w.-]*\s*=)[^&;]*"
)
"""An option with a secret; its value may have blanks, so it ends at the next option, else with the text."""
LOGIN = re.compile(r"//.*@")
"""Up to the last @: a secret may hold a slash, a blank and an @ itself."""
DRIVER = re.compile(r"(?i)jdbc:([a-z0-9]+:)?.*")
"""To the end of the line: nothing says where the address ends."""


def is_jdbc(source: str) -> bool:
    """Whether a source is an address of JDBC."""
    return source[: len(JDBC)].lower() == JDBC


def is_database(source: str) -> bool:
    """Whether a source is a database that the driver reads, by the code of a local load.

    >>> is_database("postgresql://h/shop"), is_database("s3a://bucket/ratings")
    (True, False)
    """
    scheme, mark, _ = source.partition("://")
    return bool(mark) and scheme in ("sqlite", *POSTGRESQL)


def shown(text: str) -> str:
    """A source, or a message that names one, without the secrets of addresses and options in it.

    Of JDBC only the driver is left: each driver has its own place for a password.

    >>> shown("jdbc:oracle:thin:scott/tiger@//host")
    'jdbc:oracle:…'
    >>> shown("s3a://AKIA:ab/cd+e@bucket/x")
    's3a://…@bucket/x'
    """
    text = DRIVER.sub(lambda found: f"{JDBC}{found[1] or ''}…", text)
    return SECRET.sub(r"\1…", LOGIN.sub("//…@", text))


def name_of(source: str) -> str:
    """What the data of a source are called, in the artifact and as the name of its folder.

    >>> name_of("table:shop.ratings"), name_of("jdbc:postgresql://h/shop?user=me&password=x")
    ('ratings', 'query')
    """
    if is_jdbc(source):
        return "query"
    if source.startswith(TABLE):
        return source.removeprefix(TABLE).rpartition(".")[2]
    if is_database(source):
        return DatabaseUrl.of(source, argument="source").name
    if ADDRESS.match(source) is None:
        return Path(source).stem or "data"
    place = shown(source).partition("://")[2].rpartition("…@")[2].partition("?")[0]
    return re.sub(r"[^\w.-]+", "-", Path(place.rstrip("/")).stem).strip("-") or "data"
