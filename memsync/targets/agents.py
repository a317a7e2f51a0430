"""Which agents there are, where each reads its standing instructions, and how much it reads.

Paths, variables and limits are those of the agents' own documentation as of November 2026.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from memsync.providers.base import home, is_folder, platform


@dataclass(frozen=True)
class Limit:
    """How much of its file an agent reads, or how much its maker recommends.

    Attributes:
        most: the limit, in `unit`.
        unit: ``lines``, ``characters`` or ``bytes``.
        cuts: True if the agent does not read beyond it; False for a recommendation.
        source: the documentation that says so.
    """

    most: int
    unit: str
    cuts: bool
    source: str

    def measure(self, data: bytes) -> int:
        """Return the length of `data` in `unit`."""
        if self.unit == "bytes":
            return len(data)
        text = data.decode("utf-8", errors="replace")
        return len(text) if self.unit == "characters" else len(text.splitlines())


@dataclass(frozen=True)
class Agent:
    """One agent: where it reads its instructions, and how much of them.

    Attributes:
        name: the name for ``targets add``.
        label: the name its maker uses.
        home: its folder; ``~`` and a leading ``%APPDATA%`` are expanded.
        inside: the instruction file, relative to that folder.
        moved_by: the environment variable that moves its folder.
        below_moved: its folder, relative to the path in that variable.
        xdg: the platforms on which it follows ``$XDG_CONFIG_HOME`` instead of ``~/.config``.
        windows_home: its folder on Windows, if different.
        signs: folders that show it is installed, if `home` is shared with other agents.
        own_file: True if the file is memsync's alone, and so a plain copy of the memory.
        limit: how much it reads; None if unknown or unlimited.
        also_reads: names of the agents whose files it reads as well.
        rival: a file that it reads instead, if that file exists and is not empty.
        note: anything else a person may want to know.
    """

    name: str
    label: str
    home: str
    inside: str
    moved_by: str = ""
    below_moved: str = ""
    xdg: tuple[str, ...] = ()
    windows_home: str = ""
    signs: tuple[str, ...] = ()
    own_file: bool = False
    limit: Limit | None = None
    also_reads: tuple[str, ...] = ()
    rival: str = ""
    note: str = ""

    def folder(self) -> Path:
        """Return the agent's folder on this machine; it may not exist."""
        moved = os.environ.get(self.moved_by) if self.moved_by else None
        if moved:
            return _place(moved).absolute() / self.below_moved
        return self._usual_folder()

    def is_moved(self) -> bool:
        """Is its folder moved by its variable? Other processes may not have that variable."""
        return self.folder() != self._usual_folder()

    def _usual_folder(self) -> Path:
        on_windows = self.windows_home and platform() == "win32"
        return _place(self.windows_home if on_windows else self.home, self.xdg)

    def file(self) -> Path:
        """Return the instruction file on this machine; it may not exist."""
        return self.folder() / self.inside

    def is_here(self) -> bool:
        """Is the agent installed on this machine, judging by its folders?"""
        if not self.signs:
            return is_folder(self.folder())
        return any(is_folder(_place(sign, self.xdg)) for sign in self.signs)

    @property
    def mode(self) -> str:
        """The default mode: ``copy`` or ``block``."""
        return "copy" if self.own_file else "block"


def _place(text: str, xdg: tuple[str, ...] = ()) -> Path:
    if text.startswith("%APPDATA%/"):
        roaming = os.environ.get("APPDATA")
        base = Path(roaming) if roaming else home() / "AppData" / "Roaming"
        return base / text.removeprefix("%APPDATA%/")
    settings = os.environ.get("XDG_CONFIG_HOME") if platform() in xdg else None
    if settings and text.startswith("~/.config/"):
        return Path(settings) / text.removeprefix("~/.config/")
    return home() / text[2:] if text.startswith("~/") else Path(text).expanduser()


EVERYWHERE = ("linux", "darwin", "win32")
_CLAUDE = Limit(200, "lines", cuts=False, source="code.claude.com/docs/en/memory")

