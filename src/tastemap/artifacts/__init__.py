"""Save a recommender as a folder of plain data, and load it again: versioned, byte-stable, safe to open.

The written format is ``docs/design/artifact-format.md``.
"""

from tastemap.artifacts.artifact import ensure_writable, info, is_artifact, load, save, versions
from tastemap.artifacts.contents import ensure_storable
from tastemap.artifacts.identity import Identity, find_version, forget_earlier, identify, load_identified

__all__ = [
    "Identity",
    "ensure_storable",
    "ensure_writable",
    "find_version",
    "forget_earlier",
    "identify",
    "info",
    "is_artifact",
    "load",
    "load_identified",
    "save",
    "versions",
]
