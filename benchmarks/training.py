"""Samples a second of our training loop against the usual DataLoader loop.

`python -m benchmarks.training [--samples 12800] [--threads 2]`; needs the real MNIST in
LATENT_EXPLORER_DATA. Same network, batch and optimiser, in turns in one run. Says where a step's
time goes on the CPU; on CUDA, what a step captured as a graph gains over an eager one, and what
share of the time the arithmetic alone needs. Ends with 1 where a limit is missed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator

import torch
from torch.utils.data import DataLoader

from benchmarks.parts import print_parts
from core import data, models
from core.config import TrainConfig
from core.models import variant
from core.models.base import Member
from core.models.signals import Moment
from core.training import loop

LIMIT = 3.0
LIMIT_CAPTURED = 5.0  # captured against eager, on CUDA, at the batch of 128
BATCH = 128
BATCHES = {BATCH: 4000, 4096: 1000}  # on CUDA: steps that are timed
ROUNDS = 3
MODELS = {
    "VAE, K = 2": ("vae", {"latent": 2}),
    "linear AE, K = 2": ("linear_ae", {"latent": 2}),
    "stacked AE, K = 2": ("stacked_ae", {"latent": 2}),
}
MODELS_ON_CUDA = {
    "convolutional VAE, K = 2": ("vae", {"latent": 2, "network": "conv"}),
    "multi-rate VAE, K = 2": ("multirate_vae", {"latent": 2}),
}


def fresh(kind: str, knobs: dict, digits: data.Dataset) -> Member:
    """A new model with seeded weights."""
    config = variant(kind).Config.checked(knobs)
    return models.build(kind, config, models.signature_of(digits))


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def ours(model: Member, digits: data.Dataset, samples: int, device: torch.device) -> float:
    """Seconds of our loop for so many samples, moving the data to the device included."""
    config = TrainConfig.checked({"epochs": samples / len(digits.x), "batch_size": BATCH})
    began = time.perf_counter()
    loop.drain(loop.train(model, digits, config, device))
    wait(device)
    return time.perf_counter() - began


def usual(model: Member, loader: DataLoader, samples: int, device: torch.device) -> float:
    """Seconds of the loop as one usually writes it: DataLoader, ToTensor, Adam as it comes."""
    model.to(device).train()
    config = TrainConfig()
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    generator = torch.Generator(device).manual_seed(0)
    steps = samples // (loader.batch_size or BATCH)
    began = time.perf_counter()
    for step, (x, label) in enumerate(endless(loader)):
        if step == steps:
            break
        batch = model.prepare(x.to(device), label.to(device), None, generator)
        terms = model.loss_terms(batch, model(batch, generator), Moment(step / steps))
        optimiser.zero_grad()
        loss = sum(terms.values())
        loss.backward()
        optimiser.step()
    wait(device)
    return time.perf_counter() - began


def endless(loader: DataLoader) -> Iterator:
    while True:
        yield from loader


def steady(
    model: Member, digits: data.Dataset, batch: int, device: torch.device, capture: bool
) -> float:
    """Samples a second of our loop between its first report and its last, in whose time nothing
    is warmed up, captured or moved."""
    epochs = BATCHES[batch] * batch / len(digits.x)
    config = TrainConfig.checked({"epochs": epochs, "batch_size": batch})
    reports = list(loop.train(model, digits, config, device, capture=capture))
    first, last = reports[0], reports[-1]
    return (last.samples - first.samples) / (last.seconds - first.seconds)


def loaders(mnist, batch: int = BATCH) -> dict[str, DataLoader]:
    """The usual loaders by name."""
    return {
        f"DataLoader, {workers} workers": DataLoader(
            mnist, batch_size=batch, shuffle=True, drop_last=True, num_workers=workers
        )
        for workers in (0, 2)
    }


def flops_a_sample(model: Member, digits: data.Dataset) -> float:
    """Floating-point operations of one sample's training step, counted by torch."""
    from torch.utils.flop_counter import FlopCounterMode

    x = torch.from_numpy(digits.x[:BATCH]).float() / 255
    generator = torch.Generator().manual_seed(0)
    with FlopCounterMode(display=False) as counter:
        batch = model.prepare(x, torch.zeros(BATCH, dtype=torch.long), None, generator)
        sum(model.loss_terms(batch, model(batch, generator), Moment(0.5)).values()).backward()
    return counter.get_total_flops() / BATCH


def matmul_rate(device: torch.device) -> float:
    """Measured FLOP/s of large float32 matrix products, at the precision that training uses."""
    side = 8192 if device.type == "cuda" else 1024
    a, b = (torch.randn(side, side, device=device) for _ in range(2))
    best = float("inf")
    for _ in range(8):
        wait(device)
        began = time.perf_counter()
        _ = a @ b
        wait(device)
        best = min(best, time.perf_counter() - began)
    return 2 * side**3 / best


def in_turns(loops: dict[str, Callable[[], float]]) -> dict[str, float]:
    """Median seconds of each loop over some rounds, the loops taking turns."""
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(ROUNDS):
        for name, measured in loops.items():
            seconds[name].append(measured())
    return {name: statistics.median(found) for name, found in seconds.items()}


