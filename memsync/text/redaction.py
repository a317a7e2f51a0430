"""Finds credentials in a text by their shape and replaces them before a model or agent sees them.

The shapes are the prefixes that issuers document, and the usual ones in files: PEM, URLs with a
password, `password = …`. Each credential becomes ``[redacted: KIND]``.
"""

from __future__ import annotations

import re

_PREFIXED = (
    ("Anthropic key", r"sk-ant-[\w-]{16,}"),
    ("OpenAI key", r"sk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{20,}"),
    ("Stripe key", r"(?:sk|rk|pk|whsec)_(?:live_|test_)?[A-Za-z0-9]{16,}"),
    ("AWS key", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}"),
    ("GitHub token", r"gh[opusr]_[A-Za-z0-9]{30,}|github_pat_\w{22,}"),
    ("GitLab token", r"gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas)-[\w.-]{20,}"),
    ("Slack token", r"xox[abeoprs](?:\.xox[bp])?-[\w-]{10,}|xapp-\d-[\w-]{10,}"),
    ("Slack webhook", r"https://hooks\.slack\.com/(?:services|workflows)/[\w/]{20,}"),
    ("Discord webhook", r"https://(?:\w+\.)?discord(?:app)?\.com/api/webhooks/\d+/[\w-]{20,}"),
    ("Google key", r"AIza[\w-]{35}|GOCSPX-[\w-]{20,}|ya29\.[\w-]{20,}"),
    ("npm token", r"npm_[A-Za-z0-9]{30,}"),
    ("PyPI token", r"pypi-[\w-]{50,}"),
    ("Hugging Face token", r"hf_[A-Za-z0-9]{30,}"),
    ("SendGrid key", r"SG\.[\w-]{16,}\.[\w-]{16,}"),
    ("Mailgun key", r"key-[0-9a-f]{32}"),
    ("Twilio key", r"(?:SK|AC)[0-9a-f]{32}\b"),
    ("DigitalOcean token", r"do[opr]_v1_[0-9a-f]{64}"),
    ("Telegram bot token", r"\d{8,10}:AA[\w-]{32,34}"),
    ("Databricks token", r"dapi[0-9a-f]{32}"),
    ("Shopify token", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    ("Linear key", r"lin_(?:api|oauth)_[A-Za-z0-9]{32,}"),
    ("Notion token", r"(?:ntn|secret)_[A-Za-z0-9]{40,}"),
    ("Groq key", r"gsk_[A-Za-z0-9]{40,}"),
    ("xAI key", r"xai-[A-Za-z0-9]{40,}"),
    ("Tailscale key", r"tskey-[a-z]+-[\w-]{16,}"),
    ("Vault token", r"hv[sbr]\.[\w-]{24,}"),
    ("1Password token", r"ops_eyJ[\w-]{50,}"),
    ("age key", r"AGE-SECRET-KEY-1[A-Z0-9]{50,}"),
    ("Azure key", r"(?i:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{40,}={0,2}"),
    ("JSON web token", r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"),
    ("Bearer token", r"(?<=[Bb]earer )[\w.~+/-]{20,}=*"),
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?)-----.*?(?:-----END \1-----|\Z)", re.DOTALL
)
_IN_URL = re.compile(r"(?<=://)([^\s/:@]+):([^\s/@]+)(?=@)")
_ASSIGNED = re.compile(
    r"(?i)\b((?:[\w-]{0,64}[_-])?(?:password|passwd|passphrase|secret|api[_-]?key|access[_-]?key|"
    r"auth[_-]?token|access[_-]?token|client[_-]?secret|token)[\"']?\s*(?::|=|\bis\b)\s*)"
    r"([\"']?)([^\s\"'`,;<>\[\]()]{8,})\2"
)
_ANY = "|".join(f"(?P<k{i}>{pattern})" for i, (_, pattern) in enumerate(_PREFIXED))
_ALONE, _GLUED = re.compile(f"(?<![\\w-])(?:{_ANY})"), re.compile(_ANY)


def redact(text: str) -> str:
    """Replace everything that looks like a credential; doing so twice changes nothing more."""
    text = _PRIVATE_KEY.sub("[redacted: private key]", text)
    text = _without_prefixed(text)
    text = _IN_URL.sub(r"\1:[redacted: password]", text)
    return _ASSIGNED.sub(_hide_assigned, text)


def _hide_assigned(match: re.Match[str]) -> str:
    """Hide a value with letters and digits; a plain word is more likely prose."""
    before, quote, value = match.groups()
    is_secret = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    return f"{before}{quote}[redacted: secret]{quote}" if is_secret else match[0]


def _without_prefixed(text: str) -> str:
    parts, at = [], 0
    found = _ALONE.search(text)
    while found:
        parts += [text[at : found.start()], _name_kind(found)]
        at = found.end()
        found = _GLUED.match(text, at) or _ALONE.search(text, at)
    return "".join((*parts, text[at:]))


def _name_kind(match: re.Match[str]) -> str:
    kind = _PREFIXED[int((match.lastgroup or "k0")[1:])][0]
    return f"[redacted: {kind}]"
