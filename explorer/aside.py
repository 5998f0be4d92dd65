"""Runs set aside: one bad run never takes a page.

A record is checked when it is opened, and a run's arrays when they are read; whatever a run still
raises while it is drawn says that the run is bad, not the page. Such a run is set aside for as
long as it is as it is: it is in no list any more, what it raised is told as one sentence, and the
page is drawn anew without it. Runs that ship are tested, so what these raise is a fault of the
page and stays one.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from core.refusal import Refusal
from core.store import checkpoints
from core.store.checkpoints import CheckpointError, Run

_log = logging.getLogger(__name__)
_aside: weakref.WeakKeyDictionary[Run, Refusal] = weakref.WeakKeyDictionary()

_set = 0  # how many there ever were

Found = TypeVar("Found")
Of = TypeVar("Of", bound=Callable[..., Any])


class RunError(Exception):
    """What a run raised while it was drawn."""

    def __init__(self, run: Run, error: Exception) -> None:
        super().__init__(f"{run.id}: {error!r}")
        self.run, self.error = run, error


@contextlib.contextmanager
def drawing(run: Run) -> Iterator[None]:
    """Whatever is raised inside is this run's."""
    try:
        yield
    except RunError:
        raise
    except Exception as error:
        raise RunError(run, error) from error


def of_run(read: Of) -> Of:
    """A function of a run (its first argument) whose every error is the run's."""

    @functools.wraps(read)
    def reading(run: Run, *rest: Any) -> Any:
        with drawing(run):
            return read(run, *rest)

    return reading  # type: ignore[return-value]


def each(runs: Iterable[Run], draw: Callable[[Run], Found]) -> list[Found]:
    """What is drawn of each run; those that raise are set aside and left out."""
    found = []
    for run in runs:
        try:
            with drawing(run):
                found.append(draw(run))
        except RunError as error:
            _set_aside(error)
    return found


def whose(error: Exception, runs: Iterable[Run]) -> list[Refusal]:
    """Set aside the run that raised an error while a page was drawn, or, where that is not known,
    those of the page's runs whose files are not what their records say.

    Returns:
        What is told of the runs set aside; nothing where the error is the page's own.
    """
    if isinstance(error, RunError):
        return [_set_aside(error)]
    found = []
    for run in filter(_may_be, runs):
        try:
            checkpoints.check_arrays(run)
        except CheckpointError as torn:
            found.append(_set_aside(RunError(run, torn)))
    return found


def refusals() -> dict[Run, Refusal]:
    """The runs that are set aside, and what is told of each."""
    return dict(_aside)


def count() -> int:
    """A number that changes whenever a run is set aside."""
    return _set


def _may_be(run: Run) -> bool:
    return run.folder.parent != checkpoints.shipped_store() and run not in _aside


def _set_aside(found: RunError) -> Refusal:
    run, error = found.run, found.error
    if run.folder.parent == checkpoints.shipped_store():
        raise error
    if isinstance(error, CheckpointError):
        told = error.bare()
    else:
        _log.warning("Run %s can't be shown.", run.id, exc_info=error)
        reason = f"{type(error).__name__}: {error}"[:200]
        told = Refusal("Run {run} can't be shown ({reason}).", run=run.id, reason=reason)
    global _set
    _aside[run] = told
    _set += 1
    return told
