"""Every agent gets the memory, and what a person wrote in an agent's file is never lost."""

import json
import os
import stat
import tempfile
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import time_machine
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from memsync import targets
from memsync.config import Config, TargetSetting
from memsync.config.state import state_folder
from memsync.targets import Target, block, states
from tests.conftest import needs_real_memories, real_memories
from tests.files.test_atomic import DISK_ERRORS, failing_runs, failing_with, names

MEMORY, NEWER = b"# Memory\n\n- caf\xc3\xa9\n", b"# Memory\n\n- tea\n"
BLOCK = b"<!-- memsync:begin -->\n# Memory\n\n- caf\xc3\xa9\n<!-- memsync:end -->\n"
MINE = b"# Mine\r\n\r\nkeep me" + b"\r\n"
PIECES = ["a", "é😀", "\n", "\r\n", "\r", " ", "\x0c", "# b\n", "\ufeff"]
MARKERS = [f"{mark.decode()}{end}" for mark in (block.BEGIN, block.END) for end in ("\n", "\r", "")]
TEXTS = st.lists(st.sampled_from(PIECES + MARKERS), max_size=12).map("".join).map(str.encode)
fresh = count()
property_test = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def fast_disk(monkeypatch):
    """Hundreds of examples need not be on the disk for good."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def agents(home):
    """The folder of the agents' files."""
    (home / "agents").mkdir()
    return home / "agents"


@pytest.fixture
def memory_path(workspace):
    workspace.memory.write_bytes(MEMORY)
    return workspace.memory


@pytest.fixture
def give(memory_path):
    """Bring targets in step with a memory; one target returns one state."""

    def give(given, memory=MEMORY):
        memory_path.write_bytes(memory)
        wanted = [given] if isinstance(given, Target) else given
        states = targets.apply_all(wanted, memory, memory_path)
        return states[0] if isinstance(given, Target) else states

    give.look = lambda target, memory=MEMORY: targets.inspect_all([target], memory, memory_path)[0]
    return give


@pytest.fixture
def target(agents):
    return Target("claude", agents / "CLAUDE.md", "block")


def backup_of(target):
    return target.path.with_name(f"{target.path.name}.pre-memsync.bak")


def new_target(agents, mode="block"):
    return Target("claude", agents / str(next(fresh)) / "CLAUDE.md", mode)


def test_a_new_file_is_the_block_and_goes_when_it_is_forgotten(give, target):
    assert give.look(target).state == "missing"
    assert give(target).state == give.look(target).state == "in-sync"
    assert target.path.read_bytes() == BLOCK
    assert targets.forget_target(target) == "file removed"
    assert not target.path.exists()


def test_the_block_goes_behind_what_a_person_wrote_in_their_line_endings(give, target):
    target.path.write_bytes(MINE)
    target.path.chmod(0o644)
    assert give(target).state == "in-sync"
    assert target.path.read_bytes() == MINE + b"\r\n" + BLOCK.replace(b"\n", b"\r\n")
    assert backup_of(target).read_bytes() == MINE
    assert stat.S_IMODE(target.path.stat().st_mode) == 0o644
    assert give(target, NEWER).state == "in-sync"
    assert target.path.read_bytes().startswith(MINE + b"\r\n<!--")
    assert b"- tea\r\n" in target.path.read_bytes()
    assert backup_of(target).read_bytes() == MINE


@property_test
@given(before=TEXTS, after=TEXTS, memory=TEXTS)
def test_bytes_around_the_block_stay_and_forget_gives_them_back(
    give, agents, fast_disk, before, after, memory
):
    assume(block.find_block(before) is None)
    assume(block.find_block(after) is None)
    target = new_target(agents)
    target.path.parent.mkdir()
    target.path.write_bytes(before)
    assert give(target).state == "in-sync"
    assert target.path.read_bytes().startswith(before)
    target.path.write_bytes(target.path.read_bytes() + after)
    for text in (memory, NEWER):
        assert give(target, text).state == give.look(target, text).state == "in-sync"
        assert target.path.read_bytes().startswith(before)
        assert target.path.read_bytes().endswith(after)
    assert backup_of(target).read_bytes() == before
    assert targets.forget_target(target) == "block removed"
    assert target.path.read_bytes() == before + after