AGENTS: tuple[Agent, ...] = (
    Agent("claude", "Claude Code", "~/.claude", "CLAUDE.md", "CLAUDE_CONFIG_DIR", limit=_CLAUDE),
    Agent(
        "claude-rules",
        "Claude Code, as a rule file",
        "~/.claude",
        "rules/memsync.md",
        "CLAUDE_CONFIG_DIR",
        own_file=True,
        limit=_CLAUDE,
        also_reads=("claude",),
        note="use it instead of claude; leaves CLAUDE.md alone",
    ),
    Agent(
        "codex",
        "Codex CLI",
        "~/.codex",
        "AGENTS.md",
        "CODEX_HOME",
        rival="AGENTS.override.md",
        note="its 32 KiB limit applies only to a project's files",
    ),
    Agent("gemini", "Gemini CLI", "~/.gemini", "GEMINI.md", "GEMINI_CLI_HOME", ".gemini"),
    Agent(
        "antigravity",
        "Antigravity",
        "~/.gemini",
        "GEMINI.md",
        signs=("~/.gemini/antigravity", "~/.gemini/antigravity-cli", "~/.gemini/antigravity-ide"),
        limit=Limit(24_000, "bytes", cuts=True, source="antigravity.google/docs/rules"),
        note="reads Gemini CLI's file",
    ),
    Agent("qwen", "Qwen Code", "~/.qwen", "QWEN.md", "QWEN_HOME"),
    Agent(
        "opencode",
        "opencode",
        "~/.config/opencode",
        "AGENTS.md",
        "OPENCODE_CONFIG_DIR",
        xdg=EVERYWHERE,
        note="reads Claude Code's file if it has none of its own",
    ),
    Agent(
        "copilot",
        "Copilot CLI",
        "~/.copilot",
        "copilot-instructions.md",
        "COPILOT_HOME",
        note="GitHub recommends two pages at most",
    ),
    Agent(
        "vscode",
        "Copilot in VS Code",
        "~/.copilot",
        "copilot-instructions.md",
        "COPILOT_HOME",
        signs=("~/.vscode",),
        note="reads Copilot CLI's file",
    ),
    Agent(
        "amp",
        "Amp",
        "~/.config/amp",
        "AGENTS.md",
        note="also reads ~/.config/AGENTS.md, if there is one",
    ),
    Agent("zed", "Zed", "~/.config/zed", "AGENTS.md", xdg=("linux",), windows_home="%APPDATA%/Zed"),
    Agent("devin", "Devin Desktop", "~/.config/devin", "AGENTS.md"),
    Agent(
        "windsurf",
        "Windsurf",
        "~/.codeium/windsurf",
        "memories/global_rules.md",
        limit=Limit(
            6_000, "characters", cuts=True, source="docs.devin.ai/desktop/cascade/memories"
        ),
        note="before it became Devin Desktop",
    ),
    Agent("kilo", "Kilo Code", "~/.config/kilo", "AGENTS.md", xdg=EVERYWHERE),
    Agent(
        "goose",
        "Goose",
        "~/.config/goose",
        "AGENTS.md",
        xdg=("linux", "darwin"),
        windows_home="%APPDATA%/Block/goose/config",
        also_reads=("agents",),
    ),
    Agent("junie", "Junie", "~/.junie", "AGENTS.md", "JUNIE_HOME"),
    Agent(
        "cline",
        "Cline",
        "~/Documents/Cline",
        "Rules/memsync.md",
        own_file=True,
        also_reads=("agents",),
    ),
    Agent("roo", "Roo Code", "~/.roo", "rules/memsync.md", own_file=True),
    Agent(
        "zoo",
        "Zoo Code",
        "~/.roo",
        "rules/memsync.md",
        own_file=True,
        note="successor of Roo Code, reads its files",
    ),
    Agent("kiro", "Kiro", "~/.kiro", "steering/memsync.md", own_file=True),
    Agent("factory", "Factory Droid", "~/.factory", "AGENTS.md"),
    Agent("grok", "Grok Build", "~/.grok", "AGENTS.md", "GROK_HOME"),
    Agent("pi", "Pi", "~/.pi/agent", "AGENTS.md", "PI_CODING_AGENT_DIR"),
    Agent("kimi", "Kimi Code", "~/.kimi-code", "AGENTS.md", "KIMI_CODE_HOME"),
    Agent("vibe", "Mistral Vibe", "~/.vibe", "AGENTS.md", "VIBE_HOME"),
    Agent("augment", "Augment", "~/.augment", "rules/memsync.md", own_file=True),
    Agent(
        "warp",
        "Warp",
        "~/.agents",
        "AGENTS.md",
        signs=("~/.warp", "~/.config/warp-terminal"),
        note="reads the shared file",
    ),
    Agent(
        "agents",
        "shared by Cline, Warp and Goose",
        "~/.agents",
        "AGENTS.md",
        note="one file for several agents",
    ),
)

WITHOUT_FILE: dict[str, tuple[str, str]] = {
    "cursor": (
        "Cursor keeps your rules in its settings, not in a file",
        "run memsync targets add NAME PROJECT/AGENTS.md, or paste memsync show into its User Rules",
    ),
    "aider": (
        "Aider has no instruction file; it reads the files named in its settings",
        "add `read: [PATH]` to ~/.aider.conf.yml; memsync status shows the memory's PATH",
    ),
}
"""Agents without a file that memsync could write: why, and what to do instead."""
