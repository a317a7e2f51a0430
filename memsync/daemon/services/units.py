"""The text of the unit files: what the service may write and see follows from the config.

The hardening was measured with ``systemd-analyze security`` (systemd 252); tests keep the scores.
"""

from __future__ import annotations

import os
import plistlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from memsync.config import Config
from memsync.config.workspace import memory_root
from memsync.errors import MemsyncError
from memsync.targets import configured_targets

NAME = "memsync.service"
LABEL = "org.memsync.daemon"
HIDDEN = (".ssh", ".gnupg", ".aws", ".kube", ".password-store")
MOUNTS = Path("/proc/self/mountinfo")
TEMPLATES = Path(__file__).parent / "units"

# What the unit of a user adds if that user may make namespaces (some systems forbid it).
USER_SANDBOX = """\
# Only what the memory, the agents' files and the state need can be written.
PrivateUsers=yes
ProtectSystem=strict
ProtectHome=read-only
{writable}
{hidden}
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=pid
CapabilityBoundingSet="""


@dataclass(frozen=True)
class UnitPlan:
    """What a unit is made of.

    Attributes:
        python: the interpreter that has memsync, absolute.
        config: the config file.
        home: the home of the user it runs as.
        user: that user's name; empty in the unit of a user.
        group: that user's group.
        writable: the folders it may write.
        credentials: files with secrets, by credential name.
        namespaces: whether the sandbox that needs user namespaces may be used.
    """

    python: Path
    config: Path
    home: Path
    user: str = ""
    group: str = ""
    writable: tuple[Path, ...] = ()
    credentials: dict[str, Path] = field(default_factory=dict)
    namespaces: bool = True


def system_unit(plan: UnitPlan) -> str:
    """Return the unit of a service that starts at boot and runs as `plan.user`."""
    return _fill((TEMPLATES / "system.service").read_text(encoding="utf-8"), plan)


def user_unit(plan: UnitPlan) -> str:
    """Return the unit of a user's own service."""
    text = (TEMPLATES / "user.service").read_text(encoding="utf-8")
    return _fill(text.replace("{sandbox}", USER_SANDBOX if plan.namespaces else ""), plan)


def launch_agent(plan: UnitPlan, log: Path) -> bytes:
    """Return the property list of a launchd agent (launchd.plist(5)); no secret is in it."""
    return plistlib.dumps(
        {
            "Label": LABEL,
            "ProgramArguments": [str(plan.python), "-m", "memsync.daemon"],
            "EnvironmentVariables": {"MEMSYNC_CONFIG": str(plan.config)},
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": 10,
            "ProcessType": "Background",
            "ExitTimeOut": 20,
            "Umask": 0o077,
            "WorkingDirectory": "/",
            "StandardErrorPath": str(log),
        }
    )


def writable_folders(config: Config, state: Path) -> tuple[Path, ...]:
    """Return the folders a service must be able to write, without those inside another one.

    For a FUSE mount it is the folder around it: systemd may not enter the mount itself when it
    starts the service, and would not see it again after a remount.

    Args:
        config: whose sync folder, targets, mirror and config file are meant.
        state: the state folder.
    """
    wanted = {_outside_fuse(memory_root(config)), state}
    wanted |= {target.path.parent for target in configured_targets(config)}
    if config.source is not None:
        wanted.add(config.source.parent)
    if config.daemon.backup_mirror_path:
        wanted.add(Path(config.daemon.backup_mirror_path).expanduser())
    if config.provider == "rclone":  # it writes renewed tokens into its config
        named = os.environ.get("RCLONE_CONFIG")
        wanted.add(Path(named).parent if named else Path("~/.config/rclone").expanduser())
    real = {path.resolve() for path in wanted}
    return tuple(sorted(p for p in real if not any(parent in real for parent in p.parents)))


def _outside_fuse(path: Path) -> Path:
    mount = _fuse_mount(path.resolve())
    return mount.parent if mount is not None else path


def _fuse_mount(path: Path) -> Path | None:
    """Return the FUSE mount that `path` lies in, if it does (proc(5), mountinfo)."""
    found: Path | None = None
    longest = -1
    for line in _mount_lines():
        left, _, right = line.partition(" - ")
        point = Path(left.split()[4].encode().decode("unicode_escape"))
        if (path == point or point in path.parents) and len(point.parts) > longest:
            longest = len(point.parts)
            found = point if right.split()[0].startswith("fuse") else None
    return found


def _mount_lines() -> Iterable[str]:
    try:
        return MOUNTS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _fill(text: str, plan: UnitPlan) -> str:
    hidden = [plan.home / name for name in HIDDEN]
    credentials = [f"LoadCredential={n}:{_escaped(str(p))}" for n, p in plan.credentials.items()]
    values = {
        "user": plan.user,
        "group": plan.group,
        "python": _quoted(os.fspath(plan.python)).replace("$", "$$"),
        "config": _quoted(f"MEMSYNC_CONFIG={plan.config}"),
        "writable": "\n".join(f"ReadWritePaths={_quoted(f'-{path}')}" for path in plan.writable),
        "hidden": "\n".join(f"InaccessiblePaths={_quoted(f'-{path}')}" for path in hidden),
        "credentials": "\n".join(credentials),
    }
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _escaped(text: str) -> str:
    """Return a text as the rest of a line, in which only ``%`` means something (systemd.unit(5)).

    Raises:
        MemsyncError: it has a line break.
    """
    if any(character in text for character in "\r\n"):
        raise MemsyncError(f"a unit file cannot contain the path {text!r}", "rename it")
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    """Return a text as one word of a unit file (systemd.syntax(7)); raises as `_escaped` does."""
    text = _escaped(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"' if any(character in text for character in " '\"\\;") else text
