"""How much memory a training takes, counted on a few examples of noise.

Every tensor that a step makes is either as large whatever the batch, as parameters and gradients
are, or grows with it, as activations do. So a step with few examples and the same step with some
more tell of each moment what any batch would hold then.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from core.config import ModelConfig, TrainConfig
from core.data import Dataset, Provenance
from core.models import build, outline
from core.models.abilities import ClosedForm, Phased
from core.models.base import Autoencoder, Member
from core.models.signals import Condition, Moment, Signature
from core.training.estimate import Footprint
from core.training.step import Resident, Step, sum_of

FEW, MORE = 3, 9  # examples; no width of a network hides in their difference
LARGEST = 2 * 10**7  # parameters of a network that is made; a larger one has shapes and no numbers


class Ledger(TorchDispatchMode):
    """Bytes of the tensors that are alive after each operation, from when it is entered."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else torch imports its compiler, which takes a process seconds

    def __init__(self) -> None:
        super().__init__()
        self.alive: dict[int, int] = {}
        self.bytes = 0
        self.entries: list[int] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        for tensor in found if isinstance(found, tuple | list) else (found,):
            if isinstance(tensor, Tensor):
                self._enter(tensor)
        self.entries.append(self.bytes)
        return found

    def _enter(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key not in self.alive:
            self.alive[key] = storage.nbytes()
            self.bytes += storage.nbytes()
            weakref.finalize(storage, self._gone, key)

    def _gone(self, key: int) -> None:
        self.bytes -= self.alive.pop(key)


def footprint(name: str, config: ModelConfig, signature: Signature) -> Footprint:
    """What a training of these knobs on such data holds in memory.

    Raises:
        ConfigError: unknown variant, or knobs that don't fit the data.
    """
    model = outline(name, config, signature)
    size = sum(p.numel() for p in model.parameters())
    made = size <= LARGEST
    if made:
        model = build(name, config, signature)
    step: tuple[tuple[int, int], ...] = ()
    look: tuple[tuple[int, int], ...] = ()
    # What can't be tried with so few examples, or without numbers, stays uncounted.
    with contextlib.suppress(RuntimeError, ValueError, TypeError):
        step = _moments(model, lambda count: _learn(model, signature, count, made))
        look = _moments(model, lambda count: _look(model, signature, count))
    state = sum(t.numel() * t.element_size() for t in model.state_dict().values())
    whole = isinstance(model, ClosedForm | Phased)
    return Footprint(size, state, step, look, whole, signature.size)


def _moments(model: Member, work: Callable[[int], None]) -> tuple[tuple[int, int], ...]:
    """The moments that may be the fullest, as bytes whatever the batch and bytes an example."""
    few, more = (_entries(work, count) for count in (FEW, MORE))
    if len(few) != len(more):  # what is done depends on the numbers: take the fullest of each
        few, more = [max(few)], [max(more)]
    found = set()
    for least, most in zip(few, more, strict=True):
        each = max(0, -(-(most - least) // (MORE - FEW)))
        found.add((max(0, least - FEW * each), each))
    return _fullest(found)


def _fullest(moments: set[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Those that no other exceeds at every batch."""
    kept: list[tuple[int, int]] = []
    for fixed, each in sorted(moments, key=lambda one: (-one[1], -one[0])):
        if not kept or fixed > kept[-1][0]:
            kept.append((fixed, each))
    return tuple(kept)


def _entries(work: Callable[[int], None], count: int) -> list[int]:
    with Ledger() as ledger:
        work(count)
    return ledger.entries


def _learn(model: Member, signature: Signature, count: int, made: bool) -> None:
    """One step of each phase, or what solves the model, with so many examples."""
    model.train()
    if not made:
        _learn_without_numbers(model, signature, count)
        return
    resident = Resident(_noise(signature, count), torch.device("cpu"))
    if isinstance(model, ClosedForm):
        model.fit(resident.all())
        return
    generator = torch.Generator().manual_seed(0)
    for phase in model.phases() if isinstance(model, Phased) else (None,):
        step = Step(model, resident, TrainConfig(), generator, phase)
        step(torch.arange(count).expand(step.draws, count), 0.5)
        for parameter in model.parameters():
            parameter.grad = None


def _learn_without_numbers(model: Member, signature: Signature, count: int) -> None:
    x = torch.empty((count, *signature.shape), device="meta")
    label = torch.zeros(count, dtype=torch.long, device="meta")
    slots = [torch.empty_like(p) for p in model.parameters() for _ in range(2)]  # Adam's
    batch = model.prepare(x, label)
    terms = model.loss_terms(batch, model(batch), Moment(0.5))
    sum_of(terms).backward(inputs=list(model.parameters()))
    for parameter in model.parameters():
        parameter.grad = None
    del slots


@torch.no_grad()
def _look(model: Member, signature: Signature, count: int) -> None:
    """What scores and maps do with each batch."""
    model.eval()
    device = next(iter(model.state_dict().values())).device
    x = torch.zeros((count, *signature.shape), device=device)
    told: Condition = model.condition(x, torch.zeros(count, dtype=torch.long, device=device))
    if isinstance(model, Autoencoder):
        model.reconstruct(x, told)


def _noise(signature: Signature, count: int) -> Dataset:
    draw = np.random.default_rng(0)
    whole = signature.kind == "ratings"
    x = draw.integers(1, 6, (count, *signature.shape)).astype(np.float32)
    labels = np.arange(count, dtype=np.int64) % max(1, signature.classes)
    return Dataset(
        name="noise",
        split="all",
        x=x if whole else draw.integers(0, 256, x.shape).astype(np.uint8),
        labels=labels if signature.classes else labels - labels - 1,
        class_names=tuple(map(str, range(signature.classes))),
        provenance=Provenance("", ""),
        kind=signature.kind,
        observed=np.ones(x.shape, bool) if whole else None,
    )
