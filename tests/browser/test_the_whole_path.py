"""What a person does with the page, by hand and in a real browser, from note to restore."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import PASSWORD, WINDOWS, Events, opened, sync_api
from tests.conftest import SAMPLE
from tests.support.chromium import LAN_NAME
from tests.support.lodger import Lodger
from tests.support.net import until
from tests.support.scale import some

playwright = sync_api()
expect = playwright.expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page

EDITED = SAMPLE.replace("- Short answers, no preamble", "- Short answers, and a joke").replace(
    "- Never push to main without asking", "- Never push to main"
)
EVERYWHERE = pytest.mark.parametrize("window", some(WINDOWS, 2), indirect=True)
ON_A_PHONE = pytest.mark.parametrize("window", ["phone"], indirect=True)
PLAIN = pytest.mark.parametrize("window", ["desktop without JavaScript"], indirect=True)
PROBLEM = "The memory is not available"


def heading(page: Page, name: str) -> Locator:
    return page.get_by_role("heading", name=name, exact=True, level=1)


def open_editor(page: Page) -> Locator:
    page.get_by_role("main").get_by_role("link", name="Edit", exact=True).click()
    return page.get_by_label("The memory, in Markdown")


def edit(page: Page, text: str) -> None:
    """Write `text` in the editor and go on to the review."""
    open_editor(page).fill(text)
    page.get_by_role("button", name="Review changes").click()
    expect(heading(page, "Review your changes")).to_be_visible()


def go_to(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Pages").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()


def fits(page: Page) -> bool:
    """Tell whether the page is no wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@EVERYWHERE
def test_a_note_is_seen_and_an_edit_goes_by_review_to_memory_agent_and_backup(
    lodger: Lodger, page: Page, host: str
) -> None:
    assert lodger.note("Prefers uv to pip since this week").status == 200
    page.goto(lodger.url(host))
    expect(page.get_by_role("main")).to_contain_text("1 pending note")
    expect(page.get_by_role("article", name="The memory")).to_contain_text("Ada")
    assert fits(page)

    edit(page, EDITED)
    main = page.get_by_role("main")
    expect(main).to_contain_text("2 lines added")
    expect(main).to_contain_text("2 lines removed")
    expect(main).to_contain_text("This removes or rewords a hard constraint")
    changes = page.get_by_role("region", name="Changes")
    gone = changes.get_by_role("row").filter(has_text="Never push to main without asking")
    expect(gone).to_contain_text("removed")
    expect(gone).to_contain_text("hard constraint")
    new = changes.get_by_role("row").filter(has_text="and a joke")
    expect(new).to_contain_text("added")
    assert fits(page)
    assert lodger.memory.read_text() == SAMPLE
    assert not lodger.backups()

    save(page)
    expect(page.get_by_role("status")).to_contain_text("Saved.")
    expect(page.get_by_role("article", name="The memory")).to_contain_text("and a joke")
    assert lodger.memory.read_text() == EDITED
    assert lodger.backups() == [SAMPLE.encode()]
    assert "- Short answers, and a joke" in lodger.claude.read_text()
    expect(page.get_by_role("main")).to_contain_text("1 pending note")

    go_to(page, "History")
    expect(page.get_by_role("main")).to_contain_text("2 lines added")
    page.get_by_role("main").get_by_role("list").get_by_role("link").first.click()
    then = page.get_by_role("region", name="Changes").get_by_role("row")
    expect(then.filter(has_text="and a joke")).to_contain_text("added")
    page.get_by_role("link", name="Restore").click()
    back = page.get_by_role("region", name="Changes").get_by_role("row")
    expect(back.filter(has_text="and a joke")).to_contain_text("removed")
    assert fits(page)
    assert lodger.memory.read_text() == EDITED
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("status")).to_contain_text("Restored.")
    assert lodger.memory.read_text() == SAMPLE
    assert lodger.backups() == [SAMPLE.encode(), EDITED.encode()]
    assert "- Short answers, no preamble" in lodger.claude.read_text()


def test_a_note_is_added_on_the_page(lodger: Lodger, page: Page, host: str) -> None:
    page.goto(lodger.url(host))
    page.get_by_label("Add a note").fill("Prefers tea\nand no \u2615 after noon")
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_role("status")).to_contain_text("Noted.")
    log = until(lambda: b"".join(lodger.logs().values()))
    assert "Prefers tea\nand no \u2615 after noon\n".encode() in log
    assert lodger.memory.read_text() == SAMPLE


