"""Files of a store, read so that none can hold the reader up: what is no plain file (a folder, a
pipe that nobody writes to, a device that never ends) is refused before a byte of it is awaited."""

from __future__ import annotations

import os
import stat

from core.paths import AnyPath


def read_plain(path: AnyPath, most: int) -> bytes:
    """A file's first `most` bytes.

    Raises:
        OSError: where there is none, it is no plain file, or the system doesn't give it.
    """
    # Without O_NONBLOCK the opening of a pipe waits for somebody who writes to it.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError("it is no file")
        return stream.read(most)
