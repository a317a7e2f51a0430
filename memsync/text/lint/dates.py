"""Dates in prose: until when a line says that something is true."""

from __future__ import annotations

import calendar
import re
from datetime import date, timedelta

GRACE = timedelta(days=14)
"""How long after its date a line may stay without a finding."""

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
"""From one day to another, or through a year: stale unless the line tells about the past."""

_PAST = re.compile(r"\b(?:was|were|had|did|led|ran|held|built|\w+ed)\b", re.IGNORECASE)
_FULL = "|".join(name for name in calendar.month_name if name)
_NO_YEAR = re.compile(
    rf"\b(?:[Uu]ntil|[Tt]ill|[Tt]hrough|[Bb]is)\s+(?:the\s+)?(?:end\s+of\s+)?(?:{_FULL})\b"
    r"(?!\.?,?\s*(?:\d|of\s+\d))"
)


def find_undated(line: str) -> str:
    """Return the words of an end date without a year, ``until March``; empty if there is none."""
    found = _NO_YEAR.search(line)
    return found[0] if found else ""


def find_expired(line: str, today: date) -> str:
    """Return the words of an end date that is long past; empty if there is none."""
    for found in _UNTIL.finditer(line):
        last = _last_day(found)
        if last is not None and last + GRACE < today:
            return found[0]
    for found in _SPAN.finditer(line):
        last = _day_of(found["iso"] or f"{found['only']}-12")
        if last is not None and last + GRACE < today and not _PAST.search(line):
            return found[0]
    return ""


def _day_of(iso: str) -> date | None:
    """Return the day of ``2026-04-30``, or the last day of ``2026-04``; None if there is none."""
    year, month, *rest = map(int, iso.split("-"))
    try:
        return date(year, month, rest[0] if rest else calendar.monthrange(year, month)[1])
    except (ValueError, calendar.IllegalMonthError):
        return None


def _last_day(found: re.Match[str]) -> date | None:
    """Return the last day of a match: of a day, a month or a quarter; None if there is none."""
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
