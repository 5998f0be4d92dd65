"""A training on the command line: its bar, what a signal does to it, and what is told of it."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from core.training import loop

    Training = Generator[loop.Progress, None, None]

INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


class StoppedError(Exception):
    """A training that a signal stopped, after what it came to was saved."""

    def __init__(self, last: loop.Progress | None, number: int) -> None:
        super().__init__(last, number)
        self.last = last
        self.exit_code = 128 + number


def follow(progress: Training, label: str) -> loop.Progress:
    """Draw a training to its end.

    Raises:
        StoppedError: after SIGINT or SIGTERM, when the run has saved what there was.
    """
    last: loop.Progress | None = None
    with training_bar() as bar:
        task = bar.add_task(label, total=None, terms="")
        said = 0
        try:
            with _one_interrupt(bar.console) as ignore, contextlib.closing(progress):
                for last in progress:
                    if last.step == last.steps:
                        ignore()
                    terms = " + ".join(f"{name} {v:.4g}" for name, v in last.terms.items())
                    bar.update(task, total=last.steps, completed=last.step, terms=terms)
                    tenth = 10 * last.step // last.steps
                    if not bar.console.is_terminal and tenth > said:
                        said = tenth
                        bar.console.print(f"{label}: step {last.step:,} of {last.steps:,}, {terms}")
        except KeyboardInterrupt as stop:
            raise StoppedError(last, next(iter(stop.args), signal.SIGINT)) from None
    if last is None:
        raise ValueError("A training reports at least its last step.")
    return last


def training_bar() -> Progress:
    """A bar on stderr; silent where that is no terminal."""
    console = Console(stderr=True, soft_wrap=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[terms]}"),
        console=console,
        disable=not console.is_terminal,
    )


@contextlib.contextmanager
def _one_interrupt(console: Console) -> Iterator[Callable[[], None]]:
    """Let a signal interrupt once, and never what is being saved; yields what ignores the rest."""

    def ignore() -> None:
        for number in INTERRUPTS:
            signal.signal(number, signal.SIG_IGN)

    def stop(number: int, frame: Any) -> None:
        ignore()
        console.print("Stopping: what was trained is scored and kept.")
        raise KeyboardInterrupt(number)

    before = {number: signal.signal(number, stop) for number in INTERRUPTS}
    try:
        yield ignore
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def how_far(stop: StoppedError, run_id: str, store: Path) -> str:
    """One line of what a stopped training came to."""
    last = stop.last
    if last is None:
        return "Stopped before the first report of the training; nothing is kept."
    return (
        f"Stopped at step {last.step:,} of {last.steps:,} ({last.step / last.steps:.0%}, "
        f"{last.samples:,} samples); kept as {run_id} in {store / run_id}."
    )
