"""The service in a real systemd: installed, killed, hung, stopped, rebooted, removed.

Boots a machine of its own (tests/support/machine.py). Where that cannot be done the tests skip with
the reason; with CI=true that is a failure.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from tests.support.machine import Machine, eventually, why_not
from tests.support.scale import IN_CI, TORTURE

MEMSYNC = "/opt/memsync/bin/memsync"
KEY = "sk-ant-api03-" + "k" * 24
# A hundred in CI and by `make torture`; a quarter of that where someone waits for `make test`.
KILLS = 100 if IN_CI or TORTURE else 8


@pytest.fixture(scope="module")
def booted() -> Iterator[Machine]:
    reason = why_not()
    if reason and IN_CI and sys.platform == "linux":
        pytest.fail(f"CI has to run these: {reason}")
    if reason:
        pytest.skip(reason)
    with Machine() as machine:
        machine.run("useradd", "-m", "-u", "1500", "-s", "/bin/bash", "pi")
        assert machine.install_memsync() == MEMSYNC
        for folder in ("OneDrive", ".claude", ".ssh"):
            machine.run("install", "-d", "-o", "pi", "-g", "pi", f"/home/pi/{folder}")
        as_pi(machine, "init")
        as_pi(machine, "config", "set", "engine", "offline")
        yield machine


def as_pi(machine: Machine, *arguments: str, check: bool = True) -> str:
    done = machine.run(MEMSYNC, *arguments, user="pi", check=check, HOME="/home/pi")
    return done.stdout + done.stderr


def by_sudo(machine: Machine, *arguments: str, **more: str) -> str:
    """Run memsync as `sudo` would have it run for pi: as root, by its full path."""
    return machine.run(MEMSYNC, *arguments, SUDO_USER="pi", HOME="/root", **more).stdout


def drop_in(machine: Machine, text: str, *options: str) -> None:
    folder = "/etc/systemd/system/memsync.service.d"
    machine.run("mkdir", "-p", folder)
    machine.run("sh", "-c", f"printf '[Service]\\n{text}\\n' > {folder}/test.conf")
    machine.run("systemctl", *options, "daemon-reload")


def is_active(machine: Machine) -> bool:
    return machine.show("memsync", "ActiveState") == "active"


def pid_of(machine: Machine) -> int:
    return int(machine.show("memsync", "MainPID"))


def post(machine: Machine, text: str) -> str:
    token = as_pi(machine, "config", "get", "daemon.capture_token").strip()
    return machine.run(
        "curl",
        "-s",
        "-H",
        f"X-Memsync-Token: {token}",
        "-H",
        "Content-Type: application/json",
        "-d",
        json.dumps({"text": text}),
        "http://localhost:5001/note",
    ).stdout


@pytest.fixture(scope="module")
def installed(booted: Machine) -> Machine:
    said = by_sudo(booted, "daemon", "install", ANTHROPIC_API_KEY=KEY)
    assert "Token for notes: " in said
    assert "Password of the page: " in said
    assert "http://" in said
    assert "time zone is UTC" in said
    return booted


def test_the_service_runs_as_the_one_who_typed_sudo_and_answers_on_both_ports(installed):
    assert is_active(installed)
    assert installed.show("memsync", "User") == "pi"
    owner = installed.run("stat", "-c", "%U", f"/proc/{pid_of(installed)}").stdout.strip()
    assert owner == "pi"
    assert json.loads(post(installed, "noted over the wire"))["ok"] is True
    log = "/home/pi/OneDrive/.claude-memory/sessions"
    assert eventually(
        lambda: (
            "noted over the wire"
            in installed.run("sh", "-c", f"cat {log}/*.md", check=False).stdout
        )
    )
    page = installed.run(
        "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://localhost:5000/login"
    ).stdout
    assert page == "200"


def test_the_key_reaches_the_service_and_no_one_else(installed):
    stranger = "nobody"
    shown = installed.run("systemctl", "show", "memsync", user=stranger).stdout
    unit = installed.run("cat", "/etc/systemd/system/memsync.service", user=stranger).stdout
    assert KEY not in shown + unit
    assert "LoadCredential=api_key:" in unit
    for user in (stranger, "pi"):
        assert (
            KEY not in installed.run("cat", "/etc/memsync/api_key", user=user, check=False).stdout
        )
    environment = installed.run("cat", f"/proc/{pid_of(installed)}/environ").stdout
    assert KEY not in environment
    assert "CREDENTIALS_DIRECTORY" in environment
    given = installed.run("cat", "/run/credentials/memsync.service/api_key").stdout
    assert given == KEY
    mode = installed.run("stat", "-c", "%a %U", "/run/credentials/memsync.service/api_key").stdout
    assert mode.strip() == "400 pi"


def test_the_sandbox_is_as_tight_as_promised_and_hides_what_is_private(installed):
    score = installed.run("systemd-analyze", "security", "--threshold=15", "memsync", check=False)
    assert score.returncode == 0, score.stdout[-300:]
    pid = str(pid_of(installed))
    look = ["nsenter", "-t", pid, "-m", "--"]
    assert (
        installed.run(*look, "ls", "/home/pi/.ssh", check=False).returncode
        or not installed.run(*look, "ls", "-A", "/home/pi/.ssh").stdout
    )
    refused = installed.run(*look, "touch", "/home/pi/.bashrc-planted", check=False)
    assert "Read-only file system" in refused.stderr


def test_a_hundred_kills_and_it_is_back_each_time(installed):
    # The pause and the limit on starts are meant for a program that cannot start at all.
    drop_in(installed, "RestartSec=20ms")
    try:
        back = 0
        for _ in range(KILLS):
            before = pid_of(installed)
            installed.run("systemctl", "kill", "-s", "KILL", "memsync")
            back += eventually(
                lambda old=before: is_active(installed) and pid_of(installed) not in {0, old}
            )
        assert back == KILLS
        assert json.loads(post(installed, "after all those kills"))["ok"] is True
    finally:
        installed.run("rm", "-r", "/etc/systemd/system/memsync.service.d")
        installed.run("systemctl", "daemon-reload")
        installed.run("systemctl", "reset-failed", "memsync")


def test_a_daemon_that_hangs_is_ended_and_started_anew(installed):
    drop_in(installed, "WatchdogSec=2s\\nRestartSec=20ms\\nTimeoutAbortSec=1s")
    try:
        installed.run("systemctl", "restart", "memsync")
        before = pid_of(installed)
        restarts = int(installed.show("memsync", "NRestarts"))
        installed.run("kill", "-STOP", str(before))
        assert eventually(lambda: int(installed.show("memsync", "NRestarts")) > restarts)
        assert eventually(lambda: is_active(installed) and pid_of(installed) not in {0, before})
        journal = installed.run("journalctl", "-u", "memsync", "-o", "cat", "--no-pager").stdout
        status = installed.run("systemctl", "show", "memsync").stdout
        assert "watchdog" in (journal + status + installed.console()).lower()
    finally:
        installed.run("rm", "-r", "/etc/systemd/system/memsync.service.d")
        installed.run("systemctl", "daemon-reload")
        installed.run("systemctl", "restart", "memsync")


def test_a_well_daemon_feeds_the_watchdog_and_stays(installed):
    drop_in(installed, "WatchdogSec=1s")
    try:
        installed.run("systemctl", "restart", "memsync")
        before = pid_of(installed)
        fed = installed.show("memsync", "WatchdogTimestampMonotonic")

        def fed_thrice() -> bool:
            now = installed.show("memsync", "WatchdogTimestampMonotonic")
            return int(now) > int(fed) + 1_500_000

        assert eventually(fed_thrice)
        assert pid_of(installed) == before
    finally:
        installed.run("rm", "-r", "/etc/systemd/system/memsync.service.d")
        installed.run("systemctl", "daemon-reload")
        installed.run("systemctl", "restart", "memsync")


def test_it_stops_cleanly_and_stays_stopped(installed):
    installed.run("systemctl", "stop", "memsync")
    assert installed.show("memsync", "Result") == "success"
    assert installed.show("memsync", "ActiveState") == "inactive"
    installed.run("systemctl", "start", "memsync")
    assert is_active(installed)


def test_after_a_reboot_it_is_up_and_makes_up_for_the_refresh_it_missed(installed):
    post(installed, "to be merged while nobody is here")
    installed.run("systemctl", "stop", "memsync")
    # The last run lies two days back, as after two days without power.
    history = "/home/pi/.local/state/memsync"
    installed.run(
        "sh",
        "-c",
        f"""printf '{{"nightly_refresh": "%s"}}' """
        f"$(date -d '2 days ago' -Iseconds) > {history}/jobs.json",
    )
    installed.run("sh", "-c", f"sed -i /nightly_refresh/d {history}/history.jsonl")
    installed.reboot()
    assert eventually(lambda: is_active(installed), 30)
    memory = "/home/pi/OneDrive/.claude-memory/GLOBAL_MEMORY.md"
    assert eventually(
        lambda: "to be merged while nobody is here" in installed.run("cat", memory).stdout
    )
    told = json.loads(as_pi(installed, "daemon", "schedule", "--json"))["jobs"]
    refresh = next(job for job in told if job["id"] == "nightly_refresh")
    assert refresh["last_outcome"] == "ok"
    assert "merged" in refresh["last_message"]


def test_uninstall_leaves_nothing_behind_but_what_is_the_persons(installed):
    by_sudo(installed, "daemon", "uninstall")
    for gone in (
        "/etc/systemd/system/memsync.service",
        "/etc/memsync",
        "/etc/systemd/system/multi-user.target.wants/memsync.service",
    ):
        assert installed.run("test", "-e", gone, check=False).returncode == 1
    assert installed.show("memsync", "LoadState") == "not-found"
    assert "memsync.daemon" not in installed.run("ps", "-eo", "args").stdout
    installed.run("test", "-f", "/home/pi/OneDrive/.claude-memory/GLOBAL_MEMORY.md")
    again = installed.run(MEMSYNC, "daemon", "uninstall", check=False, SUDO_USER="pi")
    assert again.returncode == 1
    assert "no service is installed" in again.stderr


def test_a_user_can_have_it_without_root_and_it_runs_without_a_log_in(booted):
    # A user's manager runs where the user lingers or is logged in; pi has just logged in.
    booted.run("loginctl", "enable-linger", "pi")
    runtime = "/run/user/1500"
    assert eventually(
        lambda: booted.run("test", "-S", f"{runtime}/bus", check=False).returncode == 0
    )
    booted.run("loginctl", "disable-linger", "pi")
    keep = booted.run("systemctl", "start", "user@1500.service")
    assert keep.returncode == 0
    session = {
        "HOME": "/home/pi",
        "XDG_RUNTIME_DIR": runtime,
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus",
    }
    said = booted.run(MEMSYNC, "daemon", "install", "--user", user="pi", **session).stdout
    assert "Installed and started: /home/pi/.config/systemd/user/memsync.service" in said

    def active() -> bool:
        state = booted.run(
            "systemctl", "--user", "is-active", "memsync", user="pi", check=False, **session
        )
        return state.stdout.strip() == "active"

    assert active()
    booted.reboot()
    assert eventually(
        lambda: booted.run("test", "-S", f"{runtime}/bus", check=False).returncode == 0
    )
    assert eventually(active, 30)
    booted.run(MEMSYNC, "daemon", "uninstall", "--user", user="pi", **session)
    assert not active()
    linger = booted.run("loginctl", "show-user", "pi", "--property=Linger", "--value", check=False)
    assert linger.stdout.strip() != "yes"
