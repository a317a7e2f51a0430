"""Whatever the disk refuses: old or new, a word about it, and the next run heals.

Every operation is run with its first request to the disk refused, then its second, until a run is
over without meeting one; with every error a disk knows; once, and from then on for good.
"""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import random
import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine

from memsync import clock
from memsync import config as settings
from memsync.cli import main
from memsync.config import Config, writer
from memsync.config.workspace import Workspace
from memsync.daemon import scheduler, web
from memsync.daemon.capture import CaptureApp
from memsync.daemon.intake.mover import Mover
from memsync.daemon.job_history import Run
from memsync.errors import refused_by_disk
from memsync.memory import publish
from memsync.notes import log
from memsync.notes.spool import Spool, SpooledNote
from memsync.text import note as notes
from memsync.text.digest import digest
from memsync.text.mark import CAPTURED
from tests.conftest import SAMPLE
from tests.support.faults import ALL, Disk, contents, failing, put_back
from tests.support.messages_server import edits
from tests.support.scale import IN_CI, TORTURE

NOW = "2026-11-20T12:00:00+00:00"
MINE = "# Mine\n\nkeep me\n"
AT_HOME = {"headers": {"Host": "localhost"}, "environ_base": {"REMOTE_ADDR": "127.0.0.1"}}
ADD = {"op": "add", "section": "Preferences", "text": "- Tea, not coffee"}
WORDS = "Error: {}\nTry: {}\n"
EVERY = [(number, stays) for number in sorted(ALL) for stays in (False, True)]
BOOKS = (
    "targets.json",
    "drift.json",
    "mirrors.json",
    ".memsync-mirror",
    "changes.jsonl",
    "published.log",
)
"""What memsync does without where it is lost: only that it can be read is looked at."""
PASSING = (
    "/locks/",
    ".lock",
    "/edit/",
    "/lineage/",
    "/aside/",
    "/.versions/",
    "history.jsonl",
    ".tmp",
    "/web.",
    "/web_",
)
"""What is not compared: locks, drafts, copies kept aside, temp files, what the page can lose, and what
this machine last saw (`tests/sync` shows that a text too many or too few there loses nothing)."""


@dataclass(frozen=True)
class Came:
    """What an operation came to: 0 for done, and what it said."""

    code: int
    said: str = ""


Act = Callable[[Config], Came]
World = dict[str, Any]


def command(*words: str) -> Act:
    """`memsync …` through its front door."""

    def run(config: Config) -> Came:
        del config
        out, err = io.TextIOWrapper(io.BytesIO()), io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["memsync", *words])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            with pytest.raises(SystemExit) as left:
                main()
        return Came(int(left.value.code or 0), err.getvalue())

    return run


def job(act: Callable[[Config], Run]) -> Act:
    """A job of the daemon, which never raises; its history line says how it went."""

    def run(config: Config) -> Came:
        done = act(config)
        return Came(done.exit_code, WORDS.format(done.message, done.hint))

    return run


def drift(config: Config) -> Came:
    """The drift job, which repairs; what it says is adrift is said."""
    done = scheduler.job_drift_check(config)
    well = done.outcome == "ok" and not re.search("claude|codex", done.message)
    return Came(0 if well else 1, WORDS.format(done.message, done.hint))


def daemon_part(act: Act) -> Act:
    """A part of the daemon, begun anew: where that fails, `daemon start` says so."""

    def run(config: Config) -> Came:
        try:
            return act(config)
        except OSError as error:
            told = refused_by_disk(error)
            return Came(1, WORDS.format(told.message, told.hint))

    return run


@daemon_part
def captured(config: Config) -> Came:
    """A note by phone: 200 says that it is on the disk."""
    app = CaptureApp(config)
    answer = app.test_client().post("/note", json={"text": "by phone"}, **AT_HOME)
    return Came(0 if answer.status_code == 200 else 1, WORDS.format(answer.text, "again"))


@daemon_part
def moved(config: Config) -> Came:
    """From the spool to the day's log; what did not get there is tried again by itself."""
    return Came(0 if Mover(Spool(), config).move_all() else 1, WORDS.format("waits", "later"))


@daemon_part
def saved(config: Config) -> Came:
    """A change of the memory on the page."""
    client = web.create_app(config).test_client()
    token = client.get("/edit", **AT_HOME).text.partition('name="csrf_token" value="')[2]
    form = {"text": SAMPLE + "- by hand\n", "based_on": digest(SAMPLE.encode())}
    form["csrf_token"] = token.partition('"')[0]
    answer = client.post("/save", data=form, **AT_HOME)
    well = answer.status_code in {302, 303} and "partly" not in answer.headers["Location"]
    assert "Traceback" not in answer.text
    return Came(0 if well else 1, WORDS.format(answer.status_code, "the page says"))


