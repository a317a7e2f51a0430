"""Credentials that are more than a string: private keys, lists of codes, words of a wallet, tables.

Each is known by what announces it and by the form of its lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from memsync.text.redaction.checks import decoded
from memsync.text.redaction.forms import tokens_in
from memsync.text.redaction.randomness import has_kinds, is_digest, is_plain, is_random
from memsync.text.redaction.view import STOP
from memsync.text.redaction.words import pattern_of, words_in

Found = tuple[int, int, str]
KEY = "private key"

_BEGIN = re.compile(r"-{4,5} ?BEGIN ([A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?) ?-{4,5}")
_PUTTY = re.compile(r"(?m)^[ \t>]*Private-Lines: \d+[ \t\r]*\n")
_PUBLIC = re.compile(r"BEGIN |ssh-\w|base64,|ecdsa-|sha\d")
_BODY = re.compile(r"[ \t>]*([A-Za-z0-9+/]{20,}={0,2})\\?")
_HEAD = re.compile(r"[ \t>]*(?:[A-Z][\w-]{1,30}: [^\n]{0,200})?")
_DER = ("MII", "MHc", "MHQ", "MIG", "MC4", "b3BlbnNzaC1rZXktdjE")
"""How the base64 of a private key in DER begins, and of one of OpenSSH."""
_BASE64 = re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/_-]{24,}={0,2}(?![\w+/=-])")
_CODE = re.compile(r"[A-Za-z0-9]{4,12}(?:-[A-Za-z0-9]{3,12}){0,4}")
_WORD = re.compile(r"[a-z]{3,8}")
_STEP = re.compile(r"(?:[\s,;:*>|•\"'`()=-]|\d{1,2}[.):])*")
_PROSE = re.compile(r"the|and|for|with|from|are|was|not|but|has|had|our|its|his|her")
"""Words that no wallet has (BIP 39)."""
_WORDS_OF_WALLETS = range(11, 25)
_REACH = 1500
_MOST_HEADS = 10
"""So many lines of a key's head, or blank ones, may follow each other."""


def by_block(text: str) -> Iterator[Found]:
    """Yield private keys, lists of recovery codes, wallets' words, columns of tables, base64."""
    yield from _pem(text)
    yield from _putty(text)
    yield from _bodies(text)
    yield from _codes(text)
    yield from _wallet(text)
    yield from _wrapped(text)


def _pem(text: str) -> Iterator[Found]:
    """Yield blocks from BEGIN to END; one that is cut off goes on as long as it looks like one."""
    gone: set[str] = set()
    at = 0
    while begin := _BEGIN.search(text, at):
        label = begin[1]
        end = -1 if label in gone else text.find(f"END {label}", begin.end())
        if end < 0:
            gone.add(label)
            stop = _end_of_body(text, begin.end())
            if stop > begin.end():
                yield begin.start(), stop, KEY
            at = stop
        else:
            stop = end + len(f"END {label}")
            stop += len(text[stop : stop + 6]) - len(text[stop : stop + 6].lstrip(" -"))
            yield begin.start(), stop, KEY
            at = stop


def _end_of_body(text: str, at: int) -> int:
    """Return where the lines end that may belong to a key that begins before `at`."""
    end, heads, line_at = at, 0, text.find("\n", at) + 1 or len(text)
    while line_at < len(text) and heads < _MOST_HEADS:
        stop = text.find("\n", line_at)
        stop = len(text) if stop < 0 else stop
        line = text[line_at:stop].rstrip("\r")
        if _BODY.fullmatch(line):
            end, heads = line_at + len(line), 0
        elif not _HEAD.fullmatch(line):
            break
        heads += 1
        line_at = stop + 1
    return end


def _putty(text: str) -> Iterator[Found]:
    for head in _PUTTY.finditer(text):
        end = _end_of_body(text, head.end() - 1)
        margin = text[head.end() : head.end() + 20]
        start = head.end() + len(margin) - len(margin.lstrip(" \t>"))
        if end > start:
            yield start, end, KEY