def table(device: torch.device, digits: data.Dataset, mnist, samples: int) -> float:
    """Print the table of one device; gives the least ratio to the fastest usual loop."""
    print(f"{samples:,} samples a loop, batch {BATCH}, {ROUNDS} rounds in turns, on {device.type}")
    print(f"({torch.get_num_threads()} threads); samples a second, medians.")
    print()
    names = list(loaders(mnist))
    print(f"| model | ours | {' | '.join(names)} | least ratio | share of bare arithmetic |")
    print("|---|--:|" + "--:|" * len(names) + "--:|--:|")
    least = float("inf")
    torch.set_float32_matmul_precision("high" if device.type == "cuda" else "highest")
    rate = matmul_rate(device)
    for title, (kind, knobs) in MODELS.items():
        ours(fresh(kind, knobs, digits), digits, 2 * BATCH, device)  # warm-up
        loops = {
            "ours": lambda kind=kind, knobs=knobs: ours(
                fresh(kind, knobs, digits), digits, samples, device
            )
        } | {
            name: lambda kind=kind, knobs=knobs, loader=loader: usual(
                fresh(kind, knobs, digits), loader, samples, device
            )
            for name, loader in loaders(mnist).items()
        }
        speed = {name: samples / seconds for name, seconds in in_turns(loops).items()}
        ratio = speed["ours"] / max(speed[name] for name in names)
        share = flops_a_sample(fresh(kind, knobs, digits), digits) * speed["ours"] / rate
        least = min(least, ratio)
        cells = " | ".join(f"{speed[name]:,.0f}" for name in names)
        print(f"| {title} | {speed['ours']:,.0f} | {cells} | {ratio:.2f}x | {share:.1%} |")
    print()
    print(f"Large matrix products reach {rate / 1e9:,.0f} GFLOP/s here.")
    return least


def captured_table(device: torch.device, digits: data.Dataset, mnist, samples: int) -> float:
    """Print what capturing gains on CUDA; gives the least gain at the batch of 128."""
    torch.set_float32_matmul_precision("high")
    rate = matmul_rate(device)
    print(f"On {torch.cuda.get_device_name(device)}; samples a second, medians of {ROUNDS} rounds")
    print("in turns; ours between the first report and the last.")
    print()
    print("| model | batch | usual, 2 workers | eager | captured | against eager | usual | share |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    least = float("inf")
    for title, (kind, knobs) in (MODELS | MODELS_ON_CUDA).items():
        for batch in BATCHES:
            loader = loaders(mnist, batch)["DataLoader, 2 workers"]
            found: dict[str, list[float]] = {"usual": [], "eager": [], "captured": []}
            for _ in range(ROUNDS):
                taken = max(samples // batch, 10) * batch
                seconds = usual(fresh(kind, knobs, digits), loader, taken, device)
                found["usual"].append(taken / seconds)
                for name in ("eager", "captured"):
                    model = fresh(kind, knobs, digits)
                    speed = steady(model, digits, batch, device, name == "captured")
                    found[name].append(speed)
            speeds = {name: statistics.median(each) for name, each in found.items()}
            gain = speeds["captured"] / speeds["eager"]
            over = speeds["captured"] / speeds["usual"]
            share = flops_a_sample(fresh(kind, knobs, digits), digits) * speeds["captured"] / rate
            if batch == BATCH:
                least = min(least, gain)
            cells = " | ".join(f"{speed:,.0f}" for speed in speeds.values())
            print(f"| {title} | {batch} | {cells} | {gain:.1f}x | {over:.1f}x | {share:.1%} |")
    print()
    print(f"`share` is that of bare arithmetic: large products reach {rate / 1e12:.0f} TFLOP/s.")
    kept = "kept" if least >= LIMIT_CAPTURED else "missed"
    print(f"Captured against eager at batch {BATCH}: at least {least:.1f}x, ", end="")
    print(f"limit {LIMIT_CAPTURED:.0f}x: {kept}.")
    return least


def main() -> int:
    from torchvision.datasets import MNIST
    from torchvision.transforms import ToTensor

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=100 * BATCH)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked = parser.parse_args()
    samples = asked.samples // BATCH * BATCH
    torch.set_num_threads(asked.threads)
    digits = data.load("mnist", "train")
    mnist = MNIST(data.data_root(), train=True, transform=ToTensor())
    least = table(torch.device("cpu"), digits, mnist, samples)
    print(f"Least ratio {least:.2f}x, limit {LIMIT}x: {'kept' if least >= LIMIT else 'missed'}.")
    print()
    kind, knobs = MODELS["VAE, K = 2"]
    print_parts(fresh(kind, knobs, digits), digits, BATCH, "VAE 784-320-160-2")
    gain = LIMIT_CAPTURED
    if torch.cuda.is_available():
        gain = captured_table(torch.device("cuda"), digits, mnist, 4 * samples)
    else:
        print("There is no CUDA here, so the captured step has not run, and the limit of ", end="")
        print(
            f"{LIMIT_CAPTURED:.0f}x of the eager one at batch {BATCH} is neither kept nor missed."
        )
    return 0 if least >= LIMIT and gain >= LIMIT_CAPTURED else 1


if __name__ == "__main__":
    sys.exit(main())
