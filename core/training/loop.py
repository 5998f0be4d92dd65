"""The only training loop. A generator: its caller draws the progress and may stop at any step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from core.config import TrainConfig
from core.data import Dataset
from core.models.abilities import Centring, ClosedForm, Phase, Phased
from core.models.base import Member
from core.refusal import Refusal
from core.training.capture import Captured, Recorder, can_capture
from core.training.step import Resident, Step, fitted

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
        """The objective: the sum of the model's own terms, the opponents' left out."""
        return sum(v for name, v in self.terms.items() if not name.startswith("adversary/"))


def best_device() -> torch.device:
    """CUDA, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def train(
    model: Member,
    dataset: Dataset,
    config: TrainConfig,
    device: torch.device | None = None,
    resume: Mapping[str, Tensor] | None = None,
    capture: bool = True,
) -> Iterator[Progress]:
    """Train a model in place, yielding about 200 times.

    The data set is moved to the device once, as it is; batches are index selections there,
    scaled and corrupted there. On the CPU the same seed gives the same weights bit for bit. On
    CUDA the step is captured as a graph, unless the model says why it can't be (`eager`).

    Args:
        resume: what a report's `state` gave; the training goes on behind that report.
        capture: whether a step may be captured where it can be.

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
    resident = Resident(dataset, device)
    started = time.perf_counter()
    if isinstance(model, ClosedForm):
        model.fit(resident.all())
        yield Progress(1, 1, resident.count, time.perf_counter() - started)
        return
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
    training = _Training(model, resident, config, capture)
    if resume is not None:
        training.restore(resume)
        started -= float(resume["seconds"])

    def state() -> dict[str, Tensor]:
        seconds = torch.tensor(time.perf_counter() - started)
        return training.state() | {"seconds": seconds}

    with _LastGood(model) as good:
        while training.number < training.steps:
            training.take_step()
            step = training.number
            if step % training.report_every == 0 or step == training.steps:
                means = training.means()
                training.check(means, good)
                good.keep()
                seconds = time.perf_counter() - started
                yield Progress(
                    step, training.steps, step * training.batch_size, seconds, means, state
                )


class _Training:
    """A training's place, its order of examples and the step of its present phase."""

    def __init__(
        self, model: Member, resident: Resident, config: TrainConfig, capture: bool
    ) -> None:
        self.model = model
        self.resident = resident
        self.config = config
        self.static = can_capture(resident.device)
        self.captures = capture and self.static and not model.eager
        self.generator = torch.Generator(resident.device).manual_seed(config.seed)
        self.batch_size = min(config.batch_size, resident.count)
        self.steps = max(1, round(config.epochs * resident.count / self.batch_size))
        self.report_every = max(1, self.steps // REPORTS)
        self.number = 0  # of the next step
        self.since = 0  # steps since the last report
        self.order = torch.empty(0, dtype=torch.long, device=resident.device)
        self.rates = fitted(config, self.steps)
        self.begins = _beginnings(model, self.steps)
        self._step: Step | None = None  # of the present phase
        self.captured: Captured | None = None
        if config.start == "centred" and isinstance(model, Centring) and resident.observed is None:
            model.centre(resident.mean())

    @property
    def step(self) -> Step:
        """The step of the present phase.

        Raises:
            RuntimeError: before the first phase has begun.
        """
        if self._step is None:
            raise RuntimeError("No phase of this training has begun.")
        return self._step

    def take_step(self) -> None:
        """One step, and before it whatever begins with it."""
        if self._step is None or self.number in self.begins:
            self._begin(enter=self.number in self.begins)
        if self.captured is not None:
            self.captured()
        else:
            self.step(self._indices(), self.number / self.steps)
        self.number += 1
        self.since += 1

    def means(self) -> dict[str, float]:
        """Mean of each term over the steps since the last report, of the present phase; waits for
        the device."""
        found = {name: total / self.since for name, total in self.step.read().items()}
        self.step.clear()
        self.since = 0
        return found

    def check(self, means: Mapping[str, float], good: _LastGood) -> None:
        """Raise TrainingError where a term or a weight is no longer finite."""
        wrong: str | Refusal = ", ".join(n for n, v in means.items() if not math.isfinite(v))
        if not wrong and not good.live_is_finite():
            wrong = Refusal("a weight")
        if wrong:
            raise TrainingError(
                "Training diverged at step {step} of {steps} ({wrong} is no longer a "
                "finite number); try a learning rate below {rate:g}.",
                step=self.number,
                steps=self.steps,
                wrong=wrong,
                rate=self.config.learning_rate,
            )

    def state(self) -> dict[str, Tensor]:
        """All that is needed to go on from here, time left aside."""
        order = self.order if self.captured is None else self.captured.remaining()
        found = {
            "step": torch.tensor(self.number),
            "order": order,
            "generator": self.generator.get_state(),
        }
        found |= {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        for name, learner in self.step.learners().items():
            found |= {f"{name}.{slot}": tensor for slot, tensor in learner.slots()}
        return found

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Stand where `state` was taken."""
        self.number = int(state["step"])
        self.order = state["order"].to(self.resident.device)
        self.model.load_state_dict(_below("model", state))
        self.generator.set_state(state["generator"])
        if self.number >= self.steps or self.number in self.begins:
            return  # what the optimisers remembered ended with the phase
        self._begin(enter=False)
        for name, learner in self.step.learners().items():
            learner.restore(_below(name, state))

    def _begin(self, enter: bool) -> None:
        """Begin a phase, or the whole of a training that has none."""
        if self.captured is not None:
            self.order = self.captured.remaining()
        phase = self._phase()
        if enter and phase is not None and isinstance(self.model, Phased):
            self.model.enter(phase.name, self.resident.all(), self.generator)
        self._step = Step(self.model, self.resident, self.rates, self.generator, phase, self.static)
        self.since = 0
        self.captured = None
        if self.captures:
            recorder = Recorder(self.resident.device, self.generator)
            self.captured = Captured(self.step, recorder, self.steps, self.number, self.batch_size)
            self.captured.give(self.order)

    def _phase(self) -> Phase | None:
        last = max((begin for begin in self.begins if begin <= self.number), default=0)
        return self.begins.get(last)

    def _indices(self) -> Tensor:
        """Indices of the next step's examples: (draws, batch)."""
        wanted = self.step.draws * self.batch_size
        while len(self.order) < wanted:
            self.order = torch.cat([self.order, self.resident.shuffled(self.generator)])
        index, self.order = self.order[:wanted], self.order[wanted:]
        return index.reshape(self.step.draws, self.batch_size)


def _beginnings(model: Member, steps: int) -> dict[int, Phase]:
    """The phases of a model by the step with which each begins; each has one step at least."""
    if not isinstance(model, Phased):
        return {}
    begins: dict[int, Phase] = {}
    done = 0.0
    for phase in model.phases():
        begins[min(steps - 1, max(round(done * steps), len(begins)))] = phase
        done += phase.share
    return begins


def drain(
    progress: Iterator[Progress], on_progress: Callable[[Progress], None] | None = None
) -> Progress | None:
    """Run a training to its end; returns the last progress."""
    last = None
    for last in progress:
        if on_progress is not None:
            on_progress(last)
    return last


def _below(name: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = f"{name}."
    return {key.removeprefix(start): value for key, value in state.items() if key.startswith(start)}


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
