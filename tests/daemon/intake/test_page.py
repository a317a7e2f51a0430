"""The note port's own page: one box, by a real socket, as a phone without a Shortcut has it."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from memsync import config as settings
from memsync.config import writer
from memsync.config.workspace import Workspace
from memsync.daemon.capture import create_capture_app
from memsync.daemon.http.guard import SECURITY_HEADERS, Backoff
from memsync.notes.spool import Spool
from memsync.text.mark import CAPTURED
from tests.daemon.test_capture import MAX_BODY, TOKEN, fail_half_way
from tests.support.net import Answer, send, served

AS_BROWSERS_DO = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class Phone:
    """A browser at the note port."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.own = f"http://127.0.0.1:{port}"

    def open(self) -> Answer:
        return send(self.port, "GET", "/", None, {"Accept": AS_BROWSERS_DO})

    def submit(
        self, origin: str | None = "", accept: str = AS_BROWSERS_DO, **fields: str
    ) -> Answer:
        """Send the page's form; `origin` is the page's own, another, or None for no word of it."""
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": accept}
        if origin is not None:
            headers["Origin"] = origin or self.own
        return send(self.port, "POST", "/note", urlencode(fields).encode(), headers)


def page(answer: Answer) -> str:
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer.body.decode()


def kept() -> list[str]:
    return [entry.note.text for entry in Spool().entries()]


def box(answer: Answer) -> str:
    found = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page(answer), re.DOTALL)
    assert found is not None
    return found[1]


def key(answer: Answer) -> str:
    found = re.search(r'name="key" value="([^"]+)"', page(answer))
    assert found is not None
    return found[1]


@pytest.fixture
def phone(workspace: Workspace) -> Iterator[Phone]:
    with served(create_capture_app(workspace.config)) as port:
        yield Phone(port)


@pytest.fixture
def guarded(workspace: Workspace) -> Iterator[Phone]:
    writer.change(settings.get_config_path(), {"daemon.capture_token": TOKEN})
    with served(create_capture_app(settings.load())) as port:
        yield Phone(port)


def test_a_phone_opens_the_box_writes_and_is_told_that_it_is_kept(phone):
    opened = phone.open()
    assert opened.status == 200
    assert 'name="token"' not in page(opened)
    answer = phone.submit(text="by the box\r\nof the ear", key=key(opened))
    assert answer.status == 200
    assert re.search(r"Noted at \d\d:\d\d:\d\d\.", page(answer))
    assert box(answer) == ""
    (entry,) = Spool().entries()
    assert (entry.note.text, entry.note.mark) == ("by the box\nof the ear", CAPTURED)


def test_the_page_loaded_anew_after_a_note_adds_no_second_one(phone):
    fields = {"text": "once", "key": key(phone.open())}
    for _ in range(3):
        assert phone.submit(**fields).status == 200
    assert kept() == ["once"]
    assert phone.submit(text="once", key=key(phone.open())).status == 200
    assert kept() == ["once", "once"]


def test_what_asks_for_no_page_gets_json(phone):
    answer = phone.submit(accept="*/*", text="by curl")
    assert set(answer.json) == {"ok", "timestamp"}
    refused = phone.submit(accept="application/json", text=" ")
    assert (refused.status, set(refused.json)) == (400, {"error"})
    sent = {"Content-Type": "application/json", "Accept": AS_BROWSERS_DO}
    assert send(phone.port, "POST", "/note", b'{"text": "x"}', sent).json["ok"] is True


def test_with_a_token_the_page_asks_for_it_and_takes_it_from_the_form_alone(guarded):
    opened = page(guarded.open())
    assert 'type="password"' in opened
    assert 'method="post"' in opened
    assert guarded.submit(text="with it", token=TOKEN).status == 200
    wrong = guarded.submit(text="without <it>", token="guess")
    assert wrong.status == 401
    assert box(wrong) == "without &lt;it&gt;"
    assert "guess" not in page(wrong)
    assert TOKEN not in page(wrong) + opened
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": guarded.own}
    by_address = f"/note?token={TOKEN}"
    assert send(guarded.port, "POST", by_address, b"text=a", headers).status == 401
    assert kept() == ["with it"]


