"""Alerts by mail, to whom the digest goes as well."""

from __future__ import annotations

from memsync.config import Config
from memsync.daemon import mail


def send(config: Config, subject: str, body: str) -> None:
    """Mail an alert; raises as `mail.send_mail` does."""
    mail.send_mail(config, f"memsync: {subject}", body)
