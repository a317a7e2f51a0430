"""Credentials are taken out by their shape; prose, names and numbers stay as they are.

Every credential here is made at run time from parts, so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memsync.text.redaction import redact
from tests.support.scale import examples

LOWER, HEX, MIXED = "a1b2c3d4e5f6g7h8" * 8, "0a1b2c3d4e5f6789" * 8, "aB3dE5gH7jK9mN1p" * 8
UPPER, DIGITS = "A1B2C3D4E5F6G7H8" * 8, "1234567890" * 4

CREDENTIALS = [
    ("Anthropic key", "sk-" + "ant-api03-" + MIXED[:40] + "-AA"),
    ("OpenAI key", "sk-" + MIXED[:48]),
    ("OpenAI key", "sk-" + "proj-" + MIXED[:40] + "_x"),
    ("Stripe key", "sk_" + "live_" + MIXED[:24]),
    ("Stripe key", "wh" + "sec_" + MIXED[:32]),
    ("AWS key", "AK" + "IA" + UPPER[:16]),
    ("AWS key", "AS" + "IA" + UPPER[:16]),
    ("GitHub token", "gh" + "p_" + MIXED[:36]),
    ("GitHub token", "github" + "_pat_" + MIXED[:22] + "_" + MIXED[:59]),
    ("GitLab token", "gl" + "pat-" + MIXED[:20]),
    ("Slack token", "xo" + "xb-" + DIGITS[:12] + "-" + MIXED[:24]),
    ("Slack token", "xa" + "pp-1-" + UPPER[:11] + "-" + HEX[:40]),
    (
        "Slack webhook",
        "https://hooks." + "slack.com/services/" + UPPER[:9] + "/" + UPPER[:11] + "/" + MIXED[:24],
    ),
    ("Discord webhook", "https://discord" + ".com/api/webhooks/" + DIGITS[:18] + "/" + MIXED[:60]),
    ("Google key", "AI" + "za" + MIXED[:35]),
    ("Google key", "GOC" + "SPX-" + MIXED[:28]),
    ("npm token", "np" + "m_" + MIXED[:36]),
    ("PyPI token", "py" + "pi-" + MIXED[:80]),
    ("Hugging Face token", "h" + "f_" + MIXED[:34]),
    ("SendGrid key", "S" + "G." + MIXED[:22] + "." + MIXED[:43]),
    ("Mailgun key", "ke" + "y-" + HEX[:32]),
    ("Twilio key", "S" + "K" + HEX[:32]),
    ("DigitalOcean token", "do" + "p_v1_" + HEX[:64]),
    ("Telegram bot token", DIGITS[:10] + ":A" + "A" + MIXED[:33]),
    ("Databricks token", "da" + "pi" + HEX[:32]),
    ("Shopify token", "shp" + "at_" + HEX[:32]),
    ("Linear key", "lin" + "_api_" + MIXED[:40]),
    ("Notion token", "nt" + "n_" + MIXED[:46]),
    ("Groq key", "gs" + "k_" + MIXED[:52]),
    ("xAI key", "xa" + "i-" + MIXED[:80]),
    ("Tailscale key", "ts" + "key-auth-" + MIXED[:32]),
    ("Vault token", "hv" + "s." + MIXED[:90]),
    ("1Password token", "ops" + "_eyJ" + MIXED[:120]),
    ("age key", "AGE-" + "SECRET-KEY-1" + UPPER[:58]),
    ("Azure key", "Account" + "Key=" + MIXED[:86] + "=="),
    ("JSON web token", "ey" + "J" + MIXED[:20] + ".ey" + "J" + MIXED[:40] + "." + MIXED[:43]),
]
PLACES = [
    "{}",
    "my key is {}",
    "`{}`",
    '"{}"',
    "({})",
    "<{}>",
    "[k]({})",
    "- KEY={}",
    "key:{}.",
    "a\n{}\nb",
    "{},",
    "{} {}",
]


@pytest.mark.parametrize(("kind", "secret"), CREDENTIALS, ids=[kind for kind, _ in CREDENTIALS])
@pytest.mark.parametrize("place", PLACES)
def test_a_credential_is_replaced_by_its_kind_wherever_it_stands(kind, secret, place):
    expected = place.replace("{}", f"[redacted: {kind}]")
    found = redact(place.replace("{}", secret))
    assert found.rstrip(".") == expected.rstrip(".")


def test_at_least_thirty_kinds_are_known():
    assert len({kind for kind, _ in CREDENTIALS}) >= 30


@pytest.mark.parametrize("word", ["Bearer", "bearer", "Authorization: Bearer"])
def test_a_bearer_token_goes_and_the_word_stays(word):
    assert (
        redact(f"curl -H '{word} {MIXED[:30]}=='") == f"curl -H '{word} [redacted: Bearer token]'"
    )


BEGIN, END = "-----BEGIN {}PRIVATE " + "KEY-----", "-----END {}PRIVATE " + "KEY-----"


@pytest.mark.parametrize("kind", ["", "RSA ", "OPENSSH ", "EC ", "ENCRYPTED "])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_private_key_goes_as_a_block_and_what_is_around_it_stays(kind, ending):
    block = ending.join([BEGIN.format(kind), MIXED[:64], MIXED[:20], END.format(kind)])
    assert (
        redact(f"before{ending}{block}{ending}after")
        == f"before{ending}[redacted: private key]{ending}after"
    )


def test_a_private_key_that_is_cut_off_goes_as_far_as_it_goes():
    assert redact(f"before\n{BEGIN.format('')}\n{MIXED}\n") == "before\n[redacted: private key]\n"


def test_what_follows_a_private_key_that_is_cut_off_stays():
    text = f"{BEGIN.format('')}\n{MIXED[:64]}\n{MIXED[:20]}\n\n## People\n- Ada likes tea\n"
    assert redact(text) == "[redacted: private key]\n\n## People\n- Ada likes tea\n"
    prose = f"Never paste `{BEGIN.format('')}` anywhere\n\n- Ada likes tea\n"
    assert redact(prose) == prose


def test_a_pgp_key_goes_and_two_keys_go_each_by_itself():
    pgp = (
        "-----BEGIN PGP PRIVATE " + "KEY BLOCK-----\n\nx\n-----END PGP PRIVATE " + "KEY BLOCK-----"
    )
    rsa = f"{BEGIN.format('')}\nx\n{END.format('')}"
    assert (
        redact(f"{pgp}\nkeep\n{rsa}\n")
        == "[redacted: private key]\nkeep\n[redacted: private key]\n"
    )


@pytest.mark.parametrize(
    ("url", "left"),
    [
        (
            "postgres://ada:{}@db.local:5432/app",
            "postgres://ada:[redacted: password]@db.local:5432/app",
        ),
        ("https://ada:{}@example.com/x.git", "https://ada:[redacted: password]@example.com/x.git"),
        ("redis+ssl://u:{}@h and more", "redis+ssl://u:[redacted: password]@h and more"),
    ],
)
def test_a_password_in_a_url_goes_and_the_url_stays(url, left):
    assert redact(url.format("hunter" + "two")) == left


SECRET = "hunter2" + "hunter2"
ASSIGNED = [
    'password = "{}"', "password: {}", "PASSWORD={}", "DB_PASSWORD='{}'", "export DB_PASSWORD={}", '"password": "{}",',
    "my-password={}", "The wifi password is {}", "passphrase: {}", "passwd={}", 'api_key = "{}"', "api-key: {}",
    "apikey: {}", "API_KEY={}", "client_secret={}", "secret: {}", "SECRET={}", "access_token = '{}'", "auth-token: {}",
    "X_TOKEN={}", "token: {}", "AWS_SECRET_ACCESS_KEY={}", "password   =   {}", "  password: {}  # old", "(password: {})",
]  # fmt: skip


@pytest.mark.parametrize("line", ASSIGNED)
def test_what_is_assigned_to_the_name_of_a_secret_goes(line):
    found = redact(line.format(SECRET))
    assert found in {line.format("[redacted: secret]"), line.format("[redacted: password]")}


HARMLESS = [
    "The token bucket refills every second",
    "password: ask Maria",
    "password is in 1Password",
    "My password manager is Bitwarden, since 2019",
    "token: see docs/auth.md",
    "Token: 4096 at most",
    "The secret is to start early",
    "secret: never tell",
    'api_key = os.environ["ANTHROPIC_API_KEY"]',
    "API_KEY=<your key here>",
    "api_key: (in the keyring)",
    "max_tokens=4096, temperature=0.2",
    "max_tokens = 200000",
    "The task-force-recommendation-engine-2000 is ours",
    "Use risk-assessment-questionnaire-v2 and disk-usage-analyzer-for-linux",
    "flask-sqlalchemy-and-flask-migrate-together",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "id 123e4567-e89b-12d3-a456-426614174000",
    "~/projects/importer/src/main/java/com/example/Tokenizer2Factory.java",
    r"D:\repos\project\file.tsx",
    "https://example.com/path?page=2&sort=name#anchor-12345678",
    "http://localhost:5000/@ada and mailto:ada@example.com",
    "git@github.com:ada/importer.git",
    "ssh://git@example.com:2222/x.git",
    "https://docs.slack.dev/authentication/tokens",
    "Secrets go to the keyring, passwords to 1Password, tokens nowhere",
    "Bearer tokens expire after an hour; the bearer is Ada",
    "npm run build && pip install pypi-simple",
    "key-value stores, SG.1, hf_hub_download(), gh_pages, sk_learn, xai-sdk",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----",
    "Never print passwords, secrets or tokens: 3 strikes",
    "Ratio 16:9, at 12:30:45, 2026-11-23T10:00:00+01:00",
    "Tokens cost $3 per 1M; password hashing with argon2id",
    "base64: aGVsbG8gd29ybGQ=",
    "Call +39 011 1234567, order 4111 1111 1111 1112, IBAN DE88 3704 0044 0532 0130 00",
    "- 🧭 @dima-roadmap.md — the ORDER: password first, token second",
]


@pytest.mark.parametrize("sentence", HARMLESS)
def test_ordinary_prose_is_not_touched(sentence):
    assert redact(sentence) == sentence


WORDS = [*(secret for _, secret in CREDENTIALS), *HARMLESS, SECRET, "password", "token", "secret", "=", ": ", " is ",
         '"', "'", " ", "\n", "://", "@", "Bearer ", "u:p4ssword@", BEGIN.format(""), END.format(""), "[redacted: ", "]"]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=3), max_size=8).map("".join))
@settings(deadline=None, max_examples=examples(400))
def test_redacting_twice_is_redacting_once(text):
    once = redact(text)
    assert redact(once) == once


def test_a_long_note_of_dashes_takes_no_longer_than_another():
    """16 kB of this once took 12 s, and a note may have 256 kB."""
    for pair in (
        "a-",
        "a_",
        "password",
        "token=a",
        "://a:b",
        "-----BEGIN PRIVATE KEY ",
        "eyJa.",
        "AKIA" * 5,
    ):
        text = pair * (200_000 // len(pair))
        assert redact(text)[:1] in {text[0], "["}


@given(st.lists(st.sampled_from([secret for _, secret in CREDENTIALS]), min_size=1, max_size=4),
       st.sampled_from([" ", "\n", ", ", " and ", "\t", "`; `"]))  # fmt: skip
@settings(deadline=None, max_examples=examples(200))
def test_of_several_credentials_none_is_left(secrets, glue):
    assert redact(glue.join(secrets)).count("[redacted: ") == len(secrets)
    assert not [secret for secret in secrets if secret in redact(glue.join(secrets))]


@given(st.text(st.sampled_from("abcXYZ 019-_.:/@='\"\n"), max_size=40))
@settings(deadline=None, max_examples=examples(300))
def test_text_without_the_word_for_a_secret_keeps_its_lines(text):
    assert redact(text).count("\n") == text.count("\n")
