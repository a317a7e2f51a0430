"""How much of a long test runs: all of it by `make torture`, a tenth in CI, a little by hand.

And which tools a test needs: it skips with a reason where one is absent, and fails in CI, where
`.ci/run` should have installed it.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest

_Case = TypeVar("_Case")

TORTURE = bool(os.environ.get("MEMSYNC_TORTURE"))
IN_CI = os.environ.get("CI") == "true"


def share(whole: int, least: int = 1, *, by_hand: int = 40) -> int:
    """Return how many of `whole` rounds to run here, at least `least`; by hand one of `by_hand`."""
    part = whole if TORTURE else whole // 10 if IN_CI else whole // by_hand
    return max(least, part)


def examples(whole: int) -> int:
    """Return how many examples a property is tried on: all in CI, a quarter by hand."""
    return whole if TORTURE or IN_CI else whole // 4


def some(cases: Iterable[_Case], count: int) -> list[_Case]:
    """Return all cases in CI, and `count` of them by hand, others each day."""
    listed = list(cases)
    if TORTURE or IN_CI:
        return listed
    # By the day, not at random: every process of a run has to collect the same tests.
    chance = random.Random(datetime.now(UTC).toordinal())
    return chance.sample(listed, min(count, len(listed)))


def need(*tools: str, root: bool = False) -> None:
    """Skip the test where one of `tools` is not on the path, or root is needed and not there."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        _do_without(f"{', '.join(missing)} is not here; .ci/run installs it")
    if root and (sys.platform == "win32" or os.geteuid() != 0):
        _do_without("this takes root")


def need_mounts(*tools: str, loop: bool = False) -> None:
    """Skip the test where `tools` are absent, or no disk can be mounted in a namespace of its own.

    Args:
        tools: what else is needed.
        loop: the disk is a file.
    """
    need("mount", "umount", "unshare", *tools, root=True)
    if loop and not Path("/dev/loop-control").exists():
        _do_without("there are no loop devices here")
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    if tried.returncode != 0:
        _do_without("nothing may be mounted here")


def _do_without(reason: str) -> None:
    if IN_CI and sys.platform == "linux":
        pytest.fail(reason)
    pytest.skip(reason)
