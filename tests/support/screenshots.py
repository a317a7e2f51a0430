"""`make screenshots`: the pictures of the README and the docs, of a daemon with a sample memory.

Nothing but docs/images/ is written; the daemon has a home of its own, which goes away after.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import TYPE_CHECKING

from tests.support import chromium
from tests.support.lodger import Lodger

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

IMAGES = Path(__file__).parents[2] / "docs" / "images"
MOST_BYTES = 200_000

FONTS = """<fontconfig>
<include>/etc/fonts/fonts.conf</include>
<match target="pattern"><test name="family"><string>DejaVu Sans</string></test>
<edit name="family" mode="prepend" binding="strong"><string>Inter</string></edit></match>
</fontconfig>"""
"""Debian's font for interfaces replaced by a prettier one."""

MEMORY = """<!-- memsync v1 -->
# Global memory

## Identity

- Ada, backend engineer in Turin; Python and Go, some TypeScript
- Native Italian, works in English
- Laptop `lovelace` (Debian), desktop `babbage` (macOS), a Raspberry Pi at home

## Current priorities

1. Ship the invoice importer by the end of the month
2. Write the runbook for the on-call week
3. Move the staging database to Postgres 17

## Preferences

- Short answers first, details when asked
- Tests before refactoring; small commits in the imperative mood
- `uv`, `ruff`, `pytest`, `make`; no new dependency without a reason
- Tables over long lists, ISO dates, metric units

### Python

- 3.11 and up, type hints everywhere, `pathlib` over `os.path`

```sh
make lint test   # before every commit
```

## Projects

| project  | language | where                |
|:---------|:---------|:---------------------|
| importer | Python   | `~/code/importer`    |
| ledger   | Go       | `~/code/ledger`      |
| site     | Astro    | `~/src/ada.example`  |

## Hard constraints

- Never push to main without asking
- Never delete data without a backup
- Never put a customer's name into a test
"""

EDITS = {
    "- Short answers first, details when asked": "- Short answers first, then the why",
    "3. Move the staging database to Postgres 17\n": "3. Move the staging database to Postgres 18\n"
    "4. Prepare the talk for PyCon Italia\n",
    "- Never push to main without asking": "- Never push to main or release without asking",
}
OLDER = MEMORY.replace("Postgres 17", "Postgres 16")
LAST_WEEK = (
    OLDER.replace("- Tables over long lists, ISO dates, metric units\n", ""),
    OLDER.replace(", metric units", "").replace("3. Move", "3. Rename the queues\n4. Move"),
    OLDER.replace(", metric units", ""),
)
YESTERDAY = (
    ("08:12:40", "Staging moves to Postgres 17, not 16"),
    ("13:47:05", "Tables over long lists when comparing things"),
    ("18:30:21", "ISO dates everywhere, metric units"),
)
NOTES = (
    "Prefers uv to pip since this week",
    "The importer must accept invoices in CHF, too",
    "Dentist on Thursday, no meetings before ten",
)


def main() -> None:
    """Write every picture and say how big it is."""
    reason = chromium.why_not()
    if reason:
        sys.exit(f"Error: {reason}\nTry: apt install chromium")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder, _machine(Path(folder)) as lodger, _browser() as browser:
        _live(browser, lodger)
        _desktop(browser, lodger)
        _phone(browser, lodger)
    for picture in sorted(IMAGES.glob("*.png")):
        size = picture.stat().st_size
        print(f"{picture.relative_to(IMAGES.parents[1])}  {size / 1000:.0f} kB")
        if size >= MOST_BYTES:
            sys.exit(f"Error: {picture.name} is too big")


@contextmanager
def _browser() -> Iterator[Browser]:
    """Run the browser; its letters are Inter where that is installed (fonts-inter)."""
    with NamedTemporaryFile("w", suffix=".conf", encoding="utf-8") as fonts:
        fonts.write(FONTS)
        fonts.flush()
        os.environ["FONTCONFIG_FILE"] = fonts.name
        with chromium.launched() as browser:
            yield browser


@contextmanager
def _machine(folder: Path) -> Iterator[Lodger]:
    """Run a machine that has had memsync for a week."""
    lodger = Lodger(folder / "machine", OLDER)
    for part in ("backups", "sessions"):
        (lodger.root / part).mkdir()
    now = datetime.now().astimezone()
    for days, text in zip((6, 4, 1), LAST_WEEK, strict=True):
        when = now.replace(hour=23, minute=55, second=1) - timedelta(days=days)
        backup = lodger.root / "backups" / f"GLOBAL_MEMORY_{when:%Y%m%d_%H%M%S}.md"
        backup.write_text(text, encoding="utf-8")
    entries = "".join(f"\n---\n### {at} (captured)\n{text}\n" for at, text in YESTERDAY)
    log = lodger.root / "sessions" / f"{now - timedelta(days=1):%Y-%m-%d}.md"
    log.write_text(entries, encoding="utf-8")
    lodger.memsync("targets", "sync")
    with lodger:
        yield lodger


def _live(browser: Browser, lodger: Lodger) -> None:
    """Do what makes the pages tell something: a note merged, an edit, further notes."""
    lodger.note(NOTES[0])
    lodger.memsync("daemon", "run", "refresh")
    context = browser.new_context()
    page = context.new_page()
    _review(page, lodger, MEMORY)
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("status").wait_for()
    context.close()
    for text in NOTES[1:]:
        lodger.note(text)


def _desktop(browser: Browser, lodger: Lodger) -> None:
    for scheme in ("light", "dark"):
        context = browser.new_context(
            viewport={"width": 1280, "height": 800}, color_scheme=scheme, reduced_motion="reduce"
        )
        page = context.new_page()
        page.goto(lodger.url(chromium.LAN_NAME))
        _shoot(page, "memory" if scheme == "light" else "memory-dark")
        if scheme == "light":
            for path in ("/history", "/notes", "/jobs"):
                page.goto(lodger.url(chromium.LAN_NAME, path))
                _shoot(page, path[1:])
            _review(page, lodger, _edited())
            _shoot(page, "review")
        context.close()


def _phone(browser: Browser, lodger: Lodger) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 780},
        device_scale_factor=2,
        is_mobile=True,
        has_touch=True,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(lodger.url(chromium.LAN_NAME))
    _shoot(page, "phone")
    _review(page, lodger, _edited())
    _shoot(page, "phone-review")
    context.close()


def _edited() -> str:
    text = MEMORY
    for old, new in EDITS.items():
        assert old in text
        text = text.replace(old, new)
    return text


def _review(page: Page, lodger: Lodger, text: str) -> None:
    page.goto(lodger.url(chromium.LAN_NAME, "/edit"))
    page.get_by_label("The memory, in Markdown").fill(text)
    page.get_by_role("button", name="Review changes").click()
    page.get_by_role("region", name="Changes").wait_for()


def _shoot(page: Page, name: str) -> None:
    page.mouse.move(0, 0)
    page.wait_for_function("() => Promise.all([...document.images].map((one) => one.decode()))")
    page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
