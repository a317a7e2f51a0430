"""Machine-made lines show what they are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memsync import clock
from memsync.config import Config
from memsync.memory import store
from memsync.notes import log
from memsync.refresh.run import merge_pending
from memsync.sync import refresh_memory_content
from memsync.text.note import make_note
from memsync.text.sanitizing import sanitize, without_hidden
from tests.conftest import SAMPLE
from tests.support import messages_server as answers
from tests.support.scale import examples


@pytest.mark.parametrize(
    ("given_text", "made"),
    [
        ("see @~/.ssh/id_rsa now", "see `@~/.ssh/id_rsa` now"),
        ("@RTK.md", "`@RTK.md`"),
        ("(@./x.md), @docs/a.md.", "(`@./x.md`), `@docs/a.md`."),
        ("@C:\\Users\\me\\secret.txt", "`@C`:\\Users\\me\\secret.txt"),
        ("mail ada@example.org", "mail ada@example.org"),
        ("`@kept/in/code` and ``@here too``", "`@kept/in/code` and ``@here too``"),
        ("```python\n@app.route('/')\n```", "```python\n@app.route('/')\n```"),
        ("- @ the office, @ 5pm", "- @ the office, `@` 5pm".replace("`@`", "@")),
        ("a\u200bb\u2060c\ufeffd\u00ade", "abcde"),
        ("\u202eevil\u202c \u2066x\u2069", "evil x"),
        ("tags \U000e0041\U000e0042\U000e007f", "tags "),
        ("vs \ufe01\U000e0101", "vs "),
        ("bell\x07 esc\x1b[31m", "bell esc[31m"),
        ("👩\u200d💻 ❤\ufe0f", "👩\u200d💻 ❤\ufe0f"),
        ("\u0645\u06cc\u200c\u062e\u0648", "\u0645\u06cc\u200c\u062e\u0648"),
        ("a\u200d\u200db", "ab"),
    ],
)
def test_a_machine_made_line_shows_what_it_is(given_text, made):
    assert sanitize(given_text) == made


@settings(deadline=None, max_examples=examples(150))
@given(st.text())
def test_doing_it_twice_changes_nothing_more(text):
    once = sanitize(text)
    assert sanitize(once) == once
    assert without_hidden(once) == once


def test_the_persons_own_import_stays_when_the_model_repeats_it(with_claude, claude):
    memory = SAMPLE + "\n## Imports\n\n@RTK.md\n- old\n"
    with_claude.memory.write_text(memory)
    log.append(with_claude, make_note("old is new", clock.now()))
    claude.script(
        answers.edits(
            {"op": "replace", "find": "@RTK.md\n- old", "text": "@RTK.md\n- new, see @~/.netrc"}
        )
    )
    merge_pending(with_claude)
    text = store.read(with_claude).text
    assert text == memory.replace("- old\n", "- new, see `@~/.netrc`\n")


def test_a_note_brings_no_import_and_nothing_hidden_into_the_memory():
    note = make_note("read @~/.ssh/id_rsa\u200b\U000e0041 first", clock.now())
    config = Config(engine="offline")
    first = refresh_memory_content([note], SAMPLE, config)
    assert "read `@~/.ssh/id_rsa` first\n" in first["updated_content"]
    again = refresh_memory_content([note], first["updated_content"], config)
    assert not again["changed"]
