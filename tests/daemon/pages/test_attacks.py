"""What a page, a memory, a note or a cookie may try; all of it stays text."""

from __future__ import annotations

import re
import stat
from dataclasses import replace
from urllib.parse import quote, urlencode

import pytest
from flask import Flask
from hypothesis import given
from werkzeug.test import TestResponse

from memsync import clock
from memsync.config import state
from memsync.config.workspace import Workspace
from memsync.daemon import web
from memsync.daemon.http import login
from memsync.daemon.http.guard import SECURITY_HEADERS
from memsync.daemon.pages.page import MAX_BODY
from memsync.memory import publish
from memsync.notes import log
from memsync.refresh import pending
from memsync.text import note as note_texts
from tests.conftest import SAMPLE
from tests.daemon.conftest import (
    FORM_PATHS,
    ON_ONE_MEMORY,
    WRONGS,
    memories,
    memory_bytes,
    set_memory,
)
from tests.support.browser import Browser, Page


@pytest.mark.parametrize("token", [None, "", "x", "\u00e4", "0" * 43])
@pytest.mark.parametrize("path", FORM_PATHS)
def test_a_form_without_the_token_of_its_session_changes_nothing(
    browser: Browser, workspace: Workspace, path: str, token: str | None
) -> None:
    form = browser.get("/edit").form("/review")
    fields = {**form.fields, "text": "mine\n", "csrf_token": token or ""}
    if token is None:
        del fields["csrf_token"]
    page = browser.post(path, fields)
    assert page.status == 400
    assert "This form is too old" in page.text
    assert page.by_id("kept").text == "mine\n"
    assert memory_bytes(workspace) == SAMPLE.encode()
    assert pending.pending_notes(workspace) == []


def test_the_token_of_another_session_is_none(app: Flask, workspace: Workspace) -> None:
    mine, theirs = Browser(app), Browser(app)
    token = mine.get("/edit").form("/review").fields["csrf_token"]
    form = theirs.get("/edit").form("/review")
    assert token != form.fields["csrf_token"]
    assert theirs.submit(form, to="/save", text="x", csrf_token=token).status == 400
    assert Browser(app).submit(form, to="/save", text="x").status == 400
    assert memory_bytes(workspace) == SAMPLE.encode()


def test_an_empty_token_does_not_match_a_session_without_one(app: Flask) -> None:
    for token in ("", "None"):
        assert Browser(app).post("/notes", {"text": "x", "csrf_token": token}).status == 400


def test_a_foreign_page_cannot_use_the_session(browser: Browser, workspace: Workspace) -> None:
    form = browser.get("/edit").form("/review")
    for origin in ("http://evil.example", "null"):
        answer = browser.client.post(
            "/save", data={**form.fields, "text": "x"}, headers={"Origin": origin}
        )
        assert answer.status_code == 403
    assert memory_bytes(workspace) == SAMPLE.encode()


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "x",
        "e30.x.x",
        "eyJjc3JmX3Rva2VuIjoieCJ9.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "\0",
        "a" * 3900,
    ],
)
def test_a_forged_cookie_is_no_session(app: Flask, workspace: Workspace, cookie: str) -> None:
    client = app.test_client()
    client.set_cookie("memsync", cookie)
    assert client.get("/").status_code == 200
    answer = client.post("/notes", data={"text": "n", "csrf_token": "x"})
    assert answer.status_code == 400
    assert pending.pending_notes(workspace) == []


PAGES = ["/", "/history", "/notes", "/machines", "/jobs", "/phone"]
PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert&#40;1)</script></svg>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<body onload=alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<details open ontoggle=alert(1)>",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "<style>*{background:url(http://e.example)}</style>",
    "<link rel=stylesheet href=http://e.example>",
    "<base href=http://e.example>",
    "<meta http-equiv=refresh content='0;url=http://e.example'>",
    "<form action=http://e.example><button>Save</button></form>",
    "<object data=x></object><embed src=x>",
    "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</article></main><script>alert(1)</script>",
    "--><script>alert(1)</script><!--",
    "<!-- x --!><script>alert(1)</script>",
    "]]><script>alert(1)</script>",
    '" onmouseover="alert(1)',
    "' autofocus onfocus='alert(1)",
    '"><script>alert(1)</script>',
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](%6aavascript:alert(1))",
    "[x](\u0001javascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:msgbox(1))",
    "[x](file:///etc/passwd)",
    "[x](//e.example) [y](/logout) [z](edit)",
    '[x](https://e.example" onclick="alert(1))',
    "[x](https://e.example '\" onclick=alert(1) ')",
    "<javascript:alert(1)>",
    "![x](javascript:alert(1))",
    '![x" onerror="alert(1)](https://e.example/x.png)',
    '![x](https://e.example/x.png" onerror="alert(1))',
    "[x]: javascript:alert(1)\n\n[x]",
    '```" onclick="alert(1)\n</code></pre><script>alert(1)</script>\n```',
    "```<script>alert(1)</script>\nx\n```",
    "`<script>alert(1)</script>`",
    "    <script>alert(1)</script>",
    "| <script>alert(1)</script> |\n|---|\n| <img src=x onerror=alert(1)> |",
    "# <script>alert(1)</script>",
    '# " onclick="alert(1)',
    "# [x](javascript:alert(1)) <b id=main>",
    "> <script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "\u202e<script>\u200balert(1)</script>",
    "{{ config }} {% include 'x' %} {{ ''.__class__ }}",
    "<scr\0ipt>alert(1)</script>",
]

