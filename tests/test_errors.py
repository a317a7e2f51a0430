"""What the operating system refuses becomes an error that a person can act on."""

from __future__ import annotations

import errno

import pytest

from memsync.errors import FolderAwayError, MemsyncError, refused, refused_by_disk


def test_a_refusal_of_the_system_says_what_cannot_be_done_why_and_what_to_try():
    with (
        pytest.raises(MemsyncError) as raised,
        refused("the ledger cannot be written", "free some space"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert raised.value.message == "the ledger cannot be written: No space left on device"
    assert raised.value.hint == "free some space"
    assert isinstance(raised.value.__cause__, OSError)


def test_the_class_of_the_error_decides_the_exit_code():
    with (
        pytest.raises(FolderAwayError) as raised,
        refused("the folder cannot be read", "mount it", kind=FolderAwayError),
    ):
        raise OSError("gone")
    assert (raised.value.message, raised.value.exit_code) == ("the folder cannot be read: gone", 4)


def test_a_body_that_succeeds_or_fails_in_another_way_is_left_alone():
    with refused("nothing", "nothing"):
        pass
    with pytest.raises(ValueError, match="as it was"), refused("nothing", "nothing"):
        raise ValueError("as it was")


def test_an_error_that_nobody_put_into_words_names_the_file_and_keeps_the_reason():
    refusal = OSError(errno.EACCES, "Permission denied", "/x/log")
    assert refused_by_disk(refusal).message == "/x/log cannot be used: Permission denied"
    assert "memsync doctor" in refused_by_disk(OSError(errno.EIO, "Input/output error")).hint
