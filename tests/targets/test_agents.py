"""Every known agent gets the memory where it reads it: on each system, moved or not."""

from pathlib import Path, PureWindowsPath

import pytest

from memsync import targets
from memsync.config import Config, TargetSetting
from memsync.providers import base
from memsync.targets import AGENTS, WITHOUT_FILE, Size, Target
from memsync.targets.agents import Limit

FILES = {
    "claude": ".claude/CLAUDE.md",
    "claude-rules": ".claude/rules/memsync.md",
    "codex": ".codex/AGENTS.md",
    "gemini": ".gemini/GEMINI.md",
    "antigravity": ".gemini/GEMINI.md",
    "qwen": ".qwen/QWEN.md",
    "opencode": ".config/opencode/AGENTS.md",
    "copilot": ".copilot/copilot-instructions.md",
    "vscode": ".copilot/copilot-instructions.md",
    "amp": ".config/amp/AGENTS.md",
    "zed": ".config/zed/AGENTS.md",
    "devin": ".config/devin/AGENTS.md",
    "windsurf": ".codeium/windsurf/memories/global_rules.md",
    "kilo": ".config/kilo/AGENTS.md",
    "goose": ".config/goose/AGENTS.md",
    "junie": ".junie/AGENTS.md",
    "cline": "Documents/Cline/Rules/memsync.md",
    "roo": ".roo/rules/memsync.md",
    "zoo": ".roo/rules/memsync.md",
    "kiro": ".kiro/steering/memsync.md",
    "factory": ".factory/AGENTS.md",
    "grok": ".grok/AGENTS.md",
    "pi": ".pi/agent/AGENTS.md",
    "kimi": ".kimi-code/AGENTS.md",
    "vibe": ".vibe/AGENTS.md",
    "augment": ".augment/rules/memsync.md",
    "warp": ".agents/AGENTS.md",
    "agents": ".agents/AGENTS.md",
}
ON_WINDOWS = {
    "zed": "AppData/Roaming/Zed/AGENTS.md",
    "goose": "AppData/Roaming/Block/goose/config/AGENTS.md",
}
MOVED = {
    "claude": ("CLAUDE_CONFIG_DIR", "CLAUDE.md"),
    "claude-rules": ("CLAUDE_CONFIG_DIR", "rules/memsync.md"),
    "codex": ("CODEX_HOME", "AGENTS.md"),
    "gemini": ("GEMINI_CLI_HOME", ".gemini/GEMINI.md"),
    "qwen": ("QWEN_HOME", "QWEN.md"),
    "opencode": ("OPENCODE_CONFIG_DIR", "AGENTS.md"),
    "copilot": ("COPILOT_HOME", "copilot-instructions.md"),
    "vscode": ("COPILOT_HOME", "copilot-instructions.md"),
    "junie": ("JUNIE_HOME", "AGENTS.md"),
    "grok": ("GROK_HOME", "AGENTS.md"),
    "pi": ("PI_CODING_AGENT_DIR", "AGENTS.md"),
    "kimi": ("KIMI_CODE_HOME", "AGENTS.md"),
    "vibe": ("VIBE_HOME", "AGENTS.md"),
}
by_name = pytest.mark.parametrize("name", FILES)
by_system = pytest.mark.parametrize("system", ["linux", "darwin", "win32"])


@pytest.fixture
def on(monkeypatch):
    """Make this machine another system's, as far as paths go."""
    return lambda system: monkeypatch.setattr(base.sys, "platform", system)


def agent(name):
    return targets.find_agent(name)


def here(home, *names):
    """Install agents: each has its folder."""
    for name in names:
        (home / FILES[name]).parent.mkdir(parents=True, exist_ok=True)


def test_the_catalogue_holds_just_these():
    assert [entry.name for entry in AGENTS] == list(FILES)
    assert not set(FILES) & set(WITHOUT_FILE)
    for entry in AGENTS:
        assert all(agent(name) for name in entry.also_reads)
        assert entry.limit is None or entry.limit.source


@by_system
@by_name
def test_each_agent_reads_its_file_where_its_maker_says(name, system, on, home):
    on(system)
    inside = ON_WINDOWS.get(name, FILES[name]) if system == "win32" else FILES[name]
    assert agent(name).file() == home / inside


@pytest.mark.parametrize("name", ON_WINDOWS)
def test_on_windows_the_roaming_folder_may_be_elsewhere(name, on, monkeypatch):
    on("win32")
    monkeypatch.setenv("APPDATA", "/roaming")
    assert agent(name).file() == Path("/roaming") / ON_WINDOWS[name].removeprefix(
        "AppData/Roaming/"
    )
    assert not PureWindowsPath(agent(name).windows_home).is_absolute()


@by_system
@by_name
def test_an_agent_that_was_moved_is_found_where_it_was_moved_to(
    name, system, on, home, monkeypatch
):
    on(system)
    usual = agent(name).file()
    if name not in MOVED:
        assert agent(name).moved_by == ""
        return
    variable, inside = MOVED[name]
    monkeypatch.setenv(variable, "~/elsewhere")
    assert agent(name).file() == home / "elsewhere" / inside
    monkeypatch.setenv(variable, "")
    assert agent(name).file() == usual


@pytest.mark.parametrize(
    ("name", "systems"),
    [
        ("opencode", {"linux", "darwin", "win32"}),
        ("kilo", {"linux", "darwin", "win32"}),
        ("goose", {"linux", "darwin"}),
        ("zed", {"linux"}),
        ("amp", set()),
        ("devin", set()),
        ("claude", set()),
    ],
)
@by_system
def test_the_settings_folder_is_followed_by_those_that_follow_it(
    name, systems, system, on, monkeypatch
):
    on(system)
    usual = agent(name).file()
    monkeypatch.setenv("XDG_CONFIG_HOME", "/settings")
    moved = Path("/settings") / name / "AGENTS.md"
    assert agent(name).file() == (moved if system in systems else usual)


