"""Trains the classifier whose confidence means something: on digits, and on what is none.

A classifier that has only ever seen digits is confident of nearly anything. So this one is also
shown pictures that are no digits, with the uniform distribution as their target (outlier exposure:
Hendrycks et al., 2019). All of them are made from real training digits or drawn from noise; no
model's output is among them. The real digits are turned, scaled, sheared and moved, and some of
them are blurred or dimmed a little, so that a digit is not refused for being smoother than a scan.

It is trained on MNIST's training set without the 5,000 digits of mnist-5k and without 2,500 more,
on which the threshold is chosen: the highest in hundredths that 98 % of them reach.
"""

from __future__ import annotations

import contextlib
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from core import __version__
from core.data import Dataset
from core.export import programs
from core.judge import classifier
from core.judge.classifier import Facts
from core.latent.coding import to_tensor
from core.training.loop import Progress

PASS = 0.98  # share of real digits that the threshold lets pass
FOR_THRESHOLD = 2_500
EXPOSED = 0.5  # weight of the term over no digits beside that over digits, as in the paper
BATCH = 128
LEARNING_RATE = 3e-3
WARM_UP = 100  # steps
WEIGHT_DECAY = 1e-2
REPORTS = 100


# --- Digits, a little changed ---------------------------------------------------------------------


def varied(x: Tensor, generator: Generator) -> Tensor:
    """Digits (batch, 1, 28, 28) turned by up to 11°, scaled by up to 12 %, sheared by up to 0.15
    and moved by up to 2 pixels; a quarter of them blurred (σ from 0.4 to 1 pixel), half of them
    dimmed by up to 30 %."""
    count = len(x)
    turn, scale, shear = (_spread(generator, count) * most for most in (0.2, 0.12, 0.15))
    scale = torch.exp(scale)
    matrix = torch.zeros(count, 2, 3)
    matrix[:, 0, 0], matrix[:, 0, 1] = torch.cos(turn) / scale, shear - torch.sin(turn) / scale
    matrix[:, 1, 0], matrix[:, 1, 1] = torch.sin(turn) / scale, torch.cos(turn) / scale
    matrix[:, :, 2] = _spread(generator, count, 2) * (2 / 14)  # half the side is 1
    grid = functional.affine_grid(matrix, list(x.shape), align_corners=False)
    x = functional.grid_sample(x, grid, align_corners=False)
    part = count // 4
    sigma = 0.4 + 0.6 * _uniform(generator, 1).item()
    x = torch.cat([blurred(x[:part], sigma), x[part:]])
    dimmed = (_uniform(generator, count, 1, 1, 1) < 0.5) * _uniform(generator, count, 1, 1, 1)
    return x * (1 - 0.3 * dimmed)


def blurred(x: Tensor, sigma: float) -> Tensor:
    """Images (batch, 1, height, width) after a Gaussian of so many pixels."""
    reach = max(1, math.ceil(2.5 * sigma))
    kernel = torch.exp(-(torch.arange(-reach, reach + 1.0) ** 2) / (2 * sigma**2))
    kernel /= kernel.sum()
    x = functional.conv2d(x, kernel.view(1, 1, 1, -1), padding=(0, reach))
    return functional.conv2d(x, kernel.view(1, 1, -1, 1), padding=(reach, 0))


def _uniform(generator: Generator, *shape: int) -> Tensor:
    return torch.rand(*shape, generator=generator)


def _spread(generator: Generator, *shape: int) -> Tensor:
    return 2 * _uniform(generator, *shape) - 1


# --- What is no digit -----------------------------------------------------------------------------


def blends(x: Tensor, labels: Tensor, generator: Generator) -> Tensor:
    """Two digits of different classes laid over each other: mixed 35:65 to 65:35, or the darker ink
    of both. Fewer than came in, since a digit may meet one of its own class."""
    order = torch.randperm(len(x), generator=generator)
    share = 0.35 + 0.3 * _uniform(generator, len(x), 1, 1, 1)
    mixed = share * x + (1 - share) * x[order]
    both = torch.maximum(x, x[order]) * (0.6 + 0.4 * _uniform(generator, len(x), 1, 1, 1))
    made = torch.where(_uniform(generator, len(x), 1, 1, 1) < 0.5, mixed, both)
    return made[labels != labels[order]]


