"""The API: what the pages show as JSON, as its description has it, for those who may see it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from memsync import clock
from memsync.config import Config
from memsync.config.workspace import Workspace
from memsync.daemon import job_history, web
from memsync.memory import publish
from memsync.notes import log, reader
from memsync.refresh import pending
from memsync.text import note as note_texts
from memsync.text.mark import PAGE
from tests.conftest import SAMPLE
from tests.daemon.conftest import ON_ONE_MEMORY, PASSWORD, WRONGS, memory_bytes
from tests.support.browser import Browser

OWN = {"Origin": "http://localhost"}
GETS = [
    "/api/memory",
    "/api/history",
    "/api/notes",
    "/api/machines",
    "/api/jobs",
    "/api/proposals",
    "/api/conflicts",
]
DESCRIPTION = json.loads((Path(web.__file__).parent / "openapi.json").read_text())
TYPES = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}


def assert_fits(value: Any, schema: dict[str, Any]) -> None:
    """Check a value against as much of JSON Schema as our description uses."""
    if "$ref" in schema:
        schema = DESCRIPTION["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if "enum" in schema:
        assert value in schema["enum"]
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    assert not kinds or isinstance(value, tuple(TYPES[kind] for kind in kinds))
    if isinstance(value, str) and "pattern" in schema:
        assert re.search(schema["pattern"], value)
    if isinstance(value, dict) and "properties" in schema:
        assert set(schema["required"]) <= set(value) <= set(schema["properties"])
        for name, part in value.items():
            assert_fits(part, schema["properties"][name])
    if isinstance(value, list):
        for item in value:
            assert_fits(item, schema["items"])


def described(path: str, method: str, status: int) -> dict[str, Any]:
    answers = DESCRIPTION["paths"][path][method]["responses"]
    answer = answers[str(status)]
    if "$ref" in answer:
        answer = DESCRIPTION["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
    schema: dict[str, Any] = answer["content"]["application/json"]["schema"]
    return schema


def checked(answer: TestResponse, path: str, method: str = "get") -> Any:
    """Return an answer's JSON, which is as the description has it."""
    assert answer.mimetype == "application/json"
    assert_fits(answer.json, described(path, method, answer.status_code))
    return answer.json


def post(app: Flask, path: str, body: object = None, **headers: str) -> TestResponse:
    return app.test_client().post(path, json=body, headers={**OWN, **headers})