@daemon_part
def shown(config: Config) -> Came:
    """A page that reads all there is: notes, machines, history."""
    client = web.create_app(config).test_client()
    answers = [client.get(path, **AT_HOME) for path in ("/", "/notes", "/machines", "/history")]
    worst = max(answer.status_code for answer in answers)
    return Came(0 if worst == 200 else 1, WORDS.format(worst, "the page says"))


SYNC = command("targets", "sync")
OPERATIONS: dict[str, tuple[Act, Act | None]] = {  # what is done; what heals, where not the same
    "init": (command("init", "--force", "--sync-root", "~/Sync"), None),
    "note": (command("note", "hello"), None),
    "refresh offline": (command("refresh"), None),
    "refresh with Claude": (command("refresh"), None),
    "edit": (command("edit"), SYNC),
    "restore": (command("restore", "--yes"), SYNC),
    "targets sync": (SYNC, None),
    "targets add": (command("targets", "add", "gemini"), None),
    "targets remove": (command("targets", "remove", "codex"), SYNC),
    "prune": (command("prune", "--keep-days", "1"), None),
    "config set": (command("config", "set", "max_memory_lines", "300"), None),
    "status": (command("status"), None),
    "machines --forget": (command("machines", "--forget", "sold-1a2b"), None),
    "show": (command("show"), None),
    "log": (command("log"), None),
    "diff": (command("diff"), None),
    "usage": (command("usage"), None),
    "capture": (captured, None),
    "mover": (moved, None),
    "page": (shown, None),
    "save": (saved, SYNC),
    "job refresh": (job(scheduler.job_nightly_refresh), None),
    "job mirror": (job(scheduler.job_backup_mirror), None),
    "job drift": (drift, None),
}


