"""What several commands of the daemon print: its addresses."""

from __future__ import annotations

from memsync.cli.terminal import echo


def print_addresses(web_url: str | None, capture_url: str | None) -> None:
    """Print where a person finds the web page and the note port; None if it is switched off."""
    if web_url:
        echo(f"Page:  {web_url}")
    if capture_url:
        echo(f"Notes: {capture_url}/note")
