"""What sync clients leave apart comes together: nothing lost, nobody asked without need."""

from __future__ import annotations

import errno
import os
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine

from memsync import clock
from memsync.errors import DamagedMemoryError, WrongUsageError
from memsync.files.placeholders import icloud_stub
from memsync.memory import store
from memsync.memory.conflicts import records
from memsync.memory.conflicts.reconcile import reconcile
from memsync.memory.conflicts.resolve import merge_edit, resolve_conflict
from memsync.memory.history import backups, last_seen, publish_log
from memsync.memory.publish import publish
from memsync.notes import ledger, reader
from memsync.notes import log as day_logs
from memsync.notes.kept import kept_notes
from memsync.refresh.pending import pending_notes
from memsync.text import note
from memsync.text.diff3 import Resolution
from memsync.text.digest import digest
from tests.conftest import SAMPLE

ADDED = SAMPLE.replace(
    "- Write the runbook", "- Write the runbook\n- Call the accountant on Monday"
)
OSLO, ROME = SAMPLE.replace("Turin", "Oslo"), SAMPLE.replace("Turin", "Rome")


def name(text):
    return digest(text.encode())


def other_machine(workspace, *lines, folder="desktop-0001"):
    """Let another machine have published texts: pairs of a text and those it was made from."""
    log = workspace.machines / folder / "published.log"
    log.parent.mkdir(exist_ok=True)
    with log.open("a") as file:
        for text, *parents in lines:
            made_from = ",".join(map(name, parents)) or "-"
            file.write(f"{clock.now().isoformat()} {name(text)} {made_from}\n")


def copy(workspace, text, called="GLOBAL_MEMORY.sync-conflict-20261123-101112-ABCDEFG.md"):
    path = workspace.root / called
    path.write_bytes(text.encode())
    return path


def kept_copies(workspace):
    return sorted(path.read_text() for path in (workspace.backups / "copies").glob("*"))


def save(workspace, text):
    publish(workspace, text, store.read(workspace).digest)


@pytest.fixture
def noon():
    with time_machine.travel("2026-11-23T12:00:00+00:00", tick=False) as traveller:
        yield traveller


@pytest.fixture
def claude_md(home):
    return home / ".claude" / "CLAUDE.md"


def test_what_a_copy_adds_comes_into_the_memory_and_the_copy_to_the_backups(workspace, claude_md):
    save(workspace, OSLO)
    path = copy(workspace, ADDED)
    outcome = reconcile(workspace)
    both = ADDED.replace("Turin", "Oslo")
    assert workspace.memory.read_text() == both
    assert both in claude_md.read_text()
    assert not path.exists()
    assert kept_copies(workspace) == [ADDED]
    assert outcome.sources == (path.name,)
    assert outcome.disputes == ()
    assert [kept.path.read_text() for kept in backups.list_backups(workspace.backups)] == [
        OSLO,
        SAMPLE,
    ]


@pytest.mark.parametrize("length", [215, 240, 255])
def test_a_copy_is_brought_in_however_long_its_name_became(workspace, length):
    """A copy of a copy bears the names of both, in Japanese at three bytes a letter."""
    once = " (エイダのデスクトップの競合コピー 2026-11-23)"
    stem = f"GLOBAL_MEMORY-pi{once}{once}"
    stem += "i" * (length - len(f"{stem}-safeBackup-0001.md".encode())) + "-safeBackup-0001"
    save(workspace, OSLO)
    path = copy(workspace, ADDED, f"{stem}.md")
    assert len(path.name.encode()) == length
    reconcile(workspace)
    assert "accountant" in workspace.memory.read_text()
    assert not path.exists()
    assert kept_copies(workspace) == [ADDED]


def test_a_second_look_and_the_same_copy_again_change_nothing(workspace):
    save(workspace, OSLO)
    copy(workspace, ADDED)
    reconcile(workspace)
    after = workspace.memory.read_bytes()
    assert reconcile(workspace).sentence == ""
    copy(workspace, ADDED, "GLOBAL_MEMORY (Ada's conflicted copy 2026-11-24).md")
    save(workspace, store.read(workspace).text.replace("- Call the accountant on Monday\n", ""))
    reconcile(workspace)
    assert "accountant" not in workspace.memory.read_text()  # it was in it, and was taken out
    assert (
        after.decode().replace("- Call the accountant on Monday\n", "")
        == store.read(workspace).text
    )
    assert len(kept_copies(workspace)) == 2


