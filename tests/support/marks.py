"""The marks of the table: how each kind of note is marked, and whose word it then is."""

from __future__ import annotations

from memsync.text.mark import CAPTURED, FOLDER, PAGE, SCRIPT, TRANSCRIPT, TYPED, UNMARKED, Mark

AGENT = Mark("agent", "claude-code")
PHONE = Mark("captured", "ada-phone")
OWN = [UNMARKED, TYPED, SCRIPT, PAGE, FOLDER, CAPTURED, PHONE, AGENT, Mark("quoted", "codex"),
       Mark("file")]  # fmt: skip
HELD = [TYPED.as_held(), TRANSCRIPT, CAPTURED.as_held(), PHONE.as_held(), AGENT.as_held(),
        FOLDER.as_held()]  # fmt: skip
MARKS = [*OWN, *HELD]
