"""The only clock: every moment has its offset, and a test that stops this clock stops them all."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return the current time in this machine's time zone, with its offset."""
    return datetime.now(UTC).astimezone()
