"""``memsync`` and ``python -m memsync``."""

from __future__ import annotations

import gc
import importlib
import sys


def main() -> None:
    """Run the command line; `show` takes a shortcut that loads half as much."""
    if sys.argv[1:] == ["show"]:
        gc.disable()  # the process ends before garbage matters; this saves a tenth of the time
        if importlib.import_module("memsync.memory.show").print_memory():
            return
    importlib.import_module("memsync.cli").main()


if __name__ == "__main__":
    main()
