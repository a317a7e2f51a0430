"""The page's address as a QR code in a terminal, for a phone to read off the screen."""

from __future__ import annotations

import io

import segno


def terminal_qr(address: str) -> str:
    """Return `address` as a QR code of half-block characters, a line break at its end."""
    drawn = io.StringIO()
    segno.make(address, micro=False).terminal(out=drawn, compact=True)
    return drawn.getvalue()
