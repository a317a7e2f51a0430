"""Mail: sends one message, with a text and perhaps an HTML part, over a verified connection.

That is STARTTLS, or TLS from the start on port 465; only to this machine itself, neither.
"""

from __future__ import annotations

import base64
import smtplib
import ssl
from email.errors import InvalidHeaderDefect
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from memsync.config import Config
from memsync.config.credentials import smtp_password
from memsync.errors import MemsyncError

TIMEOUT_SECONDS = 30
TLS_PORT = 465
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


def send_mail(config: Config, subject: str, text: str, html: str | None = None) -> None:
    """Send one mail to ``digest_email_to``.

    Raises:
        MemsyncError: an address or the server is not set; or the server cannot be reached, cannot
            be verified, or refuses. Nothing was sent.
    """
    message = compose(config, subject, text, html)
    host, port = config.daemon.digest_smtp_host, config.daemon.digest_smtp_port
    try:
        with _connect(host, port) as server:
            _log_in(server, config)
            server.send_message(message)
    except ssl.SSLError as error:
        raise MemsyncError(
            f"the mail server {host}:{port} could not be trusted: {error.reason or error}",
            hint="check daemon.digest_smtp_host and _port; the name must be the certificate's",
        ) from error
    except smtplib.SMTPAuthenticationError as error:
        raise MemsyncError(
            f"the mail server {host}:{port} refused the login ({error.smtp_code})",
            hint="check daemon.digest_smtp_user and MEMSYNC_SMTP_PASSWORD",
        ) from error
    except (smtplib.SMTPException, OSError, UnicodeError) as error:  # UnicodeError: a host's name
        raise MemsyncError(
            f"no mail could be sent by {host}:{port}: {_one_line(str(error))}",
            hint="check the digest_smtp_… settings: memsync config show",
        ) from error


def compose(config: Config, subject: str, text: str, html: str | None) -> EmailMessage:
    """Return the message; its headers come from the config and from `subject` as one line.

    Raises:
        MemsyncError: an address or the server is not set, or an address is invalid.
    """
    daemon = config.daemon
    for key in ("digest_email_to", "digest_smtp_host"):
        if not getattr(daemon, key):
            raise MemsyncError(f"daemon.{key} is not set", hint=f"memsync config set {key} VALUE")
    message = EmailMessage()
    _address(message, "To", "digest_email_to", daemon.digest_email_to)
    if daemon.digest_email_from:
        _address(message, "From", "digest_email_from", daemon.digest_email_from)
    else:
        _address(message, "From", "digest_email_to", daemon.digest_email_to)
    message["Subject"] = _one_line(subject)
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = make_msgid(domain="memsync.invalid")
    message.set_content(_encodable(text))
    if html is not None:
        message.add_alternative(_encodable(html), subtype="html")
    return message


def _address(message: EmailMessage, header: str, key: str, text: str) -> None:
    try:
        message[header] = text
        parsed = message[header]
        bad = any(isinstance(defect, InvalidHeaderDefect) for defect in parsed.defects)
    except (ValueError, IndexError):  # the parser fails on some texts that are no address
        bad = True
    if bad or not parsed.addresses:
        raise MemsyncError(
            f"daemon.{key} is not an address: {_one_line(text)}",
            hint=f"memsync config set {key} NAME@HOST",
        )


def _connect(host: str, port: int) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if port == TLS_PORT:
        return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=context)
    server = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
    try:
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=context)
            server.ehlo()
    except BaseException:
        server.close()
        raise
    if not isinstance(server.sock, ssl.SSLSocket) and host not in _THIS_MACHINE:
        server.close()
        raise smtplib.SMTPNotSupportedError("the server offers no STARTTLS")
    return server


def _log_in(server: smtplib.SMTP, config: Config) -> None:
    """Log in as the configured user; smtplib's own login takes only ASCII passwords."""
    user = config.daemon.digest_smtp_user
    if not user:
        return
    server.ehlo_or_helo_if_needed()
    password = smtp_password(config)
    offered = server.esmtp_features.get("auth", "").upper().split()
    if "PLAIN" in offered or "LOGIN" not in offered:
        code, answer = server.docmd("AUTH", f"PLAIN {_base64(f'{chr(0)}{user}{chr(0)}{password}')}")
    else:
        code, answer = server.docmd("AUTH", f"LOGIN {_base64(user)}")
        if code == 334:
            code, answer = server.docmd(_base64(password))
    if code not in {235, 503}:  # 503: already logged in
        raise smtplib.SMTPAuthenticationError(code, answer)


def _encodable(text: str) -> str:
    """Return `text` without the lone surrogates of file names, which a mail cannot contain."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8")).decode("ascii")


def _one_line(text: str) -> str:
    """Return `text` as one short line, so that it cannot end a header."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]