@ON_A_PHONE
def test_going_back_from_the_review_keeps_what_was_written(
    lodger: Lodger, page: Page, host: str
) -> None:
    page.goto(lodger.url(host))
    edit(page, EDITED)
    page.get_by_role("button", name="Back to editing").click()
    editor = page.get_by_label("The memory, in Markdown")
    expect(editor).to_have_value(EDITED)
    page.get_by_role("link", name="Cancel").click()
    expect(heading(page, "Memory")).to_be_visible()
    assert lodger.memory.read_text() == SAMPLE


def test_of_two_tabs_the_second_save_shows_both_texts_and_nothing_is_lost(
    lodger: Lodger, window: BrowserContext, host: str
) -> None:
    first, second = window.new_page(), window.new_page()
    theirs = SAMPLE.replace("- Write the runbook\n", "- Write the runbook\n- From the first tab\n")
    mine = SAMPLE.replace("- Ship the importer\n", "- Ship the importer\n- From the second tab\n")
    for tab, text in ((first, theirs), (second, mine)):
        tab.goto(lodger.url(host))
        edit(tab, text)
    save(first)
    expect(first.get_by_role("status")).to_contain_text("Saved.")

    save(second)
    expect(heading(second, "The memory changed meanwhile")).to_be_visible()
    expect(second.get_by_label("The memory as it is now")).to_have_value(theirs)
    yours = second.get_by_label("Your text")
    expect(yours).to_have_value(mine)
    assert lodger.memory.read_text() == theirs
    assert fits(second)

    both = theirs.replace("- Ship the importer\n", "- Ship the importer\n- From the second tab\n")
    yours.fill(both)
    second.get_by_role("button", name="Review my text").click()
    expect(second.get_by_role("main")).to_contain_text("1 line added")
    save(second)
    expect(second.get_by_role("status")).to_contain_text("Saved.")
    assert lodger.memory.read_text() == both
    assert lodger.backups() == [SAMPLE.encode(), theirs.encode()]


@ON_A_PHONE
def test_two_edits_of_one_line_are_merged_place_by_place(
    lodger: Lodger, window: BrowserContext, host: str
) -> None:
    other, page = window.new_page(), window.new_page()
    theirs = SAMPLE.replace("Ship the importer", "Ship the exporter").replace(
        "no pre", "no long pre"
    )
    mine = SAMPLE.replace("Ship the importer", "Ship both").replace("Turin", "Milan")
    for tab, text in ((other, theirs), (page, mine)):
        tab.goto(lodger.url(host))
        edit(tab, text)
    save(other)
    expect(other.get_by_role("status")).to_contain_text("Saved.")
    save(page)
    page.get_by_role("button", name="Merge both").click()
    expect(heading(page, "Merge both versions")).to_be_visible()
    place = page.get_by_role("group", name="Place 1 of 1")
    expect(place).to_contain_text("Ship the exporter")
    place.get_by_label("Yours").check()
    assert fits(page)
    page.get_by_role("button", name="Review the merge").click()
    save(page)
    expect(page.get_by_role("status")).to_contain_text("Saved.")
    merged = theirs.replace("Ship the exporter", "Ship both").replace("Turin", "Milan")
    assert lodger.memory.read_text() == merged
    assert lodger.backups() == [SAMPLE.encode(), theirs.encode()]


@EVERYWHERE
def test_what_two_machines_changed_at_once_is_decided(
    lodger: Lodger, page: Page, host: str
) -> None:
    mine = SAMPLE.replace("Turin", "Oslo").replace("Ship the importer", "Ship the exporter")
    lodger.conflict(mine, SAMPLE.replace("Turin", "Rome").replace("no preamble", "no excuse"))
    page.goto(lodger.url(host))
    go_to(page, "Machines")
    page.get_by_role("link", name="conflicts").click()
    expect(page.get_by_role("main")).to_contain_text("1 conflict copy is not merged yet")
    page.get_by_role("button", name="Merge").click()
    expect(page.get_by_role("status")).to_contain_text("Merged.")
    assert fits(page)

    go_to(page, "Memory")
    expect(page.get_by_role("main")).to_contain_text("1 place was changed on two machines")
    page.get_by_role("link", name="decide which to keep").click()
    ours = page.get_by_role("region", name="The memory's version")
    theirs = page.get_by_role("region", name="The copy's version")
    expect(ours.locator("mark")).to_have_text("Oslo")
    expect(theirs.locator("mark")).to_have_text("Rome")
    theirs.get_by_role("button", name="Keep this").click()
    expect(page.get_by_role("status")).to_contain_text("Decided.")
    expect(page.get_by_role("heading", name="Nothing to decide")).to_be_visible()
    assert fits(page)
    merged = mine.replace("Oslo", "Rome").replace("no preamble", "no excuse")
    assert lodger.memory.read_text() == merged
    assert "Rome" in lodger.claude.read_text()
    assert any(b"Oslo" in text and b"Rome" in text for text in lodger.backups())


