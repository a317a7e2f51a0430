"""Who gets in: every door is tried, by name, by network, by origin, and too often."""

from __future__ import annotations

import dataclasses
import socket
import threading
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import waitress
from waitress import wasyncore
from werkzeug.test import Client, TestResponse

from memsync.config import Config, DaemonConfig
from memsync.daemon.http import hosts
from memsync.daemon.http.guard import SECURITY_HEADERS, Backoff, Guard, same_secret


def application(environ: Any, start_response: Any) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/fails":
        raise RuntimeError("the password is hunter2")
    headers = [("Content-Type", "text/plain"), ("X-Frame-Options", "ALLOWALL")]
    if environ["PATH_INFO"] == "/static":
        headers.append(("Cache-Control", "no-cache"))
    start_response("200 OK", headers)
    return [b"in"]


def make_client(**settings: Any) -> Client:
    config = Config(daemon=DaemonConfig(**settings))
    return Client(Guard(config).protect(application))


@pytest.fixture(autouse=True)
def a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand on a machine called raspberry, at 192.168.1.7 and fe80::1."""
    monkeypatch.setattr(socket, "gethostname", lambda: "Raspberry")
    addresses = [
        SimpleNamespace(family=socket.AF_INET, address="192.168.1.7"),
        SimpleNamespace(family=socket.AF_INET6, address="fe80::1%eth0"),
        SimpleNamespace(family=socket.AF_INET6, address="2001:db8::7"),
        SimpleNamespace(family=psutil.AF_LINK, address="aa:bb:cc:dd:ee:ff"),
    ]
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: {"eth0": addresses})


@pytest.fixture
def client() -> Client:
    return make_client()


def status(client: Client, host: str | None, **more: Any) -> int:
    environ = {"REMOTE_ADDR": "127.0.0.1", **({} if host is None else {"HTTP_HOST": host})}
    builder = more.pop("environ_overrides", {})
    return ask(client, {**environ, **builder}, **more).status_code


def ask(client: Client, environ: dict[str, str], method: str = "GET", path: str = "/") -> Any:
    base = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SERVER_NAME": "x",
        "SERVER_PORT": "5000",
        "wsgi.url_scheme": "http",
        **environ,
    }
    return TestResponse(*_run(client.application, base), request=None)  # type: ignore[arg-type]


def _run(app: Any, environ: dict[str, Any]) -> tuple[list[bytes], str, Any]:
    told: list[Any] = []
    body = list(app(environ, lambda *args: told.append(args)))
    return body, told[-1][0], told[-1][1]


OWN_HOSTS = [
    "localhost",
    "localhost:5000",
    "LOCALHOST",
    "LocalHost:5001",
    "localhost.",
    "LOCALHOST.:5000",
    "127.0.0.1",
    "127.0.0.1:5000",
    "127.8.9.10",
    "[::1]",
    "[::1]:5000",
    "[0:0:0:0:0:0:0:1]:5000",
    "[::ffff:127.0.0.1]:5000",
    "raspberry",
    "RASPBERRY:5000",
    "raspberry.local",
    "Raspberry.Local:5000",
    "raspberry.local.",
    "192.168.1.7",
    "192.168.1.7:5000",
    "[fe80::1]:5000",
    "[2001:db8::7]",
    "[2001:0DB8::7]:5000",
]

FOREIGN_HOSTS = [
    "evil.example",
    "evil.example:5000",
    "localhost.com",
    "localhost.evil.example",
    "localhost.localdomain",
    "mylocalhost",
    "localhost..",
    ".localhost",
    "foo.localhost",
    "localhost@evil.example",
    "evil.example@localhost",
    "localhost:80@evil.example",
    "localhost:5000:5000",
    "localhost:",
    "localhost:x",
    "localhost:-1",
    "localhost:500000",
    "localhost :5000",
    " localhost",
    "localhost ",
    "localhost\t",
    "\tlocalhost",
    "localhost\n",
    "localhost\r\nX: y",
    "localhost\0",
    "local\0host",
    "localhost, evil.example",
    "localhost, localhost",
    "localhost,",
    "localhost/",
    "localhost/evil",
    "localhost?",
    "localhost#",
    "http://localhost",
    "//localhost",
    "localhost%00.evil.example",
    "localhost%2e",
    "loc%61lhost",
    "localhost\\",
    "\u0142ocalhost",
    "local\u017fhost",
    "locaLhost\u3002",
    "localho\u00adst",
    "127.0.0.1.evil.example",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "0177.0.0.1",
    "0x7f.0.0.1",
    "0x7f000001",
    "2130706433",
    "127.0.0.01",
    "127.0.0.1/8",
    "0.0.0.0",
    "0.0.0.0:5000",
    "0",
    "[::]",
    "[::]:5000",
    "[::ffff:0.0.0.0]",
    "[::ffff:8.8.8.8]",
    "::1",
    "[::1",
    "::1]",
    "[[::1]]",
    "[::1]x",
    "[::1]:",
    "[::1%eth0]",
    "[fe80::1%25eth0]",
    "[127.0.0.1]",
    "[localhost]",
    "[]",
    "192.168.1.8",
    "192.168.1.70",
    "192.168.1.7.nip.io",
    "8.8.8.8",
    "10.0.0.1:5000",
    "raspberry.evil.example",
    "raspberry.local.evil.example",
    "evil-raspberry.local",
    "raspberry.loca",
    "raspberry.lan",
    ".local",
    "local",
    "*",
    "*.local",
    "-",
    ".",
    "..",
    ":",
    ":5000",
    "@",
    "null",
    "",
    " ",
    "localhost" * 500,
    None,
]


@pytest.mark.parametrize("host", OWN_HOSTS)
def test_this_machine_answers_to_its_own_names_and_addresses(client: Client, host: str) -> None:
    assert status(client, host) == 200


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_no_other_name_is_answered_to(client: Client, host: str | None) -> None:
    assert status(client, host) == 421
    assert status(client, host, method="POST") == 421


def test_the_refusal_of_a_name_says_how_to_allow_it_and_repeats_nothing(client: Client) -> None:
    answer = ask(client, {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "evil.example"})
    assert "memsync config set daemon.allowed_hosts" in answer.text
    assert "evil.example" not in answer.text
    assert "raspberry" not in answer.text.lower()


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("memory.example.org", "memory.example.org"),
        ("Memory.Example.org.", "memory.example.org:5000"),
        ("memory.example.org:5000", "MEMORY.example.org."),
        ("http://memory.example.org:5000/", "memory.example.org"),
        (" pi.lan ", "pi.lan"),
        ("b\u00fccher.lan", "xn--bcher-kva.lan"),
        ("100.64.3.4", "100.64.3.4:5000"),
        ("100.64.3.4:5000", "100.64.3.4"),
        ("fd00::5", "[fd00::5]:5000"),
        ("[fd00:0::5]", "[fd00::5]"),
    ],
)
def test_a_name_from_the_config_is_answered_to(given: str, host: str) -> None:
    assert status(make_client(), host) == 421
    assert status(make_client(allowed_hosts=(given,)), host) == 200


@pytest.mark.parametrize("given", ["0.0.0.0", "[::]", "::", "*", "", " ", "*.lan"])
def test_no_config_opens_the_door_to_every_name(given: str) -> None:
    client = make_client(allowed_hosts=(given,))
    for host in FOREIGN_HOSTS:
        assert status(client, host) == 421


def test_the_name_a_port_is_bound_to_is_one_of_this_machine() -> None:
    assert status(make_client(web_ui_host="pi.home"), "pi.home:5000") == 200


def test_a_machine_without_a_name_is_not_called_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "")
    assert status(make_client(), ".local") == 421
    assert status(make_client(), "") == 421


def test_a_full_host_name_is_known_short_and_under_local_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "kite.example.org")
    client = make_client()
    for name in ("kite.example.org", "kite", "kite.local"):
        assert status(client, name) == 200
    assert status(client, "example.org") == 421


def test_a_new_address_of_this_machine_is_known_within_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    time = [1000.0]
    calls = []
    address = ["192.168.1.7"]

    def look() -> dict[str, Any]:
        calls.append(time[0])
        return {"eth0": [SimpleNamespace(family=socket.AF_INET, address=address[0])]}

    monkeypatch.setattr(psutil, "net_if_addrs", look)
    client = Client(Guard(Config(), now=lambda: time[0]).protect(application))
    assert status(client, "192.168.1.7") == 200
    address[0] = "192.168.1.99"
    time[0] += 59
    assert status(client, "192.168.1.99") == 421
    time[0] += 1
    assert status(client, "192.168.1.99") == 200
    assert status(client, "192.168.1.7") == 421
    assert len(calls) == 2
    assert hosts.ADDRESSES_GOOD_FOR == 60


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "::ffff:127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.254",
        "192.168.1.50",
        "169.254.10.10",
        "::ffff:192.168.1.50",
        "fe80::abcd",
        "fe80::abcd%eth0",
        "fd12:3456::1",
    ],
)
def test_devices_of_private_networks_may_connect(client: Client, address: str) -> None:
    assert status(client, "localhost", environ_overrides={"REMOTE_ADDR": address}) == 200


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "172.32.0.1",
        "172.15.255.255",
        "192.169.0.1",
        "11.0.0.1",
        "100.64.0.1",
        "::ffff:8.8.8.8",
        "2001:db8::1",
        "::",
        "0.0.0.0",
        "",
        "localhost",
        "192.168.1.1, 8.8.8.8",
        "192.168.1.256",
    ],
)
def test_devices_of_other_networks_get_403(client: Client, address: str) -> None:
    environ = {"REMOTE_ADDR": address, "HTTP_HOST": "localhost"}
    answer = ask(client, environ)
    assert answer.status_code == 403
    assert "daemon.allowed_networks" in answer.text


def test_no_header_makes_a_stranger_a_neighbour(client: Client) -> None:
    claims = {
        "HTTP_X_FORWARDED_FOR": "127.0.0.1",
        "HTTP_FORWARDED": "for=127.0.0.1;host=localhost",
        "HTTP_X_REAL_IP": "127.0.0.1",
        "HTTP_X_FORWARDED_HOST": "localhost",
    }
    stranger = {"REMOTE_ADDR": "8.8.8.8", "HTTP_HOST": "localhost", **claims}
    assert ask(client, stranger).status_code == 403
    rebound = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "evil.example", **claims}
    assert ask(client, rebound).status_code == 421


FORWARDED = [
    # trusted, peer, X-Forwarded-For, expected client; None is refused
    ("127.0.0.1", "127.0.0.1", "192.168.1.9", "192.168.1.9"),
    ("127.0.0.1", "127.0.0.1", "", "127.0.0.1"),
    ("127.0.0.1", "127.0.0.1", "8.8.8.8", None),
    ("127.0.0.1", "127.0.0.1", "192.168.1.9, 8.8.8.8", None),
    ("127.0.0.1", "127.0.0.1", "127.0.0.1, 8.8.8.8", None),
    ("127.0.0.1", "127.0.0.1", "8.8.8.8, 127.0.0.1", None),
    ("127.0.0.1", "127.0.0.1", "8.8.8.8, 192.168.1.9", None),
    ("127.0.0.1", "127.0.0.1", "10.0.0.1, 192.168.1.9", "192.168.1.9"),
    ("127.0.0.1", "127.0.0.1", "192.168.1.9:4711", "192.168.1.9"),
    ("127.0.0.1", "127.0.0.1", "[fe80::9]:4711", "fe80::9"),
    ("127.0.0.1", "127.0.0.1", "::ffff:192.168.1.9", "192.168.1.9"),
    ("127.0.0.1", "127.0.0.1", "unknown", None),
    ("127.0.0.1", "127.0.0.1", "_hidden, 192.168.1.9 ,", None),
    ("10.0.0.0/8", "10.0.0.2", "192.168.1.9, 10.0.0.3", "192.168.1.9"),
    ("10.0.0.0/8", "192.168.1.2", "192.168.1.9", "192.168.1.2"),
    ("", "127.0.0.1", "192.168.1.9", "127.0.0.1"),
    ("", "127.0.0.1", "8.8.8.8", None),
    ("", "127.0.0.1", "192.168.1.9, 8.8.8.8", None),
    ("", "192.168.1.2", "127.0.0.1", "192.168.1.2"),
    ("", "8.8.8.8", "127.0.0.1", None),
    ("8.8.8.8", "8.8.8.8", "192.168.1.9", "192.168.1.9"),
]


@pytest.mark.parametrize(("trusted", "peer", "header", "expected"), FORWARDED)
def test_a_proxy_speaks_for_a_client_only_if_it_is_trusted_and_against_one_always(
    trusted: str, peer: str, header: str, expected: str | None
) -> None:
    seen: list[str] = []

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        seen.append(environ["REMOTE_ADDR"])
        return application(environ, start_response)

    proxies = (trusted,) if trusted else ()
    guarded = Guard(Config(daemon=DaemonConfig(trusted_proxies=proxies))).protect(app)
    environ = {"REMOTE_ADDR": peer, "HTTP_HOST": "localhost", "HTTP_X_FORWARDED_FOR": header}
    answer = ask(Client(guarded), environ)
    assert (answer.status_code, seen) == ((403, []) if expected is None else (200, [expected]))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("for=192.168.1.9;proto=https", 200),
        ("proto=https", 200),
        ("for=8.8.8.8", 403),
        ('For="[2001:db8::17]:4711"', 403),
        ('for="[fe80::17]:4711";by=10.0.0.1', 200),
        ("for=192.168.1.9, by=10.0.0.1;for=8.8.8.8", 403),
        ("for=unknown", 403),
    ],
)
@pytest.mark.parametrize("trusted", ["127.0.0.1", "10.0.0.0/8"])
def test_the_standard_header_never_lets_in_and_always_counts_against(
    trusted: str, header: str, expected: int
) -> None:
    environ = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost", "HTTP_FORWARDED": header}
    assert ask(make_client(trusted_proxies=(trusted,)), environ).status_code == expected


def test_the_allowed_networks_are_the_ones_of_the_config_and_loopback_always() -> None:
    client = make_client(allowed_networks=("100.64.0.0/10", "192.168.7.9/24"))
    wanted = {"100.64.1.1": 200, "192.168.7.1": 200, "192.168.8.1": 403, "127.0.0.1": 200}
    for address, expected in wanted.items():
        environ = {"REMOTE_ADDR": address}
        assert status(client, "localhost", environ_overrides=environ) == expected
    alone = make_client(allowed_networks=())
    assert status(alone, "localhost") == 200
    assert status(alone, "localhost", environ_overrides={"REMOTE_ADDR": "192.168.1.2"}) == 403


SAME_ORIGINS = ["http://raspberry.local:5000", "https://raspberry.local:5000"]
FOREIGN_ORIGINS = [
    "http://evil.example",
    "http://raspberry.local",
    "http://raspberry.local:5001",
    "http://raspberry:5000",
    "http://localhost:5000",
    "http://raspberry.local:5000.evil.example",
    "http://raspberry.local:5000/",
    "http://raspberry.local:5000@evil.example",
    "http://evil.example#http://raspberry.local:5000",
    "http://raspberry.local:5000, http://evil.example",
    "ftp://raspberry.local:5000",
    "chrome-extension://raspberry.local:5000",
    "raspberry.local:5000",
    "null",
    "",
    " ",
    "file://",
]


def with_origin(client: Client, method: str, origin: str | None, **more: str) -> int:
    environ = {"HTTP_HOST": "raspberry.local:5000", "REMOTE_ADDR": "192.168.1.50", **more}
    if origin is not None:
        environ["HTTP_ORIGIN"] = origin
    return int(ask(client, environ, method).status_code)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "post", "TRACE", "FOO"])
@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_a_foreign_page_changes_nothing(client: Client, method: str, origin: str) -> None:
    assert with_origin(client, method, origin) == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("origin", [*SAME_ORIGINS, None, "HTTP://Raspberry.local:5000"])
def test_its_own_pages_and_programs_may_send(
    client: Client, method: str, origin: str | None
) -> None:
    assert with_origin(client, method, origin) == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("origin", [*SAME_ORIGINS, *FOREIGN_ORIGINS, None])
def test_reading_is_not_held_up_by_an_origin(
    client: Client, method: str, origin: str | None
) -> None:
    assert with_origin(client, method, origin) == 200


@pytest.mark.parametrize(
    ("site", "expected"),
    [("same-origin", 200), ("none", 200), ("cross-site", 403), ("same-site", 403), ("x", 403)],
)
def test_what_the_browser_says_of_the_sender_counts(
    client: Client, site: str, expected: int
) -> None:
    assert with_origin(client, "POST", None, HTTP_SEC_FETCH_SITE=site) == expected
    assert with_origin(client, "POST", SAME_ORIGINS[0], HTTP_SEC_FETCH_SITE=site) == expected
    assert with_origin(client, "GET", None, HTTP_SEC_FETCH_SITE=site) == 200


@pytest.mark.parametrize(
    ("environ", "path", "expected"),
    [
        ({}, "/", 200),
        ({}, "/static", 200),
        ({}, "/fails", 500),
        ({"HTTP_HOST": "evil.example"}, "/", 421),
        ({"REMOTE_ADDR": "8.8.8.8"}, "/", 403),
        ({"HTTP_ORIGIN": "null", "REQUEST_METHOD": "POST"}, "/", 403),
    ],
)
def test_every_answer_has_the_security_headers_once(
    client: Client, environ: dict[str, str], path: str, expected: int
) -> None:
    answer = ask(client, {"REMOTE_ADDR": "::1", "HTTP_HOST": "[::1]", **environ}, path=path)
    assert answer.status_code == expected
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers.getlist(name) == [value]
    caching = "no-cache" if path == "/static" else "no-store"
    assert answer.headers.getlist("Cache-Control") == [caching]
    assert "'unsafe" not in answer.headers["Content-Security-Policy"]


def test_an_application_that_fails_tells_the_log_and_nobody_else(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    answer = ask(client, {"REMOTE_ADDR": "::1", "HTTP_HOST": "localhost"}, path="/fails")
    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text
    assert "RuntimeError" in caplog.text


def test_a_refused_head_request_has_no_body(client: Client) -> None:
    answer = ask(client, {"REMOTE_ADDR": "::1", "HTTP_HOST": "evil.example"}, method="HEAD")
    assert answer.status_code == 421
    assert answer.data == b""


@pytest.fixture
def port() -> Iterator[int]:
    """A real server behind the guard; its port."""
    sockets: dict[int, Any] = {}
    app = Guard(Config()).protect(application)
    server = waitress.create_server(app, host="127.0.0.1", port=0, map=sockets, threads=1)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server.effective_port  # type: ignore[union-attr]
    trigger = server.trigger  # type: ignore[union-attr]
    trigger.pull_trigger(lambda: wasyncore.close_all(sockets))
    thread.join(10)
    server.task_dispatcher.shutdown(timeout=5)  # type: ignore[union-attr]


def over_the_wire(port: int, head: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(head + b"\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost", b" 200 "),
        (b"GET / HTTP/1.1\r\nHost:   localhost   ", b" 200 "),
        (b"GET / HTTP/1.1\r\nhOsT: localhost", b" 200 "),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example", b" 421 "),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\nHost: localhost", b" 421 "),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost", b" 421 "),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost", b" 421 "),
        (b"GET / HTTP/1.1\r\nHost: localhost\t.evil.example", b" 421 "),
        (b"GET / HTTP/1.1\r\nHost: \xffocalhost", b" 421 "),
        (b"GET / HTTP/1.1\r\nHost:", b" 421 "),
        (b"GET / HTTP/1.1", b" 421 "),
        (b"GET / HTTP/1.0", b" 421 "),
        (b"GET http://localhost/ HTTP/1.1\r\nHost: evil.example", b" 421 "),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost", b" 200 "),
        (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nOrigin: null",
            b" 403 ",
        ),
    ],
)
def test_a_real_server_hands_the_guard_what_was_sent(
    port: int, head: bytes, expected: bytes
) -> None:
    first_line = over_the_wire(port, head).split(b"\r\n", 1)[0]
    assert expected in first_line


@pytest.mark.parametrize(
    ("given", "equal"),
    [
        ("secret", True),
        ("Secret", False),
        ("secre", False),
        ("secret ", False),
        ("", False),
        ("s\u00e9cret", False),
        ("\udcff", False),
    ],
)
def test_secrets_are_compared_whole(given: str, equal: bool) -> None:
    assert same_secret(given, "secret") is equal


def test_a_secret_may_have_any_letters() -> None:
    assert same_secret("p\u00e4ss \U0001f511\n\"'\\", "p\u00e4ss \U0001f511\n\"'\\")
    assert not same_secret("\udcff", "?")


@dataclasses.dataclass
class Clock:
    time: float = 0.0

    def __call__(self) -> float:
        return self.time


def test_five_wrong_tries_are_free_and_then_the_wait_doubles_up_to_a_quarter_of_an_hour() -> None:
    clock = Clock()
    backoff = Backoff(clock)
    for _ in range(4):
        backoff.failed("192.168.1.50")
        assert backoff.wait_for("192.168.1.50") == 0
    waits = []
    for _ in range(8):
        backoff.failed("192.168.1.50")
        waits.append(backoff.wait_for("192.168.1.50"))
        clock.time += waits[-1]
        assert backoff.wait_for("192.168.1.50") == 0
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]


def test_a_secret_that_was_right_before_waits_for_nobody_elses_guesses() -> None:
    backoff = Backoff(Clock())
    backoff.succeeded("192.168.1.50", "digest of a good one")
    for _ in range(9):
        backoff.failed("192.168.1.50")
    assert backoff.wait_for("192.168.1.50", "digest of a good one") == 0
    for other in ("", "digest of a guess"):
        assert backoff.wait_for("192.168.1.50", other) > 0
    backoff.succeeded("192.168.1.50", "digest of a good one")
    assert backoff.wait_for("192.168.1.50", "digest of a guess") > 0  # the guesser still waits
    for _ in range(9):
        backoff.failed("192.168.1.51")
    assert backoff.wait_for("192.168.1.51", "digest of a good one") > 0


def test_one_address_waits_alone() -> None:
    backoff = Backoff(Clock())
    for _ in range(6):
        backoff.failed("192.168.1.50")
    assert backoff.wait_for("192.168.1.50") > 0
    assert backoff.wait_for("192.168.1.51") == 0
    assert backoff.wait_for("::ffff:192.168.1.50") > 0


def test_the_many_addresses_of_one_ipv6_device_wait_together() -> None:
    backoff = Backoff(Clock())
    for number in range(Backoff.FREE_OF_NETWORK):
        assert backoff.wait_for(f"2001:db8::{number:x}") == 0
        backoff.failed(f"2001:db8::{number:x}")
    assert backoff.wait_for("2001:db8::ffff:1") == 30
    assert backoff.wait_for("2001:db8:0:1::1") == 0
    assert backoff.wait_for("192.168.1.50") == 0


def test_a_success_forgets_the_failures_and_so_does_an_hour_of_peace() -> None:
    clock = Clock()
    backoff = Backoff(clock)
    for forget in (lambda: backoff.succeeded("a"), lambda: setattr(clock, "time", 1e6)):
        for _ in range(5):
            backoff.failed("a")
        assert backoff.wait_for("a") == 30
        forget()
        assert backoff.wait_for("a") == 0
        backoff.failed("a")
        assert backoff.wait_for("a") == 0
        backoff.succeeded("a")


def test_a_thousand_addresses_are_remembered_and_the_quietest_is_forgotten() -> None:
    backoff = Backoff(Clock())
    for number in range(1000):
        for _ in range(5):
            backoff.failed(f"10.0.{number // 250}.{number % 250}")
    backoff.failed("10.0.0.0")
    backoff.failed("10.9.9.9")
    assert backoff.wait_for("10.0.0.0") > 0
    assert backoff.wait_for("10.0.0.1") == 0
    assert backoff.wait_for("10.0.0.2") > 0
    assert len(backoff._failures) == 1000


def test_wrong_tries_of_many_threads_are_all_counted() -> None:
    backoff = Backoff(Clock())

    def fail() -> None:
        for _ in range(200):
            backoff.failed("a")

    threads = [threading.Thread(target=fail) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert backoff._failures["a"].count == 1600
