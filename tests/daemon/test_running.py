"""The daemon for real: its own process, its own ports, ended in every way a process can end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

import psutil
import pytest

from memsync import clock
from memsync import config as settings
from memsync.config.state import machine_name, state_folder
from memsync.config.workspace import Workspace
from memsync.daemon.http.passwords import is_right_password
from memsync.memory.history import backups
from memsync.notes import reader
from tests.support.daemons import Daemon, is_gone, memsync
from tests.support.net import HOST, Answer, free_port, send, until
from tests.support.terminal import at_terminal


@pytest.fixture
def daemon(workspace: Workspace) -> Iterator[Daemon]:
    made = Daemon()
    yield made
    made.end()


def logged(workspace: Workspace) -> list[str]:
    return [note.text for day in reader.days(workspace) for note in reader.read_day(workspace, day)]


def test_from_a_phone_to_the_memory_and_every_agent(daemon, workspace, home):
    daemon.start()
    pid = daemon.pid
    assert send(daemon.capture, "GET", "/health").json == {"ok": True}

    assert daemon.post("Prefers uv to pip").json["ok"] is True
    until(lambda: logged(workspace) == ["Prefers uv to pip"], seconds=1)

    done = memsync("daemon", "run", "refresh")
    assert (done.code, done.err) == (0, "")
    for path in (workspace.memory, home / ".claude/CLAUDE.md", home / ".codex/AGENTS.md"):
        assert "Prefers uv to pip" in path.read_text()
    page = send(daemon.web, "GET", "/")
    assert page.status == 200
    assert b"Prefers uv to pip" in page.body
    assert memsync("daemon", "web").out == f"http://localhost:{daemon.web}\n"

    status = memsync("daemon", "status", "--json").json
    assert status["running"] is True
    assert status["pid"] == pid
    assert status["web_url"] == f"http://localhost:{daemon.web}"
    assert status["capture_url"] == f"http://localhost:{daemon.capture}"
    assert status["started"] <= clock.now().isoformat()
    jobs = {job["id"]: job for job in memsync("daemon", "schedule", "--json").json["jobs"]}
    assert jobs["nightly_refresh"]["last_outcome"] == "ok"
    assert jobs["nightly_refresh"]["next_run"] > clock.now().isoformat()
    assert f"memsync is up, pid {pid}" in memsync("daemon", "logs").out

    done = memsync("daemon", "stop")
    assert (done.code, done.out) == (0, f"Stopped, pid {pid}.\n")
    until(lambda: is_gone(pid), seconds=3)
    assert memsync("daemon", "status", "--json").json["running"] is False
    assert memsync("daemon", "stop").code == 1
    assert "memsync is down" in memsync("daemon", "logs").out


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_the_first_start_shows_its_secrets_once_and_they_are_in_force(daemon, home, host):
    daemon.set(web_ui_host=host, capture_host=host, web_ui_password=None, capture_token=None)
    lines = dict(line.split(": ", 1) for line in daemon.start().splitlines() if ": " in line)
    token, password = lines["Token for notes"], lines["Password of the page"]
    assert daemon.post("no token").status == 401
    sent = {"X-Memsync-Token": token, "Content-Type": "application/json"}
    assert send(daemon.capture, "POST", "/note", b'{"text": "with"}', sent).status == 200
    assert send(daemon.web, "GET", "/").headers["location"] == "/login"
    memsync("daemon", "stop")
    again = daemon.start()
    assert token not in again
    assert password not in again
    log = (state_folder() / "daemon.log").read_text()
    assert token not in log
    assert password not in log


@pytest.fixture
def upgraded(daemon) -> Iterator[Daemon]:
    """The daemon as a service starts it, by a config of the version before: nobody looks."""
    daemon.set(web_ui_password=None, capture_token=None)
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-m", "memsync.daemon"], **quiet) as process:
        until(lambda: _answers(daemon.capture) and _answers(daemon.web, 303))
        yield daemon
        process.terminate()


def test_an_upgraded_service_starts_and_shows_its_new_secrets_until_they_were_seen(upgraded):
    """The version before needed none on loopback; every user of the machine reaches it."""
    assert upgraded.post("from another user").status == 401
    assert send(upgraded.web, "GET", "/").headers["location"] == "/login"
    assert "Token for notes" not in memsync("daemon", "status").out  # a pipe has not seen them
    assert "first secrets" in memsync("doctor").out
    shown = at_terminal("daemon", "status").out
    lines = dict(line.split(": ", 1) for line in shown.splitlines() if ": " in line)
    token, password = lines["Token for notes"], lines["Password of the page"]
    for words in (("daemon", "status"), ("doctor",)):
        again = at_terminal(*words).out
        assert token not in again
        assert password not in again
    sent = {"X-Memsync-Token": token, "Content-Type": "application/json"}
    assert send(upgraded.capture, "POST", "/note", b'{"text": "with"}', sent).status == 200
    assert is_right_password(password, settings.load().daemon.web_ui_password)


@pytest.mark.parametrize("words", [("doctor",), ("daemon", "web")], ids=" ".join)
def test_other_commands_show_them_once_as_well(upgraded, words):
    assert "Password of the page: " in at_terminal(*words).out
    assert "Password of the page: " not in at_terminal(*words).out


def test_a_key_that_was_removed_opens_nothing_when_the_config_is_read_anew(daemon):
    daemon.start()
    assert daemon.post("open on purpose").status == 200
    daemon.set(capture_token=None)
    os.kill(daemon.pid, signal.SIGHUP)
    until(lambda: _answers(daemon.capture) and daemon.post("open by accident?").status == 401)


def test_a_state_folder_that_was_removed_is_made_again_and_notes_are_taken_again(
    daemon, workspace, monkeypatch
):
    monkeypatch.setenv("NOTIFY_SOCKET", "/nonexistent")  # the watchdog's pace: a look in a second
    monkeypatch.setenv("WATCHDOG_USEC", "2000000")
    name = machine_name()
    daemon.start()
    pid = daemon.pid
    shutil.rmtree(state_folder())
    until(lambda: _answers(daemon.capture) and daemon.post("after it").status == 200, seconds=20)
    until(lambda: logged(workspace) == ["after it"])
    assert machine_name() == name
    until(lambda: memsync("daemon", "status", "--json").json["pid"] == pid)
    assert "the state folder was removed" in memsync("daemon", "logs").out
    assert memsync("daemon", "stop").code == 0


def test_a_second_start_names_the_pid_of_the_first(daemon):
    daemon.start()
    pid = daemon.pid
    for words in (["--detach"], []):
        done = memsync("daemon", "start", *words)
        assert done.code == 1
        assert (
            done.err == f"Error: the daemon runs already with pid {pid}\nTry: memsync daemon stop\n"
        )
    assert send(daemon.capture, "GET", "/health").status == 200


@pytest.mark.parametrize("words", [["--detach"], []])
@pytest.mark.parametrize("key", ["web_ui", "capture"])
def test_a_taken_port_is_named_with_its_holder_and_the_way_out(daemon, words, key):
    number = daemon.web if key == "web_ui" else daemon.capture
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((HOST, number))
        holder.listen()
        done = memsync("daemon", "start", *words)
    assert done.code == 1
    error, way_out = [line for line in done.err.splitlines() if " INFO " not in line]
    assert (
        error == f"Error: port {number} is taken by {psutil.Process().name()} (pid {os.getpid()})"
    )
    command = f"memsync config set daemon.{key}_port "
    assert way_out.startswith(f"Try: {command}")
    advice = way_out.removeprefix("Try: memsync ").split()
    assert memsync(*advice).code == 0
    assert memsync("daemon", "status", "--json").json["running"] is False


def test_one_port_for_both_is_refused(daemon):
    daemon.set(web_ui_port=daemon.capture)
    done = memsync("daemon", "start", "--detach")
    assert done.code == 1
    assert f"the web page and the note port both have port {daemon.capture}" in done.err


def test_what_was_acknowledged_survives_kill_9_and_is_in_the_log_once(daemon, workspace):
    kept: list[str] = []
    ended = threading.Event()

    def post(sender: int) -> None:
        for number in range(100_000):
            try:
                if daemon.post(text := f"note {sender}-{number}").status == 200:
                    kept.append(text)
            except (OSError, HTTPException):
                if ended.is_set():
                    return

    for round_number in range(3):
        daemon.start()
        ended.clear()
        threads = [
            threading.Thread(target=post, args=(10 * round_number + sender,)) for sender in range(8)
        ]
        for thread in threads:
            thread.start()
        before = len(kept)
        until(lambda before=before: len(kept) > before + 50)
        os.kill(daemon.pid, signal.SIGKILL)
        ended.set()
        for thread in threads:
            thread.join()
    daemon.start()
    until(lambda: set(kept) <= set(logged(workspace)))
    assert memsync("daemon", "stop").code == 0
    found = logged(workspace)
    assert len(found) == len(set(found))
    assert set(kept) <= set(found)
    # What was written and not acknowledged may be there, too: one a thread and kill at the most.
    assert len(found) - len(kept) <= 3 * 8


def test_notes_taken_while_the_folder_is_away_go_in_when_it_is_back(daemon, workspace):
    away = workspace.root.rename(workspace.root.with_name("unplugged"))
    daemon.start()
    assert daemon.post("on the road").json["spooled"] is True
    page = send(daemon.web, "GET", "/")
    assert page.status == 503
    memsync("daemon", "stop")
    assert not workspace.root.exists()
    away.rename(workspace.root)
    daemon.start()
    until(lambda: logged(workspace) == ["on the road"])
    assert send(daemon.web, "GET", "/").status == 200


def test_sigterm_finishes_the_request_in_hand_and_leaves_within_ten_seconds(daemon, workspace):
    """The page is held up at a file in the state that is a pipe, until its other end is closed."""
    backups.backup(b"# Memory\n", workspace.backups)
    daemon.start()
    pid = daemon.pid
    pipe = state_folder() / "web_change.json"
    os.mkfifo(pipe)
    answers: list[Answer] = []
    reader = threading.Thread(target=lambda: answers.append(send(daemon.web, "GET", "/")))
    reader.start()
    held = until(lambda: _opened_by_a_reader(pipe))
    os.kill(pid, signal.SIGTERM)
    began = time.monotonic()
    until(lambda: send(daemon.capture, "GET", "/health").status == 503)
    assert answers == []
    os.close(held)
    reader.join(10)
    until(lambda: is_gone(pid))
    assert time.monotonic() - began < 10
    assert [answer.status for answer in answers] == [200]
    assert answers[0].body.rstrip().endswith(b"</html>")


def _opened_by_a_reader(pipe: Path) -> int | None:
    """Return a descriptor of a pipe that somebody waits to read from; None where nobody does."""
    try:
        return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_daemon_in_the_foreground_ends_well_on_a_signal(daemon, number):
    with subprocess.Popen(
        [sys.executable, "-m", "memsync", "daemon", "start"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        until(lambda: _answers(daemon.capture))
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert process.returncode == 0
    assert f"http://localhost:{daemon.web}" in out
    assert "Traceback" not in err


def _answers(port: int, status: int = 200) -> bool:
    try:
        return send(port, "GET", "/health").status == status
    except OSError:
        return False


def test_a_job_in_hand_does_not_keep_the_daemon_from_leaving(daemon, workspace, tmp_path):
    """The drift check is due at once; here it hangs on a file in the state that is a pipe."""
    pipe = state_folder() / "targets.json"
    os.mkfifo(pipe)
    daemon.start()
    held = until(lambda: _opened_by_a_reader(pipe))
    os.kill(daemon.pid, signal.SIGTERM)
    until(lambda: is_gone(daemon.pid), seconds=10)
    os.close(held)


def test_a_stale_pid_of_somebody_else_is_not_signalled(daemon):
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as bystander:
        status = {"pid": bystander.pid, "started": "2026-11-23T05:00:00+01:00", "ports": []}
        (state_folder() / "daemon.json").write_text(json.dumps(status))
        assert memsync("daemon", "status", "--json").json["running"] is False
        (state_folder() / "daemon.json").write_text(json.dumps(status))
        done = memsync("daemon", "stop")
        assert done.code == 1
        assert "no daemon is running" in done.err
        (state_folder() / "daemon.json").write_text(json.dumps(status))
        daemon.start()
        assert daemon.pid != bystander.pid
        assert bystander.poll() is None
        bystander.kill()


def test_sighup_reads_the_config_anew_and_a_sigterm_meanwhile_is_not_forgotten(daemon, workspace):
    daemon.start()
    old, new = daemon.capture, free_port()
    daemon.set(capture_port=new)
    os.kill(daemon.pid, signal.SIGHUP)
    until(lambda: _answers(new))
    assert not _answers(old)
    assert memsync("daemon", "status", "--json").json["capture_url"].endswith(f":{new}")
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(daemon.pid, number)
    until(lambda: is_gone(daemon.pid))
    assert "memsync is down" in memsync("daemon", "logs").out
