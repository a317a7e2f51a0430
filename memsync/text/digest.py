"""The name of a content: its SHA-256. Apart from `files`, because reading the memory needs none."""

from __future__ import annotations

import hashlib


def digest(data: bytes) -> str:
    """Return the SHA-256 of `data` in hexadecimal: the name of a content."""
    return hashlib.sha256(data).hexdigest()
