"""`make bench`: every figure, as one table."""

from __future__ import annotations

import importlib
import sys

FIGURES = ("show", "tokens", "month", "mirror", "daemon", "capture", "page")


def main() -> None:
    """Run the figures named on the command line, or all."""
    wanted = sys.argv[1:] or FIGURES
    print(f"{'figure':<44} {'memsync':>14} {'peer':>26}  {'ratio and what to reach'}")
    for name in wanted:
        for row in importlib.import_module(f"bench.{name}").run():
            print("{:<44} {:>14} {:>26}  {}".format(*row), flush=True)


if __name__ == "__main__":
    main()
