"""Knobs as flags: what a request class declares once is what the command line takes."""

import contextlib
import inspect
from typing import Annotated, Any, get_args

import typer

from song.request import limits


def knob_flags(words: str, field: Any, knobs: dict[str, Any]) -> list[inspect.Parameter]:
    """The words as an argument, every other knob as a flag."""
    argument = typer.Argument(help=field.description, metavar="WORDS", show_default=False)
    return [parameter(words, str | None, argument), *switches(knobs)]


def switches(knobs: dict[str, Any]) -> list[inspect.Parameter]:
    """Every knob as a flag."""
    members = []
    for name, field in knobs.items():
        flag = f"--{name.replace('_', '-')}"
        if _kinds(field) == {bool}:
            switch = typer.Option(f"{flag}/--no-{flag[2:]}", help=_help(field), show_default=False)
            members.append(parameter(name, bool | None, switch))
        else:
            option = typer.Option(flag, help=_help(field), metavar=_metavar(field))
            members.append(parameter(name, str | None, option))
    return members


def parameter(name: str, kind: Any, info: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, info])


def _help(field: Any) -> str:
    low, high = limits(field)
    reach = "" if low is None or high is None else f" {low:g} to {high:g}."
    default = (
        f" Default: {field.default}." if field.default not in (None, "", False) and not field.is_required() else ""
    )
    return f"{field.description}{reach}{default}"


def _metavar(field: Any) -> str:
    return "NUMBER" if {int, float} & _kinds(field) else "TEXT"


def _kinds(field: Any) -> set[Any]:
    return set(get_args(field.annotation)) or {field.annotation}


def typed(field: Any, text: Any) -> Any:
    """What was typed, as a number where the knob is one; what is no number stays text and is refused by `read`."""
    if {int, float} & _kinds(field):
        for number in (int, float):
            with contextlib.suppress(ValueError):
                return number(text)
    return text
