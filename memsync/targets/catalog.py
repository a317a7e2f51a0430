"""Which agents there are, and where each reads its standing instructions.

Paths are those of the agents' own documentation as of November 2026.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from memsync.config import Config


@dataclass(frozen=True)
class Agent:
    """One agent: its name here, its product name, and its instruction file.

    `home_variable` names the environment variable by which the agent itself moves its folder.
    """

    name: str
    label: str
    path: str
    home_variable: str = ""
    windows_path: str = ""

    def file(self) -> Path:
        """Return the instruction file on this machine, whether it exists or not."""
        moved = os.environ.get(self.home_variable) if self.home_variable else None
        if moved:
            return Path(moved).expanduser() / Path(self.path).name
        path = self.windows_path if self.windows_path and sys.platform == "win32" else self.path
        return Path(os.path.expandvars(path)).expanduser()


AGENTS: tuple[Agent, ...] = (
    Agent("claude", "Claude Code", "~/.claude/CLAUDE.md", "CLAUDE_CONFIG_DIR"),
    Agent("codex", "Codex CLI", "~/.codex/AGENTS.md", "CODEX_HOME"),
    Agent("gemini", "Gemini CLI", "~/.gemini/GEMINI.md"),
    Agent("qwen", "Qwen Code", "~/.qwen/QWEN.md"),
    Agent("opencode", "opencode", "~/.config/opencode/AGENTS.md", "OPENCODE_CONFIG_DIR"),
    Agent("copilot", "Copilot CLI", "~/.copilot/copilot-instructions.md", "COPILOT_HOME"),
    Agent("amp", "Amp", "~/.config/amp/AGENTS.md"),
    Agent("zed", "Zed", "~/.config/zed/AGENTS.md", windows_path="%APPDATA%\\Zed\\AGENTS.md"),
    Agent("devin", "Devin Desktop", "~/.config/devin/AGENTS.md"),
    Agent("kilo", "Kilo Code", "~/.config/kilo/AGENTS.md"),
    Agent("goose", "Goose", "~/.config/goose/AGENTS.md"),
    Agent("junie", "Junie", "~/.junie/AGENTS.md"),
    Agent("cline", "Cline", "~/Documents/Cline/Rules/memsync.md"),
    Agent("agents", "shared by Cline, Warp and Goose", "~/.agents/AGENTS.md"),
)
DEFAULT_NAMES = ("claude", "codex")


@dataclass(frozen=True)
class Target:
    """One file that is to have the memory, and how: block, copy or link."""

    name: str
    path: Path
    mode: str


def find_agent(name: str) -> Agent | None:
    """Return the known agent called `name`, or None."""
    return next((agent for agent in AGENTS if agent.name == name), None)


def resolve(config: Config) -> list[Target]:
    """Return this machine's targets: those named in the config, else the usual ones.

    The usual ones (Claude Code and Codex) count only where the agent's folder exists.
    """
    if config.targets or "targets" in config.given:
        return [
            Target(name, Path(os.path.expandvars(setting.path)).expanduser(), setting.mode)
            for name, setting in config.targets.items()
        ]
    usual = [agent for agent in AGENTS if agent.name in DEFAULT_NAMES]
    return [Target(a.name, a.file(), "block") for a in usual if a.file().parent.is_dir()]
