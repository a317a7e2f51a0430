"""Cuts deeds off: by `kill -9`, by a power cut, by a full disk. A process of its own, to be forked.

`python -m tests.support.victim kill|cut|fill DEED,DEED ROUNDS SEED` works below $HOME and prints
what it did as JSON; a broken promise ends it with an assertion. What a deed needs is imported and
warmed up before the first fork, so that a round costs milliseconds.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from memsync.errors import MemsyncError
from tests.support import disks
from tests.support.deeds import DEEDS, Deed, home, machine, strays

WARM_UP = 6


@dataclass
class Child:
    """A forked process that does a deed again and again, and what it said so far."""

    pid: int
    reader: int
    said: bytes = b""

    def read(self, *, wait: bool) -> None:
        """Take what the child said; with `wait` until it is gone."""
        os.set_blocking(self.reader, wait)
        with contextlib.suppress(BlockingIOError):
            while part := os.read(self.reader, 65536):
                self.said += part

    def end(self, known: int | None = None) -> list[str]:
        """Kill it; return the lines it said, and fail where it had failed by itself.

        Args:
            known: so many bytes were said before the power was cut. What it says of a disk
                without power does not count, but for what it had begun.
        """
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.read(wait=True)
        os.close(self.reader)
        os.waitpid(self.pid, 0)
        lines = self.said[:known].decode().splitlines()
        if known is not None:
            later = self.said[known:].decode().splitlines()
            return lines + [line for line in later if line.startswith("> ")]
        failed = [line for line in lines if line.startswith("! ")]
        assert not failed, json.loads(failed[0][2:])
        return lines


def fork(deed: Deed, first: int, times: int | None = None) -> Child:
    """Have a child do a deed from number `first` on, for ever or so many times."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        os.read(reader, 1)  # it is ready
        return Child(pid, reader)
    os.close(reader)
    try:
        os.write(writer, b"\n")
        number = first
        while times is None or number < first + times:
            os.write(writer, f"> {number}\n".encode())
            deed.do(number, lambda said: os.write(writer, f"= {said}\n".encode()))
            os.write(writer, b"< done\n")
            number += 1
    except BaseException:
        os.write(writer, f"! {json.dumps(traceback.format_exc()[-3000:])}\n".encode())
    finally:
        os._exit(0)


class Tally:
    """How many rounds there were, what was acknowledged in them, and how many cut a deed off."""

    def __init__(self, deed: Deed) -> None:
        self._deed = deed
        self.number = 1
        self._counts = {"rounds": 0, "acknowledged": 0, "amid": 0}

    def add(self, lines: list[str]) -> None:
        """Count a round by what its child said, and tell the deed."""
        begun = sum(line.startswith("> ") for line in lines)
        self.number += begun
        self._counts["rounds"] += 1
        self._counts["acknowledged"] += sum(line.startswith("= ") for line in lines)
        self._deed.heard(lines)
        self._counts["amid"] += begun > sum(line.startswith("< ") for line in lines)

    def total(self) -> dict[str, int]:
        return self._counts


def warmed_up(name: str) -> tuple[Deed, Tally, float]:
    """Return a deed on a new machine, done some times here and in a child, and how long it takes."""
    deed = DEEDS[name](machine(home()))
    deed.prepare()
    tally = Tally(deed)
    deed.do(0, deed.acked.append)  # imports and templates, for all children
    deed.acked.clear()
    deed.let_go()
    began = time.monotonic()
    child = fork(deed, tally.number, WARM_UP)
    child.read(wait=True)
    took = time.monotonic() - began
    deed.heard(lines := child.end())
    tally.number += sum(line.startswith("> ") for line in lines)
    deed.judge()
    deed.recover()
    deed.fresh.clear()
    return deed, tally, took / WARM_UP


def kill(name: str, rounds: int, draw: random.Random) -> dict[str, int]:
    """Kill a deed at random moments, judge, and recover each time."""
    deed, tally, length = warmed_up(name)
    for _ in range(rounds):
        child = fork(deed, tally.number)
        time.sleep(draw.uniform(0, 2.5 * length))
        tally.add(child.end())
        deed.judge()
        deed.recover()
        deed.fresh.clear()
        assert not strays(home()), strays(home())
    return tally.total()


def cut(name: str, rounds: int, draw: random.Random) -> dict[str, int]:
    """Cut the power at random moments, mount the disk again, judge and recover each time.

    A home of its own is the mount point; $MEMSYNC_TEST_DISK names the file system.
    """
    with disks.Loop(os.environ["MEMSYNC_TEST_DISK"], home()) as disk:
        deed, tally, length = warmed_up(name)
        os.sync()
        for _ in range(rounds):
            child = fork(deed, tally.number)
            time.sleep(draw.uniform(0, 4 * length))
            child.read(wait=False)
            known = len(child.said)
            disk.cut_power()
            lines = child.end(known)
            disk.mount_again()
            tally.add(lines)
            deed.judge()
            deed.recover()
            deed.fresh.clear()
            assert not strays(home()), strays(home())
            os.sync()
        return tally.total()


def fill(name: str, rounds: int, draw: random.Random) -> dict[str, int]:
    """Fill a small disk up at random, do a deed until it fails, make room, and look again."""
    acked = refused = intact = 0
    for at in range(1, rounds + 1):
        with disks.Small(home(), draw.randrange(192, 1024)) as disk:
            deed = DEEDS[name](machine(home()))
            deed.prepare()
            disk.fill_up_to(draw.randrange(0, 12) * 4096)
            refused += _until_it_fails(deed, at * 1000)
            acked += len(deed.acked)
            deed.judge()
            intact += 1
            disk.make_room()
            deed.let_go()
            deed.recover()
            assert not strays(home()), strays(home())
    return {"rounds": rounds, "acknowledged": acked, "refused": refused, "intact": intact}


def _until_it_fails(deed: Deed, first: int) -> int:
    """Do a deed some times on a full disk; return how often it was refused in words."""
    refused = 0
    for number in range(first, first + 30):
        try:
            deed.heard([f"> {number}"])
            deed.do(number, lambda said: deed.heard([f"= {said}"]))
        except (MemsyncError, OSError, AssertionError) as error:
            _check_refusal(error)
            refused += 1
        if refused > 3:
            break
    return refused


def _check_refusal(error: Exception) -> None:
    """Fail where a full disk was not told as one: in words with a way out, or by the system."""
    if isinstance(error, MemsyncError):
        assert error.hint, error
    elif isinstance(error, OSError):
        assert error.errno in {errno.ENOSPC, errno.EDQUOT}, error


MODES: dict[str, Callable[[str, int, random.Random], dict[str, int]]] = {
    "kill": kill,
    "cut": cut,
    "fill": fill,
}


def main() -> None:
    mode, names, rounds, seed = sys.argv[1:]
    logging.disable(logging.CRITICAL)  # what failed says so by its outcome
    base, draw = home(), random.Random(int(seed))
    done = {}
    for name in names.split(","):
        place = base / f"{mode}-{name}"
        place.mkdir()
        os.environ["HOME"] = str(place)
        done[name] = MODES[mode](name, int(rounds), draw)
    print(json.dumps(done))


if __name__ == "__main__":
    main()