@property_test
@given(memory=TEXTS, ending=st.sampled_from([b"\n", b"\r\n"]))
def test_no_memory_ends_its_own_block_or_is_taken_for_another(
    give, agents, fast_disk, memory, ending
):
    target = new_target(agents)
    target.path.parent.mkdir()
    target.path.write_bytes(b"mine" + ending + b"too" + ending)
    assert give(target, memory).state == "in-sync"
    data = target.path.read_bytes()
    found = block.find_block(data)
    assert found.before + block.render_block(memory, ending) == data
    assert give.look(target, memory).state == "in-sync"
    give(target, memory)
    assert target.path.read_bytes() == data


@property_test
@given(text=TEXTS)
@pytest.mark.parametrize("mode", ["block", "copy"])
def test_a_file_that_was_adopted_and_forgotten_is_the_file_from_before(
    give, agents, fast_disk, text, mode
):
    target = new_target(agents, mode)
    target.path.parent.mkdir()
    target.path.write_bytes(text)
    targets.adopt(target, text)
    assert give(target, text).state == give.look(target, text).state == "in-sync"
    targets.forget_target(target)
    assert target.path.read_bytes() == text
    assert not target.path.is_symlink()


def kept_aside():
    folder = state_folder() / "aside"
    return [path.read_bytes() for path in sorted(folder.iterdir())] if folder.exists() else []


def test_an_adopted_file_comes_back_and_the_newest_memory_is_kept_aside(give, target):
    target.path.write_bytes(MEMORY)
    targets.adopt(target, MEMORY)
    assert target.path.read_bytes() == BLOCK
    give(target, NEWER)
    target.path.write_bytes(b"# Later\n" + target.path.read_bytes())
    assert "earlier file restored; its former text is kept in" in targets.forget_target(target)
    assert target.path.read_bytes() == b"# Later\n" + MEMORY
    assert kept_aside() == [NEWER]
    assert backup_of(target).read_bytes() == MEMORY


def test_a_block_changed_by_hand_is_kept_aside_when_it_is_forgotten(give, target):
    target.path.write_bytes(MINE)
    give(target)
    target.path.write_bytes(target.path.read_bytes().replace(b"caf\xc3\xa9", b"by hand"))
    assert targets.forget_target(target).startswith("block removed; its former text is kept in ")
    assert target.path.read_bytes() == MINE
    assert kept_aside() == [b"# Memory\r\n\r\n- by hand\r\n"]


BEFORE = {
    "missing": None,
    "empty": b"",
    "text": b"# Mine\n\n- a\n",
    "CRLF": MINE,
    "no final newline": b"# Mine\n- a",
    "blank lines": b"\n\n# Mine\n\n\n",
    "BOM": b"\xef\xbb\xbf# Mine\n",
    "only a BOM": b"\xef\xbb\xbf",
    "the memory itself": MEMORY,
    "an open fence": b"# Mine\n```sh\nls\n",
    "another tool's block": b"mine\n<claude-mem-context>\n# Activity\n</claude-mem-context>\n@RTK.md",
    "another tool's markers": b"<!-- BEGIN: kit/01.md -->\n# Kit\n<!-- END: kit/01.md -->\n",
    "front matter": b"---\npaths: **/*.go\n---\nmine\n",
}
MODES = ["block", "copy"]


def is_as_before(path, before):
    assert not path.is_symlink()
    assert (path.read_bytes() if path.exists() else None) == before


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
def test_what_was_there_comes_back_to_the_byte_however_often(give, agents, mode, before):
    target = Target("codex", agents / "codex/deeper/AGENTS.md", mode)
    if before is not None:
        target.path.parent.mkdir(parents=True)
        target.path.write_bytes(before)
    for memories in ([MEMORY], [MEMORY, NEWER, MEMORY], [NEWER, MEMORY, b"# 3\n- x"]):
        for memory in memories:
            assert give(target, memory).state == give.look(target, memory).state == "in-sync"
        targets.forget_target(target)
        is_as_before(target.path, before)
    assert kept_aside() == []
    assert before is not None or not (agents / "codex").exists()


