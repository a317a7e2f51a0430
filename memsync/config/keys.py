"""The settings: every key, its default, its check and its help line, stated once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from memsync.config.checks import (
    ADDRESS,
    CRON,
    FULL_PATH,
    NETWORKS,
    NOT_EMPTY,
    ONE_LINE,
    PORT,
    REMOTE,
    Check,
    between,
    one_of,
)
from memsync.errors import WrongUsageError
from memsync.providers import NAMES

PROVIDERS = NAMES
TARGET_MODES = ("block", "copy")
RETIRED_MODE = "link"
"""A mode of earlier configs: it still loads, but memsync no longer touches its file."""
CHANNELS = sorted(p.stem for p in Path(__file__).parents[1].glob("daemon/channels/[a-z]*.py"))
"""Each file of that folder is a channel; to look is no import."""
PRIVATE_NETWORKS = (
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
)

type_names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def _key(
    section: str, default: object, words: str, check: Check | None = None, *, secret: bool = False
) -> Any:  # noqa: ANN401 - as dataclasses.field itself
    return field(
        default=default,
        metadata={"section": section, "help": words, "check": check, "secret": secret},
    )


def _core(default: object, words: str, check: Check | None = None, *, secret: bool = False) -> Any:  # noqa: ANN401
    return _key("core", default, words, check, secret=secret)


def _daemon(
    default: object, words: str, check: Check | None = None, *, secret: bool = False
) -> Any:  # noqa: ANN401
    return _key("daemon", default, words, check, secret=secret)


@dataclass(frozen=True)
class TargetSetting:
    """One line of ``[targets]``: where an agent reads its instructions, and how they get there."""

    path: str
    mode: str = "block"


@dataclass(frozen=True, repr=False)
class DaemonConfig:
    """The ``[daemon]`` section. Absent from a core-only install; every part can be switched off."""

    enabled: bool = _daemon(True, "run the scheduled jobs")
    refresh_enabled: bool = _daemon(True, "refresh on a schedule")
    refresh_schedule: str = _daemon("55 23 * * *", "when to refresh", CRON)
    backup_mirror_path: str = _daemon(
        "", "folder for the mirror, an independent copy; empty means none", FULL_PATH
    )
    backup_mirror_schedule: str = _daemon("0 * * * *", "when to update the mirror", CRON)
    backup_mirror_keep_days: int = _daemon(
        30, "days the mirror keeps replaced and deleted files", between(1, 36500)
    )
    rclone_schedule: str = _daemon("*/5 * * * *", "when rclone syncs both ways", CRON)
    web_ui_enabled: bool = _daemon(True, "serve the web page")
    web_ui_port: int = _daemon(5000, "port of the web page", PORT)
    web_ui_host: str = _daemon("0.0.0.0", "address the web page listens on", NOT_EMPTY)  # noqa: S104
    web_ui_password: str = _daemon(
        "", "password of the web page; empty means no password", secret=True
    )
    capture_enabled: bool = _daemon(True, "accept notes by POST /note")
    capture_port: int = _daemon(5001, "port of the note inbox", PORT)
    capture_host: str = _daemon("0.0.0.0", "address the note inbox listens on", NOT_EMPTY)  # noqa: S104
    capture_token: str = _daemon(
        "", "token that a note must carry; empty means no token", secret=True
    )
    capture_daily_mb: int = _daemon(
        20,
        "megabytes of notes a token may send per day, an address without a token 1;"
        " 0 means no limit",
        between(0, 100_000),
    )
    drift_check_enabled: bool = _daemon(
        True, "check regularly that every agent's file is up to date"
    )
    drift_check_interval_hours: int = _daemon(6, "hours between these checks", between(1, 8760))
    drift_grace_minutes: int = _daemon(
        120,
        "minutes a sync client may need before a machine counts as out of date",
        between(0, 10080),
    )
    drift_repair: bool = _daemon(False, "let the check update this machine's agents")
    drift_notify: str = _daemon("log", "where to send alerts", one_of(*CHANNELS))
    apprise_urls: tuple[str, ...] = _daemon((), "Apprise addresses for alerts", secret=True)
    digest_enabled: bool = _daemon(False, "send a weekly digest by mail")
    digest_schedule: str = _daemon("0 9 * * 1", "when to send the digest", CRON)
    digest_email_to: str = _daemon("", "recipient of the digest and of alerts", ONE_LINE)
    digest_email_from: str = _daemon("", "sender of the digest and of alerts", ONE_LINE)
    digest_smtp_host: str = _daemon("", "mail server", ONE_LINE)
    digest_smtp_port: int = _daemon(
        587, "port of the mail server: 587 for STARTTLS, 465 for TLS", PORT
    )
    digest_smtp_user: str = _daemon("", "user name at the mail server; empty means no login")
    digest_smtp_password: str = _daemon("", "password at the mail server", secret=True)
    allowed_hosts: tuple[str, ...] = _daemon((), "more host names of this machine")
    allowed_networks: tuple[str, ...] = _daemon(
        PRIVATE_NETWORKS, "networks whose devices may connect", NETWORKS
    )
    trusted_proxies: tuple[str, ...] = _daemon(
        (), "addresses of proxies whose X-Forwarded-For names the client", NETWORKS
    )


@dataclass(frozen=True, repr=False)
class Config:
    """All settings of this machine; what a door hands to the rooms behind it."""

    provider: str = _core(
        "onedrive", "the sync client whose folder holds the memory", one_of(*PROVIDERS)
    )
    engine: str = _core(
        "auto",
        "auto: Claude if a credential is found, else offline",
        one_of("auto", "claude", "offline"),
    )
    model: str = _core("claude-haiku-5-5", "the Claude model that merges notes", NOT_EMPTY)
    api_key: str = _core("", "Anthropic API key; the environment takes precedence", secret=True)
    api_base_url: str = _core("", "another server with the Messages API", ADDRESS)
    max_memory_lines: int = _core(
        400, "how many lines the memory should have at most", between(20, 100_000)
    )
    monthly_budget_usd: float = _core(
        5.0, "dollars to spend per month; 0 means no limit", between(0, 1_000_000)
    )
    review: str = _core(
        "auto",
        "auto: merge your notes; inbox: show every change before it is made",
        one_of("auto", "inbox"),
    )
    agent_notes: str = _core(
        "merged",
        "notes that an agent gives by its shell: merged, or held for your word",
        one_of("merged", "held"),
    )
    sync_root: str = _key("paths", "", "the sync folder; if empty, memsync finds it")
    rclone_remote: str = _key("paths", "", "the rclone remote: NAME:PATH", REMOTE)
    keep_days: int = _key("backups", 30, "days to keep backups", between(1, 36500))
    targets: Mapping[str, TargetSetting] = field(default_factory=dict)
    daemon: DaemonConfig = field(default_factory=DaemonConfig)
    source: Path | None = None
    given: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        object.__setattr__(self, "sync_root", os.fspath(self.sync_root))

    @property
    def claude_md_target(self) -> Path:
        """The file Claude Code reads; kept for callers that know only that one."""
        named = self.targets.get("claude")
        return Path(named.path if named else "~/.claude/CLAUDE.md").expanduser()


@dataclass(frozen=True)
class Key:
    """One setting as the config file, the help and the docs know it."""

    section: str
    name: str
    default: object
    help: str
    check: Check | None
    secret: bool

    @property
    def dotted(self) -> str:
        """The full name, such as ``daemon.web_ui_port``."""
        return f"{self.section}.{self.name}"

    def refusal(self, value: object) -> str | None:
        """Return what is allowed where `value` is not, else None."""
        kind = type(self.default)
        if kind is tuple:
            if not isinstance(value, tuple) or not all(isinstance(item, str) for item in value):
                return "a list of texts"
        elif not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
            return type_names[kind]
        if isinstance(value, str) and "\0" in value:
            return "a text without NUL"
        if self.check is not None and not self.check.test(value):
            return self.check.allowed
        return None


def _keys_of(settings: type) -> list[Key]:
    return [_key_of(entry) for entry in fields(settings) if "section" in entry.metadata]


def _key_of(entry: Field[Any]) -> Key:
    default = entry.default if entry.default is not MISSING else ""
    meta = entry.metadata
    return Key(meta["section"], entry.name, default, meta["help"], meta["check"], meta["secret"])


KEYS: dict[str, Key] = {key.dotted: key for key in _keys_of(Config) + _keys_of(DaemonConfig)}


def find_key(name: str) -> Key:
    """Return the key called `name`, dotted or bare.

    Raises:
        WrongUsageError: no key, or more than one, is called so.
    """
    if name in KEYS:
        return KEYS[name]
    matches = [key for key in KEYS.values() if key.name == name]
    if len(matches) == 1:
        return matches[0]
    raise WrongUsageError(f"there is no setting {name!r}", hint="memsync config show lists them")