def crowds(x: Tensor, labels: Tensor, generator: Generator) -> Tensor:
    """Six digits or so averaged with random weights, up to twice as dark: blurs like the mean."""
    weights = torch.zeros(len(x), len(x))
    chosen = torch.randint(0, len(x), (len(x), 6), generator=generator)
    weights.scatter_add_(1, chosen, -torch.log1p(-_uniform(generator, len(x), 6)))
    weights /= weights.sum(1, keepdim=True)
    made = (weights @ x.flatten(1)).view_as(x)
    return made * (1 + _uniform(generator, len(x), 1, 1, 1))


def shuffled(x: Tensor, labels: Tensor, generator: Generator, size: int = 14) -> Tensor:
    """Digits whose square pieces, so many pixels wide, are in random order."""
    count, across = len(x), 28 // size
    pieces = x.view(count, across, size, across, size).transpose(2, 3)
    pieces = pieces.reshape(count, across**2, size, size)
    order = _uniform(generator, count, across**2).argsort(1)
    pieces = pieces.gather(1, order[:, :, None, None].expand_as(pieces))
    made = pieces.view(count, across, across, size, size).transpose(2, 3)
    return made.reshape(count, 1, 28, 28)


def white(x: Tensor, labels: Tensor, generator: Generator) -> Tensor:
    """Noise of independent pixels: grey, or black and white with any share of ink."""
    grey = torch.rand(x.shape, generator=generator)
    share = _uniform(generator, len(x), 1, 1, 1)
    binary = _uniform(generator, len(x), 1, 1, 1) < 0.5
    return torch.where(binary, (grey < share).float(), grey)


def clouds(x: Tensor, labels: Tensor, generator: Generator) -> Tensor:
    """Smooth noise, from soft clouds to blots with sharp edges, as wide as strokes or wider."""
    sigma = 0.8 + 2.5 * _uniform(generator, 1).item()
    noise = blurred(torch.randn(x.shape, generator=generator), sigma)
    noise = noise / noise.std((1, 2, 3), keepdim=True)
    level = 1.5 * _uniform(generator, len(x), 1, 1, 1)
    return torch.sigmoid((noise - level) * (1 + 8 * _uniform(generator, len(x), 1, 1, 1)))


Maker = Callable[[Tensor, Tensor, Generator], Tensor]
# Each kind of no digits, and the share of a batch of digits that it is made from.
KINDS: dict[str, tuple[Maker, float]] = {
    "blends": (blends, 4 / 8),
    "crowds": (crowds, 1 / 8),
    "shuffled": (shuffled, 1 / 8),
    "white": (white, 1 / 16),
    "clouds": (clouds, 1 / 8),
}


def no_digits(x: Tensor, labels: Tensor, generator: Generator) -> Tensor:
    """Pictures of all kinds of no digits, made from a batch of digits: (fewer, 1, 28, 28)."""
    made, start = [], 0
    for maker, share in KINDS.values():
        end = start + round(share * len(x))
        made.append(maker(x[start:end], labels[start:end], generator))
        start = end
    return torch.cat(made).clamp(0, 1)


def references(digits: Dataset, seed: int = 0) -> dict[str, np.ndarray]:
    """What a model's share stands beside: pictures made of digits that were not trained on.

    Returns:
        By name, images (count, 1, 28, 28) in [0, 1]: `blend` (the even mixture of two digits of
        different classes), `noise` (uniform pixels), `clouds`, `mean` (the mean digit, once),
        `shuffled` (four quarters in random order), and `crumbled` (sixteen pieces in random order,
        a kind that is not in training).
    """
    generator = torch.Generator().manual_seed(seed)
    x, labels = to_tensor(digits.x), torch.from_numpy(digits.labels)
    order = torch.randperm(len(x), generator=generator)
    different = labels != labels[order]
    made = {
        "blend": (0.5 * (x + x[order]))[different],
        "noise": torch.rand(x.shape, generator=generator),
        "clouds": torch.cat([clouds(part, labels, generator) for part in x.split(100)]),
        "mean": x.mean(0, keepdim=True),
        "shuffled": shuffled(x, labels, generator),
        "crumbled": shuffled(x, labels, generator, 7),
    }
    return {name: images.numpy() for name, images in made.items()}


