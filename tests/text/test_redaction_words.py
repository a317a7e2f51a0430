"""Credentials by the words before them, by their lines and their sums; and what is none of these.

Every credential is made at run time by chance, from a seed that is fixed.
"""

from __future__ import annotations

import base64
import json
import random
import string
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memsync.text.redaction import find_credentials, redact
from memsync.text.redaction.forms import known_forms
from memsync.text.redaction.randomness import is_random
from tests.conftest import REAL_MEMORIES
from tests.support.scale import examples

CHANCE = random.Random(26)
SIGNS = string.ascii_letters + string.digits
BASE64 = SIGNS + "+/"


def drawn(length: int, signs: str = SIGNS) -> str:
    return "".join(CHANCE.choice(signs) for _ in range(length))


def password() -> str:
    return drawn(9) + "5q"


SAID = [
    "The password of the router is {}", "the db password is now {}", "Changed the NAS password to {}",
    "login ada (pw {})", "mysql -u ada -p{} shop", "curl -u ada:{} api.acme.com", "redis://:{}@cache:6379/0",
    "machine api.acme.com\nlogin ada\npassword {}", "jdbc:postgresql://db/x?user=ada&password={}",
    "Driver=x;Uid=ada;Pwd={};", "sshpass -p '{}' ssh nas", "CREATE USER ada IDENTIFIED BY '{}';",
    "WIFI:T:WPA;S:heron;P:{};;", "| service | password |\n|---|---|\n| nas | {} |",
    "**Password:** `{}`", "<password>{}</password>", "## Wi-Fi password\n\n{}\n",
    "Passwort: {}", "Das Kennwort für den Router lautet {}", "mot de passe : {}", "Le mot de passe est {}",
    "La contraseña del wifi es {}", "senha do banco: {}", "wachtwoord: {}", "Hasło do bazy: {}", "heslo k wifi je {}",
    "Lösenordet är {}", "Wifi şifresi: {}", "Пароль от базы: {}", "パスワードは{}です", "数据库密码\uff1a{}",
    "비밀번호는 {} 입니다", "סיסמה: {}", "كلمة المرور: {}", "รหัสผ่าน: {}", "mật khẩu: {}", "κωδικός: {}",
]  # fmt: skip


@pytest.mark.parametrize("sentence", SAID)
def test_a_password_is_seen_by_the_words_before_it_in_many_languages(sentence):
    for _ in range(20):
        secret = password()
        found = redact(sentence.format(secret))
        assert secret not in found
        assert found.count("[redacted: ") == 1
        assert found.count("\n") == sentence.count("\n")


