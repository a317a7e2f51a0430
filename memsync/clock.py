"""The one place that asks what time it is, always with an offset, so a frozen clock reaches all."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present moment in this machine's time zone, with its offset."""
    return datetime.now(UTC).astimezone()