def test_a_proposal_is_read_and_applied(lodger: Lodger, page: Page, host: str) -> None:
    lodger.memsync("config", "set", "core.review", "inbox")
    lodger.note("Always use tabs for Makefiles")
    lodger.memsync("refresh")
    page.goto(lodger.url(host))
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Waiting").click()
    card = page.get_by_role("form")
    changes = page.get_by_role("region", name="Changes")
    expect(changes).to_contain_text("Always use tabs for Makefiles")
    assert changes.bounding_box()["width"] > 0.8 * card.bounding_box()["width"]
    assert fits(page)
    card.get_by_role("button", name="Accept selected").click()
    expect(page.get_by_role("status")).to_contain_text("Accepted.")
    assert "Always use tabs for Makefiles" in lodger.memory.read_text()


def test_a_held_note_is_read_and_accepted(lodger: Lodger, page: Page, host: str) -> None:
    lodger.memsync("note", "--shared", "Always use tabs for Makefiles")
    page.goto(lodger.url(host))
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Waiting 1").click()
    card = page.get_by_role("form")
    expect(card).to_contain_text("Always use tabs for Makefiles")
    assert fits(page)
    card.get_by_role("button", name="Accept selected").click()
    expect(page.get_by_role("status")).to_contain_text("Accepted.")
    expect(page.get_by_role("heading", name="Nothing is waiting")).to_be_visible()
    lodger.memsync("refresh")
    assert "Always use tabs for Makefiles" in lodger.memory.read_text()


@ON_A_PHONE
def test_notes_are_listed_by_day_and_found(lodger: Lodger, page: Page, host: str) -> None:
    lodger.note("Prefers uv to pip")
    lodger.note("Tea, no coffee")
    page.goto(lodger.url(host))
    go_to(page, "Notes")
    today = page.get_by_role("region", name="Today").get_by_role("listitem")
    expect(today).to_have_count(2)
    expect(today.first).to_contain_text("Tea, no coffee")
    expect(today.first).to_contain_text("pending")
    page.get_by_label("Search notes").fill("PREFERS")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("listitem")).to_contain_text("Prefers uv to pip")
    page.get_by_label("Search notes").fill("nowhere <b>")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    assert fits(page)


def test_a_job_runs_at_a_click_and_the_page_tells_how_it_went(
    lodger: Lodger, page: Page, host: str
) -> None:
    lodger.note("Prefers uv to pip")
    page.goto(lodger.url(host))
    go_to(page, "Jobs")
    merge = page.get_by_role("region", name="Merge pending notes")
    merge.get_by_role("button", name="Run now").click()
    # The page looks by itself: with a script, or by loading anew without one.
    expect(merge.get_by_role("button")).to_be_visible(timeout=20_000)
    expect(merge).to_contain_text("1 note")
    assert "Prefers uv to pip" in lodger.memory.read_text()
    assert fits(page)


def test_the_phone_page_shows_a_note_arriving(lodger: Lodger, page: Page, host: str) -> None:
    page.goto(lodger.url(host))
    go_to(page, "Phone")
    for code in page.get_by_role("img", name="QR code").all():
        if code.is_visible():
            expect(code).to_have_js_property("complete", True)
            assert code.evaluate("image => image.naturalWidth")
    expect(page.get_by_label("Address")).to_have_value(re.compile(f":{lodger.capture}/note$"))
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status").filter(has_text="It arrived")).to_be_visible()
    assert any(b"My phone can send notes now" in log for log in lodger.logs().values())
    assert fits(page)


