"""Small JSON files in which this machine remembers something, in its local state."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from memsync.config.state import state_folder
from memsync.files.atomic import atomic_write

_Content = TypeVar("_Content")


@dataclass(frozen=True)
class StateFile:
    """One such file, written whole and atomically.

    Attributes:
        name: the name of the file.
        folder: where it is; None is the state folder.
        indent: how many spaces JSON is indented by; None writes one line.
    """

    name: str
    folder: Path | None = None
    indent: int | None = None

    @property
    def path(self) -> Path:
        """Where the file is, whether it exists or not."""
        return (self.folder or state_folder()) / self.name

    def load(self, parse: Callable[[Any], _Content], default: _Content) -> _Content:
        """Return what `parse` makes of the JSON; `default` if it is missing, damaged or unreadable.

        Args:
            parse: turns the JSON into what the caller needs. `ValueError`, `TypeError`, `KeyError`
                or `AttributeError` mean that the file is damaged.
            default: what a machine that remembers nothing has.
        """
        try:
            return self.load_if_readable(parse, default)
        except OSError:
            return default

    def load_if_readable(self, parse: Callable[[Any], _Content], default: _Content) -> _Content:
        """Return what `load` does, for a file that must not be replaced if it has content.

        Raises:
            OSError: the file is there, but cannot be read just now.
        """
        try:
            return parse(json.loads(self.path.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return default

    def save(self, table: object) -> None:
        """Replace the content durably and in one step.

        Raises:
            OSError: the file has its old content.
        """
        atomic_write(self.path, json.dumps(table, indent=self.indent).encode())
