"""Credentials in notes, all the way: from terminal and phone to model, memory, agents and mail.

The session log keeps a note as it was said, on the person's own disk. Nothing else gets it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from memsync import clock
from memsync import config as settings
from memsync.config import Config, writer
from memsync.config.state import state_folder
from memsync.config.workspace import Workspace
from memsync.daemon import digest, scheduler
from memsync.notes import log
from memsync.refresh import pending
from memsync.text.mark import CAPTURED, TYPED
from memsync.text.note import make_note
from tests.support.messages_server import Message, edits, http_error, prose
from tests.text.test_redaction import BEGIN, CREDENTIALS, END, MIXED

SECRETS = [
    *(secret for _, secret in CREDENTIALS),
    f"{BEGIN.format('RSA ')}\n{MIXED}\n{END.format('RSA ')}",
    "https://ada:" + "s3cret-of-ada@example.org/",
    "database_password = " + "hunter2hunter2",
]
# What of each is secret: the words around it may stay.
HEARTS = [
    *(secret for _, secret in CREDENTIALS),
    MIXED,
    "s3cret-of-ada",
    "hunter2hunter2",
]


def take_all(workspace: Workspace) -> None:
    """Put every secret into a note, by turns typed and sent from a phone."""
    for number, secret in enumerate(SECRETS):
        note = make_note(
            f"Key {number} of the server is\n{secret}",
            clock.now(),
            CAPTURED if number % 2 else TYPED,
        )
        log.append(workspace, note)


def obey(request: dict) -> Message:
    """Do what a careless model would: put each note into the memory as it came."""
    if "tools" not in request:
        return prose(request["messages"][0]["content"])
    listed = json.loads(request["messages"][0]["content"].split("are not for you):\n\n")[1])
    adds = [
        {"op": "add", "section": "Access", "text": "- " + " / ".join(note["text"].split("\n"))}
        for note in listed
    ]
    return edits(*adds, summary=f"noted {listed[-1]['text']}")


def everything_but_the_log(workspace: Workspace, home: Path) -> Iterator[tuple[Path, str]]:
    """Yield all files of this home as text, but what holds notes as they were said."""
    said = {workspace.sessions, state_folder() / "spool"}
    for path in sorted(home.rglob("*")):
        if path.is_file() and path.suffix != ".notes" and not said & set(path.parents):
            yield path, path.read_bytes().decode("utf-8", "replace")


def assert_nowhere(texts: Iterator[tuple[object, str]]) -> int:
    """Check that none of the hearts stands in any of the texts; return how many were looked at."""
    looked_at = 0
    for where, text in texts:
        looked_at += 1
        found = [heart[:12] for heart in HEARTS if heart in text]
        assert not found, f"{where} holds {found}"
    return looked_at


@pytest.fixture
def config(config: Config) -> Config:
    changes = {"daemon.drift_notify": "file", "daemon.digest_enabled": True}
    writer.change(settings.get_config_path(), changes)
    return settings.load()


def test_at_least_thirty_kinds_go_this_road():
    assert len({kind for kind, _ in CREDENTIALS}) >= 30


@pytest.mark.parametrize("engine", ["auto", "offline"])
def test_a_credential_in_a_note_reaches_nothing_but_the_log(
    engine, with_claude, home, claude, caplog
):
    caplog.set_level(logging.DEBUG)
    writer.change(settings.get_config_path(), {"core.engine": engine})
    workspace = Workspace.open(settings.load())
    take_all(workspace)
    claude.script(obey)
    assert scheduler.job_nightly_refresh(workspace.config).outcome == "ok"
    text = digest.generate_digest(workspace.root, workspace.config)
    assert pending.pending_notes(workspace) == []
    asked = [(f"request {n}", json.dumps(r)) for n, r in enumerate(claude.requests)]
    assert bool(asked) == (engine == "auto")
    assert_nowhere(iter([*asked, ("the digest", text), ("the daemon's log", caplog.text)]))
    assert assert_nowhere(everything_but_the_log(workspace, home)) > 5
    said = "".join(path.read_text() for path in workspace.sessions.iterdir())
    assert all(heart in said for heart in HEARTS)  # the search would have found them
    memory = workspace.memory.read_text()
    assert "[redacted: " in memory
    assert memory in (home / ".claude" / "CLAUDE.md").read_text()


def test_a_credential_that_the_model_makes_up_or_repeats_is_not_written(
    with_claude, home, claude, caplog
):
    log.append(with_claude, make_note("Note the keys", clock.now()))
    adds = [{"op": "add", "section": "Access", "text": f"- {secret}"} for secret in SECRETS]
    claude.script(edits(*adds, summary=" ".join(SECRETS[:5])))
    assert scheduler.job_nightly_refresh(with_claude.config).outcome == "ok"
    assert_nowhere(everything_but_the_log(with_claude, home))
    assert_nowhere(iter([("the daemon's log", caplog.text)]))


@pytest.mark.parametrize("secret", SECRETS[::4], ids=range(len(SECRETS[::4])))
def test_a_credential_that_an_error_repeats_reaches_no_history_and_no_alert(
    secret, with_claude, home, claude, caplog
):
    caplog.set_level(logging.DEBUG)
    log.append(with_claude, make_note("A note", clock.now()))
    claude.script(http_error(400, "invalid_request_error", f"I do not like {secret}"))
    config = replace(with_claude.config, source=settings.get_config_path())
    assert scheduler.job_nightly_refresh(config).outcome == "failed"
    assert_nowhere(everything_but_the_log(with_claude, home))
    assert_nowhere(iter([("the daemon's log", caplog.text)]))


def test_a_preview_shows_no_credential(with_claude, claude, capsys):
    take_all(with_claude)
    claude.script(obey)
    text = digest.generate_digest(with_claude.root, with_claude.config)
    assert_nowhere(iter([("the digest", text), ("the terminal", capsys.readouterr().out)]))
