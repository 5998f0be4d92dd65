"""One step of a training: the same code runs it eagerly and is captured as a CUDA graph.

Nothing here waits for the device: what a step needs of its place in the training comes in, what
it finds is added up where it is.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from core.config import TrainConfig
from core.data import Dataset
from core.models.abilities import Adversarial, Averaging, Opponent, Phase
from core.models.base import Member
from core.models.signals import Moment

Places = float | Tensor  # a place in the training, or a learning rate: a number, or one on a device


class Resident:
    """A data set on the device, as it came; one batch is one index selection."""

    def __init__(self, dataset: Dataset, device: torch.device) -> None:
        def moved(array: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(device)

        self.count = len(dataset.x)
        self.device = device
        self.x = moved(dataset.x)
        self.label = moved(dataset.labels)
        self.observed = None if dataset.observed is None else moved(dataset.observed)

    def shuffled(self, generator: torch.Generator) -> Tensor:
        """All indices in a new order: (count,)."""
        return torch.randperm(self.count, generator=generator, device=self.device)

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Examples (batch, *shape) as floats, labels (batch,), and what is observed of them."""
        observed = None if self.observed is None else self.observed[index].float()
        return scaled(self.x[index]), self.label[index], observed

    def all(self) -> Tensor:
        """The whole set as floats: (count, *shape)."""
        return scaled(self.x)

    def mean(self) -> Tensor:
        """The mean example: (*shape) as floats."""
        parts = [scaled(part).sum(0) for part in self.x.split(4096)]
        return torch.stack(parts).sum(0) / self.count


def scaled(x: Tensor) -> Tensor:
    """uint8 pixels to [0, 1]; other data as floats."""
    return x.float().div_(255) if x.dtype == torch.uint8 else x.float()


# Fewer steps than these are too few for a small rate. Along a half cosine they walk half as far as
# at a constant rate, so the rate begins higher the fewer they are, as the root of their number.
ENOUGH = 9000
MOST = 4.0  # times the rate that was asked for
HIGHEST = 1e-2  # rate that it is raised to at most
RISE = 60  # steps in which a rate rises that is to go so high, where there is a warm-up at all


def fitted(config: TrainConfig, steps: int) -> TrainConfig:
    """The training that a fitted schedule makes of so many steps: a cosine's peak and warm-up.

    Any other schedule is left as it is.
    """
    if config.schedule != "fitted":
        return config
    asked = config.learning_rate
    raised = asked * min(MOST, max(1.0, math.sqrt(ENOUGH / steps)))
    changes = {
        "schedule": "cosine",
        "learning_rate": max(asked, min(HIGHEST, raised)),
        "warmup": max(config.warmup, min(0.2, RISE / steps)) if config.warmup else 0.0,
    }
    return config.model_copy(update=changes)


def rate_at(progress: Places, config: TrainConfig) -> Places:
    """Learning rate at a place in the training, 0 to 1, of a schedule that is `fitted` already."""
    rise: Places
    fall: Places
    if isinstance(progress, Tensor):
        rise = ((progress + 1e-3) / config.warmup).clamp(max=1.0) if config.warmup else 1.0
        cosine = 0.5 * (1 + (math.pi * progress).cos())
        fall = cosine if config.schedule == "cosine" else torch.ones_like(progress)
        return config.learning_rate * rise * fall
    rise = min(1.0, (progress + 1e-3) / config.warmup) if config.warmup else 1.0
    fall = 0.5 * (1 + math.cos(math.pi * progress)) if config.schedule == "cosine" else 1.0
    return config.learning_rate * rise * fall


class Learner:
    """Some parameters, what AdamW remembers of them, and their rate beside the training's.

    Args:
        static: whether rate and gradients keep their place in memory, as a captured step needs.

    The function that the class `torch.optim.AdamW` calls is called here by itself: the class
    imports torch's compiler, which takes a process seconds, for nothing that a step needs.
    """

    SLOTS = ("step", "exp_avg", "exp_avg_sq")  # under these names a kept training has them

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        config: TrainConfig,
        device: torch.device,
        static: bool = False,
        share: float = 1.0,
        betas: tuple[float, float] = (0.9, 0.999),
    ) -> None:
        self.parameters = [p for p in parameters if p.requires_grad]
        self.share = share
        self.betas = betas
        self.decay = config.weight_decay
        self.static = static
        self.fused = device.type in ("cpu", "cuda")
        start = config.learning_rate * share
        self.rate: Places = torch.tensor(start, device=device) if static else start
        place = device if self.fused else torch.device("cpu")
        self.state = [
            {
                "step": torch.zeros((), device=place),
                "exp_avg": torch.zeros_like(p, memory_format=torch.preserve_format),
                "exp_avg_sq": torch.zeros_like(p, memory_format=torch.preserve_format),
            }
            for p in self.parameters
        ]

    def learn(self, loss: Tensor, rate: Places) -> None:
        """One step down the gradient of a loss, which reaches these parameters and no others."""
        if not isinstance(self.rate, Tensor):
            self.rate = rate * self.share
        elif isinstance(rate, Tensor):
            self.rate.copy_(rate * self.share)
        else:
            self.rate.fill_(rate * self.share)
        for p in self.parameters:
            if not self.static:
                p.grad = None
            elif p.grad is not None:  # a captured step goes on using the memory of its gradients
                p.grad.zero_()
        loss.backward(inputs=self.parameters)
        self._move()

    @torch.no_grad()
    def _move(self) -> None:
        moved = [(p, p.grad, s) for p, s in zip(self.parameters, self.state, strict=True)]
        there = [(p, grad, state) for p, grad, state in moved if grad is not None]
        adamw(
            [p for p, _, _ in there],
            [grad for _, grad, _ in there],
            [state["exp_avg"] for _, _, state in there],
            [state["exp_avg_sq"] for _, _, state in there],
            [],
            [state["step"] for _, _, state in there],
            foreach=False,
            capturable=self.static,
            fused=self.fused,
            amsgrad=False,
            beta1=self.betas[0],
            beta2=self.betas[1],
            lr=self.rate,
            weight_decay=self.decay,
            eps=1e-8,
            maximize=False,
        )

    def slots(self) -> Iterator[tuple[str, Tensor]]:
        """Everything that is remembered, by name."""
        for number, state in enumerate(self.state):
            for slot in self.SLOTS:
                yield f"{number}.{slot}", state[slot]

    def restore(self, slots: Mapping[str, Tensor]) -> None:
        """Remember what `slots` gave.

        Raises:
            KeyError: for what no learner of these parameters gives.
        """
        for key, tensor in slots.items():
            number, slot = key.split(".")
            self.state[int(number)][slot].copy_(tensor)


