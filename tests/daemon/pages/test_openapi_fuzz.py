"""schemathesis against a running daemon: what the OpenAPI file says is what both ports do."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
import tomli_w

from memsync.config.workspace import Workspace
from memsync.daemon import web
from tests.support.fire import Besieged
from tests.support.net import HOST, send
from tests.support.scale import TORTURE

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
DESCRIPTION = Path(web.__file__).with_name("openapi.json")
TOKEN, PASSWORD = "0nly-the-phone-knows", "open sesame"
EXAMPLES = 300 if TORTURE else 12

pytestmark = [
    pytest.mark.torture,
    pytest.mark.skipif(not SCHEMATHESIS.exists(), reason="schemathesis is not installed"),
]


@pytest.fixture
def daemon(workspace: Workspace) -> Iterator[Besieged]:
    """A daemon with token and password; its jobs find nothing to mirror, to mail or to ask."""
    made = Besieged()
    made.set(capture_token=TOKEN, web_ui_password=PASSWORD)
    made.run()
    yield made
    made.leave()


def session(port: int) -> str:
    """Log in, and return the cookie."""
    login = send(port, "GET", "/login")
    token = re.search(r'name="csrf_token" value="([^"]+)"', login.body.decode())
    assert token is not None
    answer = send(
        port,
        "POST",
        "/login",
        urlencode({"csrf_token": token[1], "password": PASSWORD}).encode(),
        {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie(login.headers)},
    )
    assert answer.status == 303
    return cookie(answer.headers)


def cookie(headers: object) -> str:
    return str(dict(headers)["set-cookie"]).partition(";")[0]  # type: ignore[call-overload]


def conforms(port: int, paths: str, scheme: str, secret: str, folder: Path) -> None:
    """Ask a port all that its description allows and forbids; fail where it does otherwise.

    It also leaves out the `secret` of the security `scheme` now and then, which must not help.
    """
    secrets = {"auth": {"openapi": {scheme: {"api_key": secret}}}}
    (folder / "schemathesis.toml").write_text(tomli_w.dumps(secrets))
    own = ("--header", f"Origin: http://{HOST}:{port}")
    done = subprocess.run(
        [
            *(SCHEMATHESIS, "run", DESCRIPTION, "--url", f"http://{HOST}:{port}", *own),
            *("--include-path-regex", paths, "--checks", "all"),
            *("--max-examples", str(EXAMPLES), "--seed", "4", "--generation-database", "none"),
        ],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout


def test_the_page_does_what_its_description_says(daemon: Besieged, tmp_path: Path) -> None:
    """All jobs are run, too: none of them reaches further than this machine."""
    name, _, value = session(daemon.web).partition("=")
    assert name == "memsync"
    conforms(daemon.web, "^/api/", "session", value, tmp_path)
    assert " ERROR " not in daemon.said()


def test_the_ear_does_what_its_description_says(daemon: Besieged, tmp_path: Path) -> None:
    conforms(daemon.capture, "^/(note|health|pair)?$", "token", TOKEN, tmp_path)
    assert " ERROR " not in daemon.said()
