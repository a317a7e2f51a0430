"""Alerts by file: each is a text file of its own in the folder ``alerts`` beside the config."""

from __future__ import annotations

from memsync import clock
from memsync.config import Config, get_config_path
from memsync.files.atomic import create_new


def send(config: Config, subject: str, body: str) -> None:
    """Write an alert to a new file named after the time; raises OSError if it cannot be written."""
    folder = (config.source or get_config_path()).parent / "alerts"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    now = clock.now()
    text = f"{now.isoformat(timespec='seconds')}\n{subject}\n\n{body}\n"
    name, number = f"{now:%Y%m%d_%H%M%S}", 1
    while not create_new(
        folder / f"{name}{'' if number == 1 else f'_{number}'}.txt",
        text.encode("utf-8", "replace"),
    ):
        number += 1
