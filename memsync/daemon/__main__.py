"""``python -m memsync.daemon``: the daemon alone, as services and `start --detach` run it.

Without the command line, its ports answer a tenth of a second sooner.
"""

from __future__ import annotations

import contextlib
import gc
import sys

gc.disable()  # modules stay loaded; looking for garbage among them delays the first answer

from memsync import config as settings  # noqa: E402
from memsync.config import Config  # noqa: E402
from memsync.daemon import runtime  # noqa: E402
from memsync.daemon.http import addresses, passwords  # noqa: E402
from memsync.daemon.process import Status  # noqa: E402
from memsync.daemon.services import first_start  # noqa: E402
from memsync.errors import MemsyncError  # noqa: E402
from memsync.text.sanitizing import make_visible  # noqa: E402


def main() -> None:
    """Run until a signal; report a failure as the command line does."""
    try:
        config = _with_secrets(settings.load())
        runtime.set_up_logging(to_terminal=False)
        code = runtime.run_daemon(config, on_ready=_settle)
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


def _with_secrets(config: Config) -> Config:
    if addresses.undecided_secrets(config):
        raise MemsyncError(
            "it is not decided yet who may use the ports",
            hint="memsync daemon start, which makes a token and a password",
        )
    return _with_hash(config)


def _with_hash(config: Config) -> Config:
    """Return the config with its password hashed, in the file as well if it may be written."""
    password = config.daemon.web_ui_password
    if not password or passwords.is_password_hash(password):
        return config
    with contextlib.suppress(MemsyncError):  # a service may be kept from its config
        config, _ = first_start.create_secrets(config)
    return config


if __name__ == "__main__":
    main()
