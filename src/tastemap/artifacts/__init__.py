"""Save a recommender as a folder of plain data, and load it again: versioned, byte-stable, safe to open.

The written format is ``docs/design/artifact-format.md``.
"""

from tastemap.artifacts.artifact import ensure_writable, info, is_artifact, load, save, versions
from tastemap.artifacts.contents import ensure_storable

__all__ = ["ensure_storable", "ensure_writable", "info", "is_artifact", "load", "save", "versions"]
