"""The door `memsync.backups`: the name by which others hold on to `backup`."""

from memsync.memory.history.backups import backup

__all__ = ["backup"]
