"""What is raised for a run that can't be used. A leaf of the store."""

from __future__ import annotations

from pydantic import ValidationError

from core.refusal import Refusal

RECORD = "run.json"


class CheckpointError(Refusal, ValueError):
    """A run that is missing, torn, foreign or newer than this software; one sentence."""


def foreign(run: str, error: ValidationError, within: str = "") -> CheckpointError:
    """The first complaint about a record, in one sentence; what a stranger wrote is cut short."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in (within, *first["loc"]) if part != "")
    return CheckpointError(
        "Run {run} is foreign or torn: {where} in its {record} is wrong ({reason}).",
        run=run,
        where=where[:80],
        record=RECORD,
        reason=first["msg"][:200],
    )
