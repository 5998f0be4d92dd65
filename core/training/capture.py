"""A training step as a CUDA graph: recorded once, replayed without the host's help.

Of a small network's step the arithmetic is a fraction; the rest is the host asking for one kernel
after the other. A graph asks for all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from core.training.step import Step

WARMUP = 3  # steps before a capture, as torch asks: they make what is captured find its memory


def can_capture(device: torch.device) -> bool:
    """Whether steps can be captured there."""
    return device.type == "cuda"


class Recorder:
    """Makes work on a CUDA device a graph.

    Args:
        device: where the work is done.
        generator: which it draws from.
    """

    def __init__(self, device: torch.device, generator: torch.Generator) -> None:
        self.device = device
        self.generator = generator
        self.stream = torch.cuda.Stream(device)

    def warm_up(self, work: Callable[[], None]) -> None:
        """Do the work beside the usual stream, in its turn: what it makes for good, such as
        gradients, must be made before it is recorded."""
        usual = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(usual)
        with torch.cuda.stream(self.stream):
            work()
        usual.wait_stream(self.stream)

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """Record the work, which does nothing yet; what is given back does it, each time anew."""
        with torch.cuda.device(self.device):
            graph = torch.cuda.CUDAGraph()
            graph.register_generator_state(self.generator)
            # Other threads of the host may go on using the device meanwhile.
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                work()
        return graph.replay


class Captured:
    """Runs a `Step`: eagerly at first, which already trains, then as a graph.

    Place in the training, order of the examples and sums of the terms all live on the device and
    move on there, so that no step waits for the host.

    Args:
        step: what is captured; it must be `static`.
        recorder: makes it a graph.
        steps: of the whole training.
        begin: number of the step that is next.
        size: examples in a batch.
    """

    def __init__(self, step: Step, recorder: Recorder, steps: int, begin: int, size: int) -> None:
        device = step.resident.device
        self.step = step
        self.recorder = recorder
        self.number = torch.tensor(begin, device=device, dtype=torch.float64)
        self.steps = steps
        self.offsets = torch.arange(step.draws * size, device=device).reshape(step.draws, size)
        self.place = torch.zeros((), dtype=torch.long, device=device)
        # A new order is put in front of what is left of the last one.
        self.order = torch.zeros(
            step.resident.count + step.draws * size, dtype=torch.long, device=device
        )
        self.left = 0  # of the order, as the host knows without asking
        self.eager = WARMUP
        self.replay: Callable[[], None] | None = None

    def __call__(self) -> None:
        """Take the next step."""
        if self.left < self.offsets.numel():
            self._shuffle()
        self.left -= self.offsets.numel()
        if self.eager:
            self.eager -= 1
            self.recorder.warm_up(self._once)
            return
        if self.replay is None:
            self.replay = self.recorder.record(self._once)
        self.replay()

    def remaining(self) -> Tensor:
        """What is left of the order, for a training that is kept: (left,)."""
        start = int(self.place)
        return self.order[start : start + self.left].clone()

    def give(self, order: Tensor) -> None:
        """Go on with this order."""
        self.order[: len(order)].copy_(order)
        self.left = len(order)
        self.place.zero_()

    def _once(self) -> None:
        index = self.order[self.place + self.offsets]
        self.step(index, (self.number / self.steps).float())
        self.number += 1
        self.place += self.offsets.numel()

    def _shuffle(self) -> None:
        kept = self.order[self.place + torch.arange(self.left, device=self.order.device)]
        while len(kept) < self.offsets.numel():
            kept = torch.cat([kept, self.step.resident.shuffled(self.step.generator)])
        self.give(kept)