@pytest.mark.parametrize("mode", MODES)
def test_the_file_from_just_before_comes_back_not_that_of_the_first_day(give, agents, mode):
    target = Target("codex", agents / "AGENTS.md", mode)
    for before in (b"# First day\n", b"# A year later\r\n", None, b"# And again"):
        target.path.unlink(missing_ok=True)
        if before is not None:
            target.path.write_bytes(before)
        for memory in (MEMORY, NEWER):
            give(target, memory)
        targets.forget_target(target)
        is_as_before(target.path, before)
    assert backup_of(target).read_bytes() == b"# First day\n"


@property_test
@given(
    before=st.none() | TEXTS,
    steps=st.lists(st.tuples(st.sampled_from(MODES), TEXTS.filter(bool)), min_size=1, max_size=4),
)
def test_modes_may_change_and_what_was_there_comes_back(give, agents, fast_disk, before, steps):
    assume(before is None or block.find_block(before) is None)
    first = new_target(agents)
    if before is not None:
        first.path.parent.mkdir()
        first.path.write_bytes(before)
    for mode, memory in steps:
        target = replace(first, mode=mode)
        assert give(target, memory).state == give.look(target, memory).state == "in-sync"
    targets.forget_target(target)
    is_as_before(first.path, before)


@needs_real_memories
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", real_memories(), ids=lambda path: path.stem)
def test_a_real_file_comes_back_to_the_byte_after_a_real_memory(
    give, agents, fast_disk, path, mode
):
    target, before = Target("claude", agents / "CLAUDE.md", mode), path.read_bytes()
    target.path.write_bytes(before)
    for other in real_memories()[:3]:
        memory = other.read_bytes()
        assert give(target, memory).state == give.look(target, memory).state == "in-sync"
        assert mode != "block" or target.path.read_bytes().startswith(before)
    targets.forget_target(target)
    is_as_before(target.path, before)


def test_without_a_record_the_block_goes_and_the_person_keeps_what_they_wrote(give, target):
    target.path.write_bytes(b"# Mine\n")
    give(target)
    (state_folder() / "targets.json").unlink()
    assert targets.forget_target(target).startswith("block removed; its former text is kept in")
    assert target.path.read_bytes() == b"# Mine\n"
    assert kept_aside() == [MEMORY]


@pytest.mark.parametrize("mode", MODES)
def test_a_folder_that_is_a_link_is_followed_and_stays_one(give, agents, mode):
    (agents / "dotfiles").mkdir()
    (agents / "dotfiles/CLAUDE.md").write_bytes(MINE)
    (agents / ".claude").symlink_to(agents / "dotfiles")
    target = Target("claude", agents / ".claude/CLAUDE.md", mode)
    for memory in (MEMORY, NEWER):
        assert give(target, memory).state == give.look(target, memory).state == "in-sync"
    assert (agents / ".claude").is_symlink()
    targets.forget_target(target)
    is_as_before(agents / "dotfiles/CLAUDE.md", MINE)
    assert (agents / ".claude").is_symlink()


THEIRS = b"<claude-mem-context>\n# Recent Activity\n</claude-mem-context>\n"


def test_a_block_of_another_tool_stays_its_own_where_the_file_becomes_the_memory(give, target):
    target.path.write_bytes(b"# Mine\n\n" + THEIRS + b"- more\n")
    own, theirs = block.split_foreign(target.path.read_bytes())
    assert (own, theirs) == (b"# Mine\n\n- more\n", THEIRS)
    targets.adopt(target, own)
    assert give.look(target, own).state == "in-sync"
    data = target.path.read_bytes()
    assert block.find_block(data).after == b"\n" + THEIRS
    target.path.write_bytes(data.replace(b"Recent", b"Newer"))
    give(target, NEWER)
    assert target.path.read_bytes().endswith(THEIRS.replace(b"Recent", b"Newer"))
    targets.forget_target(target)
    assert target.path.read_bytes() == own + b"\n" + THEIRS.replace(b"Recent", b"Newer")