@by_name
def test_an_agent_is_here_where_its_folder_is(name, home):
    assert not agent(name).is_here()
    for sign in agent(name).signs[:1] or [agent(name).home]:
        (home / sign.removeprefix("~/")).mkdir(parents=True)
    assert agent(name).is_here()


def test_agents_found_are_offered_once_a_file_and_not_a_second_way_to_the_same_agent(home):
    assert targets.offered_agents([]) == []
    here(home, "claude", "codex", "gemini", "roo", "cline", "goose")
    (home / ".gemini/antigravity").mkdir()
    found = [entry.name for entry in targets.offered_agents(targets.configured_targets(Config()))]
    assert found == ["gemini", "goose", "cline", "roo"]
    here(home, "agents")
    assert found == [
        entry.name for entry in targets.offered_agents(targets.configured_targets(Config()))
    ]
    shared = Config(targets={"agents": TargetSetting("~/.agents/AGENTS.md")})
    found = [entry.name for entry in targets.offered_agents(targets.configured_targets(shared))]
    assert found == ["claude", "codex", "gemini", "roo"]


@pytest.mark.parametrize(
    ("unit", "amount"), [("lines", 2), ("characters", 4), ("bytes", 5)], ids=str
)
def test_a_limit_counts_its_own_unit(unit, amount):
    assert Limit(3, unit, cuts=True, source="x").measure("é\na\n".encode()) == amount


@pytest.mark.parametrize(
    ("used", "level"), [(0, "fits"), (80, "fits"), (81, "near"), (100, "near"), (101, "over")]
)
def test_a_size_is_near_its_limit_before_it_is_over(used, level):
    assert Size(used, Limit(100, "lines", cuts=True, source="x")).level == level


def give(home, name, text, config_name=None):
    target = Target(config_name or name, home / FILES[name], agent(name).mode)
    target.path.parent.mkdir(parents=True, exist_ok=True)
    target.path.write_text(text)
    return target


def words_of(target, *others):
    return [found.words for found in targets.remarks_on(target, [target, *others])]


def test_what_an_agent_would_cut_off_is_harmful_and_what_its_maker_advises_is_not(home):
    target = give(home, "windsurf", "é" * 6000)
    assert targets.size_of(target).words == "6,000 of 6,000 characters"
    assert "close to the most its agent reads" in words_of(target)[0]
    target.path.write_text("é" * 6001)
    (remark,) = targets.remarks_on(target, [target])
    assert remark.harmful
    assert "more than its agent reads (docs.devin.ai" in remark.words
    target = give(home, "claude", "a\n" * 201)
    (remark,) = targets.remarks_on(target, [target])
    assert not remark.harmful
    assert remark.words.startswith("201 of 200 lines, more than its maker recommends")
    target.path.write_text("a\n" * 199)
    assert words_of(target) == []


def test_a_limit_counts_for_whoever_reads_the_file(home):
    target = give(home, "gemini", "a" * 24_001)
    assert targets.size_of(target) is None
    (home / ".gemini/antigravity-cli").mkdir()
    assert "24,001 of 24,000 bytes" in words_of(target)[0]
    mine = give(home, "windsurf", "a" * 7000, config_name="mine")
    assert "7,000 of 6,000" in words_of(mine)[0]
    assert targets.size_of(Target("x", home / "nowhere.md", "block")) is None


def test_a_file_that_codex_reads_instead_is_told(home):
    target = give(home, "codex", "memory")
    rival = home / ".codex/AGENTS.override.md"
    rival.write_text(" \n")
    assert words_of(target) == []
    rival.write_text("mine")
    (remark,) = targets.remarks_on(target, [target])
    assert remark.harmful
    assert remark.words == f"Codex CLI reads {rival} instead, as long as that file is not empty"


def test_a_memory_that_would_be_read_twice_is_told(home):
    claude, rules = give(home, "claude", "m"), give(home, "claude-rules", "m")
    assert words_of(rules) == []
    assert words_of(claude, rules) == []
    (words,) = words_of(rules, claude)
    assert words.startswith("Claude Code also reads the target 'claude'")
    assert words.endswith("the memory twice: memsync targets remove claude-rules")
    assert "twice" in words_of(give(home, "cline", "m"), give(home, "agents", "m"))[0]


def test_a_folder_that_is_a_link_leads_to_the_same_file(home):
    (home / "dotfiles").mkdir()
    (home / ".claude").symlink_to(home / "dotfiles")
    assert targets.real_place(home / ".claude/CLAUDE.md") == targets.real_place(
        home / "dotfiles/CLAUDE.md"
    )
    assert [entry.name for entry in targets.readers(home / "dotfiles/CLAUDE.md")] == ["claude"]


def test_the_second_target_of_a_file_is_left_to_the_first(home, workspace):
    wanted = [give(home, "gemini", "mine\n"), Target("again", home / ".gemini/GEMINI.md", "copy")]
    memory = workspace.memory.read_bytes()
    first, second = targets.apply_all(wanted, memory, workspace.memory)
    assert (first.state, second.state) == ("in-sync", "shared")
    assert second.advice == ("the target 'gemini' has the same file: memsync targets remove again")
    assert wanted[0].path.read_text().startswith("mine\n\n<!-- memsync:begin -->")
    assert [s.state for s in targets.inspect_all(wanted, memory, workspace.memory)] == [
        "in-sync",
        "shared",
    ]
