"""The secrets of a service: private files that only the service manager passes on to it."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

from memsync.files.atomic import atomic_write

SECRETS = {"api_key": "ANTHROPIC_API_KEY", "smtp_password": "MEMSYNC_SMTP_PASSWORD"}
"""The names of the credentials, and the environment variables they come from."""


def store_secrets(folder: Path, *, ask: bool) -> dict[str, Path]:
    """Write the secrets of the environment to private files, and return those that are there.

    Args:
        folder: where the files are.
        ask: ask for the API key at the terminal if it is neither there nor in the environment.
    """
    found = {name: os.environ.get(variable, "") for name, variable in SECRETS.items()}
    standing = stored_secrets(folder)
    if ask and not found["api_key"] and "api_key" not in standing:
        found["api_key"] = getpass.getpass("Anthropic API key (empty for none): ").strip()
    for name, value in found.items():
        if value:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            atomic_write(folder / name, value.encode(), mode=0o600)
    return stored_secrets(folder)


def stored_secrets(folder: Path) -> dict[str, Path]:
    """Return the files of the secrets in `folder`, by the name of the secret."""
    return {name: folder / name for name in SECRETS if (folder / name).is_file()}
