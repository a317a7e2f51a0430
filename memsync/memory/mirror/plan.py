"""List both sides of a mirror, decide what to do, and refuse what looks like a loss."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from memsync.config.workspace import MEMORY_NAME
from memsync.errors import FolderAwayError, MemsyncError, RefusedError, refused
from memsync.files.atomic import TEMP_SUFFIX
from memsync.files.opener import RootFolder
from memsync.memory import reading
from memsync.memory.mirror.contents import MARK, VERSIONS

_STUB_SUFFIX = ".icloud"
_BRAKE_FROM = 10
_SPECIAL = (TEMP_SUFFIX, _STUB_SUFFIX, MARK)


@dataclass
class Listing:
    """The files below one folder, by path relative to it with ``/`` between the parts.

    Attributes:
        files: size and modification time (ns) of every regular file.
        odd: links and special files, which are never followed or opened.
        held: files and folders that exist, but cannot be read now.
        faults: those of `held` that should have been readable, with the reason.
        littered: folders in which temp files lie.
    """

    files: dict[str, tuple[int, int]] = field(default_factory=dict)
    odd: list[str] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    faults: dict[str, OSError] = field(default_factory=dict)
    littered: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Plan:
    """What a run has to do; decided before anything is changed.

    Attributes:
        copy: files that are new or of another size.
        compare: files of the same size but another time; their content must be compared.
        retire: files that are in the mirror and no longer in the source.
        unchanged: files whose size and time agree.
    """

    copy: list[str]
    compare: list[str]
    retire: list[str]
    unchanged: list[str]


def make_plan(source: Listing, mirror: Listing) -> Plan:
    """Return what has to be done, given the files of both sides."""
    held = source.held.union(source.odd)
    below_held = tuple(f"{name}/" for name in held)
    known = mirror.files
    # Thousands of files and a handful of changes: each pass over all of them is one expression.
    differing = [name for name, stamp in source.files.items() if known.get(name) != stamp]
    unchanged = source.files.keys() - differing if differing else source.files.keys()
    same_size = [n for n in differing if n in known and known[n][0] == source.files[n][0]]
    gone = [name for name in known.keys() - source.files.keys() if name not in held]
    return Plan(
        copy=sorted(set(differing).difference(same_size)),
        compare=same_size,
        retire=sorted(name for name in gone if not name.startswith(below_held)),
        unchanged=list(unchanged),
    )


def refuse_loss(
    plan: Plan, source: Listing, mirror: Listing, may_go: Callable[[Iterable[str]], set[str]]
) -> None:
    """Raise `RefusedError` if most files of the mirror are gone or empty in the source.

    That is more than half of them, and at least ten. The files that `may_go` returns are not
    counted: a backup that was pruned is no loss.
    """
    emptied = [n for n in plan.copy if source.files[n][0] == 0 and n in mirror.files]
    if len(plan.retire) + len(emptied) < _BRAKE_FROM:
        return
    expected = may_go(mirror.files)
    lost = len([name for name in plan.retire if name not in expected]) + len(emptied)
    held = len(mirror.files) - len(expected)
    if lost >= _BRAKE_FROM and 2 * lost > held:
        raise RefusedError(
            f"{lost} of the {held} files in the mirror"
            " are gone from the memory folder, or empty there; the mirror was left as it is",
            hint="see whether the sync folder is complete; if this is meant: "
            "memsync daemon run mirror --accept",
        )


def list_source(opener: RootFolder) -> Listing:
    """Return the files of the memory folder; raise `FolderAwayError` if it is away."""
    root = opener.root
    hint = "see that the drive is mounted and the sync client runs; the mirror was not touched"
    with refused(f"the memory folder {root} cannot be read", hint, FolderAwayError):
        found = _list_below(root)
    if not (found.files or found.odd or found.held):
        raise FolderAwayError(f"the memory folder {root} is empty", hint=hint)
    _follow_memory(opener, found)
    return found


def _follow_memory(opener: RootFolder, found: Listing) -> None:
    """If this machine knows the memory as a link, count the file that it leads to."""
    if MEMORY_NAME not in found.odd:
        return
    with contextlib.suppress(OSError):  # `check_memory` reports a link that does not count
        info = opener.look(opener.root / MEMORY_NAME)
        if stat.S_ISREG(info.st_mode):
            found.odd.remove(MEMORY_NAME)
            found.files[MEMORY_NAME] = (info.st_size, info.st_mtime_ns)


def list_mirror(root: Path) -> Listing:
    """Return the files of the mirror, which is made if it is missing."""
    hint = (
        "see who owns it, or choose another place: "
        "memsync config set daemon.backup_mirror_path PATH"
    )
    with refused(f"the mirror {root} cannot be read", hint):
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = _list_below(root)
        for error in found.faults.values():  # an unseen file could be overwritten without a version
            raise error
    return found


def _list_below(root: Path) -> Listing:
    found = Listing()
    with _opened(str(root)) as place:
        _walk(str(root), place, "", found)
    return found


def _walk(folder: str, place: int | str, prefix: str, found: Listing) -> None:
    # Both sides are listed every hour, and without changes this loop is all that a run costs.
    files = found.files
    with os.scandir(place) as entries:
        for entry in entries:
            name = prefix + entry.name
            try:
                if entry.is_file(follow_symlinks=False):
                    if name.endswith(_SPECIAL) and _is_litter(name, found):
                        continue
                    info = entry.stat(follow_symlinks=False)
                    files[name] = (info.st_size, info.st_mtime_ns)
                elif entry.is_dir(follow_symlinks=False):
                    if name != VERSIONS:
                        inner = f"{folder}/{entry.name}"
                        with _opened(inner, place) as below:
                            _walk(inner, below, f"{name}/", found)
                elif name != VERSIONS:
                    found.odd.append(name)
            except OSError as error:
                found.held.add(name)
                # A file that vanished since the folder was listed is being replaced.
                if not isinstance(error, FileNotFoundError):
                    found.faults[name] = error


@contextlib.contextmanager
def _opened(folder: str, above: int | str | None = None) -> Iterator[int | str]:
    """Open `folder` if that is possible: files are looked up faster from an open folder.

    From the one `above` it is opened by its name, and only if it is no link.
    """
    if os.scandir not in os.supports_fd:
        yield folder
        return
    if isinstance(above, int):
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        descriptor = os.open(os.path.basename(folder), flags, dir_fd=above)  # noqa: PTH119
    else:
        descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_litter(name: str, found: Listing) -> bool:
    """Is `name` a temp file, a cloud placeholder or a mark? Notes what it stands for in `found`."""
    if name in {VERSIONS, MARK}:
        return True
    parent, slash, base = name.rpartition("/")
    if base.endswith(TEMP_SUFFIX):
        found.littered.add(parent)
        return True
    if not base.startswith("."):
        return False
    found.held.add(parent + slash + base[1:].removesuffix(_STUB_SUFFIX))  # .NAME.icloud
    return True


def refuse_nesting(source: Path, mirror: Path) -> None:
    """Raise `RefusedError` if one of the two lies in the other."""
    if _lies_in(mirror, source) or _lies_in(source, mirror):
        raise RefusedError(
            f"the mirror {mirror} and the memory folder {source} lie one in the other",
            hint="choose a place outside the sync folder: "
            "memsync config set daemon.backup_mirror_path PATH",
        )


def _lies_in(inner: Path, outer: Path) -> bool:
    return any(path == outer or _is_same(path, outer) for path in (inner, *inner.parents))


def _is_same(one: Path, other: Path) -> bool:
    try:  # names alone miss bind mounts and file systems that ignore case
        return one.samefile(other)
    except OSError:
        return False


def check_memory(opener: RootFolder) -> None:
    """Raise as `reading.read_bytes` does if the memory in the source is damaged."""
    try:
        reading.read_bytes(opener)
    except MemsyncError as error:
        raise error.reworded(f"{error.message}; the mirror was left as it is", error.hint) from None


def system_reason(error: OSError) -> str:
    """Return what the operating system says about an error."""
    return error.strerror or str(error)
