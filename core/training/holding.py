"""Holds a process to so much memory while it works, by the operating system itself.

Linux counts a process's own writable memory (`RLIMIT_DATA`, as `VmData` in /proc/self/status), of
which torch on a CPU takes what it uses; address space (`RLIMIT_AS`) it takes far more than it uses.
What CUDA reserves breaks any such limit, so a process that has a CUDA device is not held, nor is
one of another operating system.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

MIB = 2**20
STACKS = 64 * MIB  # of threads that may begin meanwhile
SHARE = 0.9  # of the memory that is free, for a training that has no other bound


def held(most: int | None, on_cuda: bool = False) -> contextlib.AbstractContextManager[bool]:
    """Let this process take at most so many bytes more than it has, while the context lasts; what
    is beyond fails as where memory is at its end.

    Args:
        most: bytes; None for what the machine has left.
        on_cuda: whether there is a CUDA device, which can't be held.

    Returns:
        A context that gives whether the process is held.
    """
    here = _told("/proc/self/status", "VmData")
    free = _told("/proc/meminfo", "MemAvailable")
    if on_cuda or here is None or free is None:
        return contextlib.nullcontext(False)
    room = int(SHARE * free)
    return _limited(here + STACKS + (room if most is None else min(most, room)))


@contextlib.contextmanager
def _limited(most: int) -> Iterator[bool]:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    below = [one for one in (soft, hard) if one != resource.RLIM_INFINITY]
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (min([most, *below]), hard))
    except (OSError, ValueError):
        yield False
        return
    try:
        yield True
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _told(file: str, name: str) -> int | None:
    """Bytes of a line of a file of the system's; None where there is none."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path(file).read_text(encoding="ascii").splitlines():
            if line.startswith(f"{name}:"):
                return 1024 * int(line.split()[1])
    return None