def test_every_address_of_the_api_is_described_and_the_other_way_round(app: Flask) -> None:
    routes = {
        (rule.rule.replace("<", "{").replace(">", "}"), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/")
    }
    paths = {
        (path, method)
        for path, item in DESCRIPTION["paths"].items()
        for method in item
        if method in {"get", "post"}
    }
    note_port = {("/note", "post"), ("/pair", "get"), ("/pair", "post"), ("/health", "get")}
    assert paths - routes == {*note_port, ("/", "get")}
    assert routes <= paths


def test_the_description_is_served_and_whole(app: Flask) -> None:
    answer = app.test_client().get("/api/openapi.json", buffered=True)
    assert answer.json == DESCRIPTION
    assert answer.json["openapi"].startswith("3.1")
    for name in re.findall(r'"#/components/(\w+/\w+)"', json.dumps(DESCRIPTION)):
        kind, key = name.split("/")
        assert key in DESCRIPTION["components"][kind]


def test_a_full_machine_answers_as_described(app: Flask, workspace: Workspace) -> None:
    publish.publish(workspace, SAMPLE + "- more\n", None)
    log.append(workspace, note_texts.make_note("Buy milk", clock.now()))
    with job_history.recording("nightly_refresh") as run:
        run.message = "no pending notes"
    client = app.test_client()
    found = {path: checked(client.get(path), path) for path in GETS}
    assert found["/api/memory"]["text"] == SAMPLE + "- more\n"
    assert found["/api/memory"]["pending_notes"] == 1
    [kept] = found["/api/history"]["backups"]
    assert (kept["added_after"], kept["removed_after"]) == (1, 0)
    [note] = found["/api/notes"]["notes"]
    assert (note["text"], note["state"]) == ("Buy milk", "pending")
    assert found["/api/machines"]["machines"][0]["standing"] == "in-sync"
    jobs = {job["name"]: job for job in found["/api/jobs"]["jobs"]}
    assert set(jobs) == {"refresh", "mirror", "drift", "digest"}
    assert jobs["refresh"]["runs"][0]["message"] == "no pending notes"


def test_an_empty_machine_answers_as_described(app: Flask) -> None:
    for path in GETS:
        checked(app.test_client().get(path), path)


def test_a_note_comes_by_the_api(app: Flask, workspace: Workspace) -> None:
    answer = post(app, "/api/notes", {"text": "Buy milk"})
    assert answer.status_code == 201
    note = checked(answer, "/api/notes", "post")
    [kept] = pending.pending_notes(workspace)
    assert (kept.id, kept.text, kept.mark) == (note["id"], "Buy milk", PAGE)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'{"text": 1}',
        b'{"text": null}',
        b'{"text": ""}',
        b'{"text": " \\n"}',
        b'{"text": "\\u0000"}',
        b"\xff\xfe",
        b"[" * 100_000,
        b"text=x",
        json.dumps({"text": "x" * (note_texts.MAX_BYTES + 1)}).encode(),
    ],
    ids=range(15),
)
def test_what_is_no_note_is_refused_with_the_reason(
    app: Flask, workspace: Workspace, body: bytes
) -> None:
    for kind in ("application/json", "text/plain", "multipart/form-data", ""):
        answer = app.test_client().post("/api/notes", data=body, content_type=kind, headers=OWN)
        assert answer.status_code == 400
        checked(answer, "/api/notes", "post")
    assert pending.pending_notes(workspace) == []


def test_half_a_character_is_mended_and_the_note_kept(app: Flask, workspace: Workspace) -> None:
    data = b'{"text": "a\\ud800b"}'
    answer = app.test_client().post("/api/notes", data=data, headers=OWN)
    assert answer.status_code == 201
    assert [note.text for note in pending.pending_notes(workspace)] == ["a?b"]


def test_more_than_a_mebibyte_is_refused(app: Flask) -> None:
    answer = post(app, "/api/notes", {"text": "x" * 1024 * 1024})
    assert answer.status_code == 413
    checked(answer, "/api/notes", "post")


@pytest.mark.parametrize("path", ["/api/notes", "/api/jobs/drift/run"])
def test_a_change_needs_a_proof_that_no_foreign_page_made_it(
    app: Flask, workspace: Workspace, path: str
) -> None:
    client = app.test_client()
    token = client.get("/api/memory").json["csrf_token"]
    assert client.post(path, json={"text": "x"}).status_code == 400
    wrong = {"X-CSRF-Token": "x" * 43}
    assert client.post(path, json={"text": "x"}, headers=wrong).status_code == 400
    foreign = {"Origin": "http://evil.example", "X-CSRF-Token": token}
    assert client.post(path, json={"text": "x"}, headers=foreign).status_code == 403
    stranger = app.test_client().post(path, json={"text": "x"}, headers={"X-CSRF-Token": token})
    assert stranger.status_code == 400
    assert pending.pending_notes(workspace) == []
    assert job_history.read_runs() == []


def test_the_token_of_the_session_is_such_a_proof(app: Flask, workspace: Workspace) -> None:
    client = app.test_client()
    token = client.get("/api/memory").json["csrf_token"]
    answer = client.post("/api/notes", json={"text": "x"}, headers={"X-CSRF-Token": token})
    assert answer.status_code == 201


