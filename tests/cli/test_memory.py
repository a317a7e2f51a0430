"""`show`, `edit`, `diff` and `log`: the memory by hand, and what it was."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from memsync.config.state import state_folder
from memsync.memory.history.backups import list_backups
from tests.cli.conftest import SECOND, THIRD
from tests.conftest import SAMPLE
from tests.support.faults import refuse_to_open


@pytest.fixture
def editor(home: Path, monkeypatch: pytest.MonkeyPatch):
    """Make $EDITOR a program that runs these lines of Python on the file's `path`."""

    def editor(*lines: str) -> None:
        script = home / "editor.py"
        body = "\n".join(lines)
        script.write_text(f"import sys, pathlib\npath = pathlib.Path(sys.argv[1])\n{body}\n")
        monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")

    return editor


def drafts() -> list[Path]:
    folder = state_folder() / "edit"
    return list(folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize(
    "data",
    [SAMPLE.encode(), "# Ich\r\n\r\n- Möwe 🚢\x1b[1m\t".encode(), b"\xef\xbb\xbf# BOM\n"],
    ids=["sample", "CRLF", "BOM"],
)
def test_show_prints_the_memory_byte_for_byte(data, home, workspace):
    workspace.memory.write_bytes(data)
    words = [sys.executable, "-m", "memsync", "show"]
    assert subprocess.run(words, capture_output=True, check=True).stdout == data


def test_show_into_head_ends_quietly(home, workspace):
    workspace.memory.write_text("first\n" + "- a line\n" * 200_000)
    command = f"{sys.executable} -m memsync show | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("first\n", "")


def test_an_edit_is_saved_with_a_backup_and_given_to_every_agent(run, home, workspace, editor):
    editor("path.write_text(path.read_text().replace('Turin', 'Oslo'))")
    done = run("edit")
    assert done.code == 0, done.err
    assert done.out.startswith("Saved.\n  claude: in-sync")
    assert workspace.memory.read_text() == SECOND
    (backup,) = workspace.backups.iterdir()
    assert backup.read_text() == SAMPLE
    assert SECOND in (home / ".claude" / "CLAUDE.md").read_text()
    assert drafts() == []


def test_an_edit_of_nothing_writes_nothing(call, workspace, editor):
    editor("pass")
    assert call("edit").out == "Nothing changed.\n"
    assert list(workspace.backups.iterdir()) == []
    assert drafts() == []


@pytest.mark.parametrize(
    "line",
    ["path.write_text('')", "path.write_bytes(b'\\xff')", "path.write_text('a\\0b')"],
    ids=["empty", "not UTF-8", "NUL"],
)
def test_an_edit_that_would_damage_the_memory_is_refused_and_kept_aside(
    line, call, workspace, editor
):
    editor(line)
    done = call("edit")
    assert done.code == 6
    (draft,) = drafts()
    assert str(draft) in done.err
    assert workspace.memory.read_text() == SAMPLE
    assert list(workspace.backups.iterdir()) == []


def test_an_edit_of_a_memory_that_moved_meanwhile_is_merged_with_it(call, workspace, editor):
    editor(
        f"other = pathlib.Path({str(workspace.memory)!r})",
        "other.write_text(other.read_text() + '- from the other machine\\n')",
        "path.write_text(path.read_text().replace('Turin', 'Oslo'))",
    )
    done = call("edit")
    assert done.code == 0
    text = SAMPLE.replace("Turin", "Oslo") + "- from the other machine\n"
    assert workspace.memory.read_text() == text
    assert drafts() == []
    assert "conflict" not in done.out


def test_an_edit_of_a_line_that_another_changed_meanwhile_keeps_both_and_says_so(
    call, workspace, editor
):
    editor(
        f"other = pathlib.Path({str(workspace.memory)!r})",
        "other.write_text(other.read_text().replace('Turin', 'Oslo'))",
        "path.write_text(path.read_text().replace('Turin', 'Rome'))",
    )
    done = call("edit")
    assert "1 conflict with another change: memsync conflicts" in done.out
    assert "engineer in Oslo" in workspace.memory.read_text()
    assert "engineer in Rome" in workspace.memory.read_text()


@pytest.mark.parametrize("command", ["/nonexistent/editor", f"{sys.executable} -c exit(3)"])
def test_an_editor_that_fails_changes_nothing_and_says_where_the_text_is(
    command, call, workspace, monkeypatch
):
    monkeypatch.setenv("EDITOR", command)
    done = call("edit")
    assert done.code == 1
    (draft,) = drafts()
    assert str(draft) in done.err
    assert "Try: set EDITOR" in done.err
    assert workspace.memory.read_text() == SAMPLE


def test_diff_shows_what_changed_since_the_newest_backup_or_a_named_one(call, written):
    assert "-- Write the runbook\n+- Rest\n+- Write\n" in call("diff").out
    first = min(path.name for path in written.backups.iterdir())
    older = call("diff", "--backup", first)
    assert "-- Ada, backend engineer in Turin\n+- Ada, backend engineer in Oslo" in older.out
    table = call("diff", "--json", "--backup", first.removeprefix("GLOBAL_MEMORY_")[:-3]).json
    assert table == {"backup": first, "diff": older.out}


def test_diff_says_so_where_nothing_changed_or_there_is_no_backup(call, workspace, written):
    (backups := sorted(written.backups.iterdir()))[-1].write_text(THIRD)
    assert call("diff").out == f"Nothing changed since {backups[-1].name}.\n"
    for path in backups:
        path.unlink()
    done = call("diff")
    assert done.code == 1
    assert "there is no backup yet" in done.err
    assert call("log").out == "No backups yet: the memory has not changed.\n"


def test_log_lists_the_backups_and_what_changed_after_each(call, written):
    rows = call("log", "--json").json["backups"]
    assert [(row["added"], row["removed"]) for row in rows] == [(2, 1), (1, 1)]
    assert rows[0]["time"].startswith("2026-11-21T")
    newest, oldest = call("log").out.splitlines()
    assert newest.endswith("then +2 -1 lines")
    assert oldest.startswith("GLOBAL_MEMORY_20261120_")


def test_log_lists_the_others_where_one_backup_cannot_be_read(call, written, monkeypatch):
    newest, oldest = (entry.path for entry in list_backups(written.backups))
    refuse_to_open(monkeypatch, lambda path: path == newest, errno.EACCES)
    assert [line.split()[0] for line in call("log").out.splitlines()] == [newest.name, oldest.name]
    assert call("log").out.count("then ? lines") == 2


def test_log_lists_the_backups_of_a_damaged_memory_too(call, written):
    written.memory.write_bytes(b"\0" * 99)
    rows = call("log", "--json").json["backups"]
    assert [(row["added"], row["removed"]) for row in rows] == [(None, None), (1, 1)]
    assert call("log").out.splitlines()[0].endswith("then ? lines")
