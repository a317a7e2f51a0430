"""``memsync`` and ``python -m memsync``."""

from __future__ import annotations

from memsync.cli import main

if __name__ == "__main__":
    main()
