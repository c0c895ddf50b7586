"""The settings of the service: the only home of their defaults."""

from __future__ import annotations

import ipaddress
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from tastemap.errors import InvalidValueError, unknown_name
from tastemap.service.database.urls import default_url

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def _proxy(text: str) -> str:
    """An address or a network; a name would never be matched, and a network must not be wider than it looks."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        allowed = "give addresses such as 10.0.0.7, or networks by their first address such as 10.0.0.0/24"
        raise ValueError(allowed) from None
    return text


class ServiceSettings(BaseModel):
    """How an artifact is served; made by :meth:`of`, which says what is wrong in a sentence."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    folder: Path = Field(description="the artifact")
    database: str | None = Field(
        default=None, repr=False, description="URL of the database; None: SQLite in a file beside the artifact"
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="name or address to listen on")
    port: int = Field(default=8000, ge=0, le=65_535, description="port to listen on; 0: any free one")
    workers: int = Field(default=1, ge=1, le=512, description="processes")
    allowed_hosts: tuple[str, ...] = Field(
        default=(), description="names by which the service may be asked, besides its own addresses"
    )
    trusted_proxies: tuple[Annotated[str, AfterValidator(_proxy)], ...] = Field(
        default=(), description="addresses or networks whose X-Forwarded-For and X-Forwarded-Proto are believed"
    )
    rate_limit: float = Field(
        default=10_000.0,
        gt=0,
        description="requests a second, for each worker and key or address, by default more than a worker "
        "answers; no limit where all is open",
    )
    rate_burst: int = Field(default=20_000, ge=1, description="requests that may come at once")
    max_body_bytes: int = Field(default=2**20, ge=1, description="largest body of a request")
    body_timeout_s: float = Field(default=10.0, gt=0, description="for the body of a request to arrive")
    request_timeout_s: float = Field(default=30.0, gt=0, description="for a request to be answered")
    keep_alive_s: int = Field(default=5, ge=1, description="before an idle connection is closed")
    shutdown_s: int = Field(default=10, ge=1, description="for open requests to end after SIGTERM")
    session_s: int = Field(default=12 * 3600, ge=60, description="before a login ends")
    max_in_flight: int = Field(default=256, ge=1, description="requests at once in a worker; others get 503")
    queue_limit: int = Field(default=10_000, ge=1, description="events waiting to be written")
    log_format: Literal["text", "json"] = Field(default="text", description="form of log lines")

    @classmethod
    def of(cls, **values: Any) -> Self:
        """The settings of these values.

        Raises
        ------
        InvalidValueError
            If a name is unknown or a value is not allowed; names the first one.
        """
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            shown = "" if name == "database" else f" Got {first['input']!r}."  # a URL may hold a password
            said = first["msg"].removeprefix("Value error, ")  # Pydantic's word before ours
            raise InvalidValueError(f"{name}: {said}.{shown}", argument=name) from None

    @property
    def is_public(self) -> bool:
        """Whether others than this machine may reach the service, by its address or through a proxy."""
        return not is_loopback(self.host) or bool(self.allowed_hosts or self.trusted_proxies)

    @property
    def database_url(self) -> str:
        """The database that is named, else the SQLite file beside the artifact."""
        return default_url(self.folder) if self.database is None else self.database

    def without_secrets(self) -> str:
        """The settings as JSON, but for `database`, whose URL may hold a password."""
        return self.model_dump_json(exclude={"database"})


def read_settings(path: Path) -> dict[str, Any]:
    """The settings that a TOML file holds, by name; their values are looked at by :meth:`ServiceSettings.of`.

    Raises
    ------
    InvalidValueError
        If the file cannot be read or is no TOML.
    UnknownNameError
        If it names what is no setting, `folder` included, which is not for a file to say.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidValueError(
            f"settings: {path} cannot be read ({error.strerror}); name a TOML file.", argument="settings"
        ) from None
    except ValueError as error:  # of TOML, and of bytes that are no text
        raise InvalidValueError(
            f"settings: {path} is no TOML ({error}); write lines such as max_in_flight = 512.",
            argument="settings",
        ) from None
    known = [name for name in ServiceSettings.model_fields if name != "folder"]
    for name in found:
        if name not in known:
            raise unknown_name("setting", name, known)
    return found


def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine's own.

    >>> is_loopback("127.0.0.1"), is_loopback("0.0.0.0")
    (True, False)
    """
    if host.casefold() in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
