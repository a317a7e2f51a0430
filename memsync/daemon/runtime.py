"""The running daemon: its parts start in order, it waits for a signal, they stop in reverse."""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn, Protocol
from wsgiref.types import WSGIApplication

from memsync import clock
from memsync import config as settings
from memsync.config import Config, agent_shell
from memsync.config.state import machine_name, remember_machine
from memsync.daemon import process
from memsync.daemon.capture import CaptureApp
from memsync.daemon.extra import late
from memsync.daemon.http import addresses
from memsync.daemon.http.guard import Guard
from memsync.daemon.http.limits import judge_notes, judge_pages
from memsync.daemon.http.login import Login
from memsync.daemon.http.server import Port, Server
from memsync.daemon.intake.mover import Mover
from memsync.daemon.jobs import runs
from memsync.daemon.process import Claim, Status
from memsync.daemon.services import first_start, sd_notify
from memsync.daemon.web import create_app
from memsync.errors import MemsyncError
from memsync.notes.spool import Spool, SpooledNote
from memsync.text.note import Note

LOOK_SECONDS = 60.0
"""How often to look at the clock: a jump of it must not delay a job by more than this."""

LEAVE_SECONDS = 2.0

log = logging.getLogger(__name__)


class Part(Protocol):
    """Something the daemon starts and stops, and which may die in between."""

    def start(self) -> None: ...  # noqa: D102
    def stop(self) -> None: ...  # noqa: D102
    def is_alive(self) -> bool: ...  # noqa: D102


class _Jobs:
    """The part that runs the jobs."""

    def __init__(self, config: Config) -> None:
        self._module = late("scheduler")
        self._config = config
        self._scheduler = self._module.build_scheduler(config)
        self._looked = clock.now()

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        self._scheduler.shutdown(wait=False)
        runs.end_children()

    def is_alive(self) -> bool:
        # Its own `running` only says that nobody stopped it; it does not notice a dead thread.
        return any(t.name == "APScheduler" and t.is_alive() for t in threading.enumerate())

    def look_at_clock(self) -> None:
        now = clock.now()
        if now < self._looked:
            log.warning("the clock was set back by %s", self._looked - now)
            self._module.reschedule(self._scheduler, self._config)
        self._looked = now
        self._scheduler.wakeup()

    def schedules(self) -> dict[str, str]:
        return {
            job.id: job.schedule(self._config) for job in self._module.enabled_jobs(self._config)
        }


class _Signals:
    """The signals that the operating system sent.

    They come through a socket: a signal may reach any thread, or the main one just before it
    falls asleep. No Event and no lock is sure to wake it then, and a handler that interrupts
    another could wait for its own lock.
    """

    LEAVE = frozenset({signal.SIGTERM, signal.SIGINT})

    def __init__(self) -> None:
        self._numbers, self._sink = socket.socketpair()
        self._sink.setblocking(False)
        self.leaving = False
        for number in (*self.LEAVE, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])):
            signal.signal(number, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._sink.fileno(), warn_on_full_buffer=False)

    def one_came_within(self, seconds: float) -> bool:
        """Wait for a signal, and return whether one came."""
        ready, _, _ = select.select([self._numbers], [], [], seconds)
        if ready and self.LEAVE.intersection(self._numbers.recv(4096)):
            self.leaving = True
        return bool(ready)


def run_daemon(config: Config, *, on_ready: Callable[[Status], None] = lambda _status: None) -> int:
    """Be the daemon until SIGTERM or Ctrl-C; return the exit code.

    SIGHUP stops all parts, reads the config again and restarts them in the same process. If the
    config cannot be read, the log says so and the old one stays in force. If the state folder was
    removed, all parts restart in a new one, or else no note could be kept any more.

    Args:
        config: what to serve and run.
        on_ready: called with the status once both ports answer.

    Raises:
        MemsyncError: a daemon runs already, or a port cannot be opened.
    """
    agent_shell.drop()  # an agent may have started the daemon; what it serves comes from others
    machine, signals = machine_name(), _Signals()
    while True:
        with process.claim() as claim:
            while claim.is_valid:
                code = _serve(config, signals, claim, on_ready)
                if code is not None:
                    sd_notify.send_state("STOPPING=1")
                    log.info("memsync is down")
                    return code
                sd_notify.send_state("RELOADING=1")
                config = _reload_config(config)
        _renew_state(machine)


