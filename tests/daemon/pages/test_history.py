"""History on the page: each change with its lines, the way back, and where the memory came from."""

from __future__ import annotations

from pathlib import Path

import pytest
import time_machine

from memsync import clock
from memsync.config.sync_folder import trust_link
from memsync.config.workspace import Workspace
from memsync.daemon import job_history
from memsync.daemon.pages import history as history_page
from memsync.daemon.presenters import origin, timeline
from memsync.errors import MemoryMovedError
from memsync.files.atomic import atomic_write
from memsync.memory import machines, publish
from memsync.memory.history import backups
from memsync.notes import log
from memsync.refresh import run as refresh
from memsync.refresh import usage
from memsync.text import note as note_texts
from memsync.text.digest import digest
from tests.conftest import SAMPLE
from tests.daemon.conftest import WRONGS, memory_bytes, saved, set_memory
from tests.support.browser import Browser, Page

START = "2026-11-22T12:00:00+00:00"


def become(workspace: Workspace, *texts: str) -> None:
    """Publish texts, one a minute."""
    with time_machine.travel(START, tick=False) as now:
        for text in texts:
            publish.publish(workspace, text, None)
            now.shift(60)


def entries(page: Page) -> list[str]:
    return [" ".join(item.text.split()) for item in page.all("li")]


def names(workspace: Workspace) -> list[str]:
    return [timeline.short_name(entry) for entry in backups.list_backups(workspace.backups)]


def test_without_a_change_the_page_says_what_will_be_there(browser: Browser) -> None:
    page = browser.get("/history")
    assert page.status == 200
    assert "No change yet" in page.text


def test_each_change_is_told_newest_first_with_its_lines(
    browser: Browser, workspace: Workspace
) -> None:
    become(workspace, SAMPLE + "- one\n- two\n", SAMPLE + "- one\n", SAMPLE + "- 1\n")
    newest, middle, oldest = entries(browser.get("/history"))
    assert "1 line added 1 line removed" in newest
    assert "1 line removed" in middle
    assert "added" not in middle
    assert "2 lines added" in oldest
    assert "removed" not in oldest


def test_a_change_is_shown_word_by_word_against_what_came_next_and_against_the_memory(
    browser: Browser, workspace: Workspace
) -> None:
    become(workspace, SAMPLE.replace("importer", "exporter"), SAMPLE + "- last\n")
    oldest = names(workspace)[-1]
    page = browser.get(f"/history/{oldest}")
    assert [mark.text for mark in page.all("mark")] == ["importer", "exporter"]
    assert "last" not in page.all("table")[0].text
    since = browser.get(f"/history/{oldest}?with=memory")
    assert "- last" in since.all("table")[0].text
    assert "exporter" not in since.all("table")[0].text


def test_one_may_leaf_from_change_to_change(browser: Browser, workspace: Workspace) -> None:
    become(workspace, "# a\n", "# b\n", "# c\n")
    newest, middle, oldest = names(workspace)

    def around(name: str) -> list[str]:
        links = browser.get(f"/history/{name}").all("a")
        found = [a.attributes["href"] for a in links if a.text in {"\u2190 Older", "Newer \u2192"}]
        return [link.removeprefix("/history/") for link in found]

    assert around(middle) == [oldest, newest]
    assert around(newest) == [middle]
    assert around(oldest) == [middle]


def test_many_changes_are_leafed_through_and_none_is_left_out(
    browser: Browser, workspace: Workspace
) -> None:
    become(workspace, *(f"# {number}\n" for number in range(45)))
    seen: list[str] = []
    path = "/history"
    while path:
        page = browser.get(path)
        links = [a.attributes["href"] for a in page.all("a")]
        seen += [link.split("/")[2] for link in links if link.endswith("/restore")]
        path = next((link for link in links if "from=" in link), "")
    assert seen == names(workspace)


def test_going_back_is_reviewed_and_what_stood_there_is_kept(
    browser: Browser, workspace: Workspace, home: Path
) -> None:
    become(workspace, SAMPLE.replace("- Never push to main without asking\n", ""))
    [name] = names(workspace)
    review = browser.get(f"/history/{name}/restore")
    assert "Nothing is restored yet" in review.text
    assert "1 line added" in review.text
    present = memory_bytes(workspace)
    page = browser.submit(review.form(f"/history/{name}/restore"))
    assert page.headers["Location"] == "/?said=restored"
    assert memory_bytes(workspace) == SAMPLE.encode()
    assert backups.list_backups(workspace.backups)[0].path.read_bytes() == present
    assert "Never push" in (home / ".claude" / "CLAUDE.md").read_text()
    assert "by a restore on this page on this machine" in " ".join(
        browser.follow(page).text.split()
    )