def test_a_line_that_both_changed_is_there_twice_until_a_person_decides(workspace, claude_md):
    save(workspace, OSLO)
    copy(workspace, ROME)
    outcome = reconcile(workspace)
    text = workspace.memory.read_text()
    assert "in Oslo" in text
    assert "in Rome" in text
    assert "<<<<" not in text
    (dispute,) = records.unresolved(workspace)
    assert dispute.id == outcome.disputes[0].id
    assert (dispute.base, dispute.ours, dispute.theirs) == (
        ("- Ada, backend engineer in Turin\n",),
        ("- Ada, backend engineer in Oslo\n",),
        ("- Ada, backend engineer in Rome\n",),
    )
    assert dispute.section == "Identity"
    resolve_conflict(workspace, dispute, Resolution.THEIRS)
    assert workspace.memory.read_text() == ROME
    assert ROME in claude_md.read_text()
    assert records.unresolved(workspace) == []


@pytest.mark.parametrize(
    ("choice", "text"),
    [(Resolution.OURS, OSLO), (Resolution.THEIRS, ROME), (Resolution.BOTH, None)],
)
def test_a_decision_holds_when_the_same_two_texts_meet_again(workspace, choice, text):
    save(workspace, OSLO)
    copy(workspace, ROME)
    reconcile(workspace)
    resolve_conflict(workspace, records.unresolved(workspace)[0], choice)
    decided = store.read(workspace).text
    assert text is None or decided == text
    publish(workspace, OSLO, None)
    other_machine(workspace, (ROME + "\n", SAMPLE))
    copy(workspace, ROME + "\n")
    reconcile(workspace)
    assert store.read(workspace).text.strip() == decided.strip()
    assert records.unresolved(workspace) == []


def test_a_conflict_is_one_on_whichever_machine_it_is_found(workspace):
    save(workspace, OSLO)
    copy(workspace, ROME)
    reconcile(workspace)
    (dispute,) = records.unresolved(workspace)
    theirs = workspace.machines / "desktop-0001" / "conflicts"
    theirs.mkdir(parents=True)
    ours = next(workspace.machines.glob(f"*/conflicts/{dispute.id}.json"))
    theirs.joinpath(ours.name).write_bytes(ours.read_bytes())
    assert [one.id for one in records.unresolved(workspace)] == [dispute.id]
    theirs.joinpath("0123456789.json").write_text("{ torn")
    assert len(records.unresolved(workspace)) == 1


def test_an_edit_by_hand_on_the_only_machine_is_the_persons_word(workspace):
    save(workspace, ADDED)
    workspace.memory.write_text(OSLO)
    reconcile(workspace)
    assert workspace.memory.read_text() == OSLO
    workspace.memory.write_text(ADDED)  # and back
    reconcile(workspace)
    assert workspace.memory.read_text() == ADDED
    assert not last_seen.load_seen(workspace.root).missing


def test_a_memory_written_over_by_a_machine_that_had_not_seen_ours_is_merged(workspace):
    save(workspace, ADDED)
    other_machine(workspace, (OSLO, SAMPLE))
    workspace.memory.write_text(OSLO)  # the last writer wins, and no copy is left
    outcome = reconcile(workspace)
    assert workspace.memory.read_text() == ADDED.replace("Turin", "Oslo")
    assert "before it was written over" in outcome.sentence


def test_a_memory_made_from_ours_elsewhere_is_taken_as_it_is(workspace):
    save(workspace, ADDED)
    other_machine(workspace, (OSLO, ADDED))  # it took the accountant out
    workspace.memory.write_text(OSLO)
    assert reconcile(workspace).sentence == ""
    assert workspace.memory.read_text() == OSLO