def leave(code: int) -> NoReturn:
    """End the process with `code`, even if a job's thread does not end in time."""
    deadline = time.monotonic() + LEAVE_SECONDS
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join(max(0.0, deadline - time.monotonic()))
    logging.shutdown()
    sys.stdout.flush()
    # Not sys.exit: it would wait for the threads of the pool for ever.
    os._exit(code)


def _serve(
    config: Config, signals: _Signals, claim: Claim, on_ready: Callable[[Status], None]
) -> int | None:
    """Run all parts until a signal; return the exit code, or None to restart."""
    spool = Spool()
    mover = Mover(spool, config)
    server = Server(_ports(config, spool, mover))
    started: list[Part] = []
    try:
        first: tuple[Part, ...] = (mover, server)
        for part in first:  # the mover is stopped last: it has the last notes
            part.start()
            started.append(part)
        jobs = _Jobs(config)
        jobs.start()
        started.append(jobs)
        status = _status(config, jobs.schedules())
        process.announce(status)
        on_ready(status)
        sd_notify.send_state(f"READY=1\nMAINPID={status.pid}")
        log.info("memsync is up, pid %d", status.pid)
        return _wait(signals, started, jobs, server, claim)
    finally:
        for part in reversed(started):
            part.stop()


def _wait(
    signals: _Signals, parts: list[Part], jobs: _Jobs, server: Server, claim: Claim
) -> int | None:
    """Wait for a signal, and look now and then at the clock, every part, and the state folder."""
    watchdog = sd_notify.watchdog_seconds()
    pause = min(LOOK_SECONDS, watchdog / 2) if watchdog else LOOK_SECONDS
    while not signals.one_came_within(pause):
        if not claim.is_valid:
            return None
        jobs.look_at_clock()
        dead = [type(part).__name__ for part in parts if not part.is_alive()]
        if dead:
            log.error(
                "%s ended by itself; the daemon ends as well, so that it is restarted",
                ", ".join(dead),
            )
            return 1
        if watchdog and server.answers():
            sd_notify.send_state("WATCHDOG=1")
    return 0 if signals.leaving else None


def _reload_config(config: Config) -> Config:
    try:
        return first_start.secure(settings.load(config.source))
    except MemsyncError as error:
        log.error("the config cannot be reloaded: %s", error.message)  # noqa: TRY400
        return config


def _renew_state(machine: str) -> None:
    """Make the state folder again after it was removed; this machine keeps its name."""
    remember_machine(machine)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler):
            handler.close()  # with the next line it opens the file that is there now
    log.error("the state folder was removed; all parts restart in a new one")


def _ports(config: Config, spool: Spool, mover: Mover) -> list[Port]:
    def keep_note(note: Note) -> None:
        spool.add(SpooledNote(note))
        mover.submit(note)

    def pages() -> WSGIApplication:
        return create_app(config, keep_note, login)

    def notes() -> WSGIApplication:
        return CaptureApp(config, spool, mover.submit)

    daemon, guard, login = config.daemon, Guard(config), Login(config)
    ports = []
    if daemon.web_ui_enabled:
        judge = judge_pages(guard, login.lets_in)
        ports.append(Port("web_ui", daemon.web_ui_host, daemon.web_ui_port, pages, judge))
    if daemon.capture_enabled:
        judge = judge_notes(guard)
        ports.append(Port("capture", daemon.capture_host, daemon.capture_port, notes, judge))
    if len({port.number for port in ports}) < len(ports):
        raise MemsyncError(
            f"the web page and the note port both have port {daemon.web_ui_port}",
            hint=f"memsync config set daemon.capture_port {daemon.web_ui_port + 1}",
        )
    return ports


def _status(config: Config, schedules: dict[str, str]) -> Status:
    daemon = config.daemon
    ports = []
    if daemon.web_ui_enabled:
        ports.append(addresses.local_url(daemon.web_ui_host, daemon.web_ui_port))
    if daemon.capture_enabled:
        ports.append(addresses.local_url(daemon.capture_host, daemon.capture_port))
    return Status(
        pid=os.getpid(),
        started=clock.now().isoformat(timespec="seconds"),
        web_url=addresses.web_url(config),
        capture_url=addresses.capture_url(config),
        ports=ports,
        schedules=schedules,
    )
