"""A mount of FUSE or the network may forget what it was given."""

from __future__ import annotations

import pytest

from memsync.files import mounts


@pytest.fixture
def root(tmp_path):
    made = tmp_path / "root"
    made.mkdir()
    return made


@pytest.mark.parametrize(
    ("kind", "may"), [("ext4", False), ("fuse.rclone", True), ("nfs4", True), ("tmpfs", False)]
)
def test_a_mount_of_fuse_or_the_network_may_forget_what_it_was_given(
    root, monkeypatch, tmp_path, kind, may
):
    table = tmp_path / "mountinfo"
    place = f"{tmp_path.resolve()}/ro\\040t"
    lines = ["22 1 259:0 / / rw - ext4 /dev/root rw", f"99 22 0:50 / {place} rw - {kind} x: rw"]
    table.write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(mounts, "MOUNTS", table)
    spaced = root.rename(root.with_name("ro t"))
    assert mounts.is_lossy_mount(spaced / "sessions") is may
    assert mounts.is_lossy_mount(tmp_path) is False
    monkeypatch.setattr(mounts, "MOUNTS", tmp_path / "none")
    assert mounts.is_lossy_mount(spaced) is False
