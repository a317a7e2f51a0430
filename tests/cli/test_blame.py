"""`blame`: where each line came from, in words and as JSON."""

from __future__ import annotations

import json

from memsync.refresh import pending


def test_it_names_the_note_of_a_line(run, workspace):
    run("note", "likes tea")
    (note,) = pending.pending_notes(workspace)
    run("refresh")
    out = run("blame", "TEA").out
    assert out.splitlines()[0].endswith(f"- {note.day}: likes tea")
    assert f"note of {note.day} {note.time} (from a script) “likes tea”" in out
    (line,) = json.loads(run("blame", "tea", "--json").out)["lines"]
    assert (line["how"], line["is_clear"]) == ("note", True)
    assert line["notes"][0]["id"] == note.id


def test_it_tells_of_every_line_and_of_none(run, workspace):
    table = json.loads(run("blame", "--json").out)["lines"]
    text = workspace.memory.read_text().split("\n")
    assert [row["line"] for row in table] == [line for line in text if line.strip()]
    assert [text[row["number"] - 1] for row in table] == [row["line"] for row in table]
    assert "before memsync" in run("blame").out
    assert run("blame", "nothing like it").out == "No line contains these words.\n"
