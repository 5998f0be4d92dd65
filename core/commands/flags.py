"""Flags made from declarations: tyro's parsing, and knobs as flags of the command line."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import io
import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import tyro

from core.config import Knob, Settings

PROGRAM = "python -m core"
Command = Callable[[list[str], str], int]  # its arguments and what to call it; the exit code


class CommandError(ValueError):
    """A request that can't be met; one sentence for a person."""


def dispatch(commands: dict[str, Command], argv: list[str], program: str, about: str) -> int:
    """Run the command that `argv` names, or list all, under the first line of `about`.

    Raises:
        CommandError: for a command that there is none of.
    """
    if not argv or argv[0] in ("-h", "--help"):
        print(f"{about.strip().splitlines()[0]}\n")
        for name, command in commands.items():
            first = (command.__doc__ or "").partition("\n")[0]
            print(f"  {program} {name:<11} {first}")
        print(f"\n{program} COMMAND --help tells more of one.")
        return 0
    name, *rest = argv
    if name not in commands:
        raise CommandError(_there_is_no(name, commands))
    return commands[name](rest, f"{program} {name}")


def _there_is_no(name: str, there: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(there), n=1)
    hint = f"; did you mean {close[0]}?" if close else "."
    return f"There is no command {name!r}; there are {', '.join(there)}{hint}"


def parse(kind: type, argv: list[str], program: str) -> Any:
    """`kind` filled from flags; tyro's boxed complaint becomes one sentence.

    Raises:
        CommandError: for flags that are wrong.
        SystemExit: with 0, after `--help` was printed.
    """
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(kind, args=argv, prog=program)
    except SystemExit as stop:
        if stop.code:
            raise CommandError(_sentence(complaint.getvalue(), program)) from None
        raise


def _sentence(box: str, program: str) -> str:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", box).replace("│", " ").splitlines()[1:]
    words: list[str] = []
    for line in plain:
        if line.strip().startswith(("──", "---")):  # ASCII where the terminal has nothing else
            if words:
                break
        elif not line.startswith(" " * 8):  # deeper lines repeat a flag's help
            words.append(line.strip())
    said = " ".join(" ".join(words).split()).rstrip(" .")
    return f"{said}; see {program} --help."


def command(kind: type) -> Command:
    """A command whose flags are the fields of `kind`, run by calling the parsed instance."""

    def run(argv: list[str], program: str) -> int:
        try:
            parsed = parse(kind, argv, program)
        except SystemExit:
            return 0
        return parsed()

    run.__doc__ = kind.__doc__
    return run


def of_knobs(settings: type[Settings], taken: set[str]) -> type:
    """A class with one flag for each knob; a knob whose name is taken goes by its label."""
    fields = []
    for knob in settings.knobs():
        name = flag(knob, taken)
        declared: Any = settings.model_fields[knob.name].annotation
        help_text = knob.help if knob.choices else f"{knob.help}{_range(knob)}"
        annotated: Any = Annotated[declared, tyro.conf.arg(name=name, help=help_text)]
        fields.append((knob.name, annotated, dataclasses.field(default=knob.default)))
    made = dataclasses.make_dataclass(settings.__name__, fields, frozen=True)
    made.__doc__ = settings.__doc__
    return made


def flag(knob: Knob, taken: set[str]) -> str:
    """The flag of a knob without its dashes, such as `batch-size`."""
    name = knob.label.lower() if knob.name in taken else knob.name
    return re.sub(r"[ _]+", "-", name)


def _range(knob: Knob) -> str:
    bounded = knob.low is not None or knob.high is not None
    return f" {knob.label} is {knob.allowed}." if bounded else ""
