"""Alerts by apprise, to the addresses in ``daemon.apprise_urls``."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from memsync.config import Config
from memsync.daemon.services.commands import failure_of

MOST_SECONDS = 60


def send(config: Config, subject: str, body: str) -> None:
    """Send an alert from a process of its own; the daemon need not keep apprise's many modules.

    Raises:
        MemsyncError: apprise is not installed, or did not deliver it.
    """
    named = {"MEMSYNC_CONFIG": str(config.source)} if config.source else {}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "memsync", "daemon", "alert"],
        env={**os.environ, **named},
        input=json.dumps({"subject": subject, "body": body}),
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )
    if done.returncode:
        raise failure_of(done.stderr, "apprise did not deliver it", done.returncode)
