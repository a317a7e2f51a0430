"""The door `memsync.sync`: the names by which others hold on to the merge."""

from memsync.refresh.engine import RefreshResult, refresh_memory_content

__all__ = ["RefreshResult", "refresh_memory_content"]
