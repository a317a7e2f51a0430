"""How much of a long test runs: all of it by `make torture`, a tenth in CI, a little by hand.

And which tools a test needs: it skips with a reason where one is absent, and fails in CI, where
`.ci/run` should have installed it.
"""

from __future__ import annotations

import os
import shutil
import sys

import pytest

TORTURE = bool(os.environ.get("MEMSYNC_TORTURE"))
IN_CI = os.environ.get("CI") == "true"


def share(whole: int, least: int = 1) -> int:
    """Return how many of `whole` rounds to run here, at least `least`."""
    part = whole if TORTURE else whole // 10 if IN_CI else whole // 40
    return max(least, part)


def need(*tools: str, root: bool = False) -> None:
    """Skip the test where one of `tools` is not on the path, or root is needed and not there."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    reason = f"{', '.join(missing)} is not here" if missing else ""
    if root and (sys.platform == "win32" or os.geteuid() != 0):
        reason = reason or "this takes root"
    if not reason:
        return
    if IN_CI and sys.platform == "linux":
        pytest.fail(f"{reason}; .ci/run installs it")
    pytest.skip(reason)