def test_an_adopted_file_with_another_tools_block_comes_back_to_the_byte(give, target):
    before = b"# Mine\n\n" + THEIRS + b"- more"
    target.path.write_bytes(before)
    targets.adopt(target, block.split_foreign(before)[0])
    give(target, NEWER)
    targets.forget_target(target)
    assert target.path.read_bytes() == before


@pytest.mark.parametrize(
    "text",
    [
        b"<claude-mem-context>\nnever closed\n",
        b"say <claude-mem-context> and </claude-mem-context>\n",
        b"<!-- BEGIN: mine -->\n- a\n<!-- END: mine -->\n",
        b"<rules>\n- a\n</rules>\n",
    ],
)
def test_what_is_no_block_of_a_known_tool_is_a_persons_text(text):
    assert block.split_foreign(text) == (text, b"")


@pytest.mark.parametrize("before", [None, b"", MINE])
def test_a_copy_gives_the_file_back_that_was_there(give, agents, before):
    target = Target("codex", agents / "AGENTS.md", "copy")
    if before is not None:
        target.path.write_bytes(before)
    for memory in (MEMORY, NEWER):
        assert give(target, memory).state == give.look(target, memory).state == "in-sync"
        assert target.path.read_bytes() == memory
    targets.forget_target(target)
    assert (target.path.read_bytes() if target.path.exists() else None) == before
    assert not target.path.is_symlink()
    assert set(names(agents)) <= {"AGENTS.md", "AGENTS.md.pre-memsync.bak"}


def test_a_copy_that_was_changed_by_hand_is_left_when_it_is_forgotten(give, target):
    target = replace(target, mode="copy")
    give(target)
    target.path.write_bytes(MEMORY + b"- mine\n")
    assert targets.forget_target(target) == "file left as it is: it was edited by hand"
    assert target.path.read_bytes() == MEMORY + b"- mine\n"


def test_the_first_copy_of_a_file_is_never_overwritten(give, target):
    backup_of(target).write_bytes(b"from the very first day")
    target.path.write_bytes(MINE)
    give(target)
    assert backup_of(target).read_bytes() == b"from the very first day"


def test_a_file_that_the_first_copy_does_not_hold_is_kept_aside(give, target):
    backup_of(target).write_bytes(b"from the very first day")
    target.path.write_bytes(MINE)
    give(replace(target, mode="copy"))
    assert target.path.read_bytes() == MEMORY
    assert [path.read_bytes() for path in (state_folder() / "aside").iterdir()] == [MINE]


@time_machine.travel("2026-11-23T12:00:00+00:00", tick=False)
def test_a_block_changed_by_hand_is_kept_aside_and_then_replaced(give, target):
    give(target)
    kept = []
    for line in (b"- by hand\n", b"- again\n"):
        data = target.path.read_bytes()
        target.path.write_bytes(b"top\n" + data.replace(b"- caf\xc3\xa9\n", line))
        assert give.look(target).state == "edited"
        kept.append(give(target).kept)
        assert give.look(target).state == "in-sync"
    assert target.path.read_bytes() == b"top\ntop\n" + BLOCK
    assert [path.name for path in kept] == [
        "claude_20261123_120000.md",
        "claude_20261123_120000_2.md",
    ]
    assert [path.read_bytes() for path in kept] == [
        b"# Memory\n\n- by hand\n",
        b"# Memory\n\n- again\n",
    ]
    assert stat.S_IMODE(kept[0].parent.stat().st_mode) == 0o700


