"""Two texts from one: as git merges where git is sure, and no line lost where it is not."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import subprocess
from collections import Counter
from difflib import SequenceMatcher
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memsync.text.diff3 import Hunk, Resolution, merge
from tests.conftest import REAL_MEMORIES, needs_real_memories
from tests.support.scale import share

needs_git = pytest.mark.skipif(
    shutil.which("git") is None and os.environ.get("CI") != "true", reason="git is not here"
)

BASE = "# T\n\n- one\n- two\n- three\n\n## Rules\n\n- never\n"


def git_merge(folder: Path, base: str, ours: str, theirs: str) -> tuple[bool, str]:
    """Return whether git merges without a conflict, and what it makes of the three."""
    names = ("ours", "base", "theirs")
    for name, text in zip(names, (ours, base, theirs), strict=True):
        (folder / name).write_bytes(text.encode())
    done = subprocess.run(
        ["git", "merge-file", "-p", *names], cwd=folder, capture_output=True, check=False
    )
    return done.returncode == 0, done.stdout.decode()


class Author:
    """Somebody who changes texts: adds, rewords and takes away lines, each line unlike another."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.numbers = itertools.count()

    def line(self) -> str:
        return f"- line {next(self.numbers)}\n"

    def text(self) -> str:
        return "".join(self.line() for _ in range(self.random.randrange(0, 25)))

    def changed(self, text: str, common: str) -> str:
        lines = text.splitlines(keepends=True)
        for _ in range(self.random.randrange(0, 5)):
            at = self.random.randrange(0, len(lines) + 1)
            new = common if self.random.random() < 0.2 else self.line()
            kind = self.random.choice(["add", "reword", "remove"])
            lines[at : at + (kind != "add")] = [] if kind == "remove" else [new]
        return "".join(lines)


@pytest.mark.torture
@needs_git
@pytest.mark.parametrize("tenth", range(10))
def test_it_is_as_git_merges_and_where_git_is_unsure_no_line_is_lost(
    tmp_path: Path, tenth: int
) -> None:
    count, clean = share(20_000, 1_000) // 10, 0
    for seed in range(tenth * count, (tenth + 1) * count):
        author = Author(seed)
        base = author.text()
        common = author.line()
        ours, theirs = author.changed(base, common), author.changed(base, common)
        is_clean, wanted = git_merge(tmp_path, base, ours, theirs)
        merged = merge(base, ours, theirs)
        clean += is_clean
        if is_clean:
            assert not merged.conflicts
            assert merged.text() == wanted, seed
        else:
            assert_nothing_lost(base, ours, theirs)
    print(f"{count} triples, {clean} of them without a conflict in git")
    assert clean * 10 > count * 3  # the comparison is worth something


def real_histories() -> list[list[str]]:
    """Return the versions of real memories, oldest first; none where they are absent."""
    folders = sorted((REAL_MEMORIES / "history").glob("*"))
    return [[path.read_bytes().decode() for path in sorted(folder.iterdir())] for folder in folders]


def parted(old: str, new: str) -> tuple[str, str]:
    """Return two texts with every other change of a real edit, as if two people had made it."""
    lines, wanted = old.splitlines(keepends=True), new.splitlines(keepends=True)
    steps = SequenceMatcher(None, lines, wanted, autojunk=False).get_opcodes()
    changes = [step for step in steps if step[0] != "equal"]
    texts = []
    for chosen in (changes[::2], changes[1::2]):
        text = list(lines)
        for _, start, end, new_start, new_end in reversed(chosen):
            text[start:end] = wanted[new_start:new_end]
        texts.append("".join(text))
    return texts[0], texts[1]


@needs_git
@needs_real_memories
def test_real_edits_by_two_people_are_merged_as_git_merges_them(tmp_path: Path) -> None:
    """Each version goes to the one before and the one after; and one edit is made by two people."""
    triples = []
    for versions in real_histories():
        for ours, base, theirs in zip(versions, versions[1:], versions[2:], strict=False):
            triples.append((base, ours, theirs))
        triples += [(old, *parted(old, new)) for old, new in itertools.pairwise(versions)]
    clean = 0
    for base, ours, theirs in triples:
        is_clean, wanted = git_merge(tmp_path, base, ours, theirs)
        merged = merge(base, ours, theirs)
        assert_nothing_lost(base, ours, theirs)
        clean += is_clean
        if is_clean:
            assert (merged.conflicts, merged.text()) == ((), wanted)
    print(f"{len(triples)} real triples, {clean} of them without a conflict in git")
    assert clean > 100


def assert_nothing_lost(base: str, ours: str, theirs: str) -> None:
    """Whatever a side has that the base has not is in the text that keeps both."""
    kept = Counter(merge(base, ours, theirs).text().splitlines())
    known = Counter(base.splitlines())
    for side in (ours, theirs):
        new = Counter(side.splitlines()) - known
        assert not new - kept