def test_an_edit_by_hand_that_shows_it_knew_ours_is_taken_as_it_is(workspace):
    save(workspace, ADDED.replace("Turin", "Oslo, where the fjord is"))
    other_machine(workspace, (SAMPLE,))
    workspace.memory.write_text(SAMPLE.replace("Turin", "Oslo, where the fjord is"))
    assert reconcile(workspace).sentence == ""
    assert "accountant" not in workspace.memory.read_text()


def test_an_edit_of_which_that_cannot_be_told_waits_half_a_day_then_is_asked_about(workspace, noon):
    save(workspace, ADDED)
    other_machine(workspace, (SAMPLE,))
    workspace.memory.write_text(OSLO)  # nobody wrote down what this was made from
    assert reconcile(workspace).sentence == ""
    assert workspace.memory.read_text() == OSLO
    noon.shift(timedelta(hours=6))
    assert reconcile(workspace).sentence == ""
    noon.shift(timedelta(hours=7))
    reconcile(workspace)
    text = workspace.memory.read_text()
    assert "accountant" in text
    assert "Oslo" in text
    assert "Turin" in text
    (dispute,) = records.unresolved(workspace)
    assert "- Call the accountant on Monday\n" in dispute.theirs
    resolve_conflict(workspace, dispute, Resolution.OURS)
    assert workspace.memory.read_text() == OSLO
    noon.shift(timedelta(hours=24))
    assert reconcile(workspace).sentence == ""
    assert workspace.memory.read_text() == OSLO


def test_while_it_waits_the_other_machine_says_what_it_was_made_from(workspace, noon):
    save(workspace, ADDED)
    other_machine(workspace, (SAMPLE,))
    workspace.memory.write_text(OSLO)
    reconcile(workspace)
    other_machine(workspace, (OSLO, SAMPLE))
    reconcile(workspace)
    assert workspace.memory.read_text() == ADDED.replace("Turin", "Oslo")
    assert records.unresolved(workspace) == []


def test_a_link_among_the_backups_brings_nothing_there(workspace, tmp_path):
    secret = tmp_path / "private.txt"
    secret.write_text("SECRET\n")
    called = "GLOBAL_MEMORY_20261123_101112.sync-conflict-20261123-101112-ABCDEFG.md"
    workspace.backups.mkdir(exist_ok=True)
    (workspace.backups / called).symlink_to(secret)
    reconcile(workspace)
    assert kept_copies(workspace) == []
    assert (workspace.backups / called).is_symlink()


def test_a_file_of_a_persons_own_is_left_and_named(workspace):
    paths = [
        copy(workspace, SAMPLE + "- mine\n", "GLOBAL_MEMORY-old-notes.md"),
        copy(workspace, SAMPLE, "GLOBAL_MEMORY-backup.md"),
        copy(workspace, "a shopping list\n", "GLOBAL_MEMORY 2.md"),
        copy(workspace, ADDED, "GLOBAL_MEMORY copy.md"),  # no client's, whatever it holds
    ]
    outcome = reconcile(workspace)
    assert sorted(outcome.doubtful) == sorted(paths)
    assert all(path.exists() for path in paths)
    assert workspace.memory.read_text() == SAMPLE


@pytest.mark.parametrize(
    "called", ["GLOBAL_MEMORY-DESKTOP.md", "GLOBAL_MEMORY-DESKTOP-2.md", "GLOBAL_MEMORY 2.md"]
)
def test_a_name_that_a_person_might_choose_is_a_copy_by_its_content(workspace, called):
    other_machine(workspace, (SAMPLE,))
    copy(workspace, ADDED, called)
    reconcile(workspace)
    assert workspace.memory.read_text() == ADDED
    assert kept_copies(workspace) == [ADDED]


@pytest.mark.parametrize("apostrophe", ["'", "\u2019"])
def test_a_mac_is_known_by_the_name_its_owner_gave_it(workspace, apostrophe):
    other_machine(workspace, (SAMPLE,), folder="adas-macbook-pro-0001")
    copy(workspace, ADDED, f"GLOBAL_MEMORY-Ada{apostrophe}s MacBook Pro-2.md")
    reconcile(workspace)
    assert workspace.memory.read_text() == ADDED


