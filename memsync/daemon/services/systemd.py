"""A systemd service, the system's or a user's: tried in its sandbox, installed, started.

A system service runs as the user who typed sudo, never as root.
"""

from __future__ import annotations

import getpass
import json
import os
import pwd
import shutil
import subprocess
from pathlib import Path

from memsync import config as settings
from memsync.config.state import state_folder, state_path
from memsync.daemon.services import prepare, units
from memsync.daemon.services.commands import failure_of, interpreter, run_program
from memsync.daemon.services.prepare import Prepared
from memsync.daemon.services.secrets import store_secrets, stored_secrets
from memsync.daemon.services.units import NAME, UnitPlan
from memsync.errors import MemsyncError
from memsync.files.atomic import atomic_write

SYSTEM_UNITS = Path("/etc/systemd/system")
SYSTEM_SECRETS = Path("/etc/memsync")
LINGER_MARK = "linger"
# Settings of a unit that a trial run by systemd-run does not take.
_NOT_TRIED = ("Type", "NotifyAccess", "Exec", "Restart", "Timeout", "Watchdog", "WorkingDirectory")


def install(*, user: bool, ask: bool) -> tuple[Path, Prepared]:
    """Install, enable and start a service; return the unit's file and what was prepared.

    Args:
        user: a service of the user's own, which runs without a log-in as well; else the system's.
        ask: whether a person is there who can be asked for the API key.

    Raises:
        MemsyncError: it cannot be done here, or did not start.
    """
    return _install_for_user(ask=ask) if user else _install_for_system(ask=ask)


def _install_for_system(*, ask: bool) -> tuple[Path, Prepared]:
    _require_root("install")
    owner = _owner_of_service()
    if owner.pw_uid == 0:
        raise MemsyncError(
            "the service should not run as root",
            hint="run sudo memsync daemon install as the user it is for, or install --user",
        )
    prepared = _prepare_as(owner)
    secrets = store_secrets(SYSTEM_SECRETS, ask=ask and not prepared.has_key)
    plan = UnitPlan(
        python=interpreter(),
        config=Path(prepared.config),
        home=Path(owner.pw_dir),
        user=owner.pw_name,
        group=str(owner.pw_gid),
        writable=tuple(map(Path, prepared.writable)),
        credentials=secrets,
    )
    return _put_in_place(units.system_unit(plan), _unit_path(user=False), prepared, user=False)


