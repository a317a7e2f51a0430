"""What is published is whole: the memory old or new, a backup before it, agents never ahead of it."""

import errno
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from memsync import config, targets
from memsync.config import writer as config_writer
from memsync.config.state import lock_path, state_folder
from memsync.config.workspace import Workspace
from memsync.errors import DamagedMemoryError, MemoryMovedError, MemsyncError
from memsync.memory import machines, publish, store
from memsync.memory.history import backups
from memsync.refresh import pending
from memsync.targets import Target
from memsync.text.digest import digest
from tests.conftest import SAMPLE
from tests.files.test_atomic import failing_runs, failing_with
from tests.support.faults import refuse_to_open

BETTER = SAMPLE + "\n## Projects\n\n- The importer\n"


@pytest.fixture
def claude_md(home):
    path = home / ".claude" / "CLAUDE.md"
    path.write_text("# Mine\n")
    return path


@pytest.fixture
def codex_md(home):
    return home / ".codex" / "AGENTS.md"


def now(workspace):
    return store.read(workspace).digest


def test_a_new_memory_reaches_every_agent_and_the_report(workspace, claude_md, codex_md):
    before = now(workspace)
    done = publish.publish(workspace, BETTER, before)
    assert workspace.memory.read_text() == BETTER
    assert done.digest == now(workspace) == digest(BETTER.encode())
    assert done.backup.read_text() == SAMPLE
    assert claude_md.read_text().startswith("# Mine\n\n<!-- memsync:begin -->\n")
    assert BETTER in claude_md.read_text()
    assert BETTER in codex_md.read_text()
    assert [(state.name, state.state) for state in done.targets] == [
        ("claude", "in-sync"),
        ("codex", "in-sync"),
    ]
    (report,) = machines.read_reports(workspace)
    assert report.digest == done.digest
    assert [target["state"] for target in report.targets] == ["in-sync", "in-sync"]


def test_a_memory_that_moved_stays_and_no_agent_is_told(workspace, claude_md, codex_md):
    before = now(workspace)
    workspace.memory.write_text(SAMPLE + "- moved\n")
    with pytest.raises(MemoryMovedError):
        publish.publish(workspace, BETTER, before)
    assert workspace.memory.read_text() == SAMPLE + "- moved\n"
    assert claude_md.read_text() == "# Mine\n"
    assert not codex_md.exists()
    assert machines.read_reports(workspace) == []


@pytest.mark.parametrize("damage", [b"", b"\0" * 90, b"\xff"])
def test_a_damaged_memory_is_given_to_nobody(workspace, claude_md, damage):
    workspace.memory.write_bytes(damage)
    with pytest.raises(DamagedMemoryError):
        publish.update_targets(workspace)
    assert claude_md.read_text() == "# Mine\n"
    done = publish.publish(workspace, SAMPLE, None)  # what restore does
    assert store.read(workspace).digest == done.digest
    assert SAMPLE in claude_md.read_text()


def test_an_agent_that_cannot_be_told_is_in_the_report_and_stops_nobody(
    workspace, claude_md, codex_md
):
    claude_md.write_bytes(b"caf\xe9")
    done = publish.update_targets(workspace)
    assert [state.state for state in done.targets] == ["unreadable", "in-sync"]
    assert claude_md.read_bytes() == b"caf\xe9"
    assert SAMPLE in codex_md.read_text()
    states = [target["state"] for target in machines.read_reports(workspace)[0].targets]
    assert states == ["unreadable", "in-sync"]


def test_the_same_text_again_changes_no_file(workspace, claude_md, codex_md):
    publish.publish(workspace, BETTER, now(workspace))
    files = [workspace.memory, claude_md, codex_md, *workspace.machines.glob("*/report.toml")]
    before = [(path.stat().st_ino, path.stat().st_mtime_ns) for path in files]
    done = publish.publish(workspace, BETTER, now(workspace))
    assert done.backup is None
    assert [(path.stat().st_ino, path.stat().st_mtime_ns) for path in files] == before
    assert len(backups.list_backups(workspace.backups)) == 1


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES], ids=errno.errorcode.get
)
def test_a_disk_that_fails_at_any_step_leaves_the_old_memory_or_the_new(
    workspace, claude_md, codex_md, monkeypatch, number
):
    seen = []

    def start_over():
        for path in [
            *workspace.backups.iterdir(),
            *workspace.machines.glob("*/*"),
            *state_folder().glob("targets.json"),
            *claude_md.parent.iterdir(),
            *codex_md.parent.iterdir(),
        ]:
            path.unlink()
        workspace.memory.write_text(SAMPLE)
        claude_md.write_text("# Mine\n")

    def act():
        publish.publish(workspace, BETTER, digest(SAMPLE.encode()))

    for raised in failing_runs(monkeypatch, number, start_over, act):
        assert raised is None or isinstance(raised, MemsyncError)
        memory = store.read(workspace).text
        assert memory in (SAMPLE, BETTER)
        assert claude_md.read_text().startswith("# Mine\n")
        if memory == SAMPLE:
            assert raised is not None
            assert claude_md.read_text() == "# Mine\n"
            assert not codex_md.exists()
        else:
            (kept,) = backups.list_backups(workspace.backups)
            assert kept.path.read_text() == SAMPLE
        for agent in (claude_md, codex_md):
            assert (
                not agent.exists()
                or "begin" not in agent.read_text()
                or BETTER in agent.read_text()
            )
        for folder in (workspace.root, workspace.backups, claude_md.parent, codex_md.parent):
            assert not list(folder.glob(".*")), "a temp file stayed"
        seen.append(memory)
        published = publish.publish(workspace, BETTER, now(workspace))  # the next run heals
        assert {state.state for state in published.targets} == {"in-sync"}
    assert set(seen) == {SAMPLE, BETTER}
    assert len(seen) > 20


