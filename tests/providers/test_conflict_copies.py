"""Which names are conflict copies: the real ones of each client, and none of a person's own."""

from __future__ import annotations

import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memsync.providers.conflict_copies import recognise_copy

# How each client names a copy of NAME.md; True where only a sync client would.
NAMES = [
    ("OneDrive", False, "{}-DESKTOP-AB12CD3.md"),
    ("OneDrive", False, "{}-LAPTOP.md"),
    ("OneDrive", False, "{}-LAPTOP-2.md"),
    ("OneDrive", False, "{}-LAPTOP-DESKTOP-AB12CD3.md"),
    ("OneDrive", False, "{}-Ada\u2019s MacBook Pro.md"),
    ("OneDrive for Linux", True, "{}-pi-safeBackup-0001.md"),
    ("OneDrive for Linux", True, "{}-my-old-pi-safeBackup-0023.md"),
    ("iCloud", False, "{} 2.md"),
    ("iCloud", False, "{} 13.md"),
    ("Google Drive", False, "{} (1).md"),
    ("Google Drive", False, "{}(2).md"),
    ("Dropbox", True, "{} (Ada's conflicted copy 2026-11-23).md"),
    ("Dropbox", True, "{} (LAPTOP's conflicted copy 2026-11-23 (1)).md"),
    ("Dropbox", True, "{} (Ada\u2019s conflicted copy 2026-11-23).md"),
    ("Dropbox", True, "{} (Ada's MacBook (2)'s conflicted copy 2026-11-23).md"),
    ("Dropbox", True, "{} (Copia in conflitto di Ada 2026-11-23).md"),
    ("Dropbox", True, "{} (In Konflikt stehende Kopie von Ada 2026-11-23).md"),
    ("Dropbox", True, "{} (Copie en conflit de Ada 2026-11-23).md"),
    ("Dropbox", True, "{} (Copia en conflicto de Ada 2026-11-23).md"),
    ("Dropbox", True, "{} (Конфликтующая копия Ада 2026-11-23).md"),
    ("Dropbox", True, "{} (Ada の競合コピー 2026-11-23).md"),
    ("Dropbox", True, "{} (Salinan konflik Ada 2026-11-23).md"),
    ("Dropbox", True, "{} (Salinan bercanggah Ada 2026-11-23).md"),
    ("Dropbox", True, "{} (Adas modstridende kopi 2026-11-23).md"),
    ("Dropbox", True, "{} (Adas motstridende kopi 2026-11-23).md"),
    ("Dropbox", True, "{} (kolidująca kopia Ada 2026-11-23).md"),
    ("Dropbox", True, "{} (Ada ütköző példánya 2026-11-23).md"),
    ("Dropbox", True, "{} (Ada çelişkili kopya 2026-11-23).md"),
    ("Dropbox", True, "{} (Ada의 충돌된 사본 2026-11-23).md"),
    ("Dropbox", True, "{} (Ada's conflicted copy).md"),  # by its API, without a date
    ("Dropbox", True, "{} (Ada's conflicted copy (1)).md"),
    ("Dropbox", True, "{} (Unicode Encoding Conflict).md"),
    ("Dropbox", True, "{} (Selective Sync Conflict 1).md"),
    ("another client", False, "{} (conflicted).md"),
    ("another client", False, "{} (Conflict).md"),
    ("Dropbox", True, "{} (Case Conflict).md"),
    ("Dropbox", True, "{} (Case Conflict 1).md"),
    ("Dropbox", True, "{} (Ada's Case Conflict).md"),
    ("Dropbox", True, "{} (conflict 2016-07-18-09-42-03).md"),  # skilion's onedrive
    ("Syncthing", True, "{}.sync-conflict-20261123-101112-ABCDEFG.md"),
    ("Nextcloud", True, "{} (conflicted copy 2026-11-23 101112).md"),
    ("Nextcloud", True, "{} (conflicted copy ada 2026-11-23 101112).md"),
    ("Nextcloud", True, "{}_conflict-20261123-101112.md"),
    ("rclone", True, "{}.md.conflict1"),
    ("rclone", True, "{}.md.conflict2"),
    ("rclone", True, "{}.conflict1.md"),  # --suffix-keep-extension
    ("rclone", True, "{}.md..path1"),
    ("Obsidian Sync", True, "{} (Conflicted copy Ada's phone 202611231011).md"),
    ("Obsidian Sync", True, "{} (Conflicted copy Ada's iPhone (2) 202611231011).md"),
    ("pCloud", True, "{} [conflicted].md"),
    # One client's copy may become another's.
    (
        "Syncthing",
        True,
        "{}.sync-conflict-20261123-101112-ABCDEFG.sync-conflict-20261124-101112-ABCDEFG.md",
    ),
    ("Syncthing", False, "{}-LAPTOP.sync-conflict-20261123-101112-ABCDEFG.md"),
    ("Google Drive", False, "{} 2 (1).md"),
    ("rclone", False, "{} (1).md.conflict1"),
]
ORIGINALS = ["GLOBAL_MEMORY", "2026-11-23"]

