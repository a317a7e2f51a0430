"""Change one place in a JSON text, and keep every other character as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

_SPACE = re.compile(r"[ \t\r\n]*")
_INDENT = re.compile(r"\n([ \t]+)\S")
_DECODER = json.JSONDecoder()


class _Part(NamedTuple):
    """Where a member (with its key) or an item begins, and where its value begins and ends."""

    begin: int
    value: int
    end: int


def add_member(text: str, path: Sequence[str | int], key: str, value: object) -> str:
    """Return `text` with a new last member in the object at `path`; the text is valid JSON."""
    return _add(text, path, f"{json.dumps(key)}: ", value)


def add_item(text: str, path: Sequence[str | int], value: object) -> str:
    """Return `text` with a new last item in the list at `path`."""
    return _add(text, path, "", value)


def cut_member(text: str, path: Sequence[str | int], key: str) -> str:
    """Return `text` without the member `key` of the object at `path`."""
    start = _find(text, path)
    parts, close = _parts(text, start)
    number = next(n for n, part in enumerate(parts) if _key(text, part) == key)
    return _cut(text, start, parts, close, number)


def cut_item(text: str, path: Sequence[str | int], number: int) -> str:
    """Return `text` without an item of the list at `path`."""
    start = _find(text, path)
    parts, close = _parts(text, start)
    return _cut(text, start, parts, close, number)


def _cut(text: str, start: int, parts: list[_Part], close: int, number: int) -> str:
    if len(parts) == 1:
        return text[: start + 1] + text[close:]
    if number == 0:
        return text[: parts[0].begin] + text[parts[1].begin :]
    return text[: parts[number - 1].end] + text[parts[number].end :]


def _add(text: str, path: Sequence[str | int], lead: str, value: object) -> str:
    start = _find(text, path)
    parts, close = _parts(text, start)
    ending = "\r\n" if "\r\n" in text else "\n"
    found = _INDENT.search(text)
    step = found[1] if found else "  "
    inside = step * (len(path) + 1)
    body = json.dumps(value, indent=step, ensure_ascii=False).replace("\n", f"{ending}{inside}")
    if parts:
        return f"{text[: parts[-1].end]},{ending}{inside}{lead}{body}{text[parts[-1].end :]}"
    outside = step * len(path)
    return f"{text[: start + 1]}{ending}{inside}{lead}{body}{ending}{outside}{text[close:]}"


def _find(text: str, path: Sequence[str | int]) -> int:
    """Return where the value at `path` begins."""
    at = _skip(text, 1 if text.startswith("\ufeff") else 0)
    for step in path:
        parts, _ = _parts(text, at)
        if isinstance(step, int):
            at = parts[step].value
        else:
            at = next(part.value for part in parts if _key(text, part) == step)
    return at


def _parts(text: str, start: int) -> tuple[list[_Part], int]:
    """Return the members or items of the value at `start`, and where its bracket closes."""
    is_object = text[start] == "{"
    at = _skip(text, start + 1)
    found: list[_Part] = []
    while text[at] not in "}]":
        begin = value = at
        if is_object:
            _, at = _DECODER.raw_decode(text, at)
            value = _skip(text, _skip(text, at) + 1)
        _, end = _DECODER.raw_decode(text, value)
        found.append(_Part(begin, value, end))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found, at


def _key(text: str, part: _Part) -> object:
    return _DECODER.raw_decode(text, part.begin)[0]


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