def test_a_header_that_is_wrong_is_not_mended_by_the_form(guarded):
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Memsync-Token": "guess"}
    body = urlencode({"text": "a", "token": TOKEN}).encode()
    assert send(guarded.port, "POST", "/note", body, headers).status == 401


def test_guesses_by_the_form_have_to_wait_like_all_others(guarded):
    for _ in range(Backoff.FREE):
        assert guarded.submit(text="a", token="guess").status == 401
    answer = guarded.submit(text="my words", token=TOKEN)
    assert answer.status == 429
    assert int(answer.headers["retry-after"]) > 0
    assert box(answer) == "my words"
    assert kept() == []


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_a_form_on_a_foreign_page_adds_nothing(phone, origin):
    assert phone.submit(origin=origin, text="obey").status == 403
    assert kept() == []


def test_without_a_token_a_form_must_say_that_it_is_ours(phone):
    """A browser that sends no Origin could be led here by any page."""
    assert phone.submit(origin=None, text="obey").status == 400
    assert kept() == []


def test_a_note_the_disk_refuses_is_handed_back(phone, monkeypatch):
    phone.submit(text="before")
    with monkeypatch.context() as patched:
        patched.setattr("memsync.files.atomic.os.write", fail_half_way(errno.ENOSPC))
        answer = phone.submit(text="do not lose\nthis & that")
    assert answer.status == 503
    assert box(answer) == "do not lose\nthis &amp; that"
    assert "The note is not taken yet" in page(answer)
    assert kept() == ["before"]


@pytest.mark.parametrize("text", ["", "  \r\n ", "\0"])
def test_an_empty_box_is_told_so(phone, text):
    answer = phone.submit(text=text)
    assert answer.status == 400
    assert "empty" in page(answer)


def test_too_long_a_note_is_told_so(phone):
    answer = phone.submit(text="x" * MAX_BODY)
    assert answer.status == 413
    assert str(MAX_BODY) in page(answer)


def test_while_the_folder_is_away_the_page_says_where_the_note_is(phone, workspace):
    workspace.root.rename(workspace.root.with_name("unplugged"))
    assert "safe on this machine's disk" in page(phone.submit(text="on the road"))
    assert kept() == ["on the road"]


@pytest.mark.parametrize(
    "text",
    ["</textarea><script>x</script>", '"><img src=x onerror=x>', "\n\nbegins with lines", "é🦔"],
)
def test_what_is_handed_back_is_what_was_written_and_no_markup(guarded, text):
    answer = guarded.submit(text=text, token="guess")
    assert "<script" not in page(answer)
    assert "<img src=x" not in page(answer)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&#34;", '"'), ("&amp;", "&")):
        text = text if entity == "&amp;" else text.replace(character, entity)
    assert box(answer) == text


def test_the_page_has_no_script_and_all_it_needs_is_here(phone):
    html = page(phone.open())
    assert "<script" not in html
    assert "style=" not in html
    for needed in re.findall(r'(?:src|href)="([^"]+)"', html):
        answer = send(phone.port, "GET", needed)
        assert answer.status == 200
    for name, value in SECURITY_HEADERS.items():
        assert phone.open().headers[name.lower()] == value
    assert phone.open().headers["cache-control"] == "no-store"


@pytest.mark.parametrize("field", ["key", "text"])
def test_more_than_a_hundred_parts_are_no_form(guarded, field):
    part = b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\na\r\n' % field.encode()
    headers = {"Content-Type": "multipart/form-data; boundary=b", "X-Memsync-Token": TOKEN}
    answer = send(guarded.port, "POST", "/note", part * 101 + b"--b--\r\n", headers)
    assert (answer.status, set(json.loads(answer.body))) == (400, {"error"})


def test_a_key_of_the_form_that_is_too_long_is_refused(phone):
    assert phone.submit(text="a", key="k" * 257).status == 400
    assert kept() == []