def test_a_constraint_that_going_back_takes_away_is_marked(
    browser: Browser, workspace: Workspace
) -> None:
    become(workspace, SAMPLE + "- Never guess\n")
    review = browser.get(f"/history/{names(workspace)[0]}/restore")
    assert "removes or rewords a hard constraint" in review.text


def test_a_memory_that_moved_since_the_review_is_reviewed_anew(
    browser: Browser, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    become(workspace, SAMPLE + "- one\n")
    [name] = names(workspace)
    form = browser.get(f"/history/{name}/restore").form(f"/history/{name}/restore")
    become(workspace, SAMPLE + "- one\n- two\n")
    moved = browser.submit(form)
    assert moved.status == 409
    assert "2 lines removed" in moved.text
    for based_on in ("", "damaged", "None", "\0"):
        assert browser.submit(form, based_on=based_on).status == 409

    def late(*_args: object, **_kwargs: object) -> None:
        raise MemoryMovedError("moved")

    monkeypatch.setattr(history_page, "publish", late)
    assert browser.submit(moved.form(f"/history/{name}/restore")).status == 409
    assert memory_bytes(workspace) == (SAMPLE + "- one\n- two\n").encode()


@pytest.mark.parametrize("wrong", ["missing", "empty", "blank", "nul", "no utf-8"])
def test_a_damaged_memory_can_be_restored_from_the_page(
    browser: Browser, workspace: Workspace, wrong: str
) -> None:
    become(workspace, SAMPLE + "- one\n")
    [name] = names(workspace)
    WRONGS[wrong](workspace)
    assert browser.get("/history").status == 200
    assert browser.get(f"/history/{name}").status in {200, 503}
    review = browser.get(f"/history/{name}/restore")
    assert "cannot be read just now" in review.text
    browser.submit(review.form(f"/history/{name}/restore"))
    assert memory_bytes(workspace) == SAMPLE.encode()


@pytest.mark.parametrize("wrong", ["missing", "empty", "blank", "nul", "no utf-8"])
def test_a_damaged_memory_comes_back_as_it_was_last_seen(
    browser: Browser, workspace: Workspace, wrong: str
) -> None:
    become(workspace, SAMPLE + "- one\n", SAMPLE + "- one\n- two\n")
    assert "last seen" not in browser.get("/history").text
    assert browser.get("/history/last/restore").status == 404
    assert browser.get("/history/last").status == 404
    WRONGS[wrong](workspace)
    page = browser.get("/history")
    assert "/history/last/restore" in [a.attributes.get("href") for a in page.all("a")]
    review = browser.get("/history/last/restore")
    assert "Go back to the memory as it was last seen here?" in review.text
    browser.submit(review.form("/history/last/restore"))
    assert memory_bytes(workspace) == (SAMPLE + "- one\n- two\n").encode()
    assert "last seen" not in browser.get("/history").text


def test_a_memory_on_a_drive_that_is_away_is_not_offered_as_last_seen(
    browser: Browser, workspace: Workspace, tmp_path: Path
) -> None:
    """It is not damaged, and nothing could be restored to where it leads."""
    become(workspace, SAMPLE + "- one\n")
    workspace.memory.unlink()
    workspace.memory.symlink_to(tmp_path / "unplugged" / "memory.md")
    trust_link(workspace.root, "GLOBAL_MEMORY.md")
    page = browser.get("/history")
    assert page.status == 200
    assert "last seen" not in page.text
    assert browser.get("/history/last/restore").status == 404


def test_a_backup_like_the_memory_offers_nothing_to_restore(
    browser: Browser, workspace: Workspace
) -> None:
    become(workspace, SAMPLE + "- one\n", SAMPLE)
    page = browser.get(f"/history/{names(workspace)[-1]}/restore")
    assert "is the same already" in page.text
    assert "Restore" not in [button.text for button in page.all("button")]


@pytest.mark.parametrize("data", [b"", b"\0" * 9, b"\xff\xfe"])
def test_a_backup_without_a_text_is_told_and_restores_nothing(
    browser: Browser, workspace: Workspace, data: bytes
) -> None:
    become(workspace, SAMPLE + "- one\n")
    [entry] = backups.list_backups(workspace.backups)
    name = timeline.short_name(entry)
    form = browser.get(f"/history/{name}/restore").form(f"/history/{name}/restore")
    atomic_write(entry.path, data)
    assert browser.get("/history").status == 200
    assert browser.get(f"/history/{name}").status == 503
    assert browser.submit(form).status == 503
    assert memory_bytes(workspace) == (SAMPLE + "- one\n").encode()


@pytest.mark.parametrize(
    "name",
    ["nope", "..", "%2e%2e", "..%2f..%2fGLOBAL_MEMORY.md", "%00", "20261122_120000_9", "*", "%ff"],
)
def test_a_name_that_is_no_backups_is_a_page(
    browser: Browser, workspace: Workspace, name: str
) -> None:
    become(workspace, SAMPLE + "- one\n")
    for path in (f"/history/{name}", f"/history/{name}/restore"):
        assert browser.get(path).status == 404


def test_what_the_page_saved_is_said_to_come_from_here(browser: Browser) -> None:
    page = browser.follow(saved(browser, SAMPLE + "- mine\n"))
    assert "by an edit on this page on this machine" in " ".join(page.text.split())


def told(workspace: Workspace) -> tuple[str, str]:
    found = origin.find_origin(workspace, digest(memory_bytes(workspace)))
    return found.machine and ("here" if found.is_here else found.machine), found.by


def test_of_a_hand_edit_only_the_time_is_told(browser: Browser, workspace: Workspace) -> None:
    saved(browser, SAMPLE + "- mine\n")
    set_memory(workspace, SAMPLE + "- by hand\n")
    assert told(workspace) == ("", "")
    assert "Changed today" in browser.get("/").text


def test_of_a_first_memory_nothing_is_told(workspace: Workspace) -> None:
    assert told(workspace) == ("", "")


def test_a_publish_of_this_machine_is_told_by_its_report(workspace: Workspace) -> None:
    become(workspace, SAMPLE + "- mine\n")
    assert told(workspace) == ("here", "")


def test_a_nightly_refresh_is_told_by_the_history_of_jobs(workspace: Workspace) -> None:
    log.append(workspace, note_texts.make_note("Buy milk", clock.now()))
    with job_history.recording("nightly_refresh") as run:
        run.message = refresh.merge_pending(workspace).sentence
    assert told(workspace) == ("here", "the nightly refresh")


def report_of(workspace: Workspace, machine: str, moment: str, text: str) -> Path:
    folder = workspace.machines / machine
    folder.mkdir(exist_ok=True)
    (folder / machines.REPORT_NAME).write_text(
        f'version = "1"\ntime = {moment}\nmemory_digest = "{digest(text.encode())}"\n'
    )
    return folder


def from_elsewhere(workspace: Workspace, text: str) -> None:
    """Have the memory become `text` as a sync client brings it: with the other's backup."""
    with time_machine.travel(START, tick=False):
        backups.backup(workspace.memory.read_bytes(), workspace.backups)
    set_memory(workspace, text)


def test_another_machine_is_named_that_reported_right_after_the_backup(
    workspace: Workspace, browser: Browser
) -> None:
    text = SAMPLE + "- theirs\n"
    from_elsewhere(workspace, text)
    folder = report_of(workspace, "laptop-12ab", "2026-11-22T12:00:01Z", text)
    report_of(workspace, "tower-34cd", "2026-11-22T12:00:09Z", text)
    assert told(workspace) == ("laptop-12ab", "")
    call = (
        '{"time": "2026-11-22T11:59:58+00:00", "command": "refresh", "model": "m", "changed": true,'
    )
    call += ' "input_tokens": 1, "output_tokens": 1, "cache_read_tokens": 0, "cost_usd": 0.0}'
    (folder / usage.LOG.name).write_text(f"torn\n{call}\n")
    assert told(workspace) == ("laptop-12ab", "a refresh")
    assert "by a refresh on laptop-12ab" in " ".join(browser.get("/").text.split())


@pytest.mark.parametrize(
    ("moment", "reported"),
    [
        ("2026-11-22T12:05:00Z", SAMPLE + "- theirs\n"),
        ("2026-11-22T11:59:00Z", SAMPLE + "- theirs\n"),
        ("2026-11-22T12:00:01Z", SAMPLE),
        ('"soon"', SAMPLE + "- theirs\n"),
    ],
)
def test_a_report_of_another_time_or_text_names_nobody(
    workspace: Workspace, moment: str, reported: str
) -> None:
    from_elsewhere(workspace, SAMPLE + "- theirs\n")
    report_of(workspace, "laptop-12ab", moment, reported)
    assert told(workspace) == ("", "")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"digest": 1}', b"\xff"])
def test_a_damaged_record_of_the_page_claims_nothing(
    browser: Browser, workspace: Workspace, data: bytes
) -> None:
    from memsync.config.state import state_folder

    become(workspace, SAMPLE + "- mine\n")
    (state_folder() / "web_change.json").write_bytes(data)
    assert told(workspace) == ("here", "")
    assert browser.get("/").status == 200