def test_a_block_that_is_only_old_is_stale_and_not_kept_aside(give, target):
    give(target)
    assert give.look(target, NEWER).state == "stale"
    target.path.write_bytes(target.path.read_bytes().replace(b"\n", b"\r\n"))
    assert give.look(target, NEWER).state == "stale"  # an editor's line ends are no edit
    assert give(target, NEWER).kept is None
    target.path.write_bytes(target.path.read_bytes().replace(b"tea", b"caf\xc3\xa9"))
    give(target)  # another machine's dotfiles brought it in step before us
    assert give.look(target, NEWER).state == "stale"
    assert not (state_folder() / "aside").exists()


def test_without_a_record_a_foreign_block_is_kept_before_it_is_replaced(give, target):
    give(target)
    (state_folder() / "targets.json").write_bytes(b"\0\0damaged")
    whole = target.path.read_bytes() + b"mine\n"
    target.path.write_bytes(whole)
    assert give.look(target, NEWER).state == "edited"
    assert give(target, NEWER).kept.read_bytes() == MEMORY
    assert backup_of(target).read_bytes() == whole
    assert target.path.read_bytes().endswith(b"mine\n")


@pytest.mark.parametrize(
    "data",
    [
        b"<!-- memsync:begin -->\nopen for ever\n",
        b"<!-- memsync:end -->\n",
        b"<!-- memsync:end -->\n<!-- memsync:begin -->\n",
        b"say `<!-- memsync:begin -->` and <!-- memsync:end -->\n",
    ],
)
def test_markers_that_are_not_a_pair_are_a_persons_text(give, target, data):
    target.path.write_bytes(data)
    assert give.look(target).state == "missing"
    give(target)
    assert target.path.read_bytes() == data + b"\n" + BLOCK
    give(target, NEWER)
    assert target.path.read_bytes().startswith(data + b"\n<!-- memsync:begin -->\n# Memory")


def test_of_a_doubled_block_the_first_stays_and_so_does_all_a_person_wrote_between(give, target):
    target.path.write_bytes(b"mine\n")
    give(target)
    twice = b"mine\n\n" + BLOCK + b"between\n" + BLOCK + b"last"
    target.path.write_bytes(twice)
    found = give.look(target)
    assert (found.state, "more than once" in found.advice) == ("stale", True)
    done = give(target, NEWER)
    once = b"mine\n\n" + BLOCK.replace(b"caf\xc3\xa9", b"tea") + b"between\nlast"
    assert target.path.read_bytes() == once
    assert (done.state, done.advice, done.kept.read_bytes()) == ("in-sync", "", twice)
    assert backup_of(target).read_bytes() == b"mine\n"
    assert give.look(target, NEWER).state == give(target, NEWER).state == "in-sync"
    assert len(kept_aside()) == 1
    targets.forget_target(target)
    assert target.path.read_bytes() == b"mine\nbetween\nlast"


def test_a_doubled_block_goes_with_the_first_where_it_is_forgotten_before_a_sync(give, target):
    target.path.write_bytes(b"mine\n")
    give(target)
    twice = target.path.read_bytes() + BLOCK.replace(b"caf", b"cof")
    target.path.write_bytes(twice)
    assert "block removed; its former text is kept in" in targets.forget_target(target)
    assert target.path.read_bytes() == b"mine\n"
    assert kept_aside() == [twice]


@property_test
@given(text=TEXTS)
def test_whatever_stands_behind_the_block_one_is_left_and_no_other_line_is_lost(
    give, agents, fast_disk, text
):
    target = new_target(agents)
    give(target)
    target.path.write_bytes(BLOCK + text)
    assert give(target, NEWER).state == give.look(target, NEWER).state == "in-sync"
    found = block.find_block(target.path.read_bytes())
    assert (found.before, found.doubled) == (b"", False)
    assert block.find_block(found.after) is None
    if block.find_block(text) is None:
        assert found.after == text
    else:
        assert BLOCK + text in kept_aside()


