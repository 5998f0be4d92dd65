"""Heavy work on what visitors send, in processes of their own: few at once, each with an end to its
time and its memory, so that it takes neither the server's event loop nor its GIL.

A process is started when there is work and ends with it: nothing stands by, and nothing that went
wrong in one is left for the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import subprocess
import sys
import tempfile
from typing import IO, Any

from starlette.concurrency import run_in_threadpool

from core.refusal import from_json
from explorer.bodies import BodyError
from explorer.workers import ROOT

AT_ONCE = 2
SECONDS = 120.0  # until one is ended; of a core it may have less, see `explorer.writing`
REFUSES = 2  # exit status of one that tells why on its standard error
LONGEST_REASON = 2**16  # bytes

_log = logging.getLogger(__name__)


class Turns:
    """Whose turn it is to have a process; in the order of asking."""

    def __init__(self) -> None:
        self.free = asyncio.Semaphore(AT_ONCE)

    async def done(self, module: str, asked: dict[str, Any], given: IO[bytes]) -> IO[bytes]:
        """What `python -m module` writes, which is told `asked` as JSON and reads `given`.

        Raises:
            BodyError: what it refuses, or that it did not end well.
        """
        async with self.free:
            return await run_in_threadpool(run, module, asked, given)


def run(
    module: str, asked: dict[str, Any], given: IO[bytes], seconds: float | None = None
) -> IO[bytes]:
    """See `Turns.done`; it is ended after so many seconds, SECONDS where nothing is said."""
    seconds = SECONDS if seconds is None else seconds
    with contextlib.ExitStack() as opened:
        made = opened.enter_context(tempfile.TemporaryFile())
        reason = opened.enter_context(tempfile.TemporaryFile())
        given.seek(0)
        try:
            ended = subprocess.run(
                [sys.executable, "-m", module, json.dumps(asked)],
                cwd=ROOT,
                env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
                stdin=given,
                stdout=made,
                stderr=reason,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BodyError(
                "This took more than {seconds:g} seconds; try something smaller.",
                status=422,
                seconds=seconds,
            ) from None
        reason.seek(0)
        told = reason.read(LONGEST_REASON)
        if ended.returncode == REFUSES:
            why = from_json(json.loads(told))
            raise BodyError(why.template, **why.values)
        if ended.returncode:
            end = told.decode(errors="replace")
            _log.error("%s ended with %s: %s", module, ended.returncode, end)
            raise BodyError("This could not be done; try something smaller.", status=422)
        reason.close()
        opened.pop_all()
    return made
