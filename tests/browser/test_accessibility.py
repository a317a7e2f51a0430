"""axe-core on every page, light and dark, on a phone and on a desktop: nothing serious.

axe-core comes with axe-playwright-python, from PyPI.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import DESKTOP, MUST_RUN, PASSWORD, PHONE, Events, all_pages, opened
from tests.conftest import SAMPLE
from tests.support.lodger import Lodger

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

RULES = {
    "light": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "dark": ["color-contrast", "link-in-text-block"],  # nothing else depends on the scheme
}
RICH = f"""{SAMPLE}
## Facts

1. one
2. two, with `code` and a [link](https://example.com/)

> quoted

| left | right |
|:-----|------:|
| a    | b     |

```sh
make test
```

### Deeper

- hidden \u200b and turned \u202e text, ~~struck~~, **bold**, *leaning*
"""


@cache
def axe() -> str:
    found = find_spec("axe_playwright_python")
    if found is None or not found.submodule_search_locations:
        reason = "axe-playwright-python is not installed"
        if MUST_RUN:
            pytest.fail(f"CI has to run these: {reason}")
        pytest.skip(reason)
    return (Path(found.submodule_search_locations[0]) / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def lodger(chrome: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lodger]:
    with Lodger(tmp_path_factory.mktemp("open") / "machine", RICH) as running:
        running.note("Prefers uv to pip since this week")
        running.memsync("refresh")
        running.note("Moved to Turin")
        yield running


@pytest.fixture(scope="module")
def locked(chrome: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lodger]:
    folder = tmp_path_factory.mktemp("locked") / "machine"
    with Lodger(folder, SAMPLE, web_ui_password=PASSWORD) as running:
        yield running


@pytest.fixture
def tab(chrome: Browser, events: Events) -> Iterator[Page]:
    with opened(chrome, events) as context:
        yield _new_page(context)


def _new_page(context: BrowserContext) -> Page:
    page = context.new_page()
    page.set_default_timeout(10_000)
    return page


def is_for_everybody(page: Page) -> None:
    """Fail on what axe calls serious or critical, and on what does not fit the window."""
    wrongs = []
    page.wait_for_load_state()  # a click has only begun to load what it leads to
    page.evaluate(axe())
    for size in (PHONE, DESKTOP):
        page.set_viewport_size(size)
        for scheme, rules in RULES.items():
            page.emulate_media(color_scheme=scheme)
            found = page.evaluate(
                "rules => axe.run({runOnly: rules, resultTypes: ['violations']})", rules
            )
            wrongs += [
                f"{page.url} {size['width']} {scheme}: {each['id']} ({each['impact']})"
                f" at {[node['target'] for node in each['nodes'][:4]]}: {each['help']}"
                for each in found["violations"]
                if each["impact"] in {"serious", "critical"}
            ]
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > size["width"]:
            wrongs.append(f"{page.url} is {width} wide at {size['width']}")
    assert not wrongs, "\n".join(wrongs)


def test_every_page_that_a_link_leads_to(lodger: Lodger, tab: Page) -> None:
    for _ in all_pages(tab, lodger.url()):
        is_for_everybody(tab)


def test_the_pages_of_an_edit(lodger: Lodger, tab: Page) -> None:
    tab.goto(lodger.url(path="/edit"))
    editor = tab.get_by_label("The memory, in Markdown")
    text = editor.input_value()
    editor.fill(text.replace("Short answers", "Long answers").replace("Never push", "Push"))
    tab.get_by_role("button", name="Review changes").click()
    is_for_everybody(tab)
    moved = lodger.memory.read_text().replace("Write the runbook", "Write it")
    lodger.memory.write_text(moved)
    tab.get_by_role("button", name="Save", exact=True).click()
    tab.get_by_label("Your text").wait_for()
    is_for_everybody(tab)
    tab.get_by_role("button", name="Review my text").click()
    tab.get_by_role("button", name="Save", exact=True).click()
    tab.get_by_role("status").wait_for()
    is_for_everybody(tab)


def test_the_page_of_conflicts(
    chrome: Browser, tab: Page, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Lodger(tmp_path_factory.mktemp("torn") / "machine", SAMPLE) as torn:
        tab.goto(torn.url(path="/conflicts"))
        is_for_everybody(tab)
        torn.conflict(
            SAMPLE.replace("Turin", "Oslo").replace("to main", "to a branch"),
            SAMPLE.replace("Turin", "Rome").replace("to main", "to any branch"),
        )
        tab.goto(torn.url(path="/conflicts"))
        is_for_everybody(tab)
        tab.get_by_role("button", name="Merge").click()
        tab.get_by_role("region", name="The memory's version").first.wait_for()
        is_for_everybody(tab)
        tab.goto(torn.url())
        is_for_everybody(tab)


def test_the_page_of_what_waits(
    chrome: Browser, tab: Page, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Lodger(tmp_path_factory.mktemp("careful") / "machine", SAMPLE) as careful:
        careful.memsync("config", "set", "core.review", "inbox")
        careful.note("Always use tabs for Makefiles")
        careful.memsync("refresh")
        careful.memsync("note", "--shared", "The rest of my memory is in ~/notes/more.txt")
        tab.goto(careful.url(path="/waiting"))
        tab.get_by_role("button", name="Accept selected").first.wait_for()
        is_for_everybody(tab)


def test_the_pages_that_tell_of_a_problem(lodger: Lodger, tab: Page) -> None:
    text = lodger.memory.read_bytes()
    tab.goto(lodger.url(path="/nowhere"))
    is_for_everybody(tab)
    lodger.memory.write_bytes(b"\0" * 10)
    for path in ("/", "/edit", "/history", "/machines"):
        tab.goto(lodger.url(path=path))
        is_for_everybody(tab)
    lodger.memory.write_bytes(text)


def test_the_login_page_and_its_refusals(locked: Lodger, tab: Page) -> None:
    tab.goto(locked.url())
    is_for_everybody(tab)
    for _ in range(6):
        tab.get_by_label("Password").fill("wrong")
        tab.get_by_role("button", name="Log in").click()
        tab.get_by_role("alert").wait_for()
    is_for_everybody(tab)


def test_the_pages_where_nothing_is_yet(
    chrome: Browser, tab: Page, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Lodger(tmp_path_factory.mktemp("new") / "machine", "- only this\n") as new:
        for path in ("/", "/history", "/notes", "/jobs", "/notes?q=nothing"):
            tab.goto(new.url(path=path))
            is_for_everybody(tab)


def test_a_page_that_is_bad_is_found(tab: Page) -> None:
    tab.set_content("<title>x</title><html lang=en><main><img src=x><p style='color:#ddd'>pale")
    with pytest.raises(AssertionError, match=r"(?s)color-contrast.*image-alt"):
        is_for_everybody(tab)