class Step:
    """What happens in one step of a phase, to the model and to its opponents.

    Args:
        static: whether its optimisers' rates and gradients keep their place in memory.

    Attributes:
        draws: batches that a step takes.
        sums: of each term since `clear`, where it was computed.
    """

    def __init__(
        self,
        model: Member,
        resident: Resident,
        config: TrainConfig,
        generator: torch.Generator,
        phase: Phase | None = None,
        static: bool = False,
    ) -> None:
        self.model = model
        self.resident = resident
        self.config = config
        self.generator = generator
        self.phase = "" if phase is None else phase.name
        self.opponents: tuple[Opponent, ...] = ()
        if isinstance(model, Adversarial):
            self.opponents = model.opponents()
        theirs = {id(p) for one in self.opponents for p in one.module.parameters()}
        device = resident.device
        own = (p for p in _parameters(model, phase) if id(p) not in theirs)
        self.learner = Learner(own, config, device, static)
        self.rivals = {
            one.name: Learner(
                one.module.parameters(),
                config,
                device,
                static,
                1.0 if one.learning_rate is None else one.learning_rate / config.learning_rate,
                one.betas,
            )
            for one in self.opponents
        }
        self.draws = 1 + sum(one.steps for one in self.opponents)
        self.sums: dict[str, Tensor] = {}

    def __call__(self, index: Tensor, progress: Places) -> None:
        """Take one step.

        Args:
            index: of the examples, (draws, batch).
            progress: place in the training, 0 to 1.
        """
        rate = rate_at(progress, self.config)
        moment = Moment(progress, self.phase, self.generator)
        taken = 0
        if isinstance(self.model, Adversarial):
            for one in self.opponents:
                for _ in range(one.steps):
                    self._opponent(self.model, one, index[taken], moment, rate)
                    taken += 1
        batch = self.model.prepare(*self.resident.batch(index[taken]), self.generator)
        output = self.model(batch, self.generator)
        terms = self.model.loss_terms(batch, output, moment)
        self.learner.learn(sum_of(terms), rate)
        self._count(terms)
        if isinstance(self.model, Averaging):
            with torch.no_grad():
                self.model.after_step(batch, output, moment)

    def _opponent(
        self, model: Adversarial, one: Opponent, index: Tensor, moment: Moment, rate: Places
    ) -> None:
        with torch.no_grad():
            batch = self.model.prepare(*self.resident.batch(index), self.generator)
            output = self.model(batch, self.generator)
        terms = model.opponent_terms(one.name, batch, output, moment)
        self.rivals[one.name].learn(sum_of(terms), rate)
        self._count({f"adversary/{one.name}/{name}": t / one.steps for name, t in terms.items()})

    def _count(self, terms: Mapping[str, Tensor]) -> None:
        for name, term in terms.items():
            if name in self.sums:
                self.sums[name].add_(term.detach())
            else:
                self.sums[name] = term.detach().clone()

    def read(self) -> dict[str, float]:
        """The sums as numbers; waits for the device, once."""
        if not self.sums:
            return {}
        found = torch.stack(tuple(self.sums.values())).tolist()
        return dict(zip(self.sums, found, strict=True))

    def clear(self) -> None:
        """Begin to add up anew."""
        for total in self.sums.values():
            total.zero_()

    def learners(self) -> dict[str, Learner]:
        """All learners by the name under which a training keeps them."""
        return {"optimiser": self.learner} | {
            f"opponent:{name}": rival for name, rival in self.rivals.items()
        }


def sum_of(terms: Mapping[str, Tensor]) -> Tensor:
    """The objective: the sum of its terms."""
    return functools.reduce(torch.add, terms.values())


def _parameters(model: Member, phase: Phase | None) -> Iterable[nn.Parameter]:
    """What learns in a phase."""
    if phase is None or not phase.parts:
        return model.parameters()
    return [
        parameter
        for name, parameter in model.named_parameters()
        if any(name == part or name.startswith(f"{part}.") for part in phase.parts)
    ]
