"""A machine with a real systemd: booted in namespaces of its own, over a throw-away copy of /.

It has its own processes, mounts, users and network (loopback alone); the host sees none of it.
Takes root, cgroup 2 and overlayfs; `why_not` says what is missing.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Self

import memsync

BOOT_SECONDS = 60.0
SCRIPT = Path(__file__).with_name("boot.sh")
NOT_NEEDED = ("mypy*", "playwright*", "ruff*", "hypothesis*", "librt*", "grimp*", "_memsync*")
SYSTEMD = Path("/lib/systemd/systemd")


def why_not() -> str:
    """Return why no machine can be booted here; empty where one can."""
    if os.name != "posix" or not SYSTEMD.exists():
        return "there is no systemd on this system"
    if os.geteuid() != 0:
        return "booting a systemd takes root"
    if _cgroup_tree() is None:
        return "there is no cgroup 2 tree to give to it"
    missing = [tool for tool in ("unshare", "nsenter", "ip") if shutil.which(tool) is None]
    if missing:
        return f"{', '.join(missing)} is missing"
    if "overlay" not in Path("/proc/filesystems").read_text():
        return "the kernel has no overlayfs"
    return ""


def _cgroup_tree() -> Path | None:
    for tree in (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")):
        if (tree / "cgroup.procs").exists() and (tree / "cgroup.controllers").exists():
            return tree
    return None


def _needed() -> list[str]:
    """Return what a user of the machine has to read: the project, and its Python."""
    places = (Path(__file__).parents[2], Path(sys.prefix), Path(sys.base_prefix))
    return [str(place.resolve()) for place in places]


def _call(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def eventually(is_so: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Return whether something comes to be so in time; looks every twentieth of a second."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


class Machine:
    """A booted machine. `run` runs a command in it; `reboot` ends it and boots its disk again."""

    def __init__(self) -> None:
        self._folder = Path(mkdtemp(prefix="memsync-machine-"))
        self._group: Path | None = None
        self._outer: subprocess.Popen[bytes] | None = None
        self._init = 0

    def __enter__(self) -> Self:
        disk = self._folder / "disk"
        disk.mkdir()
        _call("mount", "-t", "tmpfs", "-o", "size=1g", "machine", str(disk))
        (disk / "changes").mkdir()
        (disk / "work").mkdir()
        self._boot()
        return self

    def __exit__(self, *exception: object) -> None:
        self._end()
        _call("umount", str(self._folder / "disk"))
        shutil.rmtree(self._folder, ignore_errors=True)

    def reboot(self) -> None:
        """End everything that runs on the machine and boot it again, with its disk as it is."""
        self._end()
        self._boot()

    def run(
        self, *command: str, user: str | None = None, check: bool = True, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as root, or as a user in a session of his; `more` is its environment."""
        settings = [f"{name}={value}" for name, value in more.items()]
        inner = ["env", *settings, *command]
        if user is not None:
            inner = ["runuser", "-u", user, "--", *inner]
        done = subprocess.run(
            ["nsenter", "-t", str(self._init), "-a", *inner],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
        )
        if check and done.returncode:
            raise AssertionError(f"{command} gave {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def install_memsync(self, prefix: str = "/opt/memsync") -> str:
        """Install this project's memsync on the machine, as pipx would; return its program.

        Where the checkout lies is no place for a service: it may be below /tmp, which a service
        with a private one cannot see.
        """
        python = f"{prefix}/bin/python"
        self.run(sys.executable, "-m", "venv", "--without-pip", prefix)
        place = self.run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
        packages = place.stdout.strip()
        here = sysconfig.get_path("purelib")
        skip = " ".join(f"--exclude=./{name}" for name in NOT_NEEDED)
        self.run("sh", "-c", f"tar -C {here} {skip} -c . | tar -C {packages} -x")
        self.run("cp", "-r", str(Path(memsync.__file__).parent), packages)
        program = f"{prefix}/bin/memsync"
        script = f"#!{python}\nfrom memsync.__main__ import main\nmain()\n"
        self.run("sh", "-c", f"printf %s {shlex.quote(script)} > {program}; chmod 755 {program}")
        return program

    def show(self, unit: str, name: str, *options: str) -> str:
        """Return a property of a unit."""
        wanted = f"--property={name}"
        return self.run("systemctl", *options, "show", unit, wanted, "--value").stdout.strip()

    def console(self) -> str:
        """Return what the booting system printed."""
        path = self._folder / "console.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _boot(self) -> None:
        self._init = 0
        tree = _cgroup_tree()
        assert tree is not None
        self._group = tree / f"memsync-test-{os.getpid()}-{self._folder.name[-6:]}"
        self._group.mkdir()
        join = f"echo $$ > {self._group}/cgroup.procs"
        needed = " ".join(shlex.quote(path) for path in _needed())
        spaces = "--mount --propagation private --pid --fork --cgroup --uts --ipc --net"
        self._outer = subprocess.Popen(
            ["bash", "-c", f"{join}; exec unshare {spaces} bash {SCRIPT} {self._folder} {needed}"],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert eventually(self._find_init), f"systemd did not come up: {self.console()}"
        states = {"running", "degraded"}
        assert eventually(lambda: self._state() in states, BOOT_SECONDS), self.console()

    def _find_init(self) -> bool:
        assert self._outer is not None
        children = Path(f"/proc/{self._outer.pid}/task/{self._outer.pid}/children")
        try:
            found = [int(pid) for pid in children.read_text().split()]
            # Before pivot_root the process still is the script.
            names = [Path(f"/proc/{pid}/comm").read_text().strip() for pid in found]
        except OSError:
            return False
        if names != ["systemd"]:
            return False
        self._init = found[0]
        return True

    def _state(self) -> str:
        return self.run("systemctl", "is-system-running", check=False).stdout.strip()

    def _end(self) -> None:
        outer = self._outer
        if outer is None:
            return
        if self._init:
            self.run("systemctl", "poweroff", "--force", check=False)
        try:
            outer.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(outer.pid, signal.SIGKILL)
            if self._init:
                os.kill(self._init, signal.SIGKILL)
            outer.wait(10)
        if self._group is not None:
            eventually(self._remove_group, 5)

    def _remove_group(self) -> bool:
        assert self._group is not None
        for folder in sorted(self._group.rglob("*"), reverse=True):
            if folder.is_dir():
                folder.rmdir()
        try:
            self._group.rmdir()
        except OSError:
            return False
        return True
