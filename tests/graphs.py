"""A CUDA graph without CUDA: what torch was asked for once, on the CPU, asked for again.

As in a graph, no line of Python runs at a replay: each operation gets the memory that it got when
it was recorded, and whatever would wait for the device is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

ATEN = torch.ops.aten
WAITS = {
    ATEN._local_scalar_dense.default,
    ATEN.nonzero.default,
    ATEN.masked_select.default,
    ATEN.equal.default,
    ATEN.is_nonzero.default,
}


class HostWaits(RuntimeError):
    """A step that is recorded asks for a number that only the device has."""


def tensors(value: object) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from tensors(one)
    elif isinstance(value, dict):
        yield from tensors(list(value.values()))


class Tape(TorchDispatchMode):
    """Notes every operation with the memory that it reads and writes."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Callable, tuple, dict, object]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func in WAITS:
            raise HostWaits(str(func))
        found = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, found))
        return found

    @torch.no_grad()
    def play(self) -> None:
        for func, args, kwargs, before in self.calls:
            taken = {t.untyped_storage().data_ptr() for t in tensors((args, kwargs))}
            for old, new in zip(tensors(before), tensors(func(*args, **kwargs)), strict=True):
                if old.untyped_storage().data_ptr() not in taken:  # else it is a view, or in place
                    old.detach().copy_(new)


class TapeRecorder:
    """What `core.training.capture.Recorder` does, on the CPU.

    Attributes:
        warmed, played: how often work was done before it was recorded, and after.
    """

    warmed = 0
    played = 0

    def __init__(self, device: torch.device, generator: torch.Generator) -> None:
        assert device.type == generator.device.type == "cpu"

    def warm_up(self, work: Callable[[], None]) -> None:
        type(self).warmed += 1
        work()

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        # A graph does nothing while it is recorded and this does; so its first replay is skipped.
        tape, first = Tape(), [True]
        usual, F.one_hot = F.one_hot, one_hot
        try:
            with tape:
                work()
        finally:
            F.one_hot = usual

        def replay() -> None:
            type(self).played += 1
            if not first:
                tape.play()
            first.clear()

        return replay


def one_hot(index: Tensor, classes: int) -> Tensor:
    """torch's own looks at the indices on the CPU, which it doesn't on CUDA."""
    return (index[..., None] == torch.arange(classes)).long()