def test_a_text_a_machine_published_is_a_copy_by_any_machines_name(workspace):
    other_machine(workspace, (ADDED, SAMPLE))
    copy(workspace, ADDED, "GLOBAL_MEMORY-WORK-PC.md")
    reconcile(workspace)
    assert workspace.memory.read_text() == ADDED


@pytest.mark.parametrize("data", [b"", b"\0" * 80, b"\xff\xfe"])
def test_a_copy_that_cannot_be_read_stays_where_it_is(workspace, data):
    path = copy(workspace, "")
    path.write_bytes(data)
    assert reconcile(workspace).sentence == ""
    assert path.read_bytes() == data


def test_where_rclone_renamed_both_sides_the_memory_comes_back(workspace):
    save(workspace, OSLO)
    workspace.memory.rename(workspace.root / "GLOBAL_MEMORY.md.conflict1")
    copy(workspace, ADDED, "GLOBAL_MEMORY.md.conflict2")
    reconcile(workspace)
    assert workspace.memory.read_text() == ADDED.replace("Turin", "Oslo")
    assert sorted(kept_copies(workspace)) == sorted([OSLO, ADDED])


def test_one_of_the_two_that_rclone_renamed_waits_for_what_was_made_of_both(workspace):
    """Another machine brought the other in; a memory of this one alone would be renamed again."""
    save(workspace, OSLO)
    workspace.memory.unlink()
    path = copy(workspace, ADDED, "GLOBAL_MEMORY.md.conflict1")
    with pytest.raises(DamagedMemoryError, match=r"of the two .* is here") as error:
        reconcile(workspace)
    assert error.value.hint.endswith("memsync conflicts take GLOBAL_MEMORY.md.conflict1")
    assert path.read_text() == ADDED
    assert not workspace.memory.exists()
    other_machine(workspace, (ADDED, SAMPLE), (ADDED.replace("Turin", "Oslo"), OSLO, ADDED))
    workspace.memory.write_text(ADDED.replace("Turin", "Oslo"))
    assert reconcile(workspace).sentence == ""
    assert kept_copies(workspace) == [ADDED]


def test_one_of_the_two_that_rclone_renamed_becomes_the_memory_where_a_person_takes_it(workspace):
    save(workspace, OSLO)
    workspace.memory.unlink()
    copy(workspace, ADDED, "GLOBAL_MEMORY.md.conflict1")
    reconcile(workspace, "GLOBAL_MEMORY.md.conflict1")
    assert "accountant" in workspace.memory.read_text()
    assert kept_copies(workspace) == [ADDED]


def test_one_of_the_two_that_rclone_renamed_is_enough_where_the_other_cannot_be_read(workspace):
    save(workspace, OSLO)
    workspace.memory.rename(workspace.root / "GLOBAL_MEMORY.md.conflict1")
    copy(workspace, "", "GLOBAL_MEMORY.md.conflict2").write_bytes(b"\xff\xfe")
    reconcile(workspace)
    assert workspace.memory.read_text() == OSLO


def test_a_missing_memory_is_no_reason_to_make_one_of_another_clients_copy(workspace):
    workspace.memory.unlink()
    path = copy(workspace, ADDED)
    with pytest.raises(DamagedMemoryError):
        reconcile(workspace)
    assert path.exists()


def test_line_endings_and_a_byte_order_mark_stay_the_memorys(workspace):
    text = "\ufeff" + OSLO.replace("\n", "\r\n")
    publish(workspace, text, None)
    copy(workspace, ADDED)
    reconcile(workspace)
    merged = workspace.memory.read_bytes().decode()
    assert merged.startswith("\ufeff")
    assert merged.count("\r\n") == merged.count("\n")
    assert "accountant" in merged


def test_logs_are_united_and_their_copies_kept(workspace, noon):
    mine = note.make_note("mine", clock.now())
    day_logs.append(workspace, mine)
    noon.shift(60)
    theirs = note.make_note("theirs", clock.now())
    log = reader.log_path(workspace, mine.day)
    path = log.with_name(f"{mine.day}.sync-conflict-20261123-120000-ABCDEFG.md")
    path.write_text(note.render_entry(theirs))
    assert reconcile(workspace).notes == 1
    assert log.read_text() == note.render_entry(mine) + note.render_entry(theirs)
    assert kept_copies(workspace) == [note.render_entry(theirs)]
    path.write_text(note.render_entry(theirs))
    assert reconcile(workspace).notes == 0
    assert not path.exists()
    own = log.with_name(f"{mine.day}-meeting.md")
    own.write_text("what was said in the meeting\n")
    reconcile(workspace)
    assert own.exists()