TAGS = frozenset(
    """html head meta title link script body a header div img nav form input button main p h1 h2 h3 h4
    h5 h6 span time aside label textarea small details summary ul ol li article section code pre
    em strong s blockquote hr br table caption thead tbody tr th td mark footer fieldset legend
    noscript""".split()  # noqa: SIM905
)
ATTRIBUTES = frozenset(
    """lang charset name content media rel href type src defer class id tabindex aria-label
    aria-current aria-labelledby aria-describedby alt width height action method enctype
    data-guard value for rows required placeholder datetime dir autocomplete autocapitalize
    readonly formaction role colspan scope title autofocus target aria-invalid aria-hidden start
    checked hidden data-copy data-watch http-equiv loading maxlength""".split()  # noqa: SIM905
)


def assert_inert(page: Page) -> None:
    for element in page.elements:
        assert element.tag in TAGS
        assert set(element.attributes) <= ATTRIBUTES, element
        for name in ("href", "src", "action", "formaction"):
            address = element.attributes.get(name, "/")
            assert re.match(r"/(?!/)|#|https?://|mailto:", address), element
    assert [s.attributes["src"] for s in page.all("script")] == ["/static/page.js"]
    images = {i.attributes["src"] for i in page.all("img")}
    assert images <= {"/static/icon.svg", "/phone/qr.svg", "/phone/page.svg"}
    assert [e.attributes["href"] for e in page.all("link")] == [
        "/static/icon.svg",
        "/static/icon-192.png",
        "/manifest.webmanifest",
        "/static/page.css",
    ]
    assert len([e for e in page.elements if e.attributes.get("id") == "main"]) == 1
    assert all(f.action.startswith("/") for f in page.forms)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_a_memory_or_a_note_may_try_is_inert_on_every_page(
    browser: Browser, workspace: Workspace, payload: str
) -> None:
    payload = payload.replace("\0", "\ufffd")
    text = f"# {payload}\n\n{payload}\n\n- {payload}\n"
    set_memory(workspace, text)
    log.append(workspace, note_texts.make_note(payload, clock.now()))
    pages = [browser.get("/"), editor := browser.get("/edit")]
    assert editor.form("/review").fields["text"] == text

    form = editor.form("/review")
    pages.append(browser.submit(form, text=f"{payload}\n{text}## Constraints\n{payload}\n"))
    pages.append(browser.submit(form, text="# short\n"))
    pages.append(browser.submit(form, text=payload, based_on=payload))
    pages.append(browser.submit(form, text=payload, csrf_token=payload))
    pages.append(browser.submit(form, to="/edit", text=payload, based_on=payload))
    pages.append(browser.get(f"/?said={payload}"))
    query = urlencode({"q": payload, "from": payload, "note": payload, "with": payload})
    pages += [browser.get(f"{path}?{query}") for path in PAGES]
    pages += [browser.get(f"{path}/{quote(payload, safe='')}") for path in PAGES[1:]]
    publish.publish(workspace, f"{text}\n{payload}\n", None)
    pages += [browser.get(path) for path in PAGES]
    name = browser.get("/history").all("a")[-1].attributes["href"].removesuffix("/restore")
    pages += [browser.get(name), browser.get(f"{name}?with=memory"), browser.get(f"{name}/restore")]
    pages.append(browser.submit(form, text=f"x {payload}\n"))
    pages.append(browser.submit(pages[-1].form("/review"), to="/merge"))
    pages.append(browser.get(f"/{payload.strip('/')}"))
    WRONGS["away"](workspace)
    pages.append(browser.submit(form, to="/notes", text=payload))
    pages.append(browser.submit(form, to="/save", text=payload))
    for page in pages:
        assert_inert(page)


