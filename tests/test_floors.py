"""The house: who imports whom, what a light command loads, and what is said in one place only."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import memsync
from memsync import errors
from memsync.config import Config
from memsync.daemon import extra
from memsync.memory.publish import update_targets

PACKAGE = Path(memsync.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
HEAVY = {"flask", "apscheduler", "waitress", "werkzeug", "anthropic", "memsync.daemon", "httpx2"}
NOT_FOR_SHOW = {"click", "tomlkit", "tomli_w", "platformdirs", "filelock", "memsync.cli"}
LATE = {("refresh/llm/client.py", "anthropic")}
"""The one import inside a function."""
BY_NAME = {
    "__main__.py": "`memsync show` alone, or the command line",
    "cli/__init__.py": "the commands by their table, plug-ins, what explains a crash",
    "config/credentials.py": "keyring, an extra of its own",
    "daemon/cli/__init__.py": "the daemon's commands by their table",
    "daemon/extra.py": "the modules in the table LATE",
    "daemon/notify.py": "the channel that was chosen",
    "daemon/scheduler.py": "every job there is",
    "daemon/web.py": "every page there is",
    "providers/__init__.py": "every provider there is",
}
"""Who imports a module by its name, and which: to find what declares itself, or by a table."""


def loaded_by(*words: str) -> set[str]:
    """Return all modules that `memsync WORDS` has loaded when it is done."""
    program = (
        "import atexit, sys, runpy;"
        "atexit.register(lambda: print(*sys.modules, sep='\\n', file=sys.stderr));"
        f"sys.argv = ['memsync', *{list(words)!r}];"
        "runpy.run_module('memsync', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    found = set(done.stderr.splitlines())
    assert "memsync.config" in found, done.stderr
    return found


@pytest.mark.parametrize(
    "words",
    [
        ("show",),
        ("status",),
        ("note", "x"),
        ("log",),
        ("targets",),
        ("config", "show"),
        ("doctor",),
    ],
    ids=" ".join,
)
def test_a_light_command_loads_no_daemon_and_no_sdk(words, workspace):
    update_targets(workspace)
    assert loaded_by(*words) & HEAVY == set()


def test_show_into_a_pipe_loads_neither_the_command_line_nor_what_writes(workspace):
    assert loaded_by("show") & (HEAVY | NOT_FOR_SHOW) == set()


def test_a_refresh_without_a_model_loads_no_sdk(workspace):
    assert loaded_by("refresh", "--notes", "I moved to Oslo") & HEAVY == set()


@pytest.mark.parametrize("words", [("daemon", "status"), ("daemon", "stop")], ids=" ".join)
def test_stop_and_status_of_the_daemon_work_without_the_extra(words, workspace, home):
    absent = home / "absent"
    absent.mkdir()
    for name in ("flask", "apscheduler", "waitress", "cron_descriptor", "markdown_it", "psutil"):
        (absent / f"{name}.py").write_text(f"raise ModuleNotFoundError('no', name={name!r})\n")
    done = subprocess.run(
        [sys.executable, "-m", "memsync", *words],
        env=os.environ | {"PYTHONPATH": str(absent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "running" in done.stdout + done.stderr
    assert "memsync[daemon]" not in done.stderr
    assert "Traceback" not in done.stderr


def imports_within_functions(path: Path) -> set[str]:
    """Return what a module's functions import by a statement of their own."""
    functions = (
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    )
    found = set()
    for node in (inner for function in functions for inner in ast.walk(function)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or ".")
    return found


def test_no_function_hides_an_import_but_the_one_that_costs_a_second():
    hidden = {
        (path.relative_to(PACKAGE).as_posix(), name)
        for path in MODULES
        for name in imports_within_functions(path)
    }
    assert hidden == LATE


def calls_of(name: str) -> dict[str, list[ast.Call]]:
    """Return the calls of a function or method called `name`, by module."""
    found: dict[str, list[ast.Call]] = {}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = getattr(node, "func", None)
            if name in {getattr(called, "id", ""), getattr(called, "attr", "")}:
                found.setdefault(path.relative_to(PACKAGE).as_posix(), []).append(node)
    return found


def test_all_that_a_person_reads_at_a_terminal_passes_one_place():
    """What others wrote, such as names of machines, must not steer the terminal."""
    printing = {"print", "secho", "confirm", "prompt", "echo_via_pager", "pause", "progressbar"}
    places = {path for name in printing for path in calls_of(name) if calls_by_click(name, path)}
    places |= {path for path in calls_of("echo") if calls_by_click("echo", path)}
    assert places == {"cli/terminal.py"}
    streams = {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in STREAMS_WRITTEN
    }
    assert streams == {"daemon/__main__.py"}, "it spells out by itself, for it loads no click"


STREAMS_WRITTEN = {
    f"sys.{name}.{deed}"
    for name in ("stdout", "stderr")
    for deed in ("write", "writelines", "buffer")
}