def _bodies(text: str) -> Iterator[Found]:
    """Yield lines of base64 of one length that follow each other, where no public key begins."""
    run: list[tuple[int, int, str]] = []
    at, is_public, before = 0, False, ""
    for line in [*text.split("\n"), ""]:
        match = _BODY.fullmatch(line.rstrip("\r"))
        is_body = match is not None and not is_digest(match[1]) and STOP not in line
        if is_body and match and (run or len(match[1]) >= 48):
            is_public = is_public if run else bool(_PUBLIC.search(before))
            run.append((at + match.start(1), at + match.end(1), match[1]))
        else:
            if _is_key_body(run) and not is_public:
                yield from ((start, end, KEY) for start, end, _ in run)
            run = []
            before = line or before
        at += len(line) + 1


def _is_key_body(run: list[tuple[int, int, str]]) -> bool:
    bodies = [body for _, _, body in run]
    if not bodies or not all(has_kinds(body) or len(body) < 48 for body in bodies):
        return False
    if bodies[0].startswith(_DER) and len(bodies[0]) >= 48:
        return True
    lengths = {len(body) for body in bodies[:-1]}
    return len(bodies) >= 2 and len(lengths) == 1 and len(bodies[-1]) <= min(lengths)


def _codes(text: str) -> Iterator[Found]:
    """Yield the codes that follow words like `recovery codes`, over lines and bullets."""
    words = words_in(text, "codes")
    for match in pattern_of(words).finditer(text) if words else ():
        at, limit, before = match.end(), match.end() + _REACH, 0
        while at < limit:
            at = _STEP.match(text, at).end()  # type: ignore[union-attr]
            code = _CODE.match(text, at)
            word = re.compile(r"[^\s,;]+").match(text, at)
            if code and any(sign.isdigit() for sign in code[0]):
                yield code.start(), code.end(), "recovery code"
                before = 9
            elif not word or before >= 6 or STOP in word[0]:
                break
            before += 1
            at = (code or word).end() if word else at


def _wallet(text: str) -> Iterator[Found]:
    """Yield the 12 to 24 words that follow words like `seed phrase`."""
    words = words_in(text, "phrase")
    for match in pattern_of(words).finditer(text) if words else ():
        at = match.end()
        found: list[re.Match[str]] = []
        while len(found) < _WORDS_OF_WALLETS[-1]:
            at = _STEP.match(text, at).end()  # type: ignore[union-attr]
            word = _WORD.match(text, at)
            if not word or _PROSE.fullmatch(word[0]) or text[word.end() :][:1].isalpha():
                break
            found.append(word)
            at = word.end()
        if len(found) in _WORDS_OF_WALLETS:
            yield found[0].start(), found[-1].end(), "seed phrase"


def _wrapped(text: str) -> Iterator[Found]:
    """Yield base64 that says a token or a private key."""
    for match in _BASE64.finditer(text):
        if has_kinds(match[0]) and is_random(match[0]):
            plain = decoded(match[0])
            if plain and ("PRIVATE KEY-" in plain or any(tokens_in(plain))):
                yield match.start(), match.end(), "credential in base64"


def by_column(text: str) -> Iterator[Found]:
    """Yield the cells below the word for a password in a table of Markdown."""
    lines = text.split("\n")
    at, columns = 0, set()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.lstrip().startswith("|") and re.fullmatch(r"[\s|:-]*-[\s|:-]*", following):
            columns = {
                number
                for number, cell in enumerate(line.split("|"))
                if (words := words_in(cell, "password")) and pattern_of(words).search(cell)
            }
        elif not line.lstrip().startswith("|"):
            columns = set()
        elif columns:
            yield from _cells(line, at, columns)
        at += len(line) + 1


def _cells(line: str, at: int, columns: set[int]) -> Iterator[Found]:
    for number, cell in enumerate(line.split("|")):
        bare = cell.strip(" `\t\r")
        if number in columns and len(bare) >= 6 and has_kinds(bare) and not is_plain(bare):
            start = at + cell.index(bare)
            yield start, start + len(bare), "password"
        at += len(cell) + 1
