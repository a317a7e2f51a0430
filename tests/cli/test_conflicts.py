"""`memsync conflicts`: what came together is told, what is disputed is shown and decided."""

import itertools
import json
from collections import Counter

import pytest

from memsync.memory import store
from memsync.memory.publish import publish
from tests.conftest import SAMPLE
from tests.support.scale import some

COPY = "GLOBAL_MEMORY.sync-conflict-20261123-101112-ABCDEFG.md"


@pytest.fixture
def disputed(workspace):
    text = SAMPLE.replace("Turin", "Oslo")
    publish(workspace, text, store.read(workspace).digest)
    (workspace.root / COPY).write_text(SAMPLE.replace("Turin", "Rome"))
    return workspace


def test_where_all_is_well_there_is_nothing_to_decide(call, workspace):
    assert call("conflicts").out == "No conflicts.\n"
    assert call("conflicts", "--json").json["conflicts"] == []
    assert "Conflicts:" not in call("status").out
    assert {"name": "conflicts", "ok": True, "advice": "none"} in call("doctor", "--json").json[
        "checks"
    ]


def test_a_copy_that_nobody_brought_in_yet_is_told_by_doctor(call, disputed):
    (check,) = [c for c in call("doctor", "--json").json["checks"] if c["name"] == "conflicts"]
    assert not check["ok"]
    assert COPY in check["advice"]
    assert "memsync conflicts" in check["advice"]


def test_a_conflict_is_listed_shown_and_decided(call, disputed):
    listed = call("conflicts")
    assert f"Brought in {COPY}; 1 conflict to decide." in listed.out
    (row,) = call("conflicts", "--json").json["conflicts"]
    assert (row["ours"], row["theirs"]) == (
        "- Ada, backend engineer in Oslo\n",
        "- Ada, backend engineer in Rome\n",
    )
    assert "Conflicts:   1" in call("status").out
    assert call("status", "--json").json["conflicts"] == 1
    shown = call("conflicts", "show", row["id"]).out
    assert "Before:\n    - Ada, backend engineer in Turin" in shown
    done = call("conflicts", "decide", row["id"], "--theirs")
    assert done.out.startswith("Decided.")
    assert disputed.memory.read_text() == SAMPLE.replace("Turin", "Rome")
    assert call("conflicts").out == "No conflicts.\n"
    assert call("conflicts", "show", row["id"]).code == 1


def test_both_is_a_decision_too_and_changes_nothing(call, disputed):
    call("conflicts")
    before = disputed.memory.read_bytes()
    (row,) = call("conflicts", "--json").json["conflicts"]
    done = call("conflicts", "decide", row["id"][:6], "--both")
    assert done.out == "Decided. The memory stays as it is.\n"
    assert disputed.memory.read_bytes() == before
    assert call("conflicts", "--json").json["conflicts"] == []


def test_a_text_that_is_gone_cannot_be_picked_for_then_both_would_be(call, disputed):
    call("conflicts")
    (row,) = call("conflicts", "--json").json["conflicts"]
    disputed.memory.write_text(SAMPLE.replace("Turin", "Oslo"))
    done = call("conflicts", "decide", row["id"], "--theirs")
    assert done.code == 6
    assert "the memory no longer has that text" in done.err
    assert "Oslo" in disputed.memory.read_text()


WORDINGS = ("Oslo", "Rome", "Lima", "Bern")


@pytest.mark.parametrize(
    "picks", some(itertools.product(["ours", "theirs"], repeat=3), 3), ids="-".join
)
@pytest.mark.parametrize("newest_first", [False, True])
def test_of_many_wordings_each_question_can_be_decided_and_one_stays(
    call, disputed, picks, newest_first
):
    for number, city in enumerate(WORDINGS[2:]):
        copy = disputed.root / COPY.replace("101112", f"10111{number}")
        copy.write_text(SAMPLE.replace("Turin", city))
    call("conflicts")
    for pick in picks:
        rows = call("conflicts", "--json").json["conflicts"]
        done = call("conflicts", "decide", rows[-1 if newest_first else 0]["id"], f"--{pick}")
        if done.code:
            assert "the memory no longer has that text" in done.err
            other = "ours" if pick == "theirs" else "theirs"
            done = call("conflicts", "decide", rows[-1 if newest_first else 0]["id"], f"--{other}")
        assert done.code == 0
    assert call("conflicts").out == "No conflicts.\n"
    assert any(city in disputed.memory.read_text() for city in WORDINGS)


