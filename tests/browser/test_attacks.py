"""What other pages try with a memory whose page is open in the same browser.

The foreign pages come from a second server, under foreign names and as another port of this
machine. The page asks for no password here: only the guard stands between.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import DESKTOP, PASSWORD, Events, all_pages, opened, sync_api
from tests.browser.payloads import HREFS, PAYLOADS, memory_of
from tests.conftest import SAMPLE
from tests.support.chromium import LAN_NAME
from tests.support.foreign import Foreign, foreign_server
from tests.support.lodger import Lodger
from tests.support.scale import some

playwright = sync_api()
expect = playwright.expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Request, Response, StorageState

BACKUP = "20260105_100000"
FORM_PATHS = (
    *("/save", "/notes", "/login", "/logout", "/logout/everywhere", "/review", "/edit", "/merge"),
    *(f"/history/{BACKUP}/restore", "/jobs/refresh/run", "/phone/test"),
    *("/phone/code", "/phone/shared", "/phone/ada/revoke"),
    *("/api/notes", "/api/jobs/refresh/run"),
)
KINDS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
ORIGINS = ("evil.example", "localhost")  # another site, and another port of this machine
NAMES = ("localhost", LAN_NAME)
SITES = (
    ("localhost", "localhost", KINDS[0]),
    ("localhost", "evil.example", KINDS[2]),
    (LAN_NAME, "evil.example", KINDS[1]),
)
REFUSED = {400, 401, 403, 404, 405, 415, 421}
PWN = "pwned by a page"
SEND = "<script>window.onmessage = () => document.forms[0].submit()</script>"
GO = "() => [window, ...Array.from(frames)].forEach(each => each.postMessage('go', '*'))"


@pytest.fixture(scope="module")
def lodger(chrome: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lodger]:
    lodger = Lodger(tmp_path_factory.mktemp("open") / "machine", SAMPLE)
    backups = lodger.root / "backups"
    backups.mkdir()
    (backups / f"GLOBAL_MEMORY_{BACKUP}.md").write_text("# Of old\n", encoding="utf-8")
    with lodger:
        yield lodger


@pytest.fixture(scope="module")
def locked(chrome: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lodger]:
    folder = tmp_path_factory.mktemp("locked") / "machine"
    with Lodger(folder, SAMPLE, web_ui_password=PASSWORD) as running:
        yield running


@pytest.fixture(scope="module")
def foreign() -> Iterator[Foreign]:
    with foreign_server() as server:
        yield server


@pytest.fixture
def context(chrome: Browser, events: Events) -> Iterator[BrowserContext]:
    with opened(chrome, events, viewport=DESKTOP) as made:
        yield made


class Scene:
    """A browser in which memsync was open, and a foreign page that strikes."""

    def __init__(self, lodger: Lodger, foreign: Foreign, context: BrowserContext) -> None:
        self.lodger = lodger
        self.foreign = foreign
        self.context = context
        self.answers: list[Response] = []
        self.sent: list[Request] = []
        self.before = lodger.everything()
        context.on("response", self._answer)
        context.on("request", self._request)

    def strike(self, html: str, host: str = "evil.example") -> Page:
        """Open a foreign page."""
        page = self.context.new_page()
        page.goto(self.foreign.url(f"<!doctype html><title>Kittens</title>{html}", host))
        return page

    def submit(self, html: str, target: str, host: str = "evil.example") -> Response:
        """Open a foreign page, let it send its form to `target`, and return the answer."""
        page = self.context.new_page()
        page.goto(self.foreign.url(html, host))
        # Not its end: a browser calls an answer that it must not frame a failure.
        with page.expect_event("response", lambda answer: answer.url == target) as answered:
            page.evaluate(GO)
        sent_with = answered.value.request.all_headers()
        assert sent_with["origin"] not in {self.lodger.url(name, "") for name in NAMES}
        page.close()
        return answered.value

    def ends_with_nothing_changed(self) -> None:
        assert self.lodger.everything() == self.before

    def was_refused(self, *statuses: int) -> None:
        """See that something arrived, that no more than a no came back, and nothing changed."""
        assert self.answers
        assert {answer.status for answer in self.answers} <= set(statuses or REFUSED)
        self.ends_with_nothing_changed()

    def _request(self, request: Request) -> None:
        self.sent.append(request)

    def _answer(self, answer: Response) -> None:
        ports = (f":{self.lodger.web}/", f":{self.lodger.capture}/")
        if any(port in answer.url for port in ports) and not answer.url.endswith("/attack"):
            self.answers.append(answer)


@pytest.fixture(scope="module")
def session(lodger: Lodger, chrome: Browser) -> StorageState:
    """The cookies of a person who has looked at the page, by each of its names."""
    with opened(chrome, Events()) as context:
        for name in NAMES:
            context.new_page().goto(lodger.url(name))
        cookies = context.storage_state()
    assert len(cookies["cookies"]) == len(NAMES)
    return cookies


@pytest.fixture
def scene(
    lodger: Lodger, foreign: Foreign, chrome: Browser, session: StorageState
) -> Iterator[Scene]:
    with opened(chrome, Events(), viewport=DESKTOP, storage_state=session) as context:
        yield Scene(lodger, foreign, context)


def form(target: str, kind: str = KINDS[0], more: str = "") -> str:
    """Return a form that sends itself, with all a form of ours might have."""
    digest = "0" * 64
    fields = {"text": PWN, "based_on": digest, "csrf_token": "x" * 43, "password": PASSWORD}
    inputs = "".join(f'<input name={name} value="{escape(v)}">' for name, v in fields.items())
    return f"<form method=post action={target} enctype={kind} {more}>{inputs}</form>{SEND}"


def fetch(target: str, options: dict[str, object]) -> str:
    """Return a script that asks for something, and says how that ended."""
    return (
        f"<script>fetch({json.dumps(target)}, {json.dumps(options)}).then(async answer =>"
        " window.outcome = answer.type + ' ' + answer.status + ' ' + await answer.text(),"
        " error => window.outcome = 'failed').catch(() => window.outcome = 'unreadable')</script>"
    )


def outcome(page: Page) -> str:
    page.wait_for_function("window.outcome !== undefined")
    return str(page.evaluate("window.outcome"))


@pytest.mark.parametrize(("name", "origin", "kind"), some(SITES, 1))
def test_a_foreign_form_changes_nothing(scene: Scene, name: str, origin: str, kind: str) -> None:
    for path in FORM_PATHS:
        target = scene.lodger.url(name, path)
        scene.submit(form(target, kind), target, origin)
    assert len(scene.answers) == len(FORM_PATHS)
    scene.was_refused(403)


@pytest.mark.parametrize("origin", some(ORIGINS, 1))
def test_a_foreign_form_brings_no_note_to_the_ear(scene: Scene, origin: str) -> None:
    target = f"http://localhost:{scene.lodger.capture}/note"
    # The trick that makes JSON of a text/plain form: {"text": "…", "x": "="}
    name = escape(json.dumps({"text": PWN, "x": "#"}).partition("#")[0])
    field = f"<input name='{name}' value='\"}}'>"
    trick = f"<form method=post action={target} enctype=text/plain>{field}</form>"
    pages = [*(form(target, kind) for kind in KINDS), f"{trick}{SEND}"]
    for html in pages:
        scene.submit(html, target, origin)
    assert len(scene.answers) == len(pages)
    scene.was_refused(403)


@pytest.mark.parametrize("origin", some(ORIGINS, 1))
def test_a_foreign_script_brings_no_note_to_the_ear(scene: Scene, origin: str) -> None:
    target = f"http://localhost:{scene.lodger.capture}/note"
    for kind in ("text/plain", KINDS[0], "application/json"):
        body = json.dumps({"text": PWN}) if kind != KINDS[0] else f"text={PWN}"
        plain = {"method": "POST", "body": body, "credentials": "include"}
        typed = {**plain, "headers": {"Content-Type": kind}}
        token = {**plain, "headers": {"Content-Type": kind, "X-Memsync-Token": "x"}}
        beacon = f"<script>navigator.sendBeacon({json.dumps(target)}, {json.dumps(body)})</script>"
        for options in ({**plain, "mode": "no-cors"}, {**typed, "mode": "cors"}, token):
            page = scene.strike(beacon + fetch(target, options), origin)
            assert outcome(page) in {"failed", "opaque 0 ", "unreadable"}
            page.close()
    # Most answers never reach the browser's eye: the header Cross-Origin-Resource-Policy.
    assert len([request for request in scene.sent if request.url == target]) >= 9
    assert {answer.status for answer in scene.answers} <= {403, 405}
    scene.ends_with_nothing_changed()


@pytest.mark.parametrize("origin", some(ORIGINS, 1))
@pytest.mark.parametrize("path", ["/api/notes", "/api/jobs/refresh/run"])
def test_a_foreign_script_gets_nothing_done_by_the_api(
    scene: Scene, path: str, origin: str
) -> None:
    target = scene.lodger.url(path=path)
    body = {"method": "POST", "body": json.dumps({"text": PWN}), "credentials": "include"}
    as_json = {**body, "headers": {"Content-Type": "application/json"}}
    for options in ({**body, "mode": "no-cors"}, as_json):
        page = scene.strike(fetch(target, options), origin)
        assert outcome(page) in {"failed", "opaque 0 "}
        page.close()
    assert [request for request in scene.sent if request.url == target]
    scene.ends_with_nothing_changed()


@pytest.mark.parametrize("origin", some(ORIGINS, 1))
def test_a_foreign_script_reads_nothing(scene: Scene, origin: str) -> None:
    for path in ("/", "/api/memory", "/static/page.js"):
        target = scene.lodger.url(path=path)
        for options in ({"credentials": "include"}, {"credentials": "include", "mode": "no-cors"}):
            page = scene.strike(fetch(target, options), origin)
            assert outcome(page) in {"failed", "unreadable", "opaque 0 "}
            page.close()
    page = scene.strike(
        "<script>let n = 0; window.got = []; const say = what => () => {"
        " window.got.push(what); if (++n === 3) window.outcome = String(window.got) };</script>"
        + "".join(
            f"<{tag} {where}={scene.lodger.url(path=path)} onload=\"say('loaded')()\""
            f" onerror=\"say('refused')()\" {more}></{tag.split()[0]}>"
            for tag, where, path, more in (
                ("script", "src", "/static/page.js", ""),
                ("img", "src", "/static/icon.svg", ""),
                ("link", "href", "/static/page.css", "rel=stylesheet"),
            )
        ),
        origin,
    )
    if origin == "evil.example":
        assert outcome(page) == "refused,refused,refused"
    assert page.evaluate("document.cookie") == ""
    scene.ends_with_nothing_changed()


@pytest.mark.parametrize(("path", "name"), [("/save", NAMES[0]), ("/notes", NAMES[1])])
def test_a_form_of_no_origin_changes_nothing(scene: Scene, path: str, name: str) -> None:
    target = scene.lodger.url(name, path)
    inner = escape(form(target), quote=True)
    top = escape(form(target, more="target=_top"), quote=True)
    pages = (
        f'<iframe sandbox="allow-forms allow-scripts" srcdoc="{inner}"></iframe>',
        f'<iframe sandbox="allow-forms allow-scripts allow-top-navigation" srcdoc="{top}"></iframe>',
        f"<meta name=referrer content=no-referrer>{form(target)}",
        f'<iframe src="data:text/html,{escape(form(target).replace("#", "%23"), quote=True)}"></iframe>',
    )
    for html in pages:
        assert scene.submit(html, target).request.headers["origin"] == "null"
    assert len(scene.answers) == len(pages)
    scene.was_refused(403)


@pytest.mark.parametrize(
    "name", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example"]
)
def test_a_name_pointed_at_this_machine_is_misdirected(scene: Scene, name: str) -> None:
    # The attacker's page was loaded before its name was pointed here: same origin from now on.
    web, ear = scene.lodger.url(name, ""), f"http://{name}:{scene.lodger.capture}"
    page = scene.context.new_page()
    page.route(
        f"{web}/attack",
        lambda route: route.fulfill(body="<title>Kittens</title>", content_type="text/html"),
    )
    page.goto(f"{web}/attack")
    note = {"method": "POST", "body": json.dumps({"text": PWN})}
    as_json = {**note, "headers": {"Content-Type": "application/json"}}
    as_form = {**note, "body": f"text={PWN}", "headers": {"Content-Type": KINDS[0]}}
    same_origin = [("/", {}), ("/edit", {}), ("/static/page.js", {}), ("/save", as_form)]
    for path, options in [*same_origin, ("/notes", as_form), ("/review", as_form)]:
        status = page.evaluate(
            "async ([url, options]) => (await fetch(url, options)).status", [web + path, options]
        )
        assert status == 421
    page.evaluate(
        "async ([url, options]) => { await fetch(url, options).catch(() => 0) }",
        [f"{ear}/note", {**note, "mode": "no-cors"}],
    )
    for url in (f"{web}/", f"{ear}/health"):
        answer = page.goto(url)
        assert answer is not None
        assert answer.status == 421
    page.goto(f"{ear}/attack")  # refused, yet of that origin
    status = page.evaluate(
        "async ([url, options]) => (await fetch(url, options)).status", [f"{ear}/note", as_json]
    )
    assert status == 421
    scene.was_refused(421)


def test_the_address_of_no_machine_leads_nowhere(scene: Scene) -> None:
    web, ear = (f"http://0.0.0.0:{port}" for port in (scene.lodger.web, scene.lodger.capture))
    for path in ("/save", "/notes"):
        assert scene.submit(form(web + path), web + path).status == 421
    note = {"method": "POST", "body": json.dumps({"text": PWN}), "mode": "no-cors"}
    assert outcome(scene.strike(fetch(f"{ear}/note", note))) in {"failed", "opaque 0 "}
    page = scene.context.new_page()
    for url in (f"{web}/", f"{ear}/health"):
        answer = page.goto(url)
        assert answer is not None
        assert answer.status == 421
    scene.was_refused(421)


@pytest.mark.parametrize("origin", some(ORIGINS, 1))
def test_no_page_can_be_framed(scene: Scene, origin: str) -> None:
    html = "".join(
        f"<iframe src={target}></iframe><iframe sandbox src={target}></iframe>"
        f"<object data={target}></object><embed src={target}>"
        for target in map(scene.lodger.url, NAMES)
    )
    page = scene.strike(html, origin)
    page.wait_for_load_state("load")
    assert len(page.frames) > 1
    for frame in page.frames[1:]:
        with suppress(playwright.Error):  # where the browser took the frame away altogether
            assert "engineer in Turin" not in frame.content()
    scene.ends_with_nothing_changed()


def test_a_page_that_opens_ours_gets_no_hold_of_it(scene: Scene) -> None:
    target = scene.lodger.url()
    page = scene.strike(f"<button onclick=\"window.its = window.open('{target}')\">Look</button>")
    with scene.context.expect_page() as opening:
        page.get_by_role("button").click()
    ours = opening.value
    expect(ours.get_by_role("heading", name="Memory", exact=True, level=1)).to_be_visible()
    assert ours.evaluate("window.opener") is None
    page.wait_for_function("window.its.closed")
    scene.ends_with_nothing_changed()


def test_a_link_in_the_memory_tells_its_target_nothing(
    lodger: Lodger, foreign: Foreign, context: BrowserContext
) -> None:
    target = foreign.url("<title>Elsewhere</title>", path="/elsewhere")
    lodger.memory.write_text(f"{SAMPLE}- [a link]({target})\n")
    try:
        page = context.new_page()
        page.goto(lodger.url())
        link = page.get_by_role("link", name="a link")
        assert {"noopener", "noreferrer"} <= set(str(link.get_attribute("rel")).split())
        with context.expect_page() as opening:
            link.click(modifiers=["Control"])
        link.click()
        page.wait_for_url(target)
        for there in (page, opening.value):
            there.wait_for_load_state()
            assert there.evaluate("[window.opener, document.referrer]") == [None, ""]
    finally:
        lodger.memory.write_text(SAMPLE)


def test_a_foreign_page_cannot_log_anybody_in_or_out(
    locked: Lodger, foreign: Foreign, context: BrowserContext
) -> None:
    page = context.new_page()
    page.goto(locked.url())
    for origin in ORIGINS:
        page.goto(foreign.url(form(locked.url(path="/login")), origin))
        page.evaluate(GO)
        page.wait_for_url(locked.url(path="/login"))
        page.goto(locked.url())
        expect(page.get_by_label("Password")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("main")).to_contain_text("Ada")
    for origin in ORIGINS:
        page.goto(foreign.url(form(locked.url(path="/logout")), origin))
        page.evaluate(GO)
        page.wait_for_url(locked.url(path="/logout"))
        page.goto(locked.url())
        expect(page.get_by_role("main")).to_contain_text("Ada")


@pytest.fixture(scope="module")
def poisoned(chrome: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lodger]:
    """A machine whose memory, backups, notes and old logs are made of attacks."""
    folder = tmp_path_factory.mktemp("poisoned") / "machine"
    running = Lodger(folder, memory_of(PAYLOADS))
    sessions = running.root / "sessions"
    sessions.mkdir()
    (sessions / "2026-01-05.md").write_text("\n\n".join(PAYLOADS), encoding="utf-8")
    entries = "".join(f"\n---\n### 10:00:00\n{text}\n" for text in PAYLOADS)
    (sessions / "2026-01-06.md").write_text(entries, encoding="utf-8")
    backups = running.root / "backups"
    backups.mkdir()
    older = memory_of(reversed(PAYLOADS)).encode()
    (backups / f"GLOBAL_MEMORY_{BACKUP}.md").write_bytes(older)
    with running:
        for text in PAYLOADS[:10]:
            assert running.note(text).status == 200
        yield running


STRANGE = """() => {
  const ours = new URL(location.href).origin;
  const strange = [];
  for (const element of document.querySelectorAll("*")) {
    const tag = element.localName;
    const scripted = element.getAttributeNames().filter(name => name.startsWith("on") || name === "style");
    if (scripted.length) strange.push(tag + " has " + scripted);
    if (["iframe", "object", "embed", "base", "style", "math", "xss", "video", "audio", "marquee",
         "applet", "frame", "noscript", "dialog"].includes(tag) && element.closest("main")) strange.push(tag);
    if (tag === "meta" && element.httpEquiv) strange.push("meta " + element.httpEquiv);
    for (const name of ["src", "action", "formaction", "data", "srcdoc", "poster", "srcset"])
      if (element.hasAttribute(name) && !new URL(element.getAttribute(name), ours + "/").href.startsWith(ours + "/"))
        strange.push(tag + " " + name + " " + element.getAttribute(name));
    const href = element.getAttribute("href");
    if (href && !/^(https?:|mailto:)$/.test(new URL(href, ours + "/").protocol)) strange.push(tag + " " + href);
  }
  return strange;
}"""


@pytest.mark.parametrize("policy", some(["with its policy", "without its policy"], 1))
def test_what_stands_in_memory_notes_and_logs_does_nothing(
    poisoned: Lodger, chrome: Browser, events: Events, policy: str
) -> None:
    # Escaping has to hold alone, too: half of this runs with the page's policy taken away.
    before = poisoned.memory.read_bytes()
    with opened(chrome, events, viewport=DESKTOP, bypass_csp="without" in policy) as context:
        page = context.new_page()
        seen = []
        for url in all_pages(page, poisoned.url()):
            _is_harmless(page)
            seen.append(urlsplit(url).path)
        assert {"/", "/edit", "/history", "/notes", "/machines", "/jobs", "/phone"} <= set(seen)
        page.goto(poisoned.url())
        for mark in page.locator("main *[title], main a, main summary").all()[:12]:
            if mark.is_visible():
                mark.hover()
        _is_harmless(page)
        page.goto(poisoned.url(path="/edit"))
        editor = page.get_by_label("The memory, in Markdown")
        assert editor.input_value() == before.decode()
        editor.fill("# Mine\n\n" + memory_of(reversed(PAYLOADS)))
        page.get_by_role("button", name="Review changes").click()
        expect(page.get_by_role("region", name="Changes")).to_be_visible()
        _is_harmless(page)
        poisoned.memory.write_bytes(before + b"- moved meanwhile\n")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_label("Your text")).to_be_visible()
        _is_harmless(page)
        poisoned.memory.write_bytes(b"\0")
        page.get_by_role("button", name="Review my text").click()
        expect(page.get_by_label("What you wrote")).to_be_visible()
        _is_harmless(page)
        poisoned.memory.write_bytes(before)
        assert events.dialogs == []
        assert events.foreign == []
        assert events.wrongs == []


@pytest.mark.parametrize("href", HREFS)
def test_a_link_to_anything_but_the_web_or_mail_is_no_link(href: str) -> None:
    from memsync.daemon.presenters import markdown

    html = str(markdown.render_html(f"[x]({href}) <{href}>\n\n[y]: {href}\n\n[y]\n").html)
    assert "<a " not in html


def test_a_message_in_the_address_is_not_shown(
    lodger: Lodger, context: BrowserContext, events: Events
) -> None:
    page = context.new_page()
    for query in ("said=Disk+failed", "message=Disk+failed", "said=%3Cscript%3E", "error=Disk"):
        page.goto(lodger.url(path=f"/?{query}"))
        assert "Disk failed" not in page.content()
    page.goto(lodger.url(path="/%3Cscript%3Ewindow.__pwned=1%3C/script%3E"))
    _is_harmless(page)
    events.check()


def _is_harmless(page: Page) -> None:
    page.wait_for_load_state("load")
    assert page.evaluate("window.__pwned") is None
    assert page.evaluate(STRANGE) == []
    scripts = page.evaluate("[...document.scripts].map(s => s.getAttribute('src'))")
    assert all(source and source.startswith("/static/") for source in scripts)
    assert str(1337 * 1339) not in page.content()  # a template within a template
