"""Which coding agent runs this program: agents leave variables in the shells of their tool calls.

The table holds exact names, and the value where an agent sets a fixed one. A person's settings
(``CODEX_HOME``) are not in it, nor what every terminal of an editor has (``TERM_PROGRAM``). This
is a trace, no proof: whoever runs programs as the person can also clear the variable.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Trace:
    """A variable that an agent sets for its own tool calls.

    Attributes:
        name: the variable.
        value: the value that counts; "" for any but an empty one.
        agent: the agent's name in a mark, at most 30 of ``[a-z0-9-]``.
        source: where the agent's maker says so: a file of its repository, or its documentation.
        in_editors: True if the agent's extension also sets it in an editor's terminal, where a
            person types; there it does not count.
    """

    name: str
    value: str
    agent: str
    source: str
    in_editors: bool = False


# If an agent runs another agent, both have left variables, and the first row counts. Claude Code
# comes last: it is most often the outer one, and Amp sets its variable as well.
TRACES = (
    Trace(
        "CODEX_THREAD_ID", "", "codex", "openai/codex: codex-rs/protocol/src/shell_environment.rs"
    ),
    Trace("CODEX_SESSION_ID", "", "codex", "openai/codex: codex-rs/core/src/exec_env.rs"),
    Trace("CODEX_SANDBOX", "", "codex", "openai/codex: codex-rs/core/src/spawn.rs"),
    Trace(
        "CODEX_SANDBOX_NETWORK_DISABLED", "1", "codex", "openai/codex: codex-rs/core/src/spawn.rs"
    ),
    Trace(
        "CODEX_CI", "1", "codex", "openai/codex: codex-rs/core/src/unified_exec/process_manager.rs"
    ),
    Trace(
        "GEMINI_CLI",
        "1",
        "gemini",
        "google-gemini/gemini-cli: packages/core/src/services/shellExecutionService.ts",
    ),
    Trace(
        "QWEN_CODE",
        "1",
        "qwen",
        "QwenLM/qwen-code: packages/core/src/services/shellExecutionService.ts",
    ),
    Trace("KILO_PID", "", "kilo", "Kilo-Org/kilocode: packages/opencode/src/index.ts"),
    Trace("OPENCODE", "1", "opencode", "anomalyco/opencode: packages/opencode/src/index.ts"),
    Trace("CRUSH", "1", "crush", "charmbracelet/crush: internal/shell/shell.go"),
    Trace(
        "GOOSE_TERMINAL",
        "1",
        "goose",
        "block/goose: crates/goose-mcp/src/developer/rmcp_developer.rs",
    ),
    Trace(
        "AGENT", "goose", "goose", "block/goose: crates/goose-mcp/src/developer/rmcp_developer.rs"
    ),
    Trace("PI_CODING_AGENT", "true", "pi", "badlogic/pi-mono: packages/coding-agent/src/cli.ts"),
    Trace("CURSOR_AGENT", "", "cursor", "cursor.com/docs/agent/terminal"),
    Trace("COPILOT_CLI", "1", "copilot", "github/copilot-cli: changelog.md, 0.0.421"),
    Trace("COPILOT_AGENT_SESSION_ID", "", "copilot", "github/copilot-cli: changelog.md, 1.0.29"),
    Trace("COPILOT_AGENT", "1", "copilot", "microsoft/vscode: pull request 316267"),
    Trace(
        "AI_AGENT",
        "github_copilot_vscode_agent",
        "copilot",
        "microsoft/vscode: src/vs/platform/chat/common/aiAgentEnv.ts",
    ),
    Trace(
        "CLINE_ACTIVE",
        "true",
        "cline",
        "cline/cline: apps/vscode/src/hosts/vscode/terminal/VscodeTerminalRegistry.ts",
    ),
    Trace(
        "ROO_ACTIVE", "true", "roo", "RooCodeInc/Roo-Code: src/integrations/terminal/Terminal.ts"
    ),
    Trace("AUGMENT_AGENT", "1", "auggie", "docs.augmentcode.com/cli/reference#shell-environment"),
    Trace("AGENT", "amp", "amp", "ampcode.com/manual/appendix"),
    Trace("CLAUDE_CODE_CHILD_SESSION", "1", "claude-code", "code.claude.com/docs/en/env-vars"),
    Trace("CLAUDECODE", "1", "claude-code", "code.claude.com/docs/en/env-vars", in_editors=True),
)

_EDITORS = {"TERM_PROGRAM": "vscode", "TERMINAL_EMULATOR": "JetBrains-JediTerm"}
"""What terminals of VS Code, of the editors made from it, and of JetBrains say of themselves."""


def agent_here(environ: Mapping[str, str] = os.environ) -> str:
    """Return the name of the agent that runs this program, "" if none is to be seen."""
    in_editor = any(environ.get(name) == value for name, value in _EDITORS.items())
    seen = (trace for trace in TRACES if _is_there(trace, environ))
    return next((trace.agent for trace in seen if not (in_editor and trace.in_editors)), "")


def drop(environ: MutableMapping[str, str] = os.environ) -> None:
    """Remove every agent's trace, in an editor's terminal as well."""
    for trace in TRACES:
        if _is_there(trace, environ):
            del environ[trace.name]


def _is_there(trace: Trace, environ: Mapping[str, str]) -> bool:
    value = environ.get(trace.name, "")
    return value == trace.value if trace.value else bool(value)
