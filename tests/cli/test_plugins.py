"""Commands of other packages: found by their entry point; a broken one explains itself."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from memsync.cli import plugins
from memsync.errors import MemsyncError

MODULE = """
import click

@click.command(short_help="Say hello.")
@click.option("--name", default="you")
def hello(name):
    click.echo(f"Hello, {name}.")

no_command = 42
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put a package on the path that brings these commands."""

    def install(package: str, *points: str) -> None:
        folder = tmp_path / package
        info = folder / f"{package}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[memsync.commands]\n" + "\n".join(points) + "\n")
        (folder / f"{package}.py").write_text(MODULE)
        (folder / f"{package}_raises.py").write_text("raise RuntimeError('not today')\n")
        (folder / f"{package}_leaves.py").write_text("raise SystemExit(99)\n")
        (folder / f"{package}_typo.py").write_text("def broken(:\n")
        monkeypatch.syspath_prepend(str(folder))

    return install


def explanation(name: str) -> MemsyncError:
    command = plugins.load_command(name)
    assert command is not None
    assert command.get_short_help_str() == "(broken)"
    result = CliRunner().invoke(command, ["any", "--option", "at=all"])
    assert isinstance(result.exception, MemsyncError)
    return result.exception


def test_a_plugins_command_is_found_and_runs(install):
    install("greeter", "hello = greeter:hello")
    assert "hello" in plugins.command_names()
    command = plugins.load_command("hello")
    assert isinstance(command, click.Command)
    assert CliRunner().invoke(command, ["--name", "Ada"]).output == "Hello, Ada.\n"


def test_a_name_no_plugin_has_is_none(install):
    assert plugins.load_command("nonesuch") is None


def test_a_name_that_two_packages_bring_is_listed_once(install):
    install("greeter", "hello = greeter:hello")
    install("greeter_too", "hello = greeter_too:hello")
    assert plugins.command_names().count("hello") == 1
    assert plugins.load_command("hello") is not None


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("nowhere:hello", "ModuleNotFoundError"),
        ("greeter:goodbye", "AttributeError"),
        ("greeter_raises:hello", "RuntimeError: not today"),
        ("greeter_leaves:hello", "SystemExit: 99"),
        ("greeter_typo:hello", "SyntaxError"),
        ("greeter:no_command", "it is not a click command"),
    ],
)
def test_a_broken_plugin_becomes_a_command_that_says_why(target, reason, install):
    install("greeter", f"bad = {target}", "hello = greeter:hello")
    error = explanation("bad")
    assert error.message.startswith("the command 'bad' of greeter cannot be loaded: ")
    assert reason in error.message
    assert error.hint == "reinstall or remove greeter"
    assert plugins.command_names().count("bad") == 1
    assert plugins.load_command("hello") is not None, "the others are not taken down"


def test_the_daemon_comes_by_the_same_door():
    assert "daemon" in plugins.command_names()
    assert isinstance(plugins.load_command("daemon"), click.Command)
