"""AdamW (Loshchilov & Hutter, 2019) by the kernel that torch's own class calls when it is fused.

The same numbers, without that class: the first one in a process imports torch's compiler, for
seconds, and each of its steps spends on bookkeeping a third of what the kernel takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

EPSILON = 1e-8


class AdamW:
    """Moves parameters of one number format and one device down their gradients.

    Args:
        parameters: what is moved.
        betas: of the averages of the gradient and of its square.
        weight_decay: share of a weight that is taken off a step, times the rate.
    """

    def __init__(
        self, parameters: Sequence[nn.Parameter], betas: tuple[float, float], weight_decay: float
    ) -> None:
        self.parameters = tuple(parameters)
        self.betas = betas
        self.weight_decay = weight_decay
        self.means = [torch.zeros_like(p, requires_grad=False) for p in self.parameters]
        self.squares = [torch.zeros_like(p, requires_grad=False) for p in self.parameters]
        device = self.parameters[0].device if self.parameters else None
        self.counts = torch.zeros(len(self.parameters), device=device)
        self.counted = list(self.counts.unbind())  # one number each, all in one piece of memory

    @torch.no_grad()
    def step(self, rate: float | Tensor) -> None:
        """One step of those that have a gradient.

        Args:
            rate: the learning rate; a scalar tensor on the parameters' device where the step is
                captured.
        """
        there, gradients = [], []
        for i, parameter in enumerate(self.parameters):
            if parameter.grad is not None:
                there.append(i)
                gradients.append(parameter.grad)
        if len(there) == len(self.parameters):
            self.counts.add_(1)
        else:
            for i in there:
                self.counted[i].add_(1)
        torch._fused_adamw_(
            [self.parameters[i] for i in there],
            gradients,
            [self.means[i] for i in there],
            [self.squares[i] for i in there],
            [],
            [self.counted[i] for i in there],
            lr=rate,  # type: ignore[arg-type]  # it takes a number too
            beta1=self.betas[0],
            beta2=self.betas[1],
            weight_decay=self.weight_decay,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )

    def clear(self, static: bool) -> None:
        """Forget the gradients; where they are `static` they become zero and stay in place."""
        there = [p.grad for p in self.parameters if p.grad is not None]
        if static and there:
            torch._foreach_zero_(there)
        elif not static:
            for parameter in self.parameters:
                parameter.grad = None

    def slots(self) -> Iterator[tuple[str, Tensor]]:
        """Everything that is remembered, by the parameter's number and torch's names."""
        for i, (mean, square) in enumerate(zip(self.means, self.squares, strict=True)):
            yield f"{i}.step", self.counted[i].clone()
            yield f"{i}.exp_avg", mean
            yield f"{i}.exp_avg_sq", square

    @torch.no_grad()
    def restore(self, slots: Mapping[str, Tensor]) -> None:
        """Remember what `slots` gave."""
        places = {"step": self.counted, "exp_avg": self.means, "exp_avg_sq": self.squares}
        for key, tensor in slots.items():
            number, slot = key.split(".")
            places[slot][int(number)].copy_(tensor)
