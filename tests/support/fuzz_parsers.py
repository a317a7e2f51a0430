"""Bytes of all kinds into the parser of a day's log and that of a note's body; `make torture`.

Atheris steers by coverage where it is installed (``make torture`` does that); elsewhere bytes are
drawn at random from what the parsers look for. Usage: python -m tests.support.fuzz_parsers SECONDS
"""

from __future__ import annotations

import contextlib
import io
import random
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

try:
    import atheris
except ImportError:
    atheris = None

with atheris.instrument_imports(include=["memsync"]) if atheris else contextlib.nullcontext():
    from memsync.daemon.intake.answer import BadRequestError
    from memsync.daemon.intake.body import sent_in
    from memsync.errors import WrongUsageError
    from memsync.text import note
from memsync.text.mark import CAPTURED

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = NOON.date()
KINDS = (
    "application/json",
    "text/plain; charset=utf-16",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "\xff;;=",
)
PIECES = (
    b"\n---\n### 09:00:00\n", b"### 09:00:00 (captured)", b"\\---", b"\n", b"\r\n", b"\r", b"\x00",
    b"# title\n", b"\xe2\x80\xa8", b"\xff", b" ", b"\t", b"word", b'{"text": "', b'"}', b"\\ud800",
    b"text=", b"%00", b"&", b"--x", b"--x--", b"[" * 50, b"1e999",
    b'Content-Disposition: form-data; name="text"; filename="a"\r\n\r\n',
)  # fmt: skip


def check(data: bytes) -> None:
    """Fail where a log is not read, a note does not come back as it was, or a body is a crash."""
    text = data.decode("utf-8", "replace")
    read = note.parse_log(text, DAY)
    again = note.parse_log("".join(map(note.render_entry, read)), DAY)
    assert again == read, (text, read, again)
    environ = {"CONTENT_TYPE": KINDS[len(data) % len(KINDS)], "CONTENT_LENGTH": str(len(data))}
    environ["REQUEST_METHOD"] = "POST"
    with contextlib.suppress(BadRequestError, WrongUsageError):
        sent = sent_in({**environ, "wsgi.input": io.BytesIO(data)})
        said = note.make_note(sent.text(forms=True), NOON, CAPTURED)
        assert note.parse_log(note.render_entry(said), said.day) == [said], said


def at_random(seconds: float) -> int:
    """Check drawn bytes for that long, the same in each run; return how many."""
    draw, end, count = random.Random(4), time.monotonic() + seconds, 0
    while time.monotonic() < end:
        check(b"".join(draw.choices(PIECES, k=draw.randrange(12))) + draw.randbytes(2))
        count += 1
    return count


def main() -> None:
    seconds = sys.argv[1] if len(sys.argv) > 1 else "60"
    if atheris is None:
        print(f"{at_random(float(seconds)):,} drawn inputs, no failure (atheris is not installed)")
        return
    with tempfile.TemporaryDirectory() as folder:
        draw = random.Random(4)
        for number in range(200):  # what is known to be interesting, to begin with
            seed = b"".join(draw.choices(PIECES, k=draw.randrange(1, 12)))
            Path(folder, str(number)).write_bytes(seed)
        atheris.Setup([sys.argv[0], f"-max_total_time={seconds}", folder], check)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
