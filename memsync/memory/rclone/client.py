"""Calling rclone: never with a question, never with a secret in its arguments, never for ever.

The remote is one of rclone's own config, by name; what it takes to log in stays there.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from memsync.errors import FolderAwayError, MemsyncError

LISTING_SECONDS = 90.0
BISYNC_SECONDS = 600.0
_QUIET = (
    *("--ask-password=false", "--contimeout=10s", "--timeout=30s"),
    *("--retries=1", "--low-level-retries=2"),
)
MARK = ".memsync-rclone"
"""A file that never changes, by which rclone knows a folder, and that not all in it changed."""

_NO_TIMES = 100 * 365 * 86_400 * 10**9  # ns: rclone's fs.ModTimeNotSupported, a hundred years
_NOT_FOUND = 3  # rclone's exit code for a directory that is not there
_UNKNOWN = "didn't find section in config file"
_OUR_TEMPS = "--exclude=*.tmp"


class UnknownRemoteError(FolderAwayError):
    """The config of rclone's has no remote of that name."""


@dataclass(frozen=True)
class Result:
    """How a call of rclone's ended, and what it said."""

    code: int
    raw: bytes
    said: str

    @property
    def out(self) -> str:
        """What it wrote, as text."""
        return self.raw.decode(errors="replace")

    @property
    def reason(self) -> str:
        """The last thing it said, without its time."""
        lines = [line for line in self.said.splitlines() if line.strip()]
        words = re.sub(r"^[\d/]+ [\d:]+ +", "", lines[-1]) if lines else f"exit code {self.code}"
        return re.sub(r"://[^/@\s]*@", "://…@", words)[:300]


Listing = Mapping[str, tuple[int, str]]
"""The files of one side: their size and time, by path."""