@pytest.fixture
def world(workspace: Workspace, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine in full use: notes pending, one in the spool, backups, agents' files, a mirror."""
    logging.disable()
    changes = {"daemon.backup_mirror_path": str(home / "Mirror"), "daemon.drift_repair": True}
    changes |= {"daemon.capture_token": "", "daemon.web_ui_password": ""}
    writer.change(settings.get_config_path(), changes)
    editor = home.parent / "editor"
    editor.write_text("#!/bin/sh\necho '- by hand' >> \"$1\"\n")
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    (home / ".claude" / "CLAUDE.md").write_text(MINE)
    for day, text in ((1, SAMPLE + "- an older line\n"), (2, SAMPLE)):
        with time_machine.travel(f"2026-11-{day:02}T12:00:00+00:00", tick=False):
            publish.publish(workspace, text, None)
    with time_machine.travel("2026-11-19T12:00:00+00:00", tick=False):
        log.append(workspace, notes.make_note("Ship it on Friday", clock.now()))
    with time_machine.travel(NOW, tick=False):
        log.append(workspace, notes.make_note("I like tea", clock.now()))
        Spool().add(SpooledNote(notes.make_note("by phone before", clock.now(), CAPTURED)))
        (workspace.machines / "sold-1a2b").mkdir()
        report = workspace.machines / "sold-1a2b" / "report.toml"
        report.write_text('version = "0"\ntime = 2026-11-01T10:00:00Z\n')
        (home / ".codex" / "AGENTS.md").unlink()
        yield home
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_whatever_the_disk_refuses_is_told_and_healed(operation, world, claude, monkeypatch):
    act, heal = OPERATIONS[operation]
    if operation == "refresh with Claude":
        keys = {"core.api_base_url": claude.url, "core.api_key": "sk-test"}
        writer.change(settings.get_config_path(), keys)
        monkeypatch.setattr(claude, "take", lambda *_: edits(ADD, summary="tea"))
    template = world.with_name("template")
    shutil.copytree(world, template, symlinks=True)
    loop = SimpleNamespace(world=world, template=template, config=settings.load(), act=act)
    before = whole(world)
    asked = unhurt(loop).asks
    after = whole(world)
    cases = [(*each, n) for each in EVERY for n in range(1, asked[each[0]] + 1)]
    chosen = cases if TORTURE else random.sample(cases, min(len(cases), 15 if IN_CI else 5))
    bad = []
    for number, stays, refused in chosen:
        put_back(world, template)
        with failing(Disk(world, number, refused, stays_broken=stays)) as disk:
            came = act(loop.config)
        wrong = judge(came, before, after, whole(world))
        if not stays and "unlink" not in disk.met:
            wrong += [f"left {path}" for path in world.rglob("*.tmp")]
        wrong += look_after_healing(loop, came, heal, before, after)
        if wrong:
            bad.append((errno.errorcode[number], refused, stays, wrong, disk.met))
    for *case, wrong, met in bad:
        print(*case, *wrong, met, sep="\n   ")
    print(f"{operation}: {len(chosen)} of {len(cases)} refusals")
    assert not bad


def unhurt(loop: SimpleNamespace) -> Disk:
    """Run the operation on a disk that refuses nothing and counts what each error could meet."""
    with failing(Disk(loop.world)) as disk:
        came = loop.act(loop.config)
    assert came.code == 0, came
    return disk


def look_after_healing(
    loop: SimpleNamespace, failed: Came, heal: Act | None, before: World, after: World
) -> list[str]:
    """Run once more on a disk that is well, and what was advised; return what is wrong then."""
    came = (heal or loop.act)(loop.config)
    if "memsync targets sync" in failed.said and came.code == 0:
        came = SYNC(loop.config)
    if came.code:
        return [f"does not heal: {came}"]
    found = whole(loop.world)
    if heal is None:
        extra = ("/backups/", ".pre-memsync.bak")  # a second try may keep a copy more
        missed = [n for n in differing(after, found) if not any(part in n for part in extra)]
        return [f"heals to another: {missed}"] if missed else []
    states = publish.report_targets(Workspace.open(settings.load())).targets
    wrong = [f"{state.name} is {state.state}" for state in states if state.state != "in-sync"]
    lost = [name for name in before.keys() - found.keys() if name in after]
    return [*wrong, *(f"lost {name}" for name in lost)]


def judge(came: Came, before: World, after: World, found: World) -> list[str]:
    """Return what is wrong with how an operation ended whose disk refused something."""
    wrong = []
    if came.code == 0 and differing(after, found):
        wrong.append(f"says it is done, but {differing(after, found)}")
    if came.code and not (came.said.startswith("Error: ") and "\nTry: " in came.said):
        wrong.append(f"does not say what, and what to do: {came.said!r}")
    if "Traceback" in came.said or "crash.log" in came.said:
        wrong.append(f"was not foreseen: {came.said!r}")
    texts = {text for name, text in {**before, **after}.items() if is_text(name)}
    strange = {
        name
        for name in differing(before, found) & differing(after, found)
        if not is_between(name, found.get(name), texts)
    }
    return [*wrong, *(f"neither old nor new: {name} {found.get(name)!r}" for name in strange)]


def is_text(name: str) -> bool:
    return "/backups/" in name or name.endswith("/GLOBAL_MEMORY.md")


def is_between(name: str, data: bytes | None, texts: set[bytes]) -> bool:
    """Tell whether a file has a text that the memory had on the way: two merges, one refused."""
    if data is None:
        return False
    if name.endswith("report.toml"):
        return data in {digest(text).encode() for text in texts}
    if is_text(name):
        return data in texts
    return name.startswith((".claude/", ".codex/")) and any(text in data for text in texts)


def differing(wanted: World, found: World) -> set[str]:
    """Return what is not as wanted; a book of memsync's own may have more lines in it."""
    return {
        name
        for name in wanted.keys() | found.keys()
        if wanted.get(name) != found.get(name)
        and not (isinstance(found.get(name), set) and wanted.get(name, set()) <= found[name])
    }


def whole(world: Path) -> World:
    """Return what a person would miss, by path; of memsync's own books, that they can be read."""
    found = contents(world)
    return {
        name: _read(name, data)
        for name, data in found.items()
        if not any(part in f"/{name}" for part in PASSING)
    }


def _read(name: str, data: bytes) -> bytes | set[bytes]:
    """Return a book's content without what a second try may change; as it is where it is torn."""
    with contextlib.suppress(ValueError):
        if "/sessions/" in name:  # where an append can be neither ended nor undone, a part stays
            day = date.fromisoformat(Path(name).stem)
            return {note.id.encode() for note in notes.parse_log(data.decode(), day)}
        if name.endswith("report.toml"):
            return str(tomllib.loads(data.decode()).get("memory_digest")).encode()
        if name.endswith(("usage.jsonl", "forgotten.log", "merged.log")) or "/spool/" in name:
            return set(data.splitlines())
        if name.endswith(BOOKS):
            data.decode()
            return b"a book"
    return data
