"""The process in which a server computes results of a run: `python -m core.latent.compute --help`.

It prints its progress as lines of JSON and writes nothing before a result is whole, so that it may
be killed at any time. Having done what it was asked for it may stand by for more, since its
libraries take many times longer to load than most results to compute.
"""

from __future__ import annotations

import json
import os
import select
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from core.latent import results
from core.refusal import Refusal
from core.store import checkpoints
from core.store.checkpoints import CheckpointError

LEFT = 3  # exit status of one that stood by in vain, so that nobody takes it for having done more


@dataclass
class Options:
    """Compute results of a run and keep them; progress as lines of JSON."""

    run: Annotated[str, "Id of the run."]
    kinds: Annotated[tuple[str, ...], "Which results."]
    set: Annotated[str | None, "Own images instead of the held-out digits."] = None
    nice: Annotated[int, "By how much the pages go first."] = 5
    stand_by: Annotated[
        float, "Seconds to wait for more: a line of JSON with run, kinds and set."
    ] = 0.0


def _tell(**line: Any) -> None:
    print(json.dumps(line), file=_lines, flush=True)


def _tell_share(kind: str, share: float) -> None:
    _tell(kind=kind, share=round(share, 3))


def _refuse(refusal: Refusal, **more: Any) -> int:
    """Tell the sentence, and of what it is made for who says it in another language."""
    _tell(failed=str(refusal), refusal=refusal.as_json(), **more)
    return 1


_lines = sys.stdout  # also while a library's own printing is turned elsewhere


def main(options: Options) -> int:
    """Compute what is asked for; the exit status is 1 where a sentence was told instead,
    and LEFT of one that stood by and was not asked again."""
    os.nice(options.nice)
    status = compute(options.run, options.kinds, options.set)
    while status == 0 and options.stand_by:
        _tell(standing_by=True)
        if not select.select([sys.stdin], [], [], options.stand_by)[0]:
            return LEFT
        line = sys.stdin.readline()
        if not line:  # nobody is there who could ask
            return LEFT
        asked = json.loads(line)
        status = compute(asked["run"], asked["kinds"], asked["set"])
    return status


def compute(run_id: str, kinds: Sequence[str], set_id: str | None) -> int:
    """Compute results of a run, telling how far it is; 1 where a sentence was told instead."""
    from core.latent.projections import ProjectionError

    try:
        for store in (checkpoints.shipped_store(), checkpoints.user_store()):
            if (store / run_id).is_dir():
                run = checkpoints.open_run(store / run_id)
                break
        else:
            raise CheckpointError("There is no run {run!r}.", run=run_id)
        subject = results.Subject(run, set_id)
        for kind in kinds:
            results.get(subject, kind, partial(_tell_share, kind))
            _tell(kind=kind, done=True)
    except ProjectionError as error:
        return _refuse(error, reason=error.reason, values=error.as_json()["values"])
    except Refusal as error:
        return _refuse(error)
    except ValueError as error:
        return _refuse(Refusal("{reason}", reason=str(error)))
    except OSError as error:
        reason = error.strerror or str(error)
        kept = Refusal("The result could not be kept ({reason}).", reason=reason)
        return _refuse(kept, reason="kept")
    except MemoryError:
        return _refuse(Refusal("This needs more memory than there is."), reason="memory")
    return 0


if __name__ == "__main__":
    import tyro

    sys.exit(main(tyro.cli(Options)))
