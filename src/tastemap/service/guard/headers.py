"""Headers that every answer carries, so that a browser does no more with it than it must."""

from __future__ import annotations

from tastemap.service.guard.refusals import Header

STATIC = "/static/"
"""Where files lie that a browser may keep; all other answers are kept nowhere."""

_COMMON: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    # Not no-referrer: browsers would send our own forms as from nowhere (Origin: null), and that is refused.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
_DATA_POLICY: Header = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_NO_STORE: Header = (b"cache-control", b"no-store")
_DATA = (*_COMMON, _DATA_POLICY, _NO_STORE)
_FILES = (*_COMMON, _DATA_POLICY)


def page_policy(nonce: str) -> Header:
    """What a page may load: only from this service, and scripts in it only with the nonce of this answer."""
    policy = (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return b"content-security-policy", policy.encode()


def security_headers(path: str, content_type: bytes, nonce: str) -> tuple[Header, ...]:
    """The headers to add to an answer with this path and type.

    >>> [name for name, value in security_headers("/static/a.css", b"text/css", "") if value == b"no-store"]
    []
    """
    if content_type.startswith(b"text/html"):
        return (*_COMMON, page_policy(nonce), _NO_STORE)
    return _FILES if path.startswith(STATIC) else _DATA