def run_rclone(*words: str, seconds: float = LISTING_SECONDS) -> Result:
    """Run rclone and return how it ended.

    Raises:
        MemsyncError: there is no rclone here.
        FolderAwayError: it did not end in time.
    """
    program = shutil.which("rclone")
    if program is None:
        raise MemsyncError("rclone is not here", hint="apt install rclone, or rclone.org/install")
    try:
        done = subprocess.run(  # noqa: S603 - found on the path
            [program, *words, *_QUIET],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise FolderAwayError(
            f"rclone {words[0]} did not end within {seconds:.0f} s",
            hint="check the network; what was written here goes over by the next run",
        ) from error
    return Result(done.returncode, done.stdout, done.stderr.decode(errors="replace"))


def rclone_version() -> tuple[int, int]:
    """Return rclone's version, such as (1, 60); (0, 0) where it does not tell."""
    match = re.search(r"rclone v(\d+)\.(\d+)", run_rclone("version").out)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def list_files(remote: str) -> Listing | None:
    """Return the files in a folder of a remote; None where there is no such folder.

    Raises:
        FolderAwayError: the remote cannot be reached.
    """
    ended = run_rclone("lsjson", "-R", "--files-only", "--no-mimetype", _OUR_TEMPS, remote)
    if ended.code == _NOT_FOUND:
        return None
    if ended.code:
        raise away_error(remote, ended)
    return {row["Path"]: (row["Size"], row["ModTime"]) for row in json.loads(ended.out)}


def remote_path(remote: str, name: str) -> str:
    """Return how rclone names a file in the folder of a remote."""
    return f"{remote}{name}" if remote.endswith((":", "/")) else f"{remote}/{name}"


def read_remote(remote: str, name: str) -> bytes:
    """Return the bytes of a file in the folder of a remote.

    Raises:
        FolderAwayError: it cannot be read.
    """
    ended = run_rclone("cat", remote_path(remote, name))
    if ended.code:
        raise away_error(remote, ended)
    return ended.raw


def require_times(remote: str) -> None:
    """Check that a remote keeps the times of its files, by which bisync goes.

    A remote that cannot be asked just now passes; whatever is wanted of it next tells.

    Raises:
        MemsyncError: it keeps none.
    """
    ended = run_rclone("backend", "features", remote)
    with contextlib.suppress(ValueError, KeyError, TypeError):
        if not ended.code and json.loads(ended.out)["Precision"] >= _NO_TIMES:
            raise _no_times(remote)


def _no_times(remote: str) -> MemsyncError:
    return MemsyncError(
        f"{remote} keeps no times of files, and rclone bisync goes by these",
        hint="for WebDAV, the vendor that the server is of (rclone config); else another remote",
    )


def away_error(remote: str, ended: Result) -> MemsyncError:
    """Return the error for a remote that did not do what it was asked for."""
    if "modification time support is missing" in ended.said:
        return _no_times(remote)
    if _UNKNOWN in ended.said:
        return UnknownRemoteError(
            f"rclone has no remote called {remote.partition(':')[0]}",
            hint="rclone listremotes shows which it has, rclone config makes one",
        )
    return FolderAwayError(
        f"{remote} cannot be reached: {ended.reason}",
        hint=f"rclone lsf {remote} shows whether it answers; notes and edits go on here meanwhile",
    )


def differing_files(folder: str, remote: str, *, without: Iterable[str]) -> list[str]:
    """Return the files that both have with another content, read in full on both sides.

    Args:
        folder: the copy on this machine.
        remote: the remote's folder.
        without: the patterns, from the top on, of files that are not looked at.

    Raises:
        FolderAwayError: the remote cannot be read.
    """
    words = ("check", "--download", "--combined=-", *_leaving_out(without))
    ended = run_rclone(*words, folder, remote, seconds=600)
    lines = ended.out.splitlines()
    if any(line.startswith("! ") for line in lines) or (ended.code and not lines):
        raise away_error(remote, ended)
    return sorted(line[2:] for line in lines if line.startswith("* "))


def fetch(remote: str, folder: str, *, without: Iterable[str]) -> None:
    """Copy what a remote has and `folder` lacks into `folder`; nothing here is replaced.

    Args:
        remote: the remote's folder.
        folder: the copy on this machine.
        without: the patterns, from the top on, of files that are not copied.

    Raises:
        FolderAwayError: it was not copied, or not all of it.
    """
    words = ("copy", "--ignore-existing", *_leaving_out(without))
    ended = run_rclone(*words, remote, folder, seconds=600)
    if ended.code:
        raise away_error(remote, ended)


def make_folder(remote: str) -> None:
    """Make the folder of a remote, where there is none.

    Raises:
        FolderAwayError: it was not made.
    """
    ended = run_rclone("mkdir", remote)
    if ended.code:
        raise away_error(remote, ended)


def _leaving_out(patterns: Iterable[str]) -> list[str]:
    return [_OUR_TEMPS, *(f"--exclude=/{pattern}" for pattern in patterns)]


def copy_folder(folder: str, place: str) -> None:
    """Copy what a folder has to a place of a remote; what is only there stays.

    Raises:
        FolderAwayError: it was not copied, or not all of it.
    """
    ended = run_rclone("copy", _OUR_TEMPS, folder, place, seconds=600)
    if ended.code:
        raise away_error(place, ended)


def put_file(path: Path, place: str) -> None:
    """Copy a file over the one at a place of a remote, whatever time and size that one has.

    Raises:
        FolderAwayError: it was not copied.
    """
    ended = run_rclone("copyto", "--ignore-times", str(path), place)
    if ended.code:
        raise away_error(place, ended)


def bisync(
    folder: str, remote: str, workdir: str, *, without: Iterable[str], first: bool
) -> Result:
    """Bring a folder and a remote in step, both ways; never with ``--force``.

    Args:
        folder: the copy on this machine.
        remote: the remote's folder.
        workdir: where rclone remembers how both were.
        without: the patterns, from the top on, of files that stay as they are on both sides.
        first: True takes both as they are: what one lacks it gets from the other.
    """
    # Its own brake would count what stepped aside: `carry` has a brake of its own, on both sides.
    words = ["bisync", folder, remote, f"--workdir={workdir}", "--max-delete=100"]
    words += _leaving_out(without)
    if rclone_version() >= (
        1,
        66,
    ):  # older ones know none of these; `carry` sees to conflicts itself
        words += ["--resilient", "--recover", "--conflict-resolve=path2", "--conflict-loser=num"]
        words += ["--conflict-suffix=conflict", "--max-lock=10m"]
    checks = ["--check-access", f"--check-filename={MARK}"]
    return run_rclone(*words, *(["--resync"] if first else checks), seconds=BISYNC_SECONDS)


def drop_dead_locks(workdir: Path) -> None:
    """Remove the locks of bisync's whose runs are over; called where no other run of ours goes on.

    One that is killed, by a power cut too, leaves its lock, which no rclone before 1.66 ever takes
    for dead: nothing would be carried again.

    Raises:
        OSError: one cannot be removed.
    """
    for lock in workdir.glob("*.lck"):
        with contextlib.suppress(FileNotFoundError):
            if _is_dead(lock):
                lock.unlink()


def _is_dead(lock: Path) -> bool:
    if abs(time.time() - lock.stat().st_mtime) > BISYNC_SECONDS:
        return True  # no run of ours lasts longer, and its pid may be somebody else's by now
    if os.name != "posix":
        return False  # there, asking after a process would end it
    try:
        os.kill(int(lock.read_text(encoding="utf-8")), 0)
    except (ProcessLookupError, PermissionError):  # it is no process, or not this user's
        return True
    except (ValueError, OverflowError):  # from 1.66 on no pid stands there; it sees to its own
        return False
    return False
