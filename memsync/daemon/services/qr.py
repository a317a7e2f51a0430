"""The address of the web page as a QR code in the terminal, for a phone to scan."""

from __future__ import annotations

import io

import segno


def terminal_qr(address: str) -> str:
    """Return `address` as a QR code of half-block characters, ending with a line break."""
    drawn = io.StringIO()
    segno.make(address, micro=False).terminal(out=drawn, compact=True)
    return drawn.getvalue()
