"""A mail server for tests: aiosmtpd with certificates of a CA of its own, and what came in."""

from __future__ import annotations

import email
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from tests.support.net import HOST, free_port


class MailServer:
    """What a server was sent; `logins` are the pairs of user and password that were tried."""

    def __init__(self, port: int, password: str = "") -> None:
        self.port = port
        self.password = password
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.was_encrypted: list[bool] = []
        self.logins: list[tuple[str, str]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        message = email.message_from_bytes(envelope.content.replace(b"\r\n", b"\n"), policy=default)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        self.recipients.append(list(envelope.rcpt_tos))
        self.was_encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        return "250 OK"

    def authenticate(
        self, server: Any, session: Any, envelope: Any, mechanism: str, given: Any
    ) -> AuthResult:
        user, password = given.login.decode(), given.password.decode()
        self.logins.append((user, password))
        return AuthResult(success=password == self.password, handled=False)


class Certificates:
    """A certificate authority, and the certificates of mail servers."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self.bundle = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.bundle))

    def of(self, name: str) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._ca.issue_cert(name).configure_cert(context)
        return context


@contextmanager
def mail_server(
    *,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    password: str = "",
    **options: Any,
) -> Iterator[MailServer]:
    """Run a mail server; with a password it offers AUTH, with no certificate on a bare line."""
    port = free_port()
    server = MailServer(port, password)
    if password:
        bare = starttls is None and tls is None
        options |= {"authenticator": server.authenticate, "auth_require_tls": not bare and not tls}
    controller = Controller(
        server, HOST, port, tls_context=starttls, ssl_context=tls, server_hostname=HOST, **options
    )
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


@contextmanager
def names_lead_here(*names: str) -> Iterator[None]:
    """Have the resolver answer with this machine for some names."""
    real = socket.getaddrinfo

    def look_up(host: Any, *rest: Any, **more: Any) -> Any:
        return real(HOST if host in names else host, *rest, **more)

    socket.getaddrinfo = look_up
    try:
        yield
    finally:
        socket.getaddrinfo = real
