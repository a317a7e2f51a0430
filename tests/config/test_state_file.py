"""Tell what a small file of the local state gives back when it is whole, damaged or unreadable."""

from __future__ import annotations

import pytest

from memsync.config.state import state_folder
from memsync.config.state_file import StateFile

FILE = StateFile("thing.json")


def test_what_is_saved_is_loaded_from_the_state_folder():
    FILE.save({"a": [1, "ä"]})
    assert FILE.load(dict, {}) == {"a": [1, "ä"]}
    assert (state_folder() / "thing.json").read_bytes() == b'{"a": [1, "\\u00e4"]}'


def test_a_file_may_be_indented_and_lie_elsewhere(tmp_path):
    StateFile("thing.json", tmp_path, indent=1).save({"a": 1})
    assert (tmp_path / "thing.json").read_text() == '{\n "a": 1\n}'


@pytest.mark.parametrize("damage", ["", "\0\0", "[]", "{}", '{"a"', '{"a": {}}', "[" * 99_999])
def test_a_missing_or_damaged_file_is_as_if_nothing_was_remembered(damage):
    for load in (FILE.load, FILE.load_if_readable):
        (state_folder() / "thing.json").unlink(missing_ok=True)
        assert load(lambda table: int(table["a"]), 7) == 7
        (state_folder() / "thing.json").write_text(damage)
        assert load(lambda table: int(table["a"]), 7) == 7


def test_a_file_that_is_not_to_be_written_anew_says_that_it_cannot_be_read():
    (state_folder() / "thing.json").mkdir()
    assert FILE.load(dict, {"a": 1}) == {"a": 1}
    with pytest.raises(OSError, match="directory"):
        FILE.load_if_readable(dict, {})
