"""What memsync does, as deeds that can be cut off at any moment and judged afterwards.

Each deed is done again and again with texts by which a torn one is told from a whole one, and
acknowledges what it was told is safe. `judge` looks at what is there right after the cut, and
`recover` does what the next start would, and looks whether all is well then.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from memsync import clock, targets
from memsync import config as settings
from memsync.cli import cli
from memsync.config import Config, writer
from memsync.config.workspace import Workspace
from memsync.daemon import web
from memsync.daemon.scheduler import job_backup_mirror
from memsync.memory import store
from memsync.memory.publish import update_targets
from memsync.notes import delivery, log, reader, spool
from memsync.notes.spool import Spool, SpooledNote
from memsync.refresh import pending, run
from memsync.text.mark import CAPTURED
from memsync.text.note import make_note
from tests.conftest import SAMPLE
from tests.support.browser import Browser

Ack = Callable[[str], None]

WHOLE = re.compile(r"k\d+ x{60} end")
FEW_BACKUPS = 8


def whole(number: int) -> str:
    """Return a text that shows where it is torn."""
    return f"k{number} {'x' * 60} end"


def machine(home: Path) -> Workspace:
    """Set a machine up in an empty home: a sync folder, two agents, a mirror, no key."""
    for name in (".claude", ".codex", "Sync"):
        (home / name).mkdir()
    table = {
        "core": {"provider": "custom"},
        "paths": {"sync_root": str(home / "Sync")},
        "daemon": {"backup_mirror_path": str(home / "Mirror")},
    }
    writer.write_new(settings.get_config_path(), table)
    workspace = Workspace.create(settings.load())
    store.create(workspace, SAMPLE)
    update_targets(workspace)
    return workspace


class Deed:
    """Something memsync does.

    Attributes:
        acked: what memsync said is safe, newest last.
        fresh: those of them since the last recovery.
        begun: the numbers of what was begun since the last of them, and may be done or not.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.acked: list[str] = []
        self.fresh: list[str] = []
        self.begun: list[int] = []

    def heard(self, lines: Iterable[str]) -> None:
        """Take in what a child said: ``> NUMBER`` where it began, ``= TEXT`` what is safe."""
        for line in lines:
            if line.startswith("> "):
                self.begun.append(int(line[2:]))
            elif line.startswith("= "):
                self.acked.append(line[2:])
                self.fresh.append(line[2:])
                self.begun.clear()

    @property
    def config(self) -> Config:
        return self.workspace.config

    def prepare(self) -> None:
        """Lay out what the deed works on, once."""

    def do(self, number: int, ack: Ack) -> None:
        """Do it once, as the `number`-th; tell `ack` each thing that memsync said is safe."""
        raise NotImplementedError

    def let_go(self) -> None:
        """Close what is open, so that the disk can be unmounted."""

    def judge(self) -> None:
        """Look at what the cut left: nothing torn, nothing lost that was acknowledged."""
        for backup in list(self.workspace.backups.glob("*.md")):
            judge_memory(backup)
        judge_memory(self.workspace.memory)

    def recover(self) -> None:
        """Do what the next start does, and look whether all is well."""
        update_targets(self.workspace)
        data = self.workspace.memory.read_bytes()
        wanted = targets.configured_targets(self.config)
        found = targets.inspect_all(wanted, data, self.workspace.memory)
        assert [state.state for state in found] == ["in-sync"] * 2, found
        for surplus in sorted(self.workspace.backups.iterdir())[:-FEW_BACKUPS]:
            surplus.unlink()


def judge_memory(path: Path) -> None:
    """Fail where a text of the memory is not whole: a line that nobody wrote, or an end cut off."""
    text = path.read_bytes().decode("utf-8")
    assert text.startswith("<!-- memsync v1 -->\n"), (path, text[:80])
    assert text.endswith("\n"), (path, text[-80:])
    known = {*SAMPLE.split("\n"), "## Recent notes"}
    for line in text.split("\n"):
        words = re.sub(r"^- (\d{4}-\d\d-\d\d: )?(saved |restored )?", "", line)
        assert line in known or WHOLE.fullmatch(words), (path, line)
    for line in SAMPLE.split("\n"):
        assert line in text.split("\n"), (path, line)


def logged(workspace: Workspace) -> list[str]:
    """Return the text of every note in the logs."""
    days = reader.days(workspace)
    return [note.text for day in days for note in reader.read_day(workspace, day)]


class Note(Deed):
    """A note, by a command into the log, or by the ear into its spool."""

    spool: Spool | None = None

    def do(self, number: int, ack: Ack) -> None:
        text = whole(number)
        if number % 2:
            log.append(self.workspace, make_note(text, clock.now()))
        else:
            self.spool = self.spool or Spool()
            self.spool.add(SpooledNote(make_note(text, clock.now(), CAPTURED)))
        ack(text)

    def let_go(self) -> None:
        self.spool = None

    def judge(self) -> None:
        super().judge()
        texts = Counter(logged(self.workspace))
        assert all(map(WHOLE.fullmatch, texts)), [t for t in texts if not WHOLE.fullmatch(t)]
        kept = texts.keys() | {entry.note.text for entry in spool.spooled_notes()}
        lost = set(self.acked) - kept
        assert not lost, f"{len(lost)} acknowledged notes are lost: {sorted(lost)[:3]}"

    def recover(self) -> None:
        delivery.redeliver(self.workspace)
        texts = Counter(logged(self.workspace))
        assert set(self.acked) <= texts.keys()
        assert set(texts.values()) <= {1}, texts.most_common(3)


