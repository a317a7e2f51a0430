"""`make demo`: the whole of memsync on a sample memory, in a folder of the checkout.

Nothing outside ``.demo/`` is read or written: the demo has a home of its own there, and a
``.demo/memsync`` that uses it.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

from memsync.config import agent_shell

ROOT = Path(__file__).parents[2]
DEMO = ROOT / ".demo"
HOME = DEMO / "home"
WRAPPER = DEMO / "memsync"
WEB_PORT = os.environ.get("WEB_PORT", "5000")
CAPTURE_PORT = os.environ.get("CAPTURE_PORT", "5001")

BY_PHONE = "Prefers uv to pip since this week"
TYPED = "The importer is due on Friday"

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
    agent_shell.drop()  # the demo is the same, whoever runs `make demo`
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
    _show_the_main_job()
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


def _show_the_main_job() -> None:
    """From a phone and a terminal to the memory and every agent, each command as one types it."""
    memsync = WRAPPER.relative_to(ROOT)
    body = json.dumps({"text": BY_PHONE})
    url = f"http://localhost:{CAPTURE_PORT}/note"
    print(f"\n$ curl -H 'Content-Type: application/json' -d '{body}' {url}")
    request = Request(url, body.encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=10) as answer:
        print(answer.read().decode())
    print(f"$ {memsync} note {shlex.quote(TYPED)}", flush=True)
    _run("note", TYPED)
    print(f"$ {memsync} daemon run refresh", flush=True)
    _run("daemon", "run", "refresh")
    for agent in (".claude/CLAUDE.md", ".codex/AGENTS.md"):
        path = HOME / agent
        print(f"$ tail -n 4 {path.relative_to(ROOT)}")
        print("\n".join(path.read_text(encoding="utf-8").splitlines()[-4:]))
        if not all(note in path.read_text(encoding="utf-8") for note in (BY_PHONE, TYPED)):
            sys.exit(
                "Error: the notes did not reach this file\nTry: make demo-stop, then make demo"
            )


def _say_what_to_try() -> None:
    memsync = WRAPPER.relative_to(ROOT)
    print(
        f"""
memsync runs on a sample memory in {DEMO.relative_to(ROOT)}/. Open http://localhost:{WEB_PORT} in a browser, and try

  {memsync} blame
  {memsync} --help

make demo-stop ends it."""
    )


if __name__ == "__main__":
    main()
