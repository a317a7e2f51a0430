"""What memsync is made of: declared, tested at its lowest, and fetched by commit."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ASKED_FOR = {"keyring", "apprise"}
"""Imported only where their extra is installed."""


def names_of(requirements: list[str]) -> set[str]:
    return {re.match(r"[\w.-]+", each)[0].lower().replace("-", "_") for each in requirements}


def imported_by(folder: Path) -> set[str]:
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"memsync", "__future__"}


def test_what_is_imported_is_declared():
    declared = names_of(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["daemon"])
    provided = {"markdown_it_py": "markdown_it"}
    declared = {provided.get(name, name) for name in declared}
    assert imported_by(ROOT / "memsync") - ASKED_FOR - declared == set()


def test_what_is_declared_is_imported():
    declared = names_of(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["daemon"])
    assert declared - {"markdown_it_py"} - imported_by(ROOT / "memsync") == set()


def test_each_has_a_lower_bound():
    extras = PROJECT["optional-dependencies"]
    listed = [*PROJECT["dependencies"], *(each for extra in extras.values() for each in extra)]
    assert [each for each in listed if ">=" not in each and not each.startswith("memsync[")] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_an_action_is_named_by_its_commit_with_its_version_beside_it(workflow):
    used = re.findall(r"uses: (.*)", workflow.read_text(encoding="utf-8"))
    assert used
    assert [each for each in used if not re.fullmatch(r"\S+@[0-9a-f]{40} # v[\d.]+", each)] == []


def test_each_python_that_is_promised_is_tested():
    promised = {
        entry.rpartition(" ")[2]
        for entry in PROJECT["classifiers"]
        if re.search(r"Python :: 3\.\d+", entry)
    }
    text = "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    assert promised == set(re.findall(r'python(?:-version)?: "(3\.\d+)"', text))
