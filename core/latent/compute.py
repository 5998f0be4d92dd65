"""The process in which a server computes results of a run: `python -m core.latent.compute --help`.

It prints its progress as lines of JSON and writes nothing before a result is whole, so that it may
be killed at any time.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from core.latent import results
from core.refusal import Refusal
from core.store import checkpoints
from core.store.checkpoints import CheckpointError


@dataclass
class Options:
    """Compute results of a run and keep them; progress as lines of JSON."""

    run: Annotated[str, "Id of the run."]
    kinds: Annotated[tuple[str, ...], "Which results."]
    set: Annotated[str | None, "Own images instead of the held-out digits."] = None
    nice: Annotated[int, "By how much the pages go first."] = 5


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
    """Compute what is asked for; the exit status is 1 where a sentence was told instead."""
    from core.latent.projections import ProjectionError

    os.nice(options.nice)
    try:
        for store in (checkpoints.shipped_store(), checkpoints.user_store()):
            if (store / options.run).is_dir():
                run = checkpoints.open_run(store / options.run)
                break
        else:
            raise CheckpointError("There is no run {run!r}.", run=options.run)
        subject = results.Subject(run, options.set)
        for kind in options.kinds:
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