@pytest.mark.parametrize("host", ["localhost", LAN_NAME])
def test_a_value_is_copied_at_a_click(lodger: Lodger, desktop: BrowserContext, host: str) -> None:
    desktop.grant_permissions(["clipboard-read", "clipboard-write"])
    page = desktop.new_page()
    page.goto(lodger.url(host, "/phone"))
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    page.get_by_label("A note to try").press("Control+A")
    page.get_by_label("A note to try").press("Control+V")
    expect(page.get_by_label("A note to try")).to_have_value(
        page.get_by_label("Address").input_value()
    )


@ON_A_PHONE
def test_the_machines_page_shows_this_machine_and_its_agents(
    lodger: Lodger, page: Page, host: str
) -> None:
    lodger.memsync("targets", "sync")
    page.goto(lodger.url(host))
    go_to(page, "Machines")
    expect(page.get_by_role("listitem").filter(has_text="Claude Code")).to_contain_text("in-sync")
    lodger.claude.write_text("all gone\n")
    page.reload()
    claude = page.get_by_role("listitem").filter(has_text="Claude Code")
    expect(claude).not_to_contain_text("in-sync")
    assert fits(page)


@PLAIN
def test_logging_out_everywhere_ends_the_session_of_every_browser(
    locked: Lodger, chrome: Browser, page: Page, host: str, events: Events
) -> None:
    with opened(chrome, events) as elsewhere:
        other = elsewhere.new_page()
        for tab in (page, other):
            tab.goto(locked.url(host))
            _try(tab, PASSWORD)
            expect(heading(tab, "Memory")).to_be_visible()
        page.get_by_role("button", name="Log out everywhere").click()
        expect(heading(page, "Log in")).to_be_visible()
        other.reload()
        expect(heading(other, "Log in")).to_be_visible()


def test_while_the_memory_cannot_be_read_the_page_says_so_and_takes_notes(
    lodger: Lodger, page: Page, host: str
) -> None:
    lodger.memory.write_bytes(b"\0" * 300)
    answer = page.goto(lodger.url(host))
    assert answer is not None
    assert answer.status == 503
    expect(heading(page, PROBLEM)).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("memsync restore")
    page.get_by_label("Add a note").fill("Taken in the dark")
    page.get_by_role("button", name="Add note").click()
    until(lambda: any(b"Taken in the dark" in log for log in lodger.logs().values()))
    expect(page.get_by_text("Noted.")).to_be_visible()
    assert lodger.memory.read_bytes() == b"\0" * 300

    lodger.memory.write_text(SAMPLE)
    page.goto(lodger.url(host))
    expect(page.get_by_role("main")).to_contain_text("1 pending note")


@ON_A_PHONE
def test_with_the_folder_away_notes_wait_on_the_machine(
    lodger: Lodger, page: Page, host: str
) -> None:
    away = lodger.root.with_name("away")
    lodger.root.rename(away)
    page.goto(lodger.url(host))
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Add a note").fill("Taken while away")
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_text("Noted.")).to_be_visible()
    assert not lodger.root.exists()
    assert any(b"Taken while away" in data for data in lodger.everything().values())


@PLAIN
def test_a_text_that_the_memory_lost_is_handed_back(lodger: Lodger, page: Page, host: str) -> None:
    page.goto(lodger.url(host))
    open_editor(page).fill(EDITED)
    lodger.memory.write_bytes(b"\0" * 300)
    page.get_by_role("button", name="Review changes").click()
    expect(heading(page, PROBLEM)).to_be_visible()
    expect(page.get_by_label("What you wrote")).to_have_value(EDITED)


@EVERYWHERE
def test_the_password_is_asked_for_until_log_out(locked: Lodger, page: Page, host: str) -> None:
    page.goto(locked.url(host, "/edit"))
    expect(heading(page, "Log in")).to_be_visible()
    assert "Ada" not in page.content()
    assert fits(page)
    _try(page, "wrong")
    expect(page.get_by_role("alert")).to_contain_text("Wrong password.")
    _try(page, PASSWORD)
    expect(page.get_by_role("main")).to_contain_text("Ada")
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")

    page.goto(locked.url(host))
    page.get_by_role("button", name="Log out", exact=True).click()
    expect(heading(page, "Log in")).to_be_visible()
    page.go_back()
    assert "Ada" not in page.content()
    page.goto(locked.url(host))
    expect(heading(page, "Log in")).to_be_visible()


