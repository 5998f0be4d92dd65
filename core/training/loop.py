"""The only training loop. A generator: its caller draws the progress and may stop at any step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.config import TrainConfig
from core.data import Dataset
from core.models.base import Adversarial, Autoencoder, ClosedForm
from core.refusal import Refusal

REPORTS = 200


class TrainingError(Refusal, RuntimeError):
    """Training that can't go on; one sentence that says why."""


@dataclass(frozen=True)
class Progress:
    """Where a training is. `terms` are means since the last report, weighted as trained.

    `state()`, as long as the training stands at this report, gives all that `train` needs to go on
    from here as if it had never stopped.
    """

    step: int
    steps: int
    samples: int
    seconds: float
    terms: dict[str, float] = field(default_factory=dict)
    state: Callable[[], dict[str, Tensor]] = field(default=dict, compare=False, repr=False)

    @property
    def loss(self) -> float:
        """The objective: the sum of the model's own terms, the adversary's left out."""
        return sum(v for name, v in self.terms.items() if not name.startswith("adversary/"))


def best_device() -> torch.device:
    """CUDA, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def train(
    model: Autoencoder,
    dataset: Dataset,
    config: TrainConfig,
    device: torch.device | None = None,
    resume: Mapping[str, Tensor] | None = None,
) -> Iterator[Progress]:
    """Train a model in place, yielding about 200 times.

    The data set is moved to the device once, as it is; batches are index selections there,
    scaled and corrupted there. On the CPU the same seed gives the same weights bit for bit.

    Args:
        resume: what a report's `state` gave; the training goes on behind that report.

    Raises:
        TrainingError: for an empty data set, and when the loss or a weight is no longer finite;
            the weights are then those of the last report, which were good.
    """
    if not len(dataset):
        raise TrainingError(
            "There is nothing to train on: {data} has no examples.", data=dataset.name
        )
    device = device or best_device()
    model.to(device).train()
    resident = _Resident(dataset, device)
    started = time.perf_counter()
    if isinstance(model, ClosedForm):
        model.fit(resident.all())
        yield Progress(1, 1, resident.count, time.perf_counter() - started)
        return
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
    generator = torch.Generator(device).manual_seed(config.seed)
    batch_size = min(config.batch_size, resident.count)
    steps = max(1, round(config.epochs * resident.count / batch_size))
    report_every = max(1, steps // REPORTS)
    opponent = model.adversary if isinstance(model, Adversarial) else None
    theirs = {id(p) for p in opponent.parameters()} if opponent is not None else set()
    optimiser = _adam([p for p in model.parameters() if id(p) not in theirs], config, device)
    rival = _adam(list(opponent.parameters()), config, device) if opponent is not None else None
    order = torch.empty(0, dtype=torch.long, device=device)
    sums: dict[str, Tensor] = {}
    since = 0
    begin = 0
    if resume is not None:
        begin, order = int(resume["step"]), resume["order"].to(device)
        generator.set_state(resume["generator"])
        model.load_state_dict(_below("model", resume))
        for name, one in (("optimiser", optimiser), ("rival", rival)):
            if one is not None:
                _restore(one, _below(name, resume))
        started -= float(resume["seconds"])

    def state() -> dict[str, Tensor]:
        found = {"step": torch.tensor(step + 1), "order": order, "generator": generator.get_state()}
        found["seconds"] = torch.tensor(time.perf_counter() - started)
        found |= {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
        for name, one in (("optimiser", optimiser), ("rival", rival)):
            for i, slots in one.state_dict()["state"].items() if one is not None else ():
                found |= {f"{name}.{i}.{slot}": tensor for slot, tensor in slots.items()}
        return found

    with _LastGood(model) as good:
        for step in range(begin, steps):
            progress = step / steps
            rate = _rate(progress, config)
            if len(order) < batch_size:
                order = torch.cat([order, resident.shuffled(generator)])
            index, order = order[:batch_size], order[batch_size:]
            x, label, observed = resident.batch(index)
            batch = model.prepare(x, label, observed, generator)
            output = model(batch, generator)
            terms = model.loss_terms(batch, output, progress)
            _step(optimiser, sum(terms.values()), rate)
            if rival is not None:
                rival_terms = model.adversary_terms(batch, output)
                _step(rival, sum(rival_terms.values()), rate)
                terms = terms | {f"adversary/{name}": term for name, term in rival_terms.items()}
            for name, term in terms.items():
                sums[name] = sums.get(name, 0) + term.detach()
            since += 1
            if (step + 1) % report_every == 0 or step + 1 == steps:
                means = {name: float(total) / since for name, total in sums.items()}
                wrong: Any = ", ".join(name for name, v in means.items() if not math.isfinite(v))
                if not wrong and not good.live_is_finite():
                    wrong = Refusal("a weight")
                if wrong:
                    raise TrainingError(
                        "Training diverged at step {step} of {steps} ({wrong} is no longer a "
                        "finite number); try a learning rate below {rate:g}.",
                        step=step + 1,
                        steps=steps,
                        wrong=wrong,
                        rate=config.learning_rate,
                    )
                good.keep()
                sums, since = {}, 0
                seconds = time.perf_counter() - started
                yield Progress(step + 1, steps, (step + 1) * batch_size, seconds, means, state)


def drain(progress: Iterator[Progress], on_progress: Callable[[Progress], None] | None = None):
    """Run a training to its end; returns the last progress."""
    last = None
    for last in progress:
        if on_progress is not None:
            on_progress(last)
    return last


class _Resident:
    """A data set on the device, uint8 as it came; one batch is one index selection."""

    def __init__(self, dataset: Dataset, device: torch.device) -> None:
        self.count = len(dataset.x)
        self.x = torch.from_numpy(np.ascontiguousarray(dataset.x)).to(device)
        self.label = torch.from_numpy(np.ascontiguousarray(dataset.labels)).to(device)
        self.observed = (
            None
            if dataset.observed is None
            else torch.from_numpy(np.ascontiguousarray(dataset.observed)).to(device)
        )

    def shuffled(self, generator: torch.Generator) -> Tensor:
        return torch.randperm(self.count, generator=generator, device=self.x.device)

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        observed = None if self.observed is None else self.observed[index].float()
        return _scaled(self.x[index]), self.label[index], observed

    def all(self) -> Tensor:
        return _scaled(self.x)


def _scaled(x: Tensor) -> Tensor:
    return x / 255 if x.dtype == torch.uint8 else x.float()


def _adam(parameters: list[Tensor], config: TrainConfig, device: torch.device):
    return torch.optim.AdamW(
        parameters,
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        fused=device.type in ("cpu", "cuda"),
    )


def _step(optimiser: torch.optim.Optimizer, loss: Tensor, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()


def _rate(progress: float, config: TrainConfig) -> float:
    rise = min(1.0, (progress + 1e-3) / config.warmup) if config.warmup else 1.0
    fall = 0.5 * (1 + math.cos(math.pi * progress)) if config.schedule == "cosine" else 1.0
    return config.learning_rate * rise * fall


def _below(name: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = f"{name}."
    return {key.removeprefix(start): value for key, value in state.items() if key.startswith(start)}


def _restore(optimiser: torch.optim.Optimizer, slots: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in slots.items():
        number, slot = key.split(".")
        state.setdefault(int(number), {})[slot] = tensor
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})


class _LastGood:
    """The weights of the last report, kept beside the model's own, copied in one pass.

    Whatever breaks off between two reports leaves the model with them.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        self.live = list(model.state_dict().values())
        self.kept = [tensor.detach().clone() for tensor in self.live]

    def __enter__(self) -> _LastGood:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            torch._foreach_copy_(self.live, self.kept)

    def keep(self) -> None:
        torch._foreach_copy_(self.kept, self.live)

    def live_is_finite(self) -> bool:
        # A step's loss is taken before its update, so a finite loss proves nothing of the weights.
        floating = [tensor for tensor in self.live if tensor.is_floating_point()]
        return bool(torch.stack(torch._foreach_norm(floating)).isfinite().all())