# What Dropbox, or a client like it, puts between the parentheses; {} is whose copy it is.
CONFLICTED_COPY = [
    "{}'s conflicted copy",
    "{} in Konflikt stehende Kopie",
    "Copie en conflit de {}",
    "Copia en conflicto de {}",
    "Copia in conflitto di {}",
    "conflicterende kopie van {}",
    "{}s motstridiga kopia",
    "{} sin motstridende kopi",
    "{}s modstridende kopi",
    "wersja powodująca konflikt użytkownika {}",
    "sprzeczna kopia {}",
    "Cópia em conflito de {}",
    "Cópia conflitante de {}",
    "Конфликтующая копия пользователя {}",
    "Конфліктна копія {}",
    "Суперечлива копія {}",
    "{} の競合コピー",
    "{} の矛盾するコピー",
    "{} 的冲突副本",
    "{} 的衝突複本",
    "{}의 충돌하는 복사본",
    "Salinan bercanggah {}",
    "Salinan {} yang bertentangan",
    "สำเนาที่ขัดแย้งกันของ {}",
    "{} की विरोधी प्रति",
    "{} की टकराव वाली प्रति",
    "نسخة {} المتعارضة",
    "نسخة متضاربة من {}",
    "نسخه متناقض {}",
    "עותק מתנגש של {}",
    "עותק סותר של {}",
    "Αντίγραφο σε διένεξη του {}",
    "Αντίγραφο σε σύγκρουση {}",
    "Bản sao xung đột của {}",
    "{} adlı kişinin çakışan kopyası",  # noqa: RUF001
    "Kopie {} v rozporu",
    "Sukobljena kopija {}",
    "Сукобљена копија {}",
    "{} ristiriitainen kopio",
]
OWNERS = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"], exclude_characters="()/"))


@pytest.mark.parametrize("stem", ORIGINALS)
@pytest.mark.parametrize(("client", "certain", "name"), NAMES, ids=str)
def test_a_copy_is_told_by_its_name(client: str, certain: bool, name: str, stem: str) -> None:
    for spelling in ("NFC", "NFD"):
        copy = recognise_copy(unicodedata.normalize(spelling, name.format(stem)), f"{stem}.md")
        assert copy is not None
        assert (copy.client, copy.certain) == (client, certain)


@pytest.mark.parametrize("words", CONFLICTED_COPY)
@given(
    owner=OWNERS,
    behind=st.sampled_from(["", " (1)", " 10.11.12"]),
    stem=st.sampled_from(ORIGINALS),
    spelling=st.sampled_from(["NFC", "NFD"]),
)
def test_a_copy_is_told_in_any_language_whoever_made_it_and_however_it_is_spelled(
    words: str, owner: str, behind: str, stem: str, spelling: Literal["NFC", "NFD"]
) -> None:
    name = f"{stem} ({words.format(owner)} 2026-11-23{behind}).md"
    copy = recognise_copy(unicodedata.normalize(spelling, name), f"{stem}.md")
    assert copy is not None
    assert (copy.client, copy.certain) == ("Dropbox", True)


@pytest.mark.parametrize(
    "name",
    [
        "GLOBAL_MEMORY.md",
        "GLOBAL_MEMORY_20261123_101112.md",
        "GLOBAL_MEMORY_old.md",
        "GLOBAL_MEMORY.old.md",
        "GLOBAL_MEMORY copy.md",
        "GLOBAL_MEMORY (conflict of interest).md",
        "GLOBAL_MEMORY (draft).md",
        "GLOBAL_MEMORY (สำเนาของ Ada 2026-11-23).md",
        "GLOBAL_MEMORY (נוסח סותר).md",
        "GLOBAL_MEMORY.md.bak",
        "GLOBAL_MEMORY.md.tmp",
        "GLOBAL_MEMORY.md.partial",
        "GLOBAL_MEMORY.txt",
        "GLOBAL_MEMORIES (1).md",
        "MY_GLOBAL_MEMORY (1).md",
        ".GLOBAL_MEMORY.md.memsync-123-abc.tmp",
        ".GLOBAL_MEMORY.md.icloud",
        ".syncthing.GLOBAL_MEMORY.md.tmp",
        "~syncthing~GLOBAL_MEMORY.md.tmp",
        "~$GLOBAL_MEMORY.md",
        ".~lock.GLOBAL_MEMORY.md#",
        "2026-11-23.md",
    ],
)
def test_what_is_no_copy_is_none(name: str) -> None:
    assert recognise_copy(name, "GLOBAL_MEMORY.md") is None


@pytest.mark.parametrize(
    "name", ["GLOBAL_MEMORY-old-notes.md", "GLOBAL_MEMORY 2.md", "GLOBAL_MEMORY (1).md"]
)
def test_a_name_that_a_person_may_have_chosen_is_never_certain(name: str) -> None:
    copy = recognise_copy(name, "GLOBAL_MEMORY.md")
    assert copy is not None
    assert not copy.certain


def test_the_machine_of_an_onedrive_copy_is_told() -> None:
    copy = recognise_copy("GLOBAL_MEMORY-DESKTOP-AB12CD3.md", "GLOBAL_MEMORY.md")
    assert copy is not None
    assert copy.host == "DESKTOP-AB12CD3"


@given(st.text(max_size=60), st.sampled_from(ORIGINALS))
def test_any_name_is_read_without_a_failure(name: str, stem: str) -> None:
    for candidate in (name, f"{stem}{name}.md", f"{stem}.md{name}"):
        copy = recognise_copy(candidate, f"{stem}.md")
        assert copy is None or candidate.casefold().startswith(stem.casefold())


@given(
    st.lists(st.sampled_from([name for _, _, name in NAMES if name.endswith(".md")]), max_size=4),
    st.sampled_from(ORIGINALS),
)
def test_copies_of_copies_are_copies(layers: list[str], stem: str) -> None:
    name = stem
    for layer in layers:
        name = layer.format(name).removesuffix(".md")
    assert bool(recognise_copy(f"{name}.md", f"{stem}.md")) == bool(layers)