def calls_by_click(name: str, path: str) -> list[str]:
    """Return the calls in a module that go past `cli.terminal`, to click or to Python itself."""
    direct = {name} if name == "print" else {f"click.{name}"}
    return [ast.unparse(call) for call in calls_of(name)[path] if ast.unparse(call.func) in direct]


def test_a_module_is_imported_by_name_only_to_find_what_declares_itself():
    assert calls_of("import_module").keys() == BY_NAME.keys()
    assert not calls_of("__import__")


def test_what_is_imported_late_stands_in_the_table_with_its_reason():
    asked = {call.args[0].value for calls in calls_of("late").values() for call in calls}
    assert asked == extra.LATE.keys()
    assert all(extra.LATE.values())
    with pytest.raises(KeyError):
        extra.late("web")


def test_the_model_is_named_in_the_settings_and_its_price_and_nowhere_else():
    model = str(Config.model)
    naming = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and model in path.read_text(errors="replace")
    }
    assert "config/keys.py" in naming
    assert naming <= {"config/keys.py", "refresh/llm/prices.py"}


def test_no_other_model_is_named_either():
    naming = {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if node.value.startswith(("claude-opus", "claude-sonnet", "claude-haiku", "claude-3"))
    }
    assert naming <= {"config/keys.py", "refresh/llm/prices.py"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_opens_with_what_it_is_for(path: Path):
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text))


def test_the_floors_hold():
    linter = Path(sys.executable).with_name("lint-imports")
    if not linter.exists():
        pytest.skip("import-linter is not installed")
    done = subprocess.run(
        [linter, "--no-cache"], cwd=PACKAGE.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_every_error_of_the_core_has_a_way_out():
    classes = {name for name, it in vars(errors).items() if isinstance(it, type)}
    without = [
        f"{path.name}:{node.lineno}"
        for path in MODULES
        if "daemon" not in path.relative_to(PACKAGE).parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in classes
        if len(node.args) < 2 and all(keyword.arg != "hint" for keyword in node.keywords)
    ]
    assert without == []


ROOMS_ON_THE_ROOT = ("notes/", "memory/", "refresh/", "doctor.py", "config/machine_log.py",
                     "config/sync_folder.py", "daemon/presenters/", "daemon/pages/", "daemon/jobs/",
                     "daemon/digest.py", "daemon/watchdog.py")  # fmt: skip
BY_HAND = {
    "read_text",
    "read_bytes",
    "write_text",
    "write_bytes",
    "open",
    "glob",
    "rglob",
    "iterdir",
    "scandir",
    "listdir",
    "walk",
    "exists",
    "is_file",
    "is_dir",
    "is_symlink",
    "stat",
    "lstat",
    "mkdir",
    "touch",
    "rmdir",
    "unlink",
    "rename",
    "symlink_to",
    "readlink",
    "samefile",
    "rmtree",
    "atomic_write",
    "create_new",
    "append_durably",
    "append_line",
    "sweep_temps",
    "list_matching",
}
OPENERS = ("files", "opener", "self.opener", "source", "folder_at(", "Workspace", "Path(__file__)")
ELSEWHERE = {
    "config/sync_folder.py": "what it knows in the state; looks whether our places are links",
    "memory/conflicts/reconcile.py": "rclone's mark in the state",
    "memory/history/last_seen.py": "the state",
    "memory/lint.py": "looks whether an import that the memory names is a file",
    "memory/mirror/contents.py": "the mirror",
    "memory/mirror/disk.py": "the mirror",
    "memory/mirror/mark.py": "the mirror",
    "memory/mirror/plan.py": "lists both sides, and follows no link",
    "memory/mirror/run.py": "the mirror",
    "memory/mirror/verify.py": "the mirror",
    "memory/mirror/versions.py": "the mirror",
    "memory/publish.py": "an agent's file",
    "memory/rclone/carry.py": "rclone's mark and folder in the state",
    "memory/rclone/client.py": "rclone's locks in the state",
    "memory/store.py": "the text last seen, in the state",
    "memory/reading.py": "where a known link leads",
    "memory/sweep.py": "the state",
    "notes/delivery.py": "the spool",
    "notes/kept.py": "the state",
    "notes/spool.py": "the spool",
}
"""Who opens files by hand in these rooms, and what they are: nothing below the memory root."""


def test_what_lies_below_the_root_is_opened_by_the_opener_alone():
    found = set()
    for name in BY_HAND:
        for module, calls in calls_of(name).items():
            on = (ast.unparse(c.func.value) for c in calls if isinstance(c.func, ast.Attribute))
            plain = any(isinstance(call.func, ast.Name) for call in calls) and name != "read_bytes"
            others = [o for o in on if not o.startswith((*OPENERS, "reading"))]
            if module.startswith(ROOMS_ON_THE_ROOT) and (plain or others):
                found.add(module)
    assert found == ELSEWHERE.keys()