class Refresh(Note):
    """A note, and the refresh that merges it."""

    def do(self, number: int, ack: Ack) -> None:
        text = whole(number)
        log.append(self.workspace, make_note(text, clock.now()))
        ack(text)
        run.merge_pending(self.workspace)

    def recover(self) -> None:
        run.merge_pending(self.workspace)
        times = Counter(WHOLE.findall(store.read(self.workspace).text))
        for text in logged(self.workspace):
            assert times[text] == 1, f"{text} stands in the memory {times[text]} times"
        assert pending.pending_notes(self.workspace) == []
        super().recover()
        Deed.recover(self)


class Save(Deed):
    """The page's editor: opened, reviewed, saved."""

    def prepare(self) -> None:
        self.app = web.create_app(self.config)

    def do(self, number: int, ack: Ack) -> None:
        browser = Browser(self.app)
        form = browser.get("/edit").form("/review")
        text = re.sub(r"- saved .*\n", "", form.fields["text"])
        changed = text.rstrip("\n") + f"\n- saved {whole(number)}\n"
        page = browser.submit(browser.submit(form, text=changed).form("/save"))
        assert page.status == 303, page.html
        ack(str(number))

    def judge(self) -> None:
        super().judge()
        found = re.findall(r"^- saved k(\d+) ", store.read(self.workspace).text, re.MULTILINE)
        if self.acked:
            assert int(*found) in {int(self.acked[-1]), *self.begun}, (found, self.acked[-1:])


class Restore(Deed):
    """`memsync restore NAME`, from one backup to the next."""

    TEXTS = 5

    def prepare(self) -> None:
        for number in range(self.TEXTS):
            (self.workspace.backups / self.name(number)).write_text(self.text(number))

    def name(self, number: int) -> str:
        return f"GLOBAL_MEMORY_2099010{number % self.TEXTS + 1}_000000.md"

    def text(self, number: int) -> str:
        return f"{SAMPLE}- restored {whole(number % self.TEXTS)}\n"

    def do(self, number: int, ack: Ack) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            cli.main(["restore", self.name(number)], standalone_mode=False)
        ack(str(number))

    def judge(self) -> None:
        super().judge()
        if self.acked:
            allowed = {self.text(number) for number in (int(self.acked[-1]), *self.begun)}
            assert store.read(self.workspace).text in allowed

    def recover(self) -> None:
        super().recover()
        self.prepare()


class Mirror(Deed):
    """The mirror, while the folder changes."""

    FILES = 4

    def do(self, number: int, ack: Ack) -> None:
        for at in range(self.FILES):
            path = self.workspace.sessions / f"part-{(number + at) % 7}.md"
            fresh = path.with_name("fresh.tmp")
            fresh.write_text(f"{whole(number)}\n" * (1 + number % 50))
            fresh.replace(path)
        (self.workspace.sessions / f"part-{(number + 5) % 7}.md").unlink(missing_ok=True)
        done = job_backup_mirror(self.config)
        assert done.outcome == "ok", done
        ack(str(number))

    def judge(self) -> None:
        super().judge()
        held = self.held()
        for path, text in held.items():
            lines = text.splitlines()
            assert text.endswith("\n"), (path, text[-80:])
            assert all(map(WHOLE.fullmatch, lines)), (path, lines[-1])
            assert len(set(lines)) == 1, path
            assert len(lines) == 1 + int(lines[0].split()[0][1:]) % 50, path
        for number in self.fresh:
            kept = [text for text in held.values() if text.startswith(whole(int(number)))]
            assert len(kept) >= self.FILES, f"{number} was acknowledged"
        if self.acked:
            assert store.read(self.workspace).text == (self.place / "GLOBAL_MEMORY.md").read_text()

    @property
    def place(self) -> Path:
        return Path(self.config.daemon.backup_mirror_path)

    def held(self) -> dict[str, str]:
        """Return all files that this deed wrote, as the mirror holds them, old ones, too."""
        found = [p for p in self.place.rglob("part-*") if not p.name.endswith(".tmp")]
        return {str(path): path.read_text() for path in found}

    def recover(self) -> None:
        for stray in self.workspace.sessions.glob("fresh.tmp"):  # this deed's own
            stray.unlink()
        done = job_backup_mirror(self.config)
        assert done.outcome == "ok", done
        for path in self.workspace.sessions.glob("part-*"):
            assert (self.place / "sessions" / path.name).read_bytes() == path.read_bytes()
        shutil.rmtree(self.place / ".versions" / "sessions", ignore_errors=True)
        super().recover()


class Everything(Deed):
    """A note, a refresh and a save in turn."""

    def prepare(self) -> None:
        self.parts = (Note(self.workspace), Refresh(self.workspace), Save(self.workspace))
        for part in self.parts:
            part.prepare()

    def do(self, number: int, ack: Ack) -> None:
        at = number % 3
        self.parts[at].do(number, lambda said: ack(f"{at} {said}"))

    def heard(self, lines: Iterable[str]) -> None:
        lines = list(lines)
        super().heard(lines)
        for line in lines:
            if line.startswith("> "):
                self.parts[int(line[2:]) % 3].heard([line])
            elif line.startswith("= "):
                self.parts[int(line[2])].heard([f"= {line[4:]}"])

    def let_go(self) -> None:
        for part in self.parts:
            part.let_go()

    def judge(self) -> None:
        for part in self.parts:
            part.judge()

    def recover(self) -> None:
        delivery.redeliver(self.workspace)
        for part in self.parts:
            part.recover()


DEEDS: dict[str, type[Deed]] = {
    "note": Note,
    "refresh": Refresh,
    "save": Save,
    "restore": Restore,
    "mirror": Mirror,
    "everything": Everything,
}


def strays(home: Path) -> list[Path]:
    """Return the temp files below a home."""
    return [path for path in home.rglob("*.tmp") if path.is_file()]


def home() -> Path:
    """Return this process's home."""
    return Path(os.environ["HOME"])
