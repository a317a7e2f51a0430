"""Dates in prose: until when a line said something would hold."""

from __future__ import annotations

import calendar
import re
from datetime import date, timedelta

GRACE = timedelta(days=14)
"""How long past its date a line may stand without a word."""

_MONTHS = {name.casefold(): n for n, name in enumerate(calendar.month_name) if name}
_MONTHS |= {name.casefold(): n for n, name in enumerate(calendar.month_abbr) if name}
_NAME = "|".join(sorted(_MONTHS, key=len, reverse=True))
_UNTIL = re.compile(
    r"\b(?:until|till|through|by|before|due(?:\s+(?:on|by))?|deadline(?:\s+is)?:?|expires?(?:\s+on)?"
    r"|ends?(?:\s+on)?|valid\s+(?:until|through|to)|bis(?:\s+zum)?|jusqu'au|hasta(?:\s+el)?)\s+"
    r"(?:the\s+)?(?:end\s+of\s+|ende\s+)?"
    rf"(?:(?P<iso>\d{{4}}-\d\d(?:-\d\d)?)\b"
    rf"|(?:(?P<d1>\d{{1,2}})(?:st|nd|rd|th|\.)?\s+)?(?P<month>{_NAME})\.?\s*"
    r"(?:(?P<d2>\d{1,2})(?:st|nd|rd|th)?,?\s+)?(?P<year>20\d\d)\b"
    r"|(?P<quarter>Q[1-4])\s*/?\s*(?P<qyear>20\d\d)\b)",
    re.IGNORECASE,
)

_ISO = r"\d{4}-\d\d(?:-\d\d)?"
_SPAN = re.compile(
    rf"\bfrom\s+{_ISO}\s+to\s+(?P<iso>{_ISO})\b"
    r"|\b(?:(?:valid|holds?|in\s+force|runs?|lasts?)\s+(?:until|till|through|to)|expires?(?:\s+in)?"
    r"|(?:until|till|through|by)\s+(?:the\s+)?end\s+of)\s+(?P<only>20\d\d)\b(?![-/.]\d)",
    re.IGNORECASE,
)
"""From one day to another, or through a year: stale where it is no tale of what was."""

_TALE = re.compile(r"\b(?:was|were|had|did|led|ran|held|built|\w+ed)\b", re.IGNORECASE)
_FULL = "|".join(name for name in calendar.month_name if name)
_NO_YEAR = re.compile(
    rf"\b(?:[Uu]ntil|[Tt]ill|[Tt]hrough|[Bb]is)\s+(?:the\s+)?(?:end\s+of\s+)?(?:{_FULL})\b"
    r"(?!\.?,?\s*(?:\d|of\s+\d))"
)


def find_undated(line: str) -> str:
    """Return the words by which a line holds until a month of no year, ``until March``; or none."""
    found = _NO_YEAR.search(line)
    return found[0] if found else ""


def find_expired(line: str, today: date) -> str:
    """Return until when a line was to hold, in its own words, where that is well past; or none."""
    for found in _UNTIL.finditer(line):
        last = _last_day(found)
        if last is not None and last + GRACE < today:
            return found[0]
    for found in _SPAN.finditer(line):
        last = _day_of(found["iso"] or f"{found['only']}-12")
        if last is not None and last + GRACE < today and not _TALE.search(line):
            return found[0]
    return ""


def _day_of(iso: str) -> date | None:
    """Return the day, or the last of a month, that ``2026-04-30`` or ``2026-04`` names."""
    year, month, *rest = map(int, iso.split("-"))
    try:
        return date(year, month, rest[0] if rest else calendar.monthrange(year, month)[1])
    except (ValueError, calendar.IllegalMonthError):
        return None


def _last_day(found: re.Match[str]) -> date | None:
    """Return the last day of what a date names: a day, a month or a quarter."""
    if found["iso"]:
        return _day_of(found["iso"])
    if found["quarter"]:
        year, month, day = int(found["qyear"]), int(found["quarter"][1]) * 3, 0
    else:
        year, month = int(found["year"]), _MONTHS[found["month"].casefold()]
        day = int(found["d1"] or found["d2"] or 0)
    try:
        return date(year, month, day or calendar.monthrange(year, month)[1])
    except (ValueError, calendar.IllegalMonthError):
        return None
