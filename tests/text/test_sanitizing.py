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
from memsync.text.sanitizing import make_visible, sanitize, split_unseen, without_hidden
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


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("plain\ttext\r\nand more\n", "plain\ttext\r\nand more\n"),
        ("\x1b]52;c;QQ==\x07", "�]52;c;QQ==�"),
        ("a\rb", "a�b"),
        ("\x9b2J\x7f", "�2J�"),
        ("\u202eevil\u2066", "<U+202E>evil<U+2066>"),
        ("tags \U000e0041\U000e0042\U000e0043!", "tags <3 invisible>!"),
        ("a\u200b\x1b\u200bb", "a<U+200B>�<U+200B>b"),
        ("👩\u200d💻 ❤\ufe0f 1\ufe0f\u20e3", "👩\u200d💻 ❤\ufe0f 1\ufe0f\u20e3"),
        ("\u0645\u06cc\u200c\u062e\u0648", "\u0645\u06cc\u200c\u062e\u0648"),
        ("a\u200db x\ufe0f", "a<U+200D>b x<U+FE0F>"),
        ("❤\ufe0f\ufe0e\ufe0f\ufe0e", "❤\ufe0f<3 invisible>"),
        ("あ\u200c\u200d\u200cい", "あ<3 invisible>い"),
        ("葛\U000e0101", "葛<U+E0101>"),
        ("half \ud800", "half <U+D800>"),
    ],
)
def test_a_person_sees_what_a_text_hides(given_text, shown):
    assert make_visible(given_text) == shown


@settings(deadline=None, max_examples=examples(300))
@given(
    st.text(st.characters(), max_size=40)
    | st.text("ab👩あ\u200d\ufe0f\u202e\x1b\r\n\t", max_size=20)
)
def test_nothing_is_lost_and_nothing_stays_hidden(text):
    assert "".join(part for pair in split_unseen(text) for part in pair) == text
    shown = make_visible(text)
    assert all(not unseen for _, unseen in split_unseen(shown))
    assert make_visible(shown) == shown
    assert not any(sign < " " and sign not in "\t\r\n" for sign in shown)