def test_an_end_marker_without_a_newline_is_one(give, target):
    target.path.write_bytes(b"mine\n" + BLOCK.rstrip(b"\n"))
    give(target, NEWER)
    assert target.path.read_bytes() == b"mine\n" + BLOCK.replace(b"caf\xc3\xa9", b"tea").rstrip(
        b"\n"
    )


@pytest.mark.parametrize("mode", ["block", "copy"])
@pytest.mark.parametrize("points_to", ["a file", "nothing", "a folder"])
def test_a_target_that_links_elsewhere_is_not_written_through(give, agents, mode, points_to):
    elsewhere = agents / "dotfiles"
    if points_to == "a file":
        elsewhere.write_bytes(MINE)
    elif points_to == "a folder":
        elsewhere.mkdir()
    target = Target("claude", agents / "CLAUDE.md", mode)
    target.path.symlink_to(elsewhere)
    state = give(target)
    assert state.state == "symlink"
    assert str(elsewhere) in state.advice
    assert target.path.readlink() == elsewhere
    assert not elsewhere.is_file() or elsewhere.read_bytes() == MINE
    assert targets.forget_target(replace(target, mode="block")) == "file left as it is"


def linked_to_the_memory(path, memory_path):
    path.symlink_to(memory_path)


def linked_elsewhere(path, memory_path):
    path.symlink_to(path.with_name("gone.md"))


def a_file(path, memory_path):
    path.write_bytes(b"an editor replaced the link")


def a_block(path, memory_path):
    path.write_bytes(BLOCK)


def nothing(path, memory_path):
    pass


def as_it_is(path):
    """What stands at a path: the link's end, or the file's bytes."""
    if path.is_symlink():
        return path.readlink()
    return path.read_bytes() if path.exists() else None


@pytest.mark.parametrize("make", [linked_to_the_memory, linked_elsewhere, a_file, a_block, nothing])
def test_a_target_of_the_retired_mode_link_is_never_touched(give, target, memory_path, make):
    target = replace(target, mode="link")
    make(target.path, memory_path)
    before, files = as_it_is(target.path), names(target.path.parent)
    for state in (give.look(target), give(target), give(target, NEWER)):
        assert state.state == "symlink"
        assert f"memsync targets add claude {target.path}" in state.advice
    assert targets.forget_target(target) == "file left as it is"
    assert (as_it_is(target.path), names(target.path.parent)) == (before, files)
    assert memory_path.read_bytes() == NEWER
    assert kept_aside() == []


def test_a_record_of_the_retired_mode_link_removes_nothing(give, target, memory_path):
    target.path.symlink_to(memory_path)
    entry = {"digest": "", "created": True, "folders": 1, "mode": "link"}
    (state_folder() / "targets.json").write_text(json.dumps({str(target.path): entry}))
    for mode in MODES:
        again = replace(target, mode=mode)
        assert give(again).state == "in-sync", "a link to the memory is as good as a file"
        assert targets.forget_target(again) == "file left as it is"
        assert target.path.readlink() == memory_path


def test_a_retired_link_does_not_keep_another_target_from_its_file(give, target):
    link = Target("old", target.path, "link")
    assert [state.state for state in give([link, target])] == ["symlink", "in-sync"]
    assert target.path.read_bytes() == BLOCK


@pytest.mark.parametrize("mode", ["block", "copy"])
def test_the_memory_itself_is_no_target(give, memory_path, mode):
    state = give(Target("claude", memory_path, mode))
    assert state.state == "unreadable"
    assert memory_path.read_bytes() == MEMORY
    assert not memory_path.is_symlink()


def unreadable(agents):
    (agents / "folder").mkdir()
    (agents / "latin.md").write_bytes(b"caf\xe9")
    (agents / "nul.md").write_bytes(b"a\0b")
    os.truncate(agents / "nul.md", 9)
    (agents / ".cloud.md.icloud").touch()
    os.mkfifo(agents / "pipe")  # whoever reads it waits for ever
    paths = ["folder", "pipe", "latin.md", "nul.md", "cloud.md", "x" * 300, "latin.md/CLAUDE.md"]
    return [Target(str(number), agents / name, "block") for number, name in enumerate(paths)]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