@pytest.mark.parametrize("why", ["Permission denied", "its content is in the cloud"])
def test_a_copy_of_a_log_that_cannot_be_read_is_named_and_stops_nothing(
    workspace, noon, monkeypatch, why
):
    """One file of another owner kept all notes pending, and every other copy where it was."""
    mine = note.make_note("mine", clock.now())
    day_logs.append(workspace, mine)
    log = reader.log_path(workspace, mine.day)
    path = log.with_name(f"{mine.day}.sync-conflict-20261123-120000-ABCDEFG.md")
    theirs = note.render_entry(note.make_note("theirs", clock.now()))
    path.write_text(theirs)
    save(workspace, OSLO)
    copy(workspace, ADDED)
    real = os.open

    def refuse(name: Path, *rest: object, **more: object) -> int:
        if Path(str(name)).name == path.name:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(name))
        return real(name, *rest, **more)

    with monkeypatch.context() as patched:
        if why == "Permission denied":
            patched.setattr(os, "open", refuse)
        else:
            icloud_stub(path).touch()
        outcome = reconcile(workspace)
        assert [(left.path, left.why) for left in outcome.left] == [(path, why)]
        assert pending_notes(workspace) == [mine]
    assert "accountant" in workspace.memory.read_text()
    assert path.read_text() == theirs
    icloud_stub(path).unlink(missing_ok=True)
    assert reconcile(workspace).notes == 1
    assert log.read_text() == note.render_entry(mine) + theirs


def test_a_note_that_a_client_wrote_over_is_put_back_until_a_week_after_it_is_merged(
    workspace, noon
):
    mine = note.make_note("mine", clock.now())
    day_logs.append(workspace, mine)
    log = reader.log_path(workspace, mine.day)
    log.write_text("")
    assert reconcile(workspace).notes == 1
    assert log.read_text() == note.render_entry(mine)
    ledger.mark_merged(workspace, [mine])
    log.unlink()  # a client did, for a copy that was brought in where it still stood
    assert reconcile(workspace).notes == 1
    assert log.read_text() == note.render_entry(mine)
    assert not pending_notes(workspace)
    log.unlink()
    icloud_stub(log).touch()
    reconcile(workspace)  # its content is in the cloud: nothing is known to lack
    icloud_stub(log).unlink()
    assert not log.exists()
    noon.shift(timedelta(days=8))
    log.write_text("")
    reconcile(workspace)
    assert log.read_text() == ""
    assert not kept_notes(workspace.root)


@pytest.mark.parametrize("ending", [".sync-conflict-20261123-120000-ABCDEFG", " 2", ""])
def test_a_log_or_a_copy_of_one_that_is_all_nul_is_named_and_left(workspace, noon, ending):
    """A power cut left the log so; nothing said that the day's notes were gone."""
    mine = note.make_note("mine", clock.now())
    day_logs.append(workspace, mine)
    path = workspace.sessions / f"{mine.day if ending else '2026-11-22'}{ending}.md"
    path.write_bytes(b"\0" * 80)
    for _ in range(2):
        outcome = reconcile(workspace)
        assert [(left.path, left.why) for left in outcome.left] == [(path, "NUL bytes")]
        assert outcome.doubtful == ()
    assert path.read_bytes() == b"\0" * 80
    assert kept_copies(workspace) == []
    assert pending_notes(workspace) == [mine]
    if ending:
        with pytest.raises(WrongUsageError, match="NUL bytes"):
            reconcile(workspace, taken=path.name)