def test_a_decision_that_is_none_and_a_conflict_that_is_none_are_refused(call, disputed):
    call("conflicts")
    (row,) = call("conflicts", "--json").json["conflicts"]
    assert call("conflicts", "decide", row["id"]).code == 2
    wrong = call("conflicts", "decide", "zzz", "--ours")
    assert wrong.code == 1
    assert "memsync conflicts lists them" in wrong.err


@pytest.mark.parametrize("name", ["", " "])
@pytest.mark.parametrize("command", [("decide", "--theirs"), ("show",)])
def test_an_empty_id_means_no_conflict_not_the_only_one(call, disputed, name, command):
    call("conflicts")
    before = disputed.memory.read_bytes()
    done = call("conflicts", command[0], name, *command[1:])
    assert done.code == 2
    assert done.err == ("Error: an id is needed\nTry: memsync conflicts lists them\n")
    assert disputed.memory.read_bytes() == before
    assert len(call("conflicts", "--json").json["conflicts"]) == 1


def test_the_beginning_of_two_ids_decides_neither(call, disputed):
    call("conflicts")
    (path,) = disputed.machines.glob("*/conflicts/*.json")
    row = call("conflicts", "--json").json["conflicts"][0]
    for place in range(17):  # ids are digests: of 17 two begin alike
        table = json.loads(path.read_text()) | {"theirs": [f"- Ada, in place {place}\n"]}
        path.with_name(f"{place}.json").write_text(json.dumps(table))
    ids = [one["id"] for one in call("conflicts", "--json").json["conflicts"]]
    first = next(c for c, count in Counter(one[0] for one in ids).items() if count > 1)
    done = call("conflicts", "decide", first, "--theirs")
    assert done.code == 2
    assert f"open conflicts begin with '{first}'\n" in done.err
    assert "Try: give more of it: " in done.err
    assert call("conflicts", "decide", row["id"], "--theirs").code == 0


def test_a_link_by_the_name_of_a_copy_is_not_followed_but_named(call, workspace, tmp_path):
    secret = tmp_path / "private.txt"
    secret.write_text("SECRET\n")
    links = [
        workspace.root / COPY,
        workspace.sessions / "2026-11-23.sync-conflict-20261123-101112-ABCDEFG.md",
    ]
    workspace.sessions.mkdir(exist_ok=True)
    for link in links:
        link.symlink_to(secret)
    told = call("conflicts")
    assert told.code == 0
    for link in links:
        assert f"{link.name} cannot be read (a link); it was left alone." in told.out
        assert link.is_symlink()
    rows = call("conflicts", "--json").json["left"]
    assert rows == [{"path": str(link), "why": "a link"} for link in links]
    call("refresh")
    written = [path for path in workspace.root.rglob("*") if path.is_file()]
    assert [path for path in written if b"SECRET" in path.read_bytes()] == links


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"caf\xe9\n", "not UTF-8"),
        ("text\n".encode("utf-16"), "not UTF-8"),
        ("text\n".encode("utf-16-le"), "NUL bytes"),
        (b"\n", "empty"),
    ],
)
def test_a_copy_that_cannot_be_read_is_named_and_left(call, workspace, data, why):
    copy = workspace.root / COPY
    copy.write_bytes(data)
    told = call("conflicts").out
    assert f"{COPY} cannot be read ({why}); it was left alone." in told
    assert told.endswith("Nothing to decide. Please look at the files that were left alone.\n")
    assert call("conflicts", "--json").json["left"] == [{"path": str(copy), "why": why}]
    (check,) = [c for c in call("doctor", "--json").json["checks"] if c["name"] == "conflicts"]
    assert not check["ok"]
    assert f"{COPY} ({why})" in check["advice"]
    assert copy.read_bytes() == data


def test_a_file_that_may_be_a_persons_own_is_named(call, workspace):
    (workspace.root / "GLOBAL_MEMORY-old-notes.md").write_text(SAMPLE + "- mine\n")
    assert (
        "GLOBAL_MEMORY-old-notes.md may be a conflict copy or a file of yours"
        in call("conflicts").out
    )


STRANGER = "GLOBAL_MEMORY-DESKTOP-AB12C.md"


