"""Calls of the rclone program: without questions, without secrets in arguments, with a time limit.

The remote is named in rclone's own config, which also holds what is needed to log in.
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
"""A file that never changes. By it rclone knows the folder, and that not everything changed."""

_NO_TIMES = 100 * 365 * 86_400 * 10**9  # ns: rclone's fs.ModTimeNotSupported, a hundred years
_NOT_FOUND = 3  # rclone's exit code for a directory that is not there
_UNKNOWN = "didn't find section in config file"
_OUR_TEMPS = "--exclude=*.tmp"


class UnknownRemoteError(FolderAwayError):
    """rclone's config has no remote with that name."""


@dataclass(frozen=True)
class Result:
    """How a call of rclone ended, and what it said."""

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
    """Return rclone's version, such as (1, 60); (0, 0) if it does not say."""
    match = re.search(r"rclone v(\d+)\.(\d+)", run_rclone("version").out)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def list_files(remote: str) -> Listing | None:
    """Return the files in a folder of a remote; None if there is no such folder.

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
    """Check that a remote keeps modification times, because bisync needs them.

    A remote that cannot be reached passes; the next call says what is wrong.

    Raises:
        MemsyncError: it keeps no times.
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
    """Return the error for a call that failed."""
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
    """Return the files whose content differs, by reading both sides in full.

    Args:
        folder: the copy on this machine.
        remote: the remote's folder.
        without: patterns of files to leave out, relative to the folder.

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
    """Copy the files that `folder` lacks from a remote; no file is replaced.

    Args:
        remote: the remote's folder.
        folder: the copy on this machine.
        without: patterns of files to leave out, relative to the folder.

    Raises:
        FolderAwayError: it was not copied, or not all of it.
    """
    words = ("copy", "--ignore-existing", *_leaving_out(without))
    ended = run_rclone(*words, remote, folder, seconds=600)
    if ended.code:
        raise away_error(remote, ended)


def make_folder(remote: str) -> None:
    """Make the folder of a remote if there is none.

    Raises:
        FolderAwayError: it was not made.
    """
    ended = run_rclone("mkdir", remote)
    if ended.code:
        raise away_error(remote, ended)


def _leaving_out(patterns: Iterable[str]) -> list[str]:
    return [_OUR_TEMPS, *(f"--exclude=/{pattern}" for pattern in patterns)]


def copy_folder(folder: str, place: str) -> None:
    """Copy the files of a folder to a place of a remote; other files there stay.

    Raises:
        FolderAwayError: it was not copied, or not all of it.
    """
    ended = run_rclone("copy", _OUR_TEMPS, folder, place, seconds=600)
    if ended.code:
        raise away_error(place, ended)


def put_file(path: Path, place: str) -> None:
    """Copy a file to a place of a remote, replacing any file there.

    Raises:
        FolderAwayError: it was not copied.
    """
    ended = run_rclone("copyto", "--ignore-times", str(path), place)
    if ended.code:
        raise away_error(place, ended)


def bisync(
    folder: str, remote: str, workdir: str, *, without: Iterable[str], first: bool
) -> Result:
    """Sync a folder and a remote, both ways; never with ``--force``.

    Args:
        folder: the copy on this machine.
        remote: the remote's folder.
        workdir: the folder for rclone's own records.
        without: patterns of files to leave out, relative to the folder.
        first: True for a first run: each side gets what it lacks, and nothing is deleted.
    """
    # rclone's own brake would count renamed files as deleted; `carry` has a brake for both sides.
    words = ["bisync", folder, remote, f"--workdir={workdir}", "--max-delete=100"]
    words += _leaving_out(without)
    if rclone_version() >= (1, 66):  # older versions know none of these options
        words += ["--resilient", "--recover", "--conflict-resolve=path2", "--conflict-loser=num"]
        words += ["--conflict-suffix=conflict", "--max-lock=10m"]
    checks = ["--check-access", f"--check-filename={MARK}"]
    return run_rclone(*words, *(["--resync"] if first else checks), seconds=BISYNC_SECONDS)


def drop_dead_locks(workdir: Path) -> None:
    """Remove the locks of bisync runs that are over; the caller has no other run going on.

    A killed run leaves its lock, and rclone before 1.66 respects it for ever: no run would succeed
    again.

    Raises:
        OSError: a lock cannot be removed.
    """
    for lock in workdir.glob("*.lck"):
        with contextlib.suppress(FileNotFoundError):
            if _is_dead(lock):
                lock.unlink()


def _is_dead(lock: Path) -> bool:
    if abs(time.time() - lock.stat().st_mtime) > BISYNC_SECONDS:
        return True  # no run lasts longer, and another process may have its pid now
    if os.name != "posix":
        return False  # on Windows os.kill would end the process
    try:
        os.kill(int(lock.read_text(encoding="utf-8")), 0)
    except (ProcessLookupError, PermissionError):  # no such process, or another user's
        return True
    except (ValueError, OverflowError):  # from 1.66 on there is no pid; rclone cleans up itself
        return False
    return False