def test_what_notes_are_left_in_a_damaged_copy_of_a_log_come_in(workspace, noon):
    mine = note.make_note("mine", clock.now())
    day_logs.append(workspace, mine)
    theirs = note.make_note("theirs", clock.now())
    path = workspace.sessions / f"{mine.day}.sync-conflict-20261123-120000-ABCDEFG.md"
    path.write_bytes(b"\0" * 80 + note.render_entry(theirs).encode())
    assert reconcile(workspace).notes == 1
    assert pending_notes(workspace) == [mine, theirs]
    assert not path.exists()


def test_a_line_stands_in_the_log_before_the_memory_is_written(workspace):
    save(workspace, OSLO)
    graph = publish_log.read_ancestry(workspace)
    assert graph.descends(name(OSLO), name(SAMPLE))
    assert not graph.descends(name(SAMPLE), name(OSLO))
    log = next(workspace.machines.glob("*/published.log"))
    log.write_text(log.read_text() + "2026-11-24T10:00 torn\n")
    assert publish_log.read_ancestry(workspace).knows(name(OSLO))


def test_an_edit_made_from_an_older_memory_is_merged_with_the_present_one(workspace):
    before = store.read(workspace)
    save(workspace, ADDED)
    _, count = merge_edit(workspace, before, OSLO)
    assert count == 0
    assert workspace.memory.read_text() == ADDED.replace("Turin", "Oslo")


def test_an_edit_merged_into_a_memory_that_a_client_put_there_loses_nothing_of_either(workspace):
    other_machine(workspace, (ROME, SAMPLE))
    save(workspace, ADDED)
    before = store.read(workspace)
    workspace.memory.write_text(ROME)  # the editor is open while the client brings this
    merge_edit(workspace, before, ADDED.replace("Ship the importer", "Ship the exporter"))
    wanted = ADDED.replace("Ship the importer", "Ship the exporter").replace("Turin", "Rome")
    assert workspace.memory.read_text() == wanted
    copy(workspace, ADDED)  # what the client put beside it
    reconcile(workspace)
    assert workspace.memory.read_text() == wanted


def test_what_an_edit_took_away_stays_away_where_the_memory_that_came_lacks_it_anyway(workspace):
    """Nothing is to be written then but that the memory has the edit in it."""
    before = store.read(workspace)
    save(workspace, ADDED)
    mine = store.read(workspace)
    other_machine(workspace, (ROME, SAMPLE))
    workspace.memory.write_text(ROME)  # the editor is open while the client brings this
    merge_edit(workspace, mine, before.text)
    assert workspace.memory.read_text() == ROME
    copy(workspace, ADDED)  # what the client put beside it
    reconcile(workspace)
    assert workspace.memory.read_text() == ROME


def test_a_question_is_kept_where_the_memory_has_both_lines_already(workspace):
    other_machine(workspace, (ROME, SAMPLE))
    shorter = SAMPLE.replace("- Write the runbook\n", "")
    save(workspace, SAMPLE.replace("- Write the runbook", "- Write the runbook, then the tests"))
    before = store.read(workspace).text
    copy(workspace, shorter)
    reconcile(workspace)
    assert workspace.memory.read_text() == before
    (dispute,) = records.unresolved(workspace)
    assert dispute.base == ("- Write the runbook\n",)


def test_of_two_texts_without_a_known_origin_both_stay_and_a_person_is_asked(workspace):
    log = next(workspace.machines.glob("*/published.log"))
    log.unlink()  # as in a folder an older tool left
    copy(workspace, ADDED)
    reconcile(workspace)
    assert workspace.memory.read_text() == ADDED
    (dispute,) = records.unresolved(workspace)
    assert dispute.theirs == ("- Call the accountant on Monday\n",)
    resolve_conflict(workspace, dispute, Resolution.OURS)
    assert workspace.memory.read_text() == SAMPLE
    copy(workspace, ADDED)
    reconcile(workspace)
    assert workspace.memory.read_text() == SAMPLE
    assert records.unresolved(workspace) == []


def test_bringing_back_what_stands_there_is_no_beginning(workspace):
    other_machine(workspace, (SAMPLE,))
    workspace.memory.write_text(ADDED)  # by hand
    publish(workspace, ADDED, None)  # a restore of the same text
    assert not publish_log.read_ancestry(workspace).knows(name(ADDED))