def test_a_copy_of_a_machine_without_memsync_is_taken_in_when_the_person_says_so(call, workspace):
    copy = workspace.root / STRANGER
    copy.write_text(SAMPLE + "- written on the desktop\n")
    told = call("conflicts").out
    assert f"{STRANGER} may be a conflict copy or a file of yours; it was left alone." in told
    assert f"memsync conflicts take {STRANGER}\n" in told
    assert workspace.memory.read_text() == SAMPLE
    done = call("conflicts", "take", STRANGER)
    assert done.code == 0, done.err
    assert done.out.startswith(f"Brought in {STRANGER}")
    assert "- written on the desktop\n" in workspace.memory.read_text()
    assert set(SAMPLE.splitlines()) <= set(workspace.memory.read_text().splitlines())
    assert not copy.exists()
    (kept,) = (workspace.backups / "copies").glob(f"*{STRANGER}")
    assert kept.read_text() == SAMPLE + "- written on the desktop\n"
    assert call("conflicts", "take", STRANGER).code == 2


def test_a_line_that_both_changed_is_asked_about_as_ever(call, disputed):
    (disputed.root / COPY).rename(disputed.root / "GLOBAL_MEMORY copy.md")
    assert "memsync conflicts take 'GLOBAL_MEMORY copy.md'\n" in call("conflicts").out
    done = call("conflicts", "take", "GLOBAL_MEMORY copy.md")
    assert done.out == (
        "Brought in GLOBAL_MEMORY copy.md; 1 conflict to decide.\n"
        "There is something to decide: memsync conflicts\n"
    )
    text = disputed.memory.read_text()
    assert "Oslo" in text
    assert "Rome" in text


def test_a_copy_that_has_nothing_new_is_only_moved(call, workspace):
    (workspace.root / STRANGER).write_text(SAMPLE)
    done = call("conflicts", "take", STRANGER)
    assert done.out == f"{STRANGER} contains nothing new; it is now in backups/copies.\n"
    assert workspace.memory.read_text() == SAMPLE
    assert not (workspace.root / STRANGER).exists()


@pytest.mark.parametrize("name", ["", "GLOBAL_MEMORY.md", "../private.md", "GLOBAL_MEMORY-PC.md"])
def test_only_a_file_that_was_left_is_taken(call, workspace, name):
    (workspace.root / STRANGER).write_text(SAMPLE + "- mine\n")
    workspace.root.with_name("private.md").write_text("SECRET\n")
    done = call("conflicts", "take", name)
    assert done.code == 2
    assert done.err == (
        f"Error: no file called {name!r} was left alone\n"
        "Try: memsync conflicts lists those that were\n"
    )
    assert workspace.memory.read_text() == SAMPLE
    assert (workspace.root / STRANGER).exists()


def test_a_damaged_file_is_not_taken(call, workspace):
    (workspace.root / STRANGER).write_bytes(b"\0" * 30)
    done = call("conflicts", "take", STRANGER)
    assert done.code == 2
    assert f"Error: {STRANGER} cannot be read (NUL bytes)" in done.err
    assert (workspace.root / STRANGER).exists()


@pytest.mark.parametrize("name", ["2026-11-23-diary.md", "2026-11-23 2.md", "2026-11-23 copy.md"])
def test_a_file_beside_a_log_that_is_read_as_none_is_named_and_can_be_taken(call, workspace, name):
    beside = workspace.sessions / name
    beside.parent.mkdir(exist_ok=True)
    beside.write_text("what I did today\n")
    told = call("conflicts")
    assert f"{name} may be a conflict copy or a file of yours; it was left alone." in told.out
    assert told.out.endswith("Nothing to decide. Please look at the files that were left alone.\n")
    assert call("conflicts", "--json").json["doubtful"] == [str(beside)]
    (check,) = [c for c in call("doctor", "--json").json["checks"] if c["name"] == "conflicts"]
    assert (check["ok"], check["advice"]) == (
        True,
        f"none; {name} may be a file of yours: memsync conflicts",
    )
    assert call("status", "--json").json["pending"] == 0
    done = call("conflicts", "take", name)
    assert done.out == "1 note that a log lacked.\n"
    assert "what I did today\n" in (workspace.sessions / "2026-11-23.md").read_text()
    assert call("status", "--json").json["pending"] == 1
    assert not beside.exists()
    assert call("conflicts").out == "No conflicts.\n"
