"""By which names the service may be asked, and whose pages may write to it.

A page of another site can make a browser send requests here. It cannot choose `Host` and `Origin`, which the
browser writes: `Host` holds the name that the browser believes in, also after that name was made to point here
(DNS rebinding), and `Origin` the site of the page.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from tastemap.service.guard.refusals import RefusedError
from tastemap.service.settings import LOOPBACK_NAMES, ServiceSettings

_HOST = re.compile(r"(?:\[([0-9a-fA-F:.%]+)\]|([^:\[\]]+))(?::\d*)?")


@dataclass(frozen=True)
class Hosts:
    """The names and addresses of the service.

    Parameters
    ----------
    names : frozenset of str
        Allowed in any case, without ports.
    any_address : bool
        Whether every IP address is allowed: rebinding needs a name, so an address does no harm where clients
        must have a key.
    """

    names: frozenset[str]
    any_address: bool

    @classmethod
    def of(cls, settings: ServiceSettings) -> Hosts:
        """What the settings allow: loopback always, then the host that is listened on and the further ones."""
        further = {name.casefold().strip("[]") for name in (settings.host, *settings.allowed_hosts)}
        return cls(LOOPBACK_NAMES | further, settings.is_public)

    def allows(self, host: str) -> bool:
        """Whether a `Host` header, with or without a port, names this service."""
        name = _without_port(host).casefold()
        if name in self.names:
            return True
        return self.any_address and _is_address(name)

    def check_host(self, host: str) -> None:
        """Raise unless the request names this service."""
        if not self.allows(host):
            raise RefusedError(
                421,
                "unknown_host",
                f"This service is not called {_without_port(host)[:100]!r}. Ask it as localhost or by an "
                "address that it listens on, or start it with --allow-host NAME.",
            )

    def check_origin(self, origin: str, host: str) -> None:
        """Raise unless a write comes from a page of this service."""
        try:
            asked_by = urlsplit(origin).netloc
        except ValueError:
            asked_by = ""
        own = asked_by.casefold() == host.casefold() or _without_port(asked_by).casefold() in self._further
        if not (asked_by and own):
            raise foreign_origin()

    @property
    def _further(self) -> frozenset[str]:
        # A proxy may pass on another Host than the browser sees. Another port of loopback is another site.
        return self.names - LOOPBACK_NAMES


def foreign_origin() -> RefusedError:
    """The refusal of a write that a page of another site has caused."""
    return RefusedError(403, "foreign_origin", "Pages of other sites may not write to this service.")


def _without_port(host: str) -> str:
    found = _HOST.fullmatch(host)
    return host if found is None else found[1] or found[2]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