def test_with_a_password_nothing_is_told_before_the_login(
    locked: Config, workspace: Workspace
) -> None:
    app = web.create_app(locked)
    for path in [*GETS, "/api/openapi.json", "/api/nope"]:
        answer = app.test_client().get(path)
        assert answer.status_code == 401
        assert set(answer.json) == {"error", "hint"}
    for path in ("/api/notes", "/api/jobs/drift/run"):
        assert post(app, path, {"text": "x"}).status_code == 401
    assert pending.pending_notes(workspace) == []
    browser = Browser(app)
    browser.log_in(PASSWORD)
    for path in GETS:
        assert browser.get(path).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nope", 404),
        ("GET", "/api/", 404),
        ("GET", "/api/jobs/refresh/run", 405),
        ("DELETE", "/api/notes", 405),
        ("POST", "/api/jobs/nope/run", 404),
        ("POST", "/api/jobs/%00/run", 404),
        ("POST", "/api/jobs/..%2F..%2Fx/run", 404),
    ],
)
def test_what_is_not_there_is_told_as_json(app: Flask, method: str, path: str, status: int) -> None:
    answer = app.test_client().open(path, method=method, headers=OWN)
    assert answer.status_code == status
    assert answer.json["error"]


@pytest.mark.parametrize("wrong", list(WRONGS))
def test_where_the_memory_is_not_at_hand_the_reason_is_told_with_a_hint(
    app: Flask, workspace: Workspace, wrong: str
) -> None:
    WRONGS[wrong](workspace)
    client = app.test_client()
    answer = client.get("/api/memory")
    assert answer.status_code == 503
    assert checked(answer, "/api/memory")["hint"]
    for path in GETS[1:]:
        assert client.get(path).status_code in {200, 503}
    assert client.get("/api/jobs").status_code == 200


def test_whatever_fails_names_no_inner_detail(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> None:
        raise RuntimeError("hunter2")

    monkeypatch.setattr(reader, "days", fail)
    answer = app.test_client().get("/api/notes")
    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    assert answer.json["error"]


@ON_ONE_MEMORY
@given(
    path=st.sampled_from(["/api/notes", "/api/history", "/notes", "/history", "/phone", "/jobs"]),
    name=st.sampled_from(["q", "from", "note", "look", "with", "said"]),
    value=st.text(max_size=60),
)
def test_no_question_is_too_odd(app: Flask, path: str, name: str, value: str) -> None:
    answer = app.test_client().get(path, query_string={name: value.encode("utf-8", "replace")})
    assert answer.status_code == 200


@ON_ONE_MEMORY
@given(name=st.text(min_size=1, max_size=40))
def test_no_name_leads_out_of_its_folder(app: Flask, workspace: Workspace, name: str) -> None:
    name = name.encode("utf-8", "replace").decode()
    client = app.test_client()
    for path in (f"/history/{name}", f"/history/{name}/restore", f"/notes/{name}/{name}"):
        assert client.get(path.replace("?", "%3F").replace("#", "%23")).status_code == 404
    assert memory_bytes(workspace) == SAMPLE.encode()


def test_a_job_is_started_once_and_its_run_is_there_when_it_is_done(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.daemon.pages.test_jobs import Gate

    gate = Gate(monkeypatch)
    app = web.create_app(replace(workspace.config))
    answer = post(app, "/api/jobs/refresh/run")
    assert answer.status_code == 202
    checked(answer, "/api/jobs/{name}/run", "post")
    gate.began.wait(10)
    again = post(app, "/api/jobs/nightly_refresh/run")
    assert again.status_code == 409
    checked(again, "/api/jobs/{name}/run", "post")
    client = app.test_client()
    running = {job["name"]: job["running_since"] for job in client.get("/api/jobs").json["jobs"]}
    assert running["refresh"]
    assert not running["drift"]
    gate.finish()
    jobs = checked(client.get("/api/jobs"), "/api/jobs")["jobs"]
    assert jobs[0]["running_since"] is None
    assert jobs[0]["runs"][0]["message"] == "done by hand"