some_lines = st.lists(st.sampled_from(["", "- a", "- b", "- c", "# T", "- d"]), max_size=12)
texts = st.builds(
    lambda lines, end: "\n".join(lines) + end, some_lines, st.sampled_from(["", "\n"])
)


@given(base=texts, ours=texts, theirs=texts)
def test_any_three_texts_lose_nothing(base: str, ours: str, theirs: str) -> None:
    assert_nothing_lost(base, ours, theirs)
    merged = merge(base, ours, theirs)
    for choice, side in ((Resolution.OURS, ours), (Resolution.THEIRS, theirs)):
        settled = merged.text([choice] * len(merged.conflicts))
        assert not set(side.splitlines()) - set(settled.splitlines()) - set(base.splitlines())


@given(base=texts, text=texts)
def test_a_side_that_changed_nothing_has_no_say(base: str, text: str) -> None:
    for merged in (merge(base, text, base), merge(base, base, text), merge(base, text, text)):
        assert not merged.conflicts
        assert merged.text() == text


@given(base=texts, ours=texts, theirs=texts)
def test_which_side_is_which_decides_only_the_order(base: str, ours: str, theirs: str) -> None:
    one, other = merge(base, ours, theirs), merge(base, theirs, ours)
    assert [(c.ours, c.theirs) for c in one.conflicts] == [
        (c.theirs, c.ours) for c in other.conflicts
    ]
    assert set(one.text().splitlines()) == set(other.text().splitlines())


def test_what_both_add_at_one_place_is_all_kept_theirs_first() -> None:
    merged = merge(BASE, BASE + "- mine\n", BASE + "- theirs\n")
    assert not merged.conflicts
    assert merged.text() == BASE + "- theirs\n- mine\n"


def test_what_both_add_alike_is_there_once() -> None:
    ours, theirs = f"{BASE}- same\n- mine\n", f"{BASE}- same\n- theirs\n"
    assert merge(BASE, ours, theirs).text() == f"{BASE}- same\n- theirs\n- mine\n"


def test_changes_apart_from_each_other_are_both_taken() -> None:
    ours = BASE.replace("- one", "- ONE")
    theirs = BASE.replace("- three\n", "")
    merged = merge(BASE, ours, theirs)
    assert not merged.conflicts
    assert merged.text() == BASE.replace("- one", "- ONE").replace("- three\n", "")


def test_a_line_that_both_reworded_is_for_a_person_to_decide() -> None:
    merged = merge(BASE, BASE.replace("- two", "- TWO"), BASE.replace("- two", "- 2"))
    assert merged.conflicts == (Hunk(("- two\n",), ("- TWO\n",), ("- 2\n",)),)
    assert "- TWO\n- 2\n" not in merged.text([Resolution.OURS])
    assert merged.text([Resolution.OURS]) == BASE.replace("- two", "- TWO")
    assert merged.text([Resolution.THEIRS]) == BASE.replace("- two", "- 2")
    assert merged.text([Resolution.BOTH]) == BASE.replace("- two", "- 2\n- TWO")
    assert merged.text() == merged.text([Resolution.BOTH])


def test_a_line_that_one_reworded_and_the_other_took_away_is_a_conflict() -> None:
    merged = merge(BASE, BASE.replace("- two\n", ""), BASE.replace("- two", "- 2"))
    assert merged.conflicts == (Hunk(("- two\n",), (), ("- 2\n",)),)
    assert merged.text([Resolution.OURS]) == BASE.replace("- two\n", "")


def test_a_last_line_without_an_ending_gets_one_where_it_is_the_last_no_more() -> None:
    assert merge("a\nb", "a\nb\nc", "a\nB").text([Resolution.BOTH]).splitlines() == [
        "a",
        "B",
        "b",
        "c",
    ]
    assert merge("", "x", "y").text() == "y\nx"


def test_lines_next_to_each_other_that_each_side_reworded_are_no_conflict() -> None:
    merged = merge(BASE, BASE.replace("- one", "- ONE"), BASE.replace("- two", "- TWO"))
    assert not merged.conflicts
    assert merged.text() == BASE.replace("- one", "- ONE").replace("- two", "- TWO")


def test_among_reworded_lines_only_those_that_both_reworded_are_asked_about() -> None:
    ours = BASE.replace("- one", "- 1").replace("- two", "- 2")
    theirs = BASE.replace("- two", "- TWO").replace("- three", "- THREE")
    merged = merge(BASE, ours, theirs)
    assert merged.conflicts == (Hunk(("- two\n",), ("- 2\n",), ("- TWO\n",)),)
    assert "- 1\n- 2\n- THREE\n" in merged.text([Resolution.OURS])
