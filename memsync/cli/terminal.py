"""The one way out of the commands: nothing that others wrote can steer the terminal or hide in it.

Names of machines, notes, usage records, file names and config values may hold escape sequences,
bidirectional overrides or tag characters. At a terminal, and in every error, they are spelled out.
Into a pipe or a file the output goes as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TextIO, TypeVar

import click

from memsync.text.sanitizing import make_visible

_Answer = TypeVar("_Answer")


def echo(text: object = "", *, nl: bool = True, err: bool = False) -> None:
    """Print `text`, and a line break unless `nl` is False; on stderr if `err`."""
    words = str(text)
    click.echo(make_visible(words) if err or is_terminal(sys.stdout) else words, nl=nl, err=err)


def pass_through(data: bytes) -> None:
    """Write `data` to stdout byte for byte; for a pipe or a file, never for a terminal."""
    click.echo(data, nl=False)


def confirm(question: str, *, default: bool = False) -> bool:
    """Ask a question to be answered with yes or no."""
    return click.confirm(make_visible(question), default=default)


def prompt(
    question: str,
    default: _Answer | str,
    *,
    kind: click.ParamType[_Answer, str] | None = None,
    read: Callable[[str], _Answer] | None = None,
) -> _Answer:
    """Ask until the answer is of a `kind`, or `read` takes it; an empty line means `default`."""
    return click.prompt(make_visible(question), default=default, type=kind, value_proc=read)


def ask_hidden(question: str, *, twice: bool) -> str:
    """Ask for a secret without showing what is typed; empty if nothing is."""
    return str(
        click.prompt(
            make_visible(question),
            default="",
            show_default=False,
            hide_input=True,
            confirmation_prompt=twice,
            err=True,
        )
    )


def is_terminal(stream: TextIO | None) -> bool:
    """Is `stream` open, and a terminal?"""
    return stream is not None and not stream.closed and stream.isatty()