def test_a_full_disk_is_told_in_words_whether_before_or_after_the_memory(
    workspace, claude_md, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(os, "link", failing_with(errno.ENOSPC))
        with pytest.raises(MemsyncError, match=r"was not written.*No space left") as raised:
            publish.publish(workspace, BETTER, now(workspace))
    assert raised.value.exit_code == 1
    assert workspace.memory.read_text() == SAMPLE
    with monkeypatch.context() as patch:
        refuse_to_open(patch, lambda path: path.name.startswith(".report.toml"), errno.ENOSPC)
        with pytest.raises(MemsyncError, match="is written, but not every agent or") as raised:
            publish.publish(workspace, BETTER, now(workspace))
    assert "targets sync" in raised.value.hint
    assert workspace.memory.read_text() == BETTER
    assert BETTER in claude_md.read_text()


def test_while_another_process_publishes_we_wait_and_then_go_on(workspace):
    path = lock_path(workspace.root, "publish")
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom memsync.files.locks import exclusive_lock\n"
        "with exclusive_lock(Path(sys.argv[1]), 'it'):\n"
        "    print('held', flush=True)\n    time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    with ThreadPoolExecutor(1) as pool:
        assert holder.stdout.readline() == b"held\n"
        waiting = pool.submit(publish.publish, workspace, BETTER, now(workspace))
        time.sleep(0.3)
        assert not waiting.done()
        assert workspace.memory.read_text() == SAMPLE
        holder.kill()
        holder.communicate()
        assert waiting.result(20).backup.read_text() == SAMPLE
    assert workspace.memory.read_text() == BETTER


WRITER = """
import sys
from memsync import config; from memsync.memory import publish; from memsync.memory import store
from memsync.errors import MemoryMovedError
from memsync.config.workspace import Workspace
workspace = Workspace.open(config.load())
for number in range(10):
    while True:
        memory = store.read(workspace)
        try:
            publish.publish(workspace, memory.text + f"- {sys.argv[1]}.{number}\\n", memory.digest)
            break
        except MemoryMovedError:
            pass
"""


def test_four_processes_that_add_a_line_each_lose_none(workspace, claude_md):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(n)]) for n in range(4)]
    assert [writer.wait(120) for writer in writers] == [0] * 4
    text = workspace.memory.read_text()
    lines = text.removeprefix(SAMPLE).splitlines()
    assert sorted(lines) == sorted(f"- {n}.{number}" for n in range(4) for number in range(10))
    assert text in claude_md.read_text()
    kept = [entry.path.read_text() for entry in backups.list_backups(workspace.backups)]
    assert len(set(kept)) == 40  # every text there ever was


def add_a_line(memory):
    return publish.Draft(memory.text + "- mine\n"), memory.digest


def test_a_change_is_made_anew_on_a_memory_that_moved_meanwhile(workspace):
    def make(memory):
        if memory.text == SAMPLE:
            workspace.memory.write_text(SAMPLE + "- theirs\n")
        return add_a_line(memory)

    done, made_on = publish.onto_present(workspace, make, "again")
    assert workspace.memory.read_text() == SAMPLE + "- theirs\n- mine\n"
    assert done.digest == now(workspace)
    assert made_on == digest((SAMPLE + "- theirs\n").encode())


def test_a_memory_that_never_stands_still_is_left_to_others(workspace):
    tries = []

    def make(memory):
        tries.append(memory)
        workspace.memory.write_text(memory.text + "- theirs\n")
        return add_a_line(memory)

    with pytest.raises(MemoryMovedError, match="kept changing") as raised:
        publish.onto_present(workspace, make, "try later")
    assert raised.value.hint == "try later"
    assert len(tries) == publish.TRIES
    assert "- mine" not in workspace.memory.read_text()


def test_nothing_to_publish_publishes_nothing(workspace):
    before = now(workspace)
    assert publish.onto_present(workspace, lambda _: (None, "found"), "") == (None, "found")
    assert now(workspace) == before
    assert list(backups.list_backups(workspace.backups)) == []


def test_a_missing_memory_is_made_from_the_text_that_is_taken_for_it(workspace):
    workspace.memory.unlink()
    instead = store.Memory(SAMPLE, digest(SAMPLE.encode()))
    publish.onto_present(workspace, add_a_line, "", missing=instead)
    assert workspace.memory.read_text() == SAMPLE + "- mine\n"


def test_the_first_memory_may_be_an_agents_own_file(config, claude_md, codex_md):
    workspace = Workspace.create(config)
    text = claude_md.read_text()
    target = Target("claude", claude_md, "block")
    done = publish.publish_first(workspace, text, target)
    assert done.backup is None
    assert workspace.memory.read_text() == text
    expected = f"<!-- memsync:begin -->\n{text}<!-- memsync:end -->\n"
    assert claude_md.read_text() == codex_md.read_text() == expected
    with pytest.raises(MemoryMovedError):
        publish.publish_first(workspace, store.STARTER)
    assert workspace.memory.read_text() == text
    targets.forget_target(target)
    assert claude_md.read_text() == text


def test_no_agent_at_all_is_no_error(workspace):
    path = config.get_config_path()
    config_writer.change(path, {"targets": {}})
    done = publish.publish(Workspace.open(config.load(path)), BETTER, now(workspace))
    assert done.targets == ()
    assert machines.read_reports(workspace)[0].targets == ()
    assert pending.pending_notes(workspace) == []