@ON_A_PHONE
def test_who_guesses_passwords_has_to_wait(locked: Lodger, page: Page, host: str) -> None:
    page.goto(locked.url(host))
    for _ in range(5):
        _try(page, "wrong")
        expect(page.get_by_role("alert")).to_contain_text("Wrong password.")
    _try(page, PASSWORD)
    expect(page.get_by_role("alert")).to_contain_text(re.compile(r"Wait \d+ seconds"))
    page.goto(locked.url(host))
    expect(heading(page, "Log in")).to_be_visible()


@ON_A_PHONE
def test_a_text_sent_after_log_out_is_handed_back(
    locked: Lodger, window: BrowserContext, host: str
) -> None:
    writing, other = window.new_page(), window.new_page()
    writing.goto(locked.url(host))
    _try(writing, PASSWORD)
    writing.goto(locked.url(host))
    open_editor(writing).fill(EDITED)
    other.goto(locked.url(host))
    other.get_by_role("button", name="Log out", exact=True).click()
    expect(heading(other, "Log in")).to_be_visible()
    writing.get_by_role("button", name="Review changes").click()
    expect(heading(writing, "You are logged out")).to_be_visible()
    expect(writing.get_by_label("What you wrote")).to_have_value(EDITED)
    assert locked.memory.read_text() == SAMPLE


@PLAIN
def test_a_note_can_be_added_by_keyboard_alone(lodger: Lodger, page: Page, host: str) -> None:
    page.goto(lodger.url(host))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
    box = page.get_by_label("Add a note")
    _tab_to(page, box)
    page.keyboard.type("By keyboard")
    button = page.get_by_role("button", name="Add note")
    _tab_to(page, button)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Noted.")


@PLAIN
def test_an_edit_can_be_saved_by_keyboard_alone(lodger: Lodger, page: Page, host: str) -> None:
    page.goto(lodger.url(host))
    _tab_to(page, page.get_by_role("main").get_by_role("link", name="Edit", exact=True))
    page.keyboard.press("Enter")
    _tab_to(page, page.get_by_label("The memory, in Markdown"))
    page.keyboard.press("Control+End")
    page.keyboard.type("- Never by mouse")
    _tab_to(page, page.get_by_role("button", name="Review changes"))
    page.keyboard.press("Enter")
    expect(heading(page, "Review your changes")).to_be_visible()
    _tab_to(page, page.get_by_role("button", name="Save", exact=True))
    page.keyboard.press("Space")
    expect(page.get_by_role("status")).to_contain_text("Saved.")
    assert lodger.memory.read_text().rstrip("\n") == SAMPLE + "- Never by mouse"


def test_control_and_enter_send_a_note(lodger: Lodger, desktop: BrowserContext) -> None:
    page = desktop.new_page()
    page.goto(lodger.url())
    page.get_by_label("Add a note").fill("Sent from the box")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("status")).to_contain_text("Noted.")


def test_unsaved_words_are_not_left_behind_unasked(
    lodger: Lodger, desktop: BrowserContext, events: Events
) -> None:
    page = desktop.new_page()
    page.goto(lodger.url())
    editor = open_editor(page)
    editor.click()
    page.keyboard.type("x")
    with page.expect_event("dialog") as asked:
        page.get_by_role("link", name="Cancel").click()
    assert asked.value.type == "beforeunload"
    expect(editor).to_have_value(re.compile("x"))
    events.answer_dialog = lambda dialog: dialog.accept()
    page.get_by_role("link", name="Cancel").click()
    expect(heading(page, "Memory")).to_be_visible()


def test_the_outline_leads_to_its_headings(lodger: Lodger, desktop: BrowserContext) -> None:
    page = desktop.new_page()
    page.set_viewport_size({"width": 1280, "height": 400})
    page.goto(lodger.url())
    target = page.get_by_role("heading", name="Hard constraints")
    page.get_by_role("navigation", name="Outline").get_by_role(
        "link", name="Hard constraints"
    ).click()
    expect(target).to_be_in_viewport()


def _try(page: Page, password: str) -> None:
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def _tab_to(page: Page, wanted: Locator, most: int = 40) -> None:
    """Press Tab until `wanted` has the focus, and see that it shows."""
    for _ in range(most):
        if wanted.evaluate("element => element === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(wanted).to_be_focused()
    assert wanted.evaluate("element => getComputedStyle(element).outlineStyle") != "none"
