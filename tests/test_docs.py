"""The docs say what the program does: generated pages are current, links lead somewhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from docs import generate
from memsync.config import KEYS

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")


def test_the_generated_pages_are_what_make_docs_would_write():
    assert (ROOT / "docs/commands.md").read_text() == generate.commands()
    assert (ROOT / "docs/config.md").read_text() == generate.settings()
    for name, write in {"targets.md": generate.agents, "agent-shell.md": generate.traces}.items():
        page = (ROOT / "docs" / name).read_text()
        assert generate.TABLE_BEGIN in page
        assert page == write(page)
    repo = (ROOT / "REPO.md").read_text()
    assert generate.TREE_BEGIN in repo
    assert repo == generate.tree(repo)


def test_the_index_of_the_guides_links_each_of_them():
    index = (ROOT / "docs/README.md").read_text()
    guides = {page.name for page in ROOT.glob("docs/*.md")} - {"README.md"}
    assert guides - {match[1] for match in LINK.finditer(index)} == set()


def test_every_setting_is_explained():
    page = (ROOT / "docs/config.md").read_text()
    assert [key for key in KEYS.values() if f"| `{key.name}` |" not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    targets = [match[1] for match in LINK.finditer(page.read_text())]
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_setting_named_with_config_set_exists(page):
    named = re.findall(r"memsync config set ([a-z_.]+)", page.read_text())
    known = set(KEYS) | {key.name for key in KEYS.values()}
    assert [name for name in named if name.rstrip(".") not in known] == []


def test_the_floors_are_those_that_are_checked():
    checked = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    drawn = (ROOT / "ARCHITECTURE.md").read_text().split("```")[1].strip().splitlines()
    floors = [set(re.split(r"\s{2,}", line)[0].split(" | ")) for line in drawn]
    assert floors == [set(layer.split(" | ")) for layer in checked["contracts"][0]["layers"]]


def test_every_decision_is_half_a_page_and_has_a_number_of_its_own():
    pages = sorted(ROOT.glob("docs/decisions/*.md"))
    for page in pages:
        assert len(page.read_text().splitlines()) <= 45, page.name
    assert [page.name[:4] for page in pages] == [f"{n:04}" for n in range(1, len(pages) + 1)]


def test_every_guide_is_in_the_index():
    listed = {match[1] for match in LINK.finditer((ROOT / "docs/README.md").read_text())}
    guides = {page.name for page in ROOT.glob("docs/*.md")} - {"README.md"}
    assert guides - listed == set()


def test_the_readme_is_one_screen():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 75
