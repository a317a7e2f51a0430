"""What a month of nightly refreshes costs with the default model, beside re-emitting the file.

A made-up memory of 400 lines, five notes a night, six edits. The request is the one memsync
sends, the answer a call of ``edit_memory``; tokens are reckoned from characters as
`prices.about_tokens_of` does, money by the table in `memsync.prices`. No model is called.
"""

from __future__ import annotations

import json

from memsync import clock
from memsync.config import Config
from memsync.refresh import prompt
from memsync.refresh.llm import prices
from memsync.refresh.llm.prices import Tokens
from memsync.text.note import Note, make_note

NIGHTS = 30
LINES = 400
NOTES = 5
OTHER_MODELS = ("claude-sonnet-5-5", "claude-opus-5-5")


def run() -> list[tuple[str, str, str, str]]:
    """Return a row for the default model and for dearer ones, and one for a night's tokens."""
    memory, notes = _memory(), _notes()
    config = Config(engine="claude")
    sent = prompt.about_tokens_of_merge(notes, memory, config).input
    ours = Tokens(sent, prices.about_tokens_of(json.dumps(_call(memory))))
    whole = Tokens(sent, prices.about_tokens_of(memory))
    rows = [
        (
            f"tokens of a refresh, {LINES} lines, {NOTES} notes",
            f"{ours.input:,} + {ours.output:,}",
            f"whole file {whole.input:,} + {whole.output:,}",
            f"output {ours.output / whole.output:.3f} (reach <= 0.1)",
        )
    ]
    most = prompt.most_tokens_of_merge(notes, memory, config)
    for model in (config.model, *OTHER_MODELS):
        mine, theirs = (NIGHTS * prices.cost(model, used) for used in (ours, whole))
        upper = prices.at_most(model, most)
        label = f"{NIGHTS} nights, {model}"
        rows.append(
            (label, f"${mine:.3f}", f"whole file ${theirs:.3f}", f"a night at most ${upper:.3f}")
        )
    return rows


def _memory() -> str:
    lines = ["<!-- memsync v1 -->", "# Global memory"]
    for section in range(9):
        lines += ["", f"## Section {section}", ""]
        lines += [
            f"- Point {number} of section {section}: what the person prefers, and where it holds"
            for number in range(41)
        ]
    return "\n".join([*lines[:LINES], ""])


def _notes() -> list[Note]:
    said = "The importer of project %d is out; from now on its exporter is what matters most"
    return [make_note(said % number, clock.now()) for number in range(NOTES)]


def _call(memory: str) -> dict[str, object]:
    lines = [line for line in memory.split("\n") if line.startswith("- ")]
    wanted = [
        {"op": "replace", "find": line, "text": line.replace("prefers", "now prefers")}
        for line in lines[10:40:10]
    ]
    wanted += [
        {
            "op": "add",
            "section": f"Section {n}",
            "text": f"- The exporter of project {n} comes first",
        }
        for n in range(3)
    ]
    return {"summary": "folded five notes in", "edits": wanted}
