"""A memory that memsync kept for a year is as good as on the first day, and says so of each line."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import trustme

from memsync import config as settings
from memsync.config import writer
from memsync.config.workspace import Workspace
from memsync.daemon.capture import create_capture_app
from memsync.memory import store
from memsync.memory.history import backups
from memsync.notes import reader
from memsync.refresh import pending
from memsync.text.digest import digest
from memsync.text.document import scan
from memsync.text.lint import rules
from memsync.text.sanitizing import sanitize
from memsync.text.similarity import day, words
from tests.conftest import needs_real_memories, real_memories
from tests.support.net import served
from tests.support.scale import share
from tests.support.year import FIRST_DAY, Year, bare, moment, with_constraints
from tests.support.year_model import Model
from tests.support.year_notes import ORDERS

NIGHTS = share(365, least=15)
ROOM = 40
"""How many lines a short memory may grow by before it is to be condensed."""

MOST_OVER = 12
"""What two nights bring: a night whose answer was of no use, and the next."""

IN_PART = ("018", "038", "072", "044")
"""Which memories live a year where not all do: one short, one in no order, one with CR LF…"""


def chosen() -> list[Path]:
    """Return as many real memories as this run is to take, the telling ones first."""
    listed = sorted(real_memories(), key=lambda path: path.stem not in IN_PART)
    return listed[: share(len(listed), least=2)]


@pytest.fixture
def live(config, claude, monkeypatch) -> Callable[..., Year]:
    """Give a function that lives a year with a memory, with the scripted model or without one."""
    # One authority instead of the system's hundred and forty, which each call of the SDK reads.
    authority = config.source.parent / "authority.pem"
    trustme.CA().cert_pem.write_to_path(authority)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))

    def of(first: str, seed: str, *, with_model: bool) -> Year:
        lines = min(settings.Config().max_memory_lines, first.count("\n") + ROOM)
        table = {"core.api_base_url": claude.url, "core.api_key": "sk-test"}
        table = table if with_model else {"core.engine": "offline"}
        writer.change(config.source, {**table, "core.max_memory_lines": lines})
        workspace = Workspace.create(settings.load(config.source))
        store.create(workspace, first)
        model = Model(random.Random(seed)) if with_model else None
        if model:
            claude.answer_always(model.answer)
        with served(create_capture_app(workspace.config)) as port:
            year = Year(workspace, port, seed, model)
            year.live(NIGHTS)
        print(f"{seed}: {year.in_words()}")
        return year

    return of


@needs_real_memories
@pytest.mark.torture
@pytest.mark.parametrize("path", chosen(), ids=lambda path: path.stem)
def test_a_year_of_a_real_memory(path, live):
    """The model is a good one on most nights; see `year_model` for what it does on the others."""
    first = with_constraints(path.read_bytes().decode(), at_the_end=int(path.stem) % 4 == 0)
    year = live(first, path.stem, with_model=True)
    look_at_constraints(year)
    look_at_untouched_lines(year)
    look_at_size(year)
    look_at_repeats(year)
    assert year.wrong_origins() == []
    look_at_backups(year)
    look_at_logs(year)
    asked = "".join(year.model.seen)
    assert not any(secret in asked for secret in year.person.secrets)
    assert not any(order in asked + year.text for order in ORDERS)


@pytest.mark.torture
def test_a_year_of_the_starter_memory_without_a_model(live):
    year = live(with_constraints(store.STARTER, at_the_end=True), "offline", with_model=False)
    look_at_constraints(year)
    look_at_untouched_lines(year)
    assert year.wrong_origins() == []
    look_at_backups(year)
    look_at_logs(year)
    points = [(day(line), words(line)) for line in bare(year.text) if line.startswith("- 2027-")]
    assert 0 < len(points) <= len(year.said)
    assert len(points) == len(set(points))  # what was said on two days stands there twice


def look_at_constraints(year: Year) -> None:
    """Those of the first day and those the person added are all there, in their order."""
    standing = scan(year.text).constraints()
    for listed in (scan(year.first).constraints(), sorted(year.rules, key=standing.index)):
        place = iter(standing)
        assert all(rule in place for rule in listed)


def look_at_untouched_lines(year: Year) -> None:
    """The lines of the first day are there byte for byte, but those somebody spoke of."""
    left = iter(year.text.split("\n"))
    spoken_of = [line for line in year.text.split("\n") if " since " in line]
    for line in year.first.split("\n"):
        bare_line = line.rstrip("\r")
        # In a line to which the model adds words, an import is none any more.
        if not any(new.startswith((bare_line, sanitize(bare_line))) for new in spoken_of):
            assert line in left, line


def look_at_size(year: Year) -> None:
    """Never over the setting by more than two nights' notes bring.

    Where what nobody may take away is longer than that (the first day's lines, constraints, what
    the person wrote), it is that length which counts.
    """
    assert year.most_over <= MOST_OVER


def look_at_repeats(year: Year) -> None:
    """No line says what another says, by memsync's own notion, that did not on the first day."""
    kinds = {"duplicate", "near-duplicate", "contradiction", "secret", "hidden"}
    today = FIRST_DAY + timedelta(days=NIGHTS - 1)

    def found(text: str) -> set[str]:
        lines = text.split("\n")
        told = rules.find_problems(text, today, lambda _path: True)
        return {lines[one.line - 1].strip() for one in told if one.kind in kinds}

    new = found(year.text) - found(year.first)
    assert {line for line in new if not line.startswith("- By hand: ")} == set()


def look_at_backups(year: Year) -> None:
    """All of the last day, then one a day, then one a week; each a text the memory really had."""
    now = moment(FIRST_DAY + timedelta(days=NIGHTS - 1), 23, 55)
    listed = backups.list_backups(year.workspace.backups)
    published = "".join(p.read_text() for p in year.workspace.machines.glob("*/published.log"))
    for entry in listed:
        data = entry.path.read_bytes()
        assert data.decode() in year.texts or digest(data) in published
    older = [entry.moment for entry in listed if now - entry.moment > timedelta(days=1)]
    keep = year.workspace.config.keep_days
    assert all(now - when <= timedelta(days=keep + 1) for when in older)
    days = [when.date() for when in older if now - when <= timedelta(days=14)]
    weeks = [when.isocalendar()[:2] for when in older if now - when > timedelta(days=16)]
    assert len(days) == len(set(days))
    assert len(weeks) == len(set(weeks))
    assert len(listed) >= min(NIGHTS, 14) // 2


def look_at_logs(year: Year) -> None:
    """Every note is in its day's log as it was said, and none is pending."""
    logged = reader.read_days(year.workspace)
    assert sorted((note.day, note.text) for note in logged) == sorted(
        (on, note.text) for on, note in year.said
    )
    assert pending.pending_notes(year.workspace) == []