def test_a_text_that_is_in_the_memory_is_waited_for_no_more(workspace):
    other_machine(workspace, (SAMPLE,))
    save(workspace, ADDED)
    workspace.memory.write_text(OSLO)
    reconcile(workspace)
    assert list(last_seen.load_seen(workspace.root).missing) == [name(ADDED)]
    other_machine(workspace, (OSLO, ADDED))
    reconcile(workspace)
    assert not last_seen.load_seen(workspace.root).missing


def test_a_renamed_memory_that_comes_back_is_not_made_from_what_was_there_before(workspace):
    save(workspace, ADDED)
    other_machine(workspace, (OSLO, SAMPLE))
    workspace.memory.rename(workspace.root / "GLOBAL_MEMORY.md.conflict1")
    (workspace.root / "GLOBAL_MEMORY.md.conflict1").write_text(OSLO)
    copy(workspace, SAMPLE, "GLOBAL_MEMORY.md.conflict2")  # ours was written over
    reconcile(workspace)
    assert workspace.memory.read_text() == ADDED.replace("Turin", "Oslo")
    assert not publish_log.read_ancestry(workspace).descends(name(OSLO), name(ADDED))


def test_a_conflict_copy_of_a_backup_is_kept_beside_the_backups(workspace):
    save(workspace, OSLO)
    (kept,) = backups.list_backups(workspace.backups)
    path = kept.path.with_name(f"{kept.path.stem}.sync-conflict-20261123-101112-ABCDEFG.md")
    path.write_text(ROME)
    own = kept.path.with_name(f"{kept.path.stem}-good.md")
    own.write_text(ROME)
    reconcile(workspace)
    assert not path.exists()
    assert kept_copies(workspace) == [ROME]
    assert own.exists()
    assert backups.list_backups(workspace.backups) == [kept]


@pytest.mark.parametrize("ending", [" 2", " (1)", "-DESKTOP-AB12C", "-DESKTOP-AB12C-2", "_2 3"])
def test_a_copy_of_a_backup_is_known_by_a_number_or_one_of_the_machines(workspace, ending):
    """None of these was moved, nor thinned out, though each lay among the backups."""
    other_machine(workspace, (ADDED, SAMPLE), folder="desktop-ab12c-0001")
    workspace.backups.mkdir(exist_ok=True)
    path = workspace.backups / f"GLOBAL_MEMORY_20261123_101112{ending}.md"
    path.write_text(ROME)
    own = workspace.backups / "GLOBAL_MEMORY_20261123_101112-before-the-move.md"
    own.write_text(OSLO)
    reconcile(workspace)
    assert not path.exists()
    assert kept_copies(workspace) == [ROME]
    assert own.read_text() == OSLO


def test_a_copy_of_a_backup_that_cannot_be_read_is_named_and_stops_nothing(workspace, monkeypatch):
    workspace.backups.mkdir(exist_ok=True)
    path = workspace.backups / "GLOBAL_MEMORY_20261123_101112 2.md"
    path.write_text(ROME)
    copy(workspace, ADDED)
    real = os.open

    def refuse(name: Path, *rest: object, **more: object) -> int:
        if Path(str(name)).name == path.name:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(name))
        return real(name, *rest, **more)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        outcome = reconcile(workspace)
    assert [(left.path, left.why) for left in outcome.left] == [(path, os.strerror(errno.EIO))]
    assert "accountant" in workspace.memory.read_text()
    assert path.read_text() == ROME


def test_a_copy_of_what_the_memory_was_once_is_one_by_its_content(workspace):
    other_machine(workspace, (SAMPLE,))
    save(workspace, "# Another memory\n\n- all of it is new\n- and not a line is as it was\n")
    copy(workspace, ADDED, "GLOBAL_MEMORY 2.md")
    assert reconcile(workspace).sources == ("GLOBAL_MEMORY 2.md",)


def test_a_save_that_changes_nothing_keeps_what_somebody_typed_before(workspace):
    """A client without copies may write over it the next moment."""
    workspace.memory.write_text(ADDED)
    save(workspace, ADDED)
    assert last_seen.load_seen(workspace.root).memory == name(ADDED)
    assert last_seen.seen_text(workspace.root, name(ADDED)) == ADDED
