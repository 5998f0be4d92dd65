"""Reads the images that somebody uploaded, in a process of its own, since to decode a photograph or
a large archive takes a core for seconds and much memory.

`python -m explorer.reading JSON` is told how to read them, gets by standard input a line of JSON
with the files' names and lengths and then their contents, and writes an npz to standard output.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from collections.abc import Sequence
from typing import IO

import numpy as np

from core.data import images, own_images
from core.data.dataset import DataError, Dataset
from core.refusal import Refusal
from explorer import writing

SECONDS = 120.0  # until reading is ended
MEMORY = 2 * 2**30  # bytes of addresses
PATIENCE = 60.0  # seconds until a visitor does not wait for a turn any longer

_turns = threading.BoundedSemaphore(1)


def read(files: Sequence[tuple[str, bytes]], ink: str, centred: bool) -> Dataset:
    """As `core.data.own_images.read`, by another process.

    Raises:
        Refusal: what it raises there, or that it took too much.
    """
    from explorer import processes

    if not _turns.acquire(timeout=PATIENCE):
        raise Refusal("Others' images are being read at this moment; try again soon.")
    try:
        with tempfile.TemporaryFile() as given:
            names = [[name, len(content)] for name, content in files]
            given.write(json.dumps(names).encode() + b"\n")
            for _, content in files:
                given.write(content)
            given.flush()
            asked = {"ink": ink, "centred": centred}
            with processes.run(__name__, asked, given, SECONDS) as made:
                return _opened(made)
    finally:
        _turns.release()


def _opened(made: IO[bytes]) -> Dataset:
    made.seek(0)
    with np.load(made, allow_pickle=False) as found:
        told = json.loads(str(found["told"]))
        source = images.provenance(told["source"], told["note"])
        names = tuple(told["class_names"])
        return Dataset(told["name"], "all", found["x"], found["labels"], names, source)


def main() -> int:
    """Read what comes."""
    writing.hold(MEMORY, int(SECONDS))
    asked, given = json.loads(sys.argv[1]), sys.stdin.buffer
    names = json.loads(given.readline())
    files = [(name, given.read(length)) for name, length in names]
    try:
        found = own_images.read(files, asked["ink"], asked["centred"])
    except Refusal as refusal:
        return writing.refuse(refusal)
    except OSError as error:
        reason = error.strerror or str(error)
        return writing.refuse(DataError("the images cannot be read ({reason}).", reason=reason))
    told = {
        "name": found.name,
        "class_names": found.class_names,
        "source": found.provenance.source,
        "note": found.provenance.note,
    }
    np.savez(sys.stdout.buffer, x=found.x, labels=found.labels, told=np.array(json.dumps(told)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
