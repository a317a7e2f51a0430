"""schemathesis against a running daemon: what the OpenAPI file says is what both ports do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from memsync.daemon import server
from memsync.workspace import Workspace
from tests.support.fire import Besieged
from tests.support.scale import TORTURE

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
DESCRIPTION = Path(server.__file__).with_name("openapi.json")
# Not those on what must be accepted or refused: who gets in, and whether forms are taken, is the
# owner's to decide, and more than a description says.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
EXAMPLES = 300 if TORTURE else 15

pytestmark = [
    pytest.mark.torture,
    pytest.mark.skipif(not SCHEMATHESIS.exists(), reason="schemathesis is not installed"),
]


@pytest.fixture
def daemon(workspace: Workspace) -> Iterator[Besieged]:
    made = Besieged()
    made.run()
    yield made
    made.leave()


@pytest.mark.parametrize(
    ("name", "paths"), [("web", "^/api/(?!jobs/)"), ("capture", "^/(note|health)$")]
)
def test_both_ports_do_what_their_description_says(daemon, tmp_path, name, paths):
    port = getattr(daemon, name)
    done = subprocess.run(
        [
            *(SCHEMATHESIS, "run", DESCRIPTION, "--url", f"http://127.0.0.1:{port}"),
            *("--include-path-regex", paths, "--checks", ",".join(CHECKS)),
            *("--max-examples", str(EXAMPLES), "--seed", "4", "--generation-database", "none"),
        ],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout
    assert " ERROR " not in daemon.said()
