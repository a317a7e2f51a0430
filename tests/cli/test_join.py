"""The first contact with an rclone remote: real rclone, a real WebDAV server, a real closed port."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from memsync import config as settings
from memsync.memory.rclone import client
from tests.conftest import SAMPLE
from tests.support.scale import need, some
from tests.support.webdav import Cloud

REMOTE = "cloud:notes/.claude-memory"
INIT = ("init", "--rclone-remote", REMOTE)
DAMAGE = [b"", b"\0" * 300, b"\xff\xfe# Memory\n"]


@pytest.fixture
def closed(home: Path, tmp_path: Path, monkeypatch) -> Iterator[Cloud]:
    """A cloud that rclone knows and nobody serves yet."""
    need("rclone")
    made = Cloud(tmp_path / "cloud")
    monkeypatch.setenv("RCLONE_CONFIG", str(made.config))
    (home / ".claude").mkdir()
    yield made
    made.stop()


@pytest.fixture
def cloud(closed: Cloud) -> Cloud:
    closed.start()
    there(closed).parent.mkdir(parents=True)
    there(closed).write_text(SAMPLE)
    return closed


def there(cloud: Cloud) -> Path:
    return cloud.folder / "notes/.claude-memory/GLOBAL_MEMORY.md"


def here(home: Path) -> Path:
    return home / ".local/share/memsync/rclone/.claude-memory/GLOBAL_MEMORY.md"


def told(home: Path) -> bool:
    """Tell whether anything of this machine knows of memsync."""
    return settings.get_config_path().exists() or (home / ".claude" / "CLAUDE.md").exists()


@pytest.mark.parametrize("damage", some(DAMAGE, 1), ids=repr)
def test_a_remote_whose_memory_is_damaged_is_not_joined(cloud, home, call, damage):
    there(cloud).write_bytes(damage)
    for _ in range(2):
        done = call(*INIT)
        assert done.code == 6
        assert f"{REMOTE}/GLOBAL_MEMORY.md" in done.err
        assert "Try: memsync restore on a machine that has it" in done.err
        assert not told(home)
    assert there(cloud).read_bytes() == damage
    assert not here(home).exists()
    there(cloud).write_text(SAMPLE)
    assert call(*INIT).code == 0
    assert here(home).read_text() == SAMPLE


@pytest.mark.parametrize("damage", [b"\0" * 300, None], ids=repr)
def test_a_memory_that_is_damaged_or_deleted_while_all_else_is_brought_is_joined_as_it_was(
    cloud, home, call, monkeypatch, damage
):
    fetch = client.fetch

    def damage_then_fetch(*words, **more) -> None:
        if damage is None:
            there(cloud).unlink()
        else:
            there(cloud).write_bytes(damage)
        fetch(*words, **more)

    with monkeypatch.context() as patch:
        patch.setattr(client, "fetch", damage_then_fetch)
        assert call(*INIT).code == 0
    assert here(home).read_text() == SAMPLE


def test_an_init_that_is_killed_leaves_no_piece_of_a_memory(cloud, home, call, monkeypatch):
    def killed(_remote: str, folder: str, *, without: list[str]) -> None:
        assert client.run_rclone("copy", f"--exclude=/{without[0]}", REMOTE, folder).code == 0
        raise KeyboardInterrupt

    there(cloud).with_name("sessions").mkdir()
    (there(cloud).with_name("sessions") / "2026-11-23.md").write_text("a note\n")
    with monkeypatch.context() as patch:
        patch.setattr(client, "fetch", killed)
        assert call(*INIT).code != 0
    assert not here(home).exists()
    assert (here(home).parent / "sessions" / "2026-11-23.md").read_text() == "a note\n"
    assert not told(home)
    assert call(*INIT).code == 0
    assert here(home).read_text() == SAMPLE


def test_a_damaged_memory_in_the_copy_here_does_not_hide_the_sound_one_there(cloud, home, call):
    here(home).parent.mkdir(parents=True)
    here(home).write_bytes(b"\0")
    done = call(*INIT)
    assert done.code == 6
    assert str(here(home)) in done.err
    assert f"Try: move it elsewhere, then memsync init again: {REMOTE} has a sound one" in done.err
    assert not told(home)
    here(home).rename(home / "elsewhere.md")
    assert call(*INIT).code == 0
    assert here(home).read_text() == SAMPLE


def test_a_remote_that_does_not_answer_is_said_to_leave_nothing_set_up(closed, home, call):
    for _ in range(2):
        done = call(*INIT)
        assert done.code == 4
        assert f"{REMOTE} cannot be reached" in done.err
        assert f"Try: rclone lsf {REMOTE} shows whether it answers" in done.err
        assert "memsync init again, nothing was set up here" in done.err
        assert "go on here" not in done.err
        assert not told(home)
    closed.start()
    assert call(*INIT).code == 0


def test_a_remote_that_keeps_no_times_is_not_joined(cloud, home, call):
    cloud.config.write_text(cloud.config.read_text().replace("owncloud", "other"))
    done = call(*INIT)
    assert done.code == 1
    assert f"{REMOTE} keeps no times of files" in done.err
    assert "Try: for WebDAV, the vendor that the server is of" in done.err
    assert not told(home)


def test_a_remote_that_rclone_does_not_know_is_named(closed, home, call):
    done = call("init", "--rclone-remote", "clowd:notes")
    assert done.code == 4
    assert "rclone has no remote called clowd" in done.err
    assert "Try: rclone listremotes shows which it has" in done.err
    assert "go on here" not in done.err
    assert not told(home)


def test_a_machine_that_was_set_up_before_stays_as_it_was(closed, home, call):
    (home / "Sync").mkdir()
    assert call("init", "--sync-root", str(home / "Sync")).code == 0
    path = settings.get_config_path()
    path.write_bytes("\ufeff# mine\n".encode() + path.read_bytes())
    before = path.read_bytes()
    assert call(*INIT, "--force").code == 4
    assert path.read_bytes() == before
    assert call("status").code == 0


def test_a_remote_without_a_name_is_wrong_usage_and_leaves_nothing(closed, home, call):
    here(home).parent.parent.mkdir(parents=True)
    done = call("init", "--provider", "rclone")
    assert done.code == 2
    assert "Try: memsync init --provider rclone --rclone-remote NAME:PATH" in done.err
    assert not told(home)
