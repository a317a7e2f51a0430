"""Mail, by a real server: to whom it should go, over a line that is checked, and to nobody else."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from memsync.config import Config, DaemonConfig
from memsync.daemon import mail
from memsync.errors import MemsyncError
from tests.support.net import HOST
from tests.support.smtp import Certificates, MailServer, mail_server, names_lead_here

NAME = "smtp.example.org"
PASSWORD = 'pä55 "quoted" \\back\\slash \'n = $x 日本'
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")


def settings_for(server: MailServer, host: str = NAME, **more: object) -> Config:
    daemon = DaemonConfig(
        digest_email_to="Ada <ada@example.org>",
        digest_email_from="memsync@example.org",
        digest_smtp_host=host,
        digest_smtp_port=server.port,
    )
    return Config(daemon=replace(daemon, **more))


@pytest.fixture
def certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Certificates]:
    """A trusted authority, and a name of a mail server that leads here."""
    made = Certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.bundle))
    with names_lead_here(NAME):
        yield made


def refused(config: Config) -> MemsyncError:
    with pytest.raises(MemsyncError) as error:
        mail.send_mail(config, "digest", "text")
    assert error.value.hint
    return error.value


def test_a_mail_with_both_parts_goes_by_starttls(certificates):
    with mail_server(starttls=certificates.of(NAME), require_starttls=True) as server:
        mail.send_mail(settings_for(server), "Die Woche · 日本", "plain é\n", "<p>rich é</p>")
    (message,) = server.mails
    assert server.recipients == [["ada@example.org"]]
    assert server.was_encrypted == [True]
    assert message["Subject"] == "Die Woche · 日本"
    assert message["From"] == "memsync@example.org"
    assert message["To"] == "Ada <ada@example.org>"
    assert message["Date"]
    assert message["Message-ID"]
    plain, rich = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert rich is not None
    assert plain.get_content() == "plain é\n"
    assert rich.get_content() == "<p>rich é</p>\n"


def test_on_465_the_line_is_encrypted_from_the_start(certificates, monkeypatch):
    with mail_server(tls=certificates.of(NAME), password=PASSWORD) as server:
        monkeypatch.setattr(mail, "TLS_PORT", server.port)
        config = settings_for(server, digest_smtp_user="ada", digest_smtp_password=PASSWORD)
        mail.send_mail(config, "digest", "text")
    assert server.was_encrypted == [True]
    assert server.logins == [("ada", PASSWORD)]


@pytest.mark.parametrize("on_465", [False, True])
@pytest.mark.parametrize("fault", ["another name", "another authority"])
def test_a_server_that_is_not_who_it_says_gets_nothing(
    certificates, tmp_path, monkeypatch, on_465, fault
):
    issuer = certificates
    if fault == "another authority":
        (tmp_path / "other").mkdir()
        issuer = Certificates(tmp_path / "other")
    context = issuer.of(NAME if fault == "another authority" else "smtp.evil.example")
    kind = {"tls" if on_465 else "starttls": context}
    with mail_server(password="x", **kind) as server:
        if on_465:
            monkeypatch.setattr(mail, "TLS_PORT", server.port)
        config = settings_for(server, digest_smtp_user="ada", digest_smtp_password="x")
        assert "could not be trusted" in refused(config).message
    assert server.mails == []
    assert server.logins == []


def test_without_starttls_another_host_gets_neither_password_nor_mail(certificates):
    with mail_server(password="secret") as server:
        config = settings_for(server, digest_smtp_user="ada", digest_smtp_password="secret")
        error = refused(config)
    assert "no STARTTLS" in error.message
    assert server.logins == []
    assert server.mails == []


def test_a_server_that_promises_starttls_and_refuses_it_gets_nothing(certificates, monkeypatch):
    heard: list[bytes] = []
    with socket.create_server((HOST, 0)) as listener:
        server = MailServer(listener.getsockname()[1])

        def talk() -> None:
            client, _ = listener.accept()
            with client, client.makefile("rwb", buffering=0) as line:
                line.write(b"220 hello\r\n")
                for answer in (b"250-hello\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n", b"454 no\r\n"):
                    heard.append(line.readline())
                    line.write(answer)
                heard.extend(line)

        thread = threading.Thread(target=talk)
        thread.start()
        config = settings_for(server, digest_smtp_user="ada", digest_smtp_password="secret")
        refused(config)
        thread.join(10)
        assert not thread.is_alive()
    assert [words.split()[0].lower() for words in heard][:2] == [b"ehlo", b"starttls"]
    assert not [words for words in heard if words.upper().startswith((b"AUTH", b"MAIL"))]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_this_machine_itself_needs_no_encryption(host):
    with mail_server() as server:
        mail.send_mail(settings_for(server, host), "digest", "text")
    assert server.was_encrypted == [False]


@pytest.mark.parametrize("only", ["PLAIN", "LOGIN"])
def test_any_password_logs_in(certificates, only, monkeypatch):
    other = "LOGIN" if only == "PLAIN" else "PLAIN"
    monkeypatch.setenv("MEMSYNC_SMTP_PASSWORD", PASSWORD)
    with mail_server(
        starttls=certificates.of(NAME), password=PASSWORD, auth_exclude_mechanism=[other]
    ) as server:
        mail.send_mail(settings_for(server, digest_smtp_user="ädä@example.org"), "digest", "text")
    assert server.logins == [("ädä@example.org", PASSWORD)]
    assert len(server.mails) == 1


@pytest.mark.parametrize("only", ["PLAIN", "LOGIN"])
def test_a_wrong_password_is_said_and_not_shown(certificates, only):
    other = "LOGIN" if only == "PLAIN" else "PLAIN"
    with mail_server(
        starttls=certificates.of(NAME), password="right", auth_exclude_mechanism=[other]
    ) as server:
        config = settings_for(server, digest_smtp_user="ada", digest_smtp_password="wr0ng-one")
        error = refused(config)
    assert "refused the login (535)" in error.message
    assert "wr0ng-one" not in error.message + error.hint
    assert server.mails == []


def test_nobody_logs_in_without_a_user(certificates):
    with mail_server(starttls=certificates.of(NAME), password="x") as server:
        mail.send_mail(settings_for(server, digest_smtp_password="x"), "digest", "text")
    assert server.logins == []
    assert len(server.mails) == 1


@pytest.mark.parametrize("on_465", [False, True])
def test_a_server_that_never_answers_is_given_up(monkeypatch, on_465):
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.5)
    with socket.create_server((HOST, 0)) as silent:
        server = MailServer(silent.getsockname()[1])
        if on_465:
            monkeypatch.setattr(mail, "TLS_PORT", server.port)
        began = time.monotonic()
        assert "no mail could be sent" in refused(settings_for(server, "localhost")).message
        assert 0.4 < time.monotonic() - began < 5


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 70 + ".org", "localhost"])
def test_a_server_that_cannot_be_reached_is_named(host):
    with socket.socket() as nobody:
        nobody.bind((HOST, 0))
        error = refused(settings_for(MailServer(nobody.getsockname()[1]), host))
    assert host in error.message


def test_a_subject_cannot_bring_headers_along():
    with mail_server() as server:
        subject = "alert\r\nBcc: evil@example.org\r\n\r\nbody \u2028\x00\udce9" + "x" * 500
        mail.send_mail(settings_for(server, "localhost"), subject, "text")
    (message,) = server.mails
    assert server.recipients == [["ada@example.org"]]
    assert message["Bcc"] is None
    assert set(message.keys()) == {
        "To", "From", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type",
        "Content-Transfer-Encoding",
    }  # fmt: skip
    assert message.get_content() == "text\n"
    assert len(message["Subject"]) <= 200


@pytest.mark.parametrize("key", ["digest_email_to", "digest_email_from"])
def test_an_address_cannot_bring_headers_along(key):
    with mail_server() as server:
        injected = {key: "ada@example.org\r\nBcc: evil@example.org"}
        assert "is not an address" in refused(settings_for(server, "localhost", **injected)).message
    assert server.mails == []


@pytest.mark.parametrize("key", ["digest_email_to", "digest_smtp_host"])
def test_what_is_not_set_is_named_with_the_way_to_set_it(key):
    error = refused(settings_for(MailServer(1), "localhost", **{key: ""}))
    assert error.message == f"daemon.{key} is not set"
    assert error.hint.startswith(f"memsync config set {key}")


@pytest.mark.parametrize("address", ["@", "<", "a@", "no address", '"', "a@b@c", ",", "a b@c d"])
def test_an_address_that_is_none_is_an_error_and_no_crash(address):
    with mail_server() as server:
        error = refused(settings_for(server, "localhost", digest_email_to=address))
    assert error.message.startswith("daemon.digest_email_to is not an address")
    assert server.mails == []


def test_any_text_can_be_mailed():
    text = "caf\udce9 \x00 \u2028 " + "long " * 1000 + "\n.\n..\nend"
    with mail_server() as server:
        mail.send_mail(settings_for(server, "localhost"), "alert", text, "<p>caf\udce9</p>")
    (message,) = server.mails
    plain = message.get_body(("plain",))
    assert plain is not None
    assert "long long" in plain.get_content()
    assert plain.get_content().endswith("\n.\n..\nend\n")


def test_without_a_sender_of_its_own_it_comes_from_the_reader():
    with mail_server() as server:
        mail.send_mail(settings_for(server, "localhost", digest_email_from=""), "digest", "text")
    assert server.mails[0]["From"] == "Ada <ada@example.org>"
