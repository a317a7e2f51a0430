"""``python -m memsync.daemon``: the daemon alone, as services and `start --detach` run it.

Without the command line, its ports answer a tenth of a second sooner.
"""

from __future__ import annotations

import gc
import sys

gc.disable()  # modules stay loaded; looking for garbage among them delays the first answer

from memsync import config as settings  # noqa: E402
from memsync.daemon import process, runtime  # noqa: E402
from memsync.daemon.process import Status  # noqa: E402
from memsync.daemon.services import first_start  # noqa: E402
from memsync.errors import MemsyncError  # noqa: E402
from memsync.text.sanitizing import make_visible  # noqa: E402


def main() -> None:
    """Run until a signal; report a failure as the command line does."""
    try:
        config = settings.load()
        process.set_up_logging(to_terminal=False)
        code = runtime.run_daemon(first_start.secure(config), on_ready=_settle)
    except MemsyncError as error:
        words = f"Error: {error.message}\n" + (f"Try: {error.hint}\n" if error.hint else "")
        sys.stderr.write(make_visible(words))
        sys.exit(error.exit_code)
    runtime.leave(code)


def _settle(status: Status) -> None:
    """Collect garbage from now on, but never again among the modules that are loaded."""
    del status
    gc.freeze()
    gc.enable()


if __name__ == "__main__":
    main()
