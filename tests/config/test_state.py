"""What stays on this machine: one private folder, and a machine name that is made once."""

import re
import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from memsync.config import state, sync_folder
from memsync.errors import FolderAwayError

NAME = re.compile(r"[a-z0-9-]+-[0-9a-f]{4}")


def test_the_state_folder_is_private_and_outside_the_sync_folder(home, config):
    folder = state.state_folder()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert folder.is_relative_to(home)
    assert not folder.is_relative_to(config.sync_root)


@pytest.mark.parametrize("mode", [0o755, 0o777, 0o750, 0o701])
def test_a_state_folder_of_an_older_version_is_closed_to_other_users(mode):
    state.state_folder().chmod(mode)
    assert stat.S_IMODE(state.state_folder().stat().st_mode) == 0o700


def test_a_state_folder_of_somebody_else_is_left_as_it_is(monkeypatch):
    def forbid(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    state.state_folder().chmod(0o755)
    monkeypatch.setattr(Path, "chmod", forbid)
    assert state.state_folder().is_dir()


def test_a_machine_gets_its_name_back_unless_it_has_another(home):
    name = state.machine_name()
    (state.state_folder() / "machine").unlink()
    state.remember_machine(name)
    state.remember_machine("another-0000")
    assert state.machine_name() == name


def test_the_state_folder_may_be_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    assert state.state_folder() == tmp_path / "elsewhere" / "memsync"


def test_a_machine_keeps_its_name_when_its_host_is_renamed(monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "Ada's-MacBook.local")
    name = state.machine_name()
    assert re.fullmatch(r"ada-s-macbook-[0-9a-f]{4}", name)
    monkeypatch.setattr(socket, "gethostname", lambda: "raspberrypi")
    assert state.machine_name() == name


def test_two_machines_of_the_same_host_name_are_told_apart(tmp_path, monkeypatch):
    names = set()
    for number in range(20):
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / str(number)))
        names.add(state.machine_name())
    assert len(names) > 15  # four hexadecimal digits each


def test_sixteen_threads_that_ask_at_once_hear_the_same_name():
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(lambda _: state.machine_name(), range(16)))) == 1


@pytest.mark.parametrize(
    "damage", [b"", b"\n", b"\0" * 12, b"../../etc\n", b"\xff\xfe", b"Two words"]
)
def test_a_damaged_name_is_made_anew_and_never_becomes_a_path(damage, tmp_path):
    (state.state_folder() / "machine").write_bytes(damage)
    name = state.machine_name()
    assert NAME.fullmatch(name)
    assert state.machine_name() == name
    assert sync_folder.own_folder(tmp_path / "machines").parent == tmp_path / "machines"


def test_the_own_folder_is_made_but_never_the_memory_root(tmp_path):
    gone = tmp_path / "unmounted" / ".claude-memory"
    with pytest.raises(FileNotFoundError):
        sync_folder.own_folder(gone / "machines")
    assert not gone.parent.exists()
    gone.mkdir(parents=True)  # the bare mount point
    with pytest.raises(FolderAwayError):
        sync_folder.own_folder(gone / "machines")
    assert list(gone.iterdir()) == []
    (gone / "GLOBAL_MEMORY.md").touch()
    assert sync_folder.own_folder(gone / "machines").name == state.machine_name()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("pi", "pi"),
        ("Ada-PC.fritz.box", "ada-pc"),
        ("日本", "machine"),
        ("..", "machine"),
        ("", "machine"),
        ("a/b\\c", "a-b-c"),
        ("x" * 200, "x" * 40),
    ],
)
def test_a_host_name_becomes_a_safe_folder_name(host, expected):
    assert state.slug(host) == expected


def test_each_root_and_purpose_has_a_lock_of_its_own(tmp_path):
    roots = [tmp_path / "a", tmp_path / "b", Path("/mnt/\udcff")]
    paths = {state.lock_path(root, purpose) for root in roots for purpose in ("publish", "refresh")}
    assert len(paths) == 6
    assert {path.parent for path in paths} == {state.state_folder() / "locks"}
