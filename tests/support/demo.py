"""`make demo`: the whole of memsync on a sample memory, in a folder of the checkout.

Nothing outside ``.demo/`` is read or written: the demo has a home of its own there, and a
``.demo/memsync`` that uses it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEMO = ROOT / ".demo"
HOME = DEMO / "home"
WRAPPER = DEMO / "memsync"
WEB_PORT = os.environ.get("WEB_PORT", "5000")
CAPTURE_PORT = os.environ.get("CAPTURE_PORT", "5001")

MEMORY = """<!-- memsync v1 -->
# Global memory

## Identity

- Ada, backend engineer in Turin; Python and Go, some TypeScript
- Native Italian, works in English

## Current priorities

- Ship the invoice importer by the end of the month
- Write the runbook for the on-call week

## Preferences

- Short answers first, details when asked
- Tests before refactoring; small commits in the imperative mood
- `ruff`, `pytest`, `make`; no new dependency without a reason

## Hard constraints

- Never push to main without asking
- Never delete data without a backup
"""


def main() -> None:
    """Start or stop the demo, as the first argument says."""
    if sys.argv[1:] == ["stop"]:
        _stop()
        return
    _stop()
    _lay_out()
    _run("init", "--provider", "custom", "--sync-root", str(HOME / "Sync"))
    for key, value in {
        "engine": "offline",
        "web_ui_host": "127.0.0.1",
        "capture_host": "127.0.0.1",
        "web_ui_port": WEB_PORT,
        "capture_port": CAPTURE_PORT,
        "capture_token": "",
        "web_ui_password": "",
    }.items():
        _run("config", "set", key, value, quiet=True)
    _run("daemon", "start", "--detach")
    _say_what_to_try()


def _lay_out() -> None:
    shutil.rmtree(DEMO, ignore_errors=True)
    root = HOME / "Sync" / ".claude-memory"
    for folder in (root, HOME / ".claude", HOME / ".codex"):
        folder.mkdir(parents=True)
    (root / "GLOBAL_MEMORY.md").write_text(MEMORY, encoding="utf-8")
    (HOME / ".codex" / "AGENTS.md").write_text("# My own notes for Codex\n", encoding="utf-8")
    program = Path(sys.executable).with_name("memsync")
    settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in _places().items())
    forget = "-u MEMSYNC_CONFIG -u ANTHROPIC_API_KEY -u CLAUDE_CONFIG_DIR -u CODEX_HOME"
    WRAPPER.write_text(
        f'#!/bin/sh\nexec env {forget} {settings} {shlex.quote(str(program))} "$@"\n'
    )
    WRAPPER.chmod(0o755)


def _places() -> dict[str, str]:
    return {
        "HOME": str(HOME),
        "XDG_CONFIG_HOME": str(HOME / ".config"),
        "XDG_STATE_HOME": str(HOME / ".local" / "state"),
    }


def _run(*arguments: str, quiet: bool = False) -> None:
    done = subprocess.run(
        [str(WRAPPER), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if quiet else None,
        check=False,
    )
    if done.returncode:
        print("Try: make demo WEB_PORT=5080 CAPTURE_PORT=5081, if a port is taken")
        sys.exit(done.returncode)


def _stop() -> None:
    if WRAPPER.exists():
        subprocess.run([str(WRAPPER), "daemon", "stop"], capture_output=True, check=False)


def _say_what_to_try() -> None:
    memsync = WRAPPER.relative_to(ROOT)
    note = '{"text": "Prefers uv to pip since this week"}'
    print(
        f"""
memsync runs on a sample memory in {DEMO.relative_to(ROOT)}/. Try, from this folder:

  curl -H 'Content-Type: application/json' -d '{note}' http://localhost:{CAPTURE_PORT}/note
  {memsync} daemon run refresh
  open http://localhost:{WEB_PORT} in a browser

The note is then in the memory, in {(HOME / ".claude/CLAUDE.md").relative_to(ROOT)}
and in {(HOME / ".codex/AGENTS.md").relative_to(ROOT)}. make demo-stop ends it."""
    )


if __name__ == "__main__":
    main()