# --- Training -------------------------------------------------------------------------------------


def train(
    network: nn.Sequential, digits: Dataset, epochs: float, seed: int = 0
) -> Iterator[Progress]:
    """Train a classifier in place; bit for bit the same on one machine's CPU and thread count.

    Terms: `digits`, the cross-entropy of real digits, and `no_digits`, 0.5 times the cross-entropy
    of the uniform distribution against the answer; both in nats, means over pictures.
    """
    generator = torch.Generator().manual_seed(seed)
    x, labels = torch.from_numpy(digits.x), torch.from_numpy(digits.labels)
    an_epoch = max(1, len(x) // BATCH)
    steps = max(1, round(epochs * an_epoch))
    optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda step: min(1, (step + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * step / steps)),
    )
    network.train()
    began = time.perf_counter()
    for step in range(steps):
        if step % an_epoch == 0:
            order = torch.randperm(len(x), generator=generator)
        chosen = order[(step % an_epoch) * BATCH :][:BATCH]
        real, classes = to_tensor(x[chosen].numpy()), labels[chosen]
        others = no_digits(varied(real, generator), classes, generator)
        logits = network(torch.cat([varied(real, generator), others]))
        terms = {
            "digits": functional.cross_entropy(logits[: len(real)], classes),
            "no_digits": -EXPOSED * logits[len(real) :].log_softmax(1).mean(),
        }
        optimiser.zero_grad()
        sum(terms.values()).backward()
        optimiser.step()
        schedule.step()
        if (step + 1) % max(1, steps // REPORTS) == 0 or step + 1 == steps:
            yield Progress(
                step + 1,
                steps,
                (step + 1) * BATCH,
                time.perf_counter() - began,
                {name: term.item() for name, term in terms.items()},
            )
    network.eval()


def make(
    path: Path, digits: Dataset, test: Dataset, held_out: Dataset, epochs: float, seed: int = 0
) -> Iterator[Progress]:
    """Train the classifier, choose its threshold, measure it and write it with what is known of it.

    Args:
        path: of the file, written beside its place and renamed.
        digits: to train on, but for the last 2,500 in a random order, which give the threshold.
        test: gives `accuracy` and `share_real`; held_out gives the other figures.

    Raises:
        OSError: where the file can't be written.
    """
    order = np.random.default_rng(seed).permutation(len(digits))
    aside = min(FOR_THRESHOLD, len(digits) // 10)
    chosen = digits.subset(np.sort(order[aside:]), digits.split)
    network = classifier.build(seed)
    for progress in train(network, chosen, epochs, seed):
        yield progress
    for parameter in network.parameters():
        parameter.data = parameter.data.half().float()  # as it is kept
    ours = classifier.probabilities(network, digits.x[np.sort(order[:aside])]).max(1)
    threshold = math.floor(100 * float(np.quantile(ours, 1 - PASS))) / 100

    def share(x: np.ndarray) -> float:
        return float((classifier.probabilities(network, x).max(1) >= threshold).mean())

    def accuracy(of: Dataset) -> float:
        return float((classifier.probabilities(network, of.x).argmax(1) == of.labels).mean())

    names = {id(parameter): name for name, parameter in network.named_parameters()}
    facts = Facts(
        program={"layers": programs.layers(network, names), "shape": [1, 28, 28]},
        threshold=threshold,
        passing=float((ours >= threshold).mean()),
        accuracy=accuracy(test),
        accuracy_held_out=accuracy(held_out),
        share_real=share(test.x),
        shares={"real": share(held_out.x)}
        | {name: share(images) for name, images in references(held_out, seed).items()},
        trained_on=f"{digits.name}/{digits.split}",
        trained_count=len(chosen),
        threshold_on=f"{aside:,} digits of {digits.name}/{digits.split} that were set aside",
        exposed_to=tuple(KINDS),
        epochs=epochs,
        samples=progress.samples,
        seconds=progress.seconds,
        seed=seed,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        software=__version__,
    )
    _write(path, network, facts)


def _write(path: Path, network: nn.Sequential, facts: Facts) -> None:
    from safetensors.torch import save

    content = save(
        {name: tensor.half().contiguous() for name, tensor in network.state_dict().items()},
        {classifier.FACTS: facts.model_dump_json()},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