OTHERS = [
    ("IBAN", "IBAN DE89 3704 0044 0532 0130 00"),
    ("card number", "card 4111 1111 1111 1111 exp 09/28"),
    ("code", "PIN of the bank card 4821"),
    ("recovery code", "recovery codes\n- af896-91052\n- be1ce-b374d"),
    ("password", "passphrase of the key: blue 7 horses run"),
    ("password", "Password: correcthorsebatterystaple"),
    ("seed phrase", "seed phrase: " + " ".join(["marble", "tulip", "anchor", "velvet"] * 3)),
    ("social security number", "SSN 078-05-1120"),
    ("one-time password seed", "the 2FA seed is " + drawn(31, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") + "7"),
    ("password hash", "root:$6$" + drawn(8) + "$" + drawn(86) + ":19000:0:99999:7:::"),
    ("session cookie", "Cookie: session=" + drawn(64)),
    ("Basic credentials", "Authorization: Basic " + base64.b64encode(b"ada:x1y2z3").decode()),
    ("private key", "\n".join(drawn(64, BASE64) for _ in range(4)) + "\n" + drawn(20, BASE64)),
    ("credential in base64", base64.b64encode(f"ghp{'_'}{drawn(36)}".encode()).decode()),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), OTHERS, ids=[kind for kind, _ in OTHERS])
def test_what_is_no_single_string_is_seen_too(kind, text):
    assert kind in {one.kind for one in find_credentials(text)}
    assert redact(redact(text)) == redact(text)


def test_a_token_that_a_line_cuts_goes_in_each_of_its_lines():
    first, second = "gh" + "p_" + drawn(17) + "7", "4" + drawn(17)
    text = f"before\n> {first}\n> {second}\nafter\n"
    marker = "[redacted: GitHub token]"
    cut = redact(text)
    assert first not in cut
    assert second not in cut
    assert cut.split("\n")[2] == f"> {marker}"
    assert cut.split("\n")[::3] == ["before", "after"]


@pytest.mark.parametrize("sign", ["\u200b", "\u200d", "\u00ad", "\ufeff", "\u2060", "\U000e0041"])
def test_hidden_characters_do_not_hide_a_token(sign):
    token = "gl" + "pat-" + drawn(9) + sign + drawn(12)
    assert redact(f"key {token} and") == "key [redacted: GitLab token] and"
    assert redact(f"no{sign}thing") == f"no{sign}thing"


HARMLESS = [
    "Token usage by model: claude-3-5-sonnet-20241022 and gpt-4-turbo",
    "The password policy: at least 12 characters, rotated every 90 days",
    "passwords are hashed with argon2id, tokens signed with HS256 or ed25519",
    "secret rotation fixed in 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "The token parser lives in src/parser2/tokens_v2.py, see PR #1234",
    "Primary key is (user_id, created_at2), foreign key users.id2",
    "key bindings: ctrl-k2 opens, key repeat 200 ms",
    "Press key F12, then use Key2Value and HTTP2Server",
    'docker run -v $(pwd)/tests/fixtures:/src -v "${PWD}:/app" image:1.2.3',
    "password: required", "Password: see Bitwarden", "Passwort: steht im Tresor", "пароль: спроси Аду",
    "mot de passe : demander à Ada", "token: ${{ secrets.DEPLOY_TOKEN_2 }}", "password: $DB_PASSWORD2",
    "api_key = config['key2']", "SECRET_NAME=my-app-db-secret-v2", "token_limit: 128000k2",
    "the pin is 3.11 since 2019, GPIO pin 17 and pin numpy 2024.1",
    "seed 12345, backup codes are in the vault, recovery key is in the safe",
    "Phone +49 30 901820, port 5432, 2026-11-30T10:00:00Z, v1.22.333",
    "SHA256:jBMptUsGr7CmYuCu3ZR1zTOlUcR64cXQLioDnkH4aBc is the fingerprint",
    "<!-- memsync v1 -->",
    "sheet https://docs.example.com/d/1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms/edit",
    "project id 123e4567-e89b-12d3-a456-426614174000, order 4111111111111112",
    "wallet app, ledger and the seed of an idea that grows with care over many long years of work",
]  # fmt: skip


@pytest.mark.parametrize("sentence", HARMLESS)
def test_names_numbers_paths_and_digests_are_no_credentials(sentence):
    assert redact(sentence) == sentence
    assert find_credentials(sentence) == []


def test_lines_of_a_certificate_and_of_digests_stay():
    body = "\n".join(drawn(64, BASE64) for _ in range(4))
    digests = "\n".join(drawn(64, "0123456789abcdef") for _ in range(4))
    for text in (f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----", digests):
        assert redact(text) == text


def test_chance_and_words_are_told_apart():
    strings = [drawn(16) for _ in range(500)]
    assert sum(map(is_random, strings)) >= 475
    for name in (
        "useEffectOnce",
        "MiniLM",
        "kubernetes",
        "README",
        "SwiftUIColor",
        "Zwischenablage",
    ):
        assert not is_random(name)


def test_each_form_says_where_it_is_written_down_and_stands_once():
    forms = known_forms()
    assert [
        pattern for pattern, times in Counter(f.pattern for f in forms).items() if times > 1
    ] == []
    assert len({form.kind for form in forms}) >= 100


PIECES = ["password", "パスワード", "key=", "is ", ": ", "\n", "\u200b", "> ", "`", "|", "recovery codes ",
          "seed phrase ", "aB3dE5gH7jK9mN1p", "af896-91052", "4111 1111 1111 1111", "gh" + "p_", "/", "@", "://",
          "x" * 64, "-----BEGIN PRIVATE " + "KEY-----", "[redacted: password]", "eyJ", ".", " and ", "4821"]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join))
@settings(deadline=None, max_examples=examples(400))
def test_what_is_found_lies_in_the_text_in_order_and_once_is_enough(text):
    ends = [0]
    for one in find_credentials(text):
        assert ends[-1] <= one.start < one.end <= len(text)
        ends.append(one.end)
    once = redact(text)
    assert redact(once) == once
    if not find_credentials(text):
        assert once == text


def calls_for(text: str) -> int:
    """Return how many functions of Python and C a look at the text calls."""
    calls = 0

    def count(frame, event, arg):
        nonlocal calls
        calls += event in {"call", "c_call"}

    find_credentials(text)
    sys.setprofile(count)
    try:
        find_credentials(text)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("piece", [*PIECES, "Private-Lines: 1\n", "key ", "Cookie: a=", "MII" + "a" * 61 + "\n"])  # fmt: skip
def test_a_text_twice_as_long_takes_twice_the_steps(piece):
    some, twice = (piece * (size // len(piece)) for size in (4000, 8000))
    assert calls_for(twice) <= 2.5 * calls_for(some) + 500


FORMS = REAL_MEMORIES.parent / "strangers" / "credentials.py"


@pytest.mark.skipif(not FORMS.exists(), reason="needs the shared data")
def test_of_72_fresh_forms_at_most_12_get_through():
    done = subprocess.run([sys.executable, FORMS], capture_output=True, text=True, check=True)
    forms = [json.loads(line) for line in done.stdout.splitlines()]
    through = [form["name"] for form in forms if form["secret"] in redact(form["text"])]
    assert len(forms) == 72
    assert len(through) <= 12, through
