"""Where a training step's time goes: matrix products, optimiser, and the rest, by torch's profiler.

Every operation's time without what it calls is taken place by place in the step as the tenth part's
upper end over many steps, so that other programs on the machine count little. What Python and
autograd need between operations is what is left of the processor's time that the calling thread
takes for a step, without a profiler.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity, profile, record_function

from core import data
from core.config import TrainConfig
from core.models.base import Member
from core.training import step

STEPS = 60
ROUND = 5  # steps with a profiler, and as many without, in turns
PARTS = {  # by the beginning of an operation's name
    "matrix products": ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm"),
    "optimiser": ("aten::_fused_adamw_", "aten::_foreach"),
    "activations": ("aten::gelu",),
    "likelihood and KL": (
        "aten::log_sigmoid",
        "aten::binary_cross_entropy",
        "aten::sigmoid",
        "aten::exp",
        "aten::mse_loss",
    ),
    "choosing the batch": ("aten::index", "aten::_to_copy", "aten::copy_", "aten::div"),
    "sums (biases' gradients, losses)": ("aten::sum", "aten::mean"),
}
REST = "other elementwise work and views"
OUTSIDE = "Python, autograd, and waiting of threads for one another"


def part_of(name: str) -> str:
    """The part of a step that an operation belongs to."""
    for part, beginnings in PARTS.items():
        if name.startswith(beginnings):
            return part
    return REST if name.startswith("aten::") else OUTSIDE


def quick(times: list[float]) -> float:
    """The time that the quickest tenth stays below."""
    return statistics.quantiles(times, n=10)[0]


def profiled(work: Callable[[], None]) -> list[list]:
    """The operations of some steps, each step's in their order."""
    with profile(activities=[ProfilerActivity.CPU], acc_events=True) as found:
        for _ in range(ROUND):
            with record_function("one step"):
                work()
    steps: list[list] = []
    for event in sorted(found.events(), key=lambda event: event.time_range.start):
        if event.name == "one step":
            steps.append([])
        elif steps:
            steps[-1].append(event)
    return steps


def step_parts(model: Member, digits: data.Dataset, batch: int) -> dict[str, float]:
    """Milliseconds of each part of a step on the CPU, and `step`, of all of it."""
    device = torch.device("cpu")
    model.to(device).train()
    generator = torch.Generator().manual_seed(0)
    resident = step.Resident(digits, device)
    taken = step.Step(model, resident, TrainConfig(), generator)
    index = resident.shuffled(generator)[: taken.draws * batch].reshape(taken.draws, batch)
    whole: list[float] = []
    steps: list[list] = []
    for _ in range(STEPS // ROUND):  # in turns, as other programs come and go
        for _ in range(ROUND):
            began = time.thread_time()
            taken(index, 0.5)
            whole.append(1e3 * (time.thread_time() - began))
        steps += profiled(lambda: taken(index, 0.5))
    usual = statistics.mode(len(one) for one in steps)
    alike = [one for one in steps if len(one) == usual]
    parts: dict[str, float] = defaultdict(float)
    for place in zip(*alike, strict=True):
        part = part_of(place[0].name)
        if part != OUTSIDE:
            parts[part] += quick([event.self_cpu_time_total / 1e3 for event in place])
    parts[OUTSIDE] = max(0.0, quick(whole) - sum(parts.values()))
    parts["step"] = sum(parts.values())
    return dict(parts)


def print_parts(model: Member, digits: data.Dataset, batch: int, title: str) -> None:
    """Print where a step's time goes, with one thread and with two."""
    threads = torch.get_num_threads()
    columns = {}
    for count in (1, 2):
        torch.set_num_threads(count)
        columns[count] = step_parts(model, digits, batch)
    torch.set_num_threads(threads)
    print(f"Where a step's time goes on the CPU: {title}, batch {batch}, {STEPS} steps.")
    print()
    print("| part | ms, 1 thread | share | ms, 2 threads | share |")
    print("|---|--:|--:|--:|--:|")
    for name in (*PARTS, REST, OUTSIDE, "step"):
        cells = [
            f"{column.get(name, 0.0):.2f} | {column.get(name, 0.0) / column['step']:.0%}"
            for column in columns.values()
        ]
        print(f"| {name} | {' | '.join(cells)} |")
    print()