@ON_ONE_MEMORY
@given(text=memories)
def test_no_memory_at_all_is_more_than_text(
    browser: Browser, workspace: Workspace, text: str
) -> None:
    set_memory(workspace, text)
    assert_inert(browser.get("/"))
    assert_inert(browser.submit(browser.get("/edit").form("/review"), text=f"new\n{text}"))


@pytest.mark.parametrize(
    "text",
    ["> " * 5000 + "x", "[" * 20000, "*a " * 20000, "- " * 3000 + "x", "`" * 20000, "![" * 9999],
)
def test_a_memory_made_to_be_slow_or_deep_is_still_shown(
    browser: Browser, workspace: Workspace, text: str
) -> None:
    set_memory(workspace, text)
    assert browser.get("/").status == 200


def test_every_answer_of_the_page_has_the_security_headers(
    browser: Browser, workspace: Workspace
) -> None:
    form = browser.get("/edit").form("/review")
    answers = [
        browser.get("/"),
        browser.get("/edit"),
        browser.get("/login"),
        browser.get("/nope"),
        browser.get("/save"),
        browser.submit(form, text="new\n"),
        browser.submit(form, text="new\n", based_on="x"),
        browser.submit(form, csrf_token="x"),
        browser.post("/save", {"text": "x" * MAX_BODY}),
        browser.submit(form),
    ]
    WRONGS["away"](workspace)
    answers.append(browser.get("/"))
    assert [page.status for page in answers] == [
        200,
        200,
        303,
        404,
        405,
        200,
        409,
        400,
        413,
        303,
        503,
    ]
    for page in answers:
        for name, value in SECURITY_HEADERS.items():
            assert page.headers.getlist(name) == [value]
        assert page.headers.getlist("Cache-Control") == ["no-store"]
    style = static(browser, "page.css")
    assert style.headers["Cache-Control"] == "no-cache"
    assert style.headers["Content-Type"].startswith("text/css")


def static(browser: Browser, name: str) -> TestResponse:
    answer = browser.client.get(f"/static/{name}", buffered=True)
    assert answer.status_code == 200
    return answer


def test_the_page_needs_nothing_from_elsewhere_and_is_small(browser: Browser) -> None:
    names = ("page.css", "page.js", "icon.svg")
    sizes = {name: len(static(browser, name).data) for name in names}
    assert sizes["page.css"] < 17 * 1024
    assert sum(sizes.values()) + len(browser.get("/").html) < 60 * 1024
    for name in ("page.css", "page.js"):
        text = static(browser, name).text
        assert not re.search(r"https?:|//\w|@import|url\(", text)


def test_no_page_tells_a_secret(workspace: Workspace) -> None:
    secrets = {
        "web_ui_password": "secret-password",
        "capture_token": "secret-token",
        "digest_smtp_password": "secret-smtp",
        "apprise_urls": ("secret://apprise",),
    }
    daemon = replace(workspace.config.daemon, **secrets)
    app = web.create_app(replace(workspace.config, daemon=daemon, api_key="secret-key"))
    browser = Browser(app)
    pages = [browser.get("/"), browser.get("/login"), browser.log_in("wrong"), browser.get("/nope")]
    assert browser.log_in("secret-password").status == 303
    form = browser.get("/edit").form("/review")
    pages += [browser.get("/"), browser.get("/edit"), browser.get("/nope")]
    pages += [browser.submit(form, text="x"), browser.submit(form, text="x", based_on="y")]
    pages += [browser.get(path) for path in PAGES[1:-1]]
    phone = browser.get("/phone")
    assert phone.by_id("token").attributes["value"] == "secret-token"  # there alone, logged in
    assert "secret-password" not in phone.html
    WRONGS["away"](workspace)
    pages.append(browser.get("/"))
    key = login.session_key()
    for page in pages:
        told = f"{page.html}{page.headers}"
        assert not re.search(r"secret[-:]", told)
        assert key.hex() not in told


def test_the_key_of_the_sessions_is_made_once_and_for_its_owner_alone(
    workspace: Workspace,
) -> None:
    web.create_app(workspace.config)
    path = state.state_folder() / login.KEY_NAME
    key = path.read_bytes()
    assert len(key) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert login.session_key() == key
    path.write_bytes(b"torn")
    fresh = login.session_key()
    assert len(fresh) == 32
    assert login.session_key() == fresh
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
