"""The shape of the house: rooms one can see, files one can read, names that stand once."""

from __future__ import annotations

import ast
import statistics
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import memsync

PACKAGE = Path(memsync.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
FOLDERS = sorted({path.parent for path in MODULES})

MODULES_A_FOLDER = 12
MORE_MODULES = {"cli": "one a family of commands"}
LINES_A_FILE = 300


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def lengths_of_functions() -> Iterator[int]:
    """Yield the lines of each function, without its docstring."""
    for path in MODULES:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef):
                words = ast.get_docstring(node, clean=False)
                head = node.body[0].end_lineno - node.body[0].lineno + 1 if words else 0
                yield node.end_lineno - node.lineno + 1 - head


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_room_can_be_seen_at_a_glance(folder: Path):
    modules = [path for path in folder.glob("*.py") if not path.stem.startswith("__")]
    assert len(modules) <= MODULES_A_FOLDER or name_of(folder) in MORE_MODULES


def test_a_file_can_be_read_at_one_sitting():
    long = {name_of(path): len(path.read_text().splitlines()) for path in MODULES}
    assert {name: lines for name, lines in long.items() if lines > LINES_A_FILE} == {}


def test_most_functions_fit_into_one_look():
    lengths = sorted(lengths_of_functions())
    assert statistics.median(lengths) <= 9
    assert lengths[len(lengths) * 9 // 10] <= 24


def test_every_function_says_what_it_returns():
    silent = [
        f"{name_of(path)}:{node.name}"
        for path in MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef) and node.returns is None and node.name != "__init__"
    ]
    assert silent == []


def test_a_public_name_stands_once():
    places = defaultdict(list)
    for path in MODULES:
        for node in parsed(path).body:
            if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
                continue
            if not goes_by_another_name(node) and node.name not in SHARED:
                places[node.name].append(name_of(path))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


SHARED = {
    "main": "where a program begins",
    "install": "systemd and launchd, called alike",
    "uninstall": "likewise",
    "render": "likewise",
    "send": "what each alert channel has",
}
"""Public names that several modules have on purpose, and why."""
BY_OTHER_NAMES = (".command(", ".group(", "page.", "overload")
"""Decorators of commands, pages and overloads: people know them by command and address."""


def goes_by_another_name(node: ast.AST) -> bool:
    """Is this function known by its command or address?"""
    decorators = [ast.unparse(item) for item in getattr(node, "decorator_list", [])]
    return any(part in item for item in decorators for part in BY_OTHER_NAMES)
