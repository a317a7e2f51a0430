"""The page with a memory of 400 lines: bytes over the wire, requests, and how soon it is there.

A real chromium loads `/` of a real daemon, with nothing in its cache, on loopback. What only the
browser can tell (first paint, a key that shows) is its own figure, from its performance API.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bench.daemon import Machine
from tests.support import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LINES = 400
LOADS = 9
REACH = 60_000

TIMES = """() => {
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  const load = performance.getEntriesByType("navigation")[0];
  return [paint.startTime, load.domInteractive, load.loadEventEnd];
}"""
KEY = """() => new Promise(done => {
  const box = document.querySelector("textarea");
  box.focus();
  box.addEventListener("keydown", event =>
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - event.timeStamp))),
    {once: true});
})"""


def run() -> list[tuple[str, str, str, str]]:
    """Return the rows."""
    reason = chromium.why_not()
    if reason:
        return [("page", "-", "-", reason)]
    with tempfile.TemporaryDirectory() as folder, _served(Path(folder)) as machine:
        raw = machine.memory.stat().st_size
        with chromium.launched() as browser:
            loads = [_load(browser, machine.ports[0]) for _ in range(LOADS)]
    wire = max(load[0] for load in loads)
    requests = loads[0][1]
    here = f"{requests - loads[0][2]} on this machine"
    paint, interactive, complete, key = (
        statistics.median(load[3][number] for load in loads) for number in range(4)
    )
    return [
        (
            f"page, {LINES} lines, over the wire",
            f"{wire / 1000:.1f} kB",
            f"the memory {raw / 1000:.1f} kB",
            f"{wire / raw:.2f} (reach <= {REACH / 1000:.0f} kB)",
        ),
        ("page, requests off the machine", f"{loads[0][2]}", here, "(reach 0)"),
        (
            "page, first contentful paint",
            f"{paint:.0f} ms",
            f"interactive {interactive:.0f} ms",
            f"complete {complete:.0f} ms",
        ),
        ("page, from a key to the frame that shows it", f"{key:.1f} ms", "-", "of the note box"),
    ]


@contextmanager
def _served(folder: Path) -> Iterator[Machine]:
    machine = Machine(folder)
    machine.memory.write_text(_memory(), encoding="utf-8")
    with machine.daemon():
        yield machine


def _memory() -> str:
    """Return a memory as it grows in years: sections, lists, some code, no two lines alike."""
    lines = ["# Global memory"]
    while len(lines) < LINES - 4:
        number = len(lines)
        if number % 60 == 1:
            lines += ["", f"## Project {number // 60 + 1}", ""]
        elif number % 60 == 40:
            lines += ["", "```sh", f"make test-{number}", "```", ""]
        else:
            words = " ".join(_word(number * factor) for factor in (7, 13, 17, 19, 23))
            lines.append(f"- `{_word(number)}` {words} {number}")
    lines += ["", "## Hard constraints", ""]
    return "\n".join([*lines, "- Never push to main without asking"]) + "\n"


def _word(number: int) -> str:
    parts = ("re", "ma", "sto", "li", "ver", "no", "ta", "qui", "pe", "du", "con", "za", "fi")
    return "".join(parts[(number // 13**place * 5 + place) % 13] for place in range(4))


def _load(browser: Browser, port: int) -> tuple[int, int, int, list[float]]:
    """Load the page anew; return bytes received, requests, those off the machine, and times."""
    context = browser.new_context()
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    received: list[int] = []
    urls: list[str] = []
    session.on("Network.loadingFinished", lambda event: received.append(_bytes(event)))
    page.on("request", lambda request: urls.append(request.url))
    page.goto(f"http://localhost:{port}/", wait_until="networkidle")
    times = [float(time) for time in page.evaluate(TIMES)]
    times.append(_key(page))
    context.close()
    off = sum(urlsplit(url).hostname != "localhost" for url in urls)
    return sum(received), len(urls), off, times


def _bytes(event: dict[str, Any]) -> int:
    return int(event["encodedDataLength"])


def _key(page: Page) -> float:
    """Press a key in the note box; return the milliseconds until the frame that shows it."""
    shown = page.evaluate_handle(f"() => {{ window.shown = ({KEY})() }}")
    shown.dispose()
    page.keyboard.press("a")
    return float(page.evaluate("() => window.shown"))


if __name__ == "__main__":
    for row in run():
        print(*row, sep="  ")