@pytest.mark.parametrize("closed", ["CLAUDE.md", "."])
def test_a_target_that_is_somebody_elses_is_unreadable(closed):
    with tempfile.TemporaryDirectory() as name:  # a test's own folder is root's alone
        folder = Path(name)
        folder.chmod(0o755)
        target = Target("claude", folder / "CLAUDE.md", "block")
        target.path.write_bytes(MINE)
        (folder / closed).chmod(0)
        own = os.geteuid()
        os.seteuid(own or 65534)
        try:
            state = states.inspect(target, MEMORY, folder / "GLOBAL_MEMORY.md", None)
        finally:
            os.seteuid(own)
            folder.chmod(0o700)
        assert (state.state, state.advice) == ("unreadable", "cannot be read: Permission denied")


@pytest.mark.parametrize("mode", ["block", "copy"])
def test_a_link_that_leads_nowhere_is_a_link_and_stays(give, agents, mode):
    target = Target("claude", agents / "CLAUDE.md", mode)
    target.path.symlink_to(agents / "gone.md")
    assert give.look(target).state == "symlink"
    assert give(target).state == "symlink"
    assert target.path.is_symlink()
    assert not target.path.exists()


def test_a_target_that_cannot_be_read_or_made_does_not_stop_the_others(give, agents, target):
    bad = unreadable(agents)
    before = {path: path.read_bytes() for path in agents.glob("*.md")}
    found = give([*bad, target])
    assert [state.state for state in found] == [*["unreadable"] * 7, "in-sync"]
    assert all(state.advice for state in found[:-1])
    assert target.path.read_bytes() == BLOCK
    target.path.unlink()
    assert {path: path.read_bytes() for path in agents.glob("*.md")} == before


@pytest.mark.parametrize("mode", ["block", "copy"])
@pytest.mark.parametrize("number", DISK_ERRORS)
def test_a_disk_that_fails_at_any_step_loses_nothing_a_person_wrote(
    give, agents, monkeypatch, mode, number
):
    target = Target("claude", agents / "CLAUDE.md", mode)

    def mine():
        for path in [*agents.iterdir(), *state_folder().glob("targets.json")]:
            path.unlink()
        target.path.write_bytes(MINE)

    for raised in failing_runs(monkeypatch, number, mine, lambda: give(target)):
        assert raised is None or isinstance(raised, OSError)
        kept = [path.read_bytes() for path in agents.iterdir() if not path.is_symlink()]
        assert any(data.startswith(MINE) for data in kept)
        assert not list(agents.glob(".*"))
    assert give.look(target).state == "in-sync"


def test_a_disk_that_is_full_is_told_in_the_state(give, target, monkeypatch):
    target.path.write_bytes(MINE)
    monkeypatch.setattr(os, "link", failing_with(28))
    state = give(target)
    assert (state.state, state.advice) == ("missing", "cannot be written: No space left on device")


def test_the_usual_agents_count_only_where_they_live(home):
    assert targets.configured_targets(Config()) == []
    (home / ".codex").mkdir()
    assert targets.configured_targets(Config()) == [
        Target("codex", home / ".codex/AGENTS.md", "block")
    ]
    named = Config(targets={"gemini": TargetSetting("~/G.md", "copy")})
    assert targets.configured_targets(named) == [Target("gemini", home / "G.md", "copy")]
    assert targets.configured_targets(Config(given=frozenset({"targets"}))) == []


def test_an_agent_that_was_moved_is_found_where_it_lives(monkeypatch, tmp_path):
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    assert targets.find_agent("claude").file() == tmp_path / "CLAUDE.md"
    assert targets.find_agent("gemini").file() == Path.home() / ".gemini/GEMINI.md"
    assert targets.find_agent("clippy") is None
    assert len({agent.name for agent in targets.AGENTS}) == len(targets.AGENTS) >= 14
