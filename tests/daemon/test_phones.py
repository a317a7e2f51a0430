"""Phones for real: a daemon in a process of its own, `memsync daemon phones`, and kill -9."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator

import pytest

from memsync import clock
from memsync.config.workspace import Workspace
from memsync.daemon.phones import codes, phone_list
from memsync.daemon.phones.phone_list import FILE
from memsync.notes import reader
from tests.support.daemons import Daemon, Done, memsync
from tests.support.net import Answer, send, until

SHARED = "the-one-that-all-share"


@pytest.fixture
def daemon(workspace: Workspace) -> Iterator[Daemon]:
    running = Daemon()
    running.set(capture_token=SHARED, web_ui_password="secret")
    yield running
    running.end()


def command(*words: str) -> Done:
    return memsync("daemon", "phones", *words)


def post(daemon: Daemon, path: str, token: str = "", **fields: object) -> Answer:
    headers = {"Content-Type": "application/json"} | ({"X-Memsync-Token": token} if token else {})
    return send(daemon.capture, "POST", path, json.dumps(fields).encode(), headers)


def code_of(done: Done) -> str:
    assert done.code == 0, done.err
    found = re.search(r"/pair there and type (\S+)\.", done.out)
    assert found is not None
    return found[1]


def test_a_phone_pairs_sends_is_revoked_and_no_kill_changes_that(daemon, workspace):
    daemon.start()
    code = code_of(command("--pair"))
    os.kill(daemon.pid, signal.SIGKILL)
    daemon.start()
    paired = post(daemon, "/pair", code=code, name="Ada's phone")
    assert (paired.status, paired.json["name"]) == (200, "adas-phone")
    token = paired.json["token"]

    assert post(daemon, "/note", token, text="mine").json.keys() == {"ok", "timestamp"}
    assert post(daemon, "/note", token, text="theirs", shared=True).json["held"] is True
    assert post(daemon, "/note", SHARED, text="by a program").status == 200
    assert post(daemon, "/note", text="by nobody").status == 401
    today = clock.now().date()
    logged = until(lambda: len(found := reader.read_day(workspace, today)) == 3 and found)
    assert sorted((str(note.mark), note.text) for note in logged) == [
        ("captured", "by a program"),
        ("captured: adas-phone", "mine"),
        ("captured: adas-phone, held", "theirs"),
    ]

    assert command("--retire-shared").code == 0
    assert post(daemon, "/note", SHARED, text="too late").status == 401
    assert post(daemon, "/note", token, text="still here").status == 200
    os.kill(daemon.pid, signal.SIGKILL)
    daemon.start()
    assert post(daemon, "/note", SHARED, text="too late").status == 401
    assert post(daemon, "/note", token, text="still here").status == 200
    assert command("--revoke", "adas-phone").code == 0
    assert post(daemon, "/note", token, text="too late").status == 401
    assert post(daemon, "/note", text="by nobody").status == 401
    assert command("--allow-shared").code == 0
    assert post(daemon, "/note", SHARED, text="again").status == 200


def test_the_phones_are_listed_in_words_and_as_json(workspace):
    assert command().out.splitlines() == [
        "No phone is paired. memsync daemon phones --pair makes a code.",
        "There is no shared token.",
    ]
    phone_list.pair_phone("Ada")
    Daemon().set(capture_token=SHARED)
    first, second = command().out.splitlines()
    assert re.fullmatch(r"ada: paired today at \d\d:\d\d, not used yet", first)
    assert "--retire-shared" in second
    done = command("--json").json
    assert done["shared_token"] == "in use"
    assert [set(phone) for phone in done["phones"]] == [{"name", "paired", "last_use"}]
    assert command("--retire-shared", "--json").json["shared_token"] == "retired"
    assert command("--revoke", "ada", "--json").json["phones"] == []


def test_a_code_of_the_command_is_good_once(workspace):
    code = code_of(command("--pair"))
    assert codes.use_code(code)
    assert not codes.use_code(code)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--revoke", "nobody"], 2, "no phone is called 'nobody'"),
        (["--pair", "--json"], 2, "--pair shows a QR code"),
    ],
)
def test_what_cannot_be_done_is_said_so(workspace, words, code, message):
    done = command(*words)
    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert "Try: " in done.err


def test_without_a_note_port_no_phone_is_paired(workspace):
    Daemon().set(capture_enabled=False)
    done = command("--pair")
    assert (done.code, done.out) == (1, "")
    assert "Try: memsync config set daemon.capture_enabled true" in done.err


def test_a_damaged_list_is_told(workspace):
    phone_list.pair_phone("ada")
    FILE.path.write_bytes(b"{")
    done = command()
    assert (done.code, done.out) == (1, "")
    assert "damaged" in done.err
    assert str(FILE.path) in done.err
