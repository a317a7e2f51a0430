"""``python -m memsync.daemon``: the daemon alone, as services and `start --detach` run it.

Without the command line it answers a tenth of a second sooner.
"""

from __future__ import annotations

import sys

from memsync import config as settings
from memsync.config import Config
from memsync.daemon import addresses, runtime
from memsync.errors import MemsyncError


def main() -> None:
    """Run until a signal; a failure is told as the command line tells it."""
    try:
        config = _decided(settings.load())
        runtime.set_up_logging(to_terminal=False)
        code = runtime.run(config)
    except MemsyncError as error:
        sys.stderr.write(f"Error: {error.message}\n")
        if error.hint:
            sys.stderr.write(f"Try: {error.hint}\n")
        sys.exit(error.exit_code)
    runtime.leave(code)


def _decided(config: Config) -> Config:
    if addresses.undecided(config):
        raise MemsyncError(
            "nothing is decided about who may use the ports",
            hint="memsync daemon start, which makes a token and a password",
        )
    return config


if __name__ == "__main__":
    main()