def _install_for_user(*, ask: bool) -> tuple[Path, Prepared]:
    if os.geteuid() == 0:
        raise MemsyncError(
            "the service of a user is installed without sudo", hint="memsync daemon install --user"
        )
    prepared = prepare.prepare()
    secrets = store_secrets(_secrets_folder(user=True), ask=ask and not prepared.has_key)
    plan = UnitPlan(
        python=interpreter(),
        config=Path(prepared.config),
        home=Path.home(),
        writable=tuple(map(Path, prepared.writable)),
        credentials=secrets,
        namespaces=_may_make_namespaces(),
    )
    path = _unit_path(user=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    installed = _put_in_place(units.user_unit(plan), path, prepared, user=True)
    _begin_linger()
    return installed


def uninstall(*, user: bool) -> Path:
    """Stop the service, remove all of it, and return the path its unit had."""
    path = _unit_path(user=user)
    if not path.exists():
        raise MemsyncError(f"no service is installed: there is no {path}", "memsync daemon status")
    if not user:
        _require_root("uninstall")
    control = _systemctl(user=user)
    run_program([*control, "disable", "--now", NAME])
    path.unlink()
    run_program([*control, "daemon-reload"])
    run_program([*control, "reset-failed", NAME], check=False)
    shutil.rmtree(_secrets_folder(user=user), ignore_errors=True)
    if user:
        _end_linger()
    return path


def render(*, user: bool) -> str:
    """Return the unit that would be installed here; changes nothing on disk.

    Under sudo, this process reads the user's config and state from now on, not root's.

    Raises:
        MemsyncError: memsync is not set up, or its sync folder is not found.
    """
    owner = _owner_of_service()
    if _is_sudo():
        os.environ["HOME"] = owner.pw_dir
    config = settings.load()
    plan = UnitPlan(
        python=interpreter(),
        config=(config.source or settings.get_config_path()).absolute(),
        home=Path(owner.pw_dir) if _is_sudo() else Path.home(),
        user=owner.pw_name,
        group=str(owner.pw_gid),
        writable=units.writable_folders(config, state_path()),
        credentials=stored_secrets(_secrets_folder(user=user)),
    )
    return units.user_unit(plan) if user else units.system_unit(plan)


def _put_in_place(
    unit: str, path: Path, prepared: Prepared, *, user: bool
) -> tuple[Path, Prepared]:
    control = _systemctl(user=user)
    _try_as_service(unit, user=user)
    atomic_write(path, unit.encode(), mode=0o644)
    run_program([*control, "daemon-reload"])
    run_program([*control, "enable", NAME])
    started = subprocess.run(  # noqa: S603
        [*control, "restart", NAME], capture_output=True, text=True, check=False
    )
    if started.returncode:
        raise MemsyncError(
            f"the service is installed but did not start: {_last_words(user=user)}",
            hint=f"{' '.join(control)} status memsync; memsync daemon logs",
        )
    return path, prepared


def _try_as_service(unit: str, *, user: bool) -> None:
    """Try to read and write the folders, in the same sandbox that the unit describes.

    Raises:
        MemsyncError: that failed; the message is that of the trial.
    """
    lines = unit.split("[Service]")[1].split("[Install]", maxsplit=1)[0].splitlines()
    given = [x for x in lines if "=" in x and not x.startswith(("#", *_NOT_TRIED))]
    given = [line.replace("%%", "%") for line in given]  # systemd-run takes no specifiers
    wrapper = [
        "systemd-run",
        "--wait",
        "--pipe",
        "--collect",
        "--quiet",
        *(["--user"] if user else []),
    ]
    options = [part for line in given for part in ("-p", line)]
    command = [str(interpreter()), "-m", "memsync", "daemon", "check-access"]
    done = subprocess.run(  # noqa: S603
        [*wrapper, *options, *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        error = failure_of(done.stderr, last)
        message = f"as a service, memsync could not work here: {error.message}"
        raise MemsyncError(message, error.hint)


def _prepare_as(owner: pwd.struct_passwd) -> Prepared:
    """Run `prepare` as the service's user, in that user's home."""
    done = subprocess.run(  # noqa: S603
        [str(interpreter()), "-m", "memsync", "daemon", "prepare"],
        user=owner.pw_uid,
        group=owner.pw_gid,
        extra_groups=os.getgrouplist(owner.pw_name, owner.pw_gid),
        env=_environment_of(owner),
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise failure_of(done.stderr, "the installation could not be prepared", done.returncode)
    return Prepared(**json.loads(done.stdout))


def _environment_of(owner: pwd.struct_passwd) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
    named = (
        {"MEMSYNC_CONFIG": os.environ["MEMSYNC_CONFIG"]} if "MEMSYNC_CONFIG" in os.environ else {}
    )
    return {**kept, **named, "HOME": owner.pw_dir, "USER": owner.pw_name, "LOGNAME": owner.pw_name}


def _unit_path(*, user: bool) -> Path:
    """Return the path of the unit file (systemd.unit(5))."""
    if not user:
        return SYSTEM_UNITS / NAME
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "systemd" / "user" / NAME


def _require_root(verb: str) -> None:
    if os.geteuid() != 0:
        program = shutil.which("memsync") or f"{interpreter()} -m memsync"
        raise MemsyncError(
            f"only root can {verb} a system service",
            hint=f"sudo {program} daemon {verb}, or memsync daemon {verb} --user",
        )


def _secrets_folder(*, user: bool) -> Path:
    """Return the folder for the service's secrets: root's own, or beside the user's config."""
    if not user:
        return SYSTEM_SECRETS
    return settings.get_config_path().parent / "credentials"


def _is_sudo() -> bool:
    """Does this process run by sudo?"""
    return os.geteuid() == 0 and bool(os.environ.get("SUDO_USER"))


def _owner_of_service() -> pwd.struct_passwd:
    """Return the user who typed sudo, or else the user of this process."""
    name = os.environ.get("SUDO_USER")
    try:
        return pwd.getpwnam(name or "") if _is_sudo() else pwd.getpwuid(os.geteuid())
    except KeyError as error:
        raise MemsyncError(
            f"there is no user {name!r} on this machine", "unset SUDO_USER, or set it right"
        ) from error


def _systemctl(*, user: bool) -> list[str]:
    return ["systemctl", "--user"] if user else ["systemctl"]


def _may_make_namespaces() -> bool:
    """May this user make namespaces, which the sandbox needs? Some systems forbid it."""
    trial = [
        "systemd-run",
        "--user",
        "--wait",
        "--collect",
        "--quiet",
        "-p",
        "PrivateUsers=yes",
        "true",
    ]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0  # noqa: S603


def _begin_linger() -> None:
    """Let the user's services run without a log-in; leave a mark if memsync switched that on."""
    name = getpass.getuser()
    asked = ["loginctl", "show-user", name, "--property=Linger", "--value"]
    shown = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603
    if shown.stdout.strip() != "yes":
        run_program(["loginctl", "enable-linger", name])
        (state_folder() / LINGER_MARK).touch()


def _end_linger() -> None:
    mark = state_folder() / LINGER_MARK
    if mark.exists():
        run_program(["loginctl", "disable-linger", getpass.getuser()])
        mark.unlink()


def _last_words(*, user: bool) -> str:
    journal = ["journalctl", *(["--user"] if user else []), "-u", NAME, "-n", "20", "-o", "cat"]
    done = subprocess.run(journal, capture_output=True, text=True, check=False)  # noqa: S603
    errors = [line for line in done.stdout.splitlines() if line.startswith("Error: ")]
    return errors[-1][7:] if errors else "see its journal"
