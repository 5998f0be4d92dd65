"""Codes of several levels, each of which says what the one below it varies around."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.measures import losses
from core.models.networks import initialised, mlp_encoder
from core.models.signals import Level


def combined(one: Level, other: Level) -> tuple[Tensor, Tensor]:
    """Mean and log-variance of the normalised product of two Gaussians, (batch, width) each: both
    say something of the same number, and each counts by its precision."""
    (mean, log_var), (beside, beside_log_var) = one.gaussian, other.gaussian
    share = (beside_log_var - log_var).sigmoid()  # of the first, by its precision
    return (
        beside + share * (mean - beside),
        -torch.logaddexp(-log_var, -beside_log_var),
    )


class Levels(nn.Module):
    """Posterior and prior of the levels of a code, the lowest first (Sønderby et al., 2016).

    Going up, features of a level make those of the next one, and each level's an estimate of its
    numbers. Going down, the level above says what is to be expected of a level before anything is
    seen: that is p(z_i | z_i+1), and the top level's is N(0, I). The posterior q(z_i | z_i+1, x)
    is the product of that and of the estimate, so that both ways share what goes down. The top
    level's is its estimate alone.

    Attributes:
        rises: from a level's features to those of the next one, for each level but the top.
        estimates: from a level's features to mean and log-variance side by side.
        descents: from the numbers of the level above to mean and log-variance side by side, for
            each level but the top.
        log_var_range: that all log-variances are kept in.
    """

    def __init__(
        self,
        features: int,
        widths: tuple[int, ...],
        hidden: tuple[int, ...],
        activation: str,
        log_var_range: tuple[float, float],
    ) -> None:
        super().__init__()
        self.widths = widths
        self.log_var_range = log_var_range
        self.rises, self.estimates, self.descents = (nn.ModuleList() for _ in range(3))
        for number, width in enumerate(widths):
            if number:
                whole = mlp_encoder(features, hidden, 1, activation)
                self.rises.append(whole[:-1])  # up to the last features
                features = hidden[-1] if hidden else features
                self.descents.append(
                    mlp_encoder(width, hidden[::-1], 2 * widths[number - 1], activation)
                )
            self.estimates.append(initialised(nn.Sequential(nn.Linear(features, 2 * width))))

    def gaussian(self, answer: Tensor) -> Level:
        """What mean and log-variance side by side say, at the mean: (batch, 2 · width)."""
        mean, log_var = answer.chunk(2, dim=1)
        return Level(mean, mean, log_var.clamp(*self.log_var_range))

    def expected(self, number: int, above: Tensor | None, like: Tensor) -> Level:
        """p(z_i | z_i+1) of a level, at its mean, given the numbers of the one `above` (batch,
        width); of the top, that has none, N(0, I) for each row of `like`."""
        if above is None:
            zero = like.new_zeros(len(like), self.widths[number])
            return Level(zero, zero, zero)
        return self.gaussian(self.descents[number](above))

    def posterior(
        self, features: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Level, ...]:
        """q(z_i | z_i+1, x) of all levels, the lowest first, each given the one above it as it was
        drawn, or without a generator at its mean. `features` are the lowest level's, (batch,
        features)."""
        estimates = []
        for number, layers in enumerate(self.estimates):
            if number:
                features = self.rises[number - 1](features)
            estimates.append(self.gaussian(layers(features)))
        found: list[Level] = []
        above: Tensor | None = None
        for number in reversed(range(len(self.widths))):
            mean, log_var = estimates[number].gaussian
            if above is not None:
                expected = self.expected(number, above, above)
                mean, log_var = combined(estimates[number], expected)
                log_var = log_var.clamp(*self.log_var_range)
            above = mean if generator is None else losses.gaussian_sample(mean, log_var, generator)
            found.append(Level(above, mean, log_var))
        return tuple(reversed(found))

    def sample(self, above: Tensor, generator: torch.Generator | None) -> Tensor:
        """All levels drawn from the prior below a top level (batch, width of it), side by side, the
        lowest first: (batch, width of all)."""
        found = [above]
        for number in reversed(range(len(self.descents))):
            expected = self.expected(number, found[-1], above)
            found.append(losses.gaussian_sample(*expected.gaussian, generator))
        return torch.cat(found[::-1], 1)

    def each(self, levels: tuple[Tensor, ...]) -> list[Level]:
        """The prior's p(z_i | z_i+1) of all levels, given what these numbers of them are."""
        above = (*levels[1:], None)
        return [self.expected(i, higher, levels[-1]) for i, higher in enumerate(above)]

    def forward(self, features: Tensor) -> Tensor:
        """Means of all levels side by side, then log-variances, each level given the mean of the
        one above it: (batch, features) → (batch, 2 · width of all)."""
        levels = [level.gaussian for level in self.posterior(features)]
        return torch.cat([part for parts in zip(*levels, strict=True) for part in parts], 1)
