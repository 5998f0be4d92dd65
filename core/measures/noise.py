"""Pure corruptions of images in [0, 1]; the caller's generator makes them repeatable.

A level is one number, or a tensor that broadcasts over the images: (batch, 1, 1, 1) gives each
image its own.
"""

from __future__ import annotations

import torch
from torch import Tensor

from core.measures.corruptions import NOISES


def gaussian(x: Tensor, level: float | Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Add N(0, level²) to each pixel. Not clipped: the noise stays Gaussian. Shape is kept."""
    return x + level * torch.empty_like(x).normal_(generator=generator)


def salt_and_pepper(
    x: Tensor, level: float | Tensor, generator: torch.Generator | None = None
) -> Tensor:
    """Set a share `level` of the pixels to 0 or 1, each with probability one half."""
    u = torch.empty_like(x).uniform_(generator=generator)
    return torch.where(u < level / 2, 0.0, torch.where(u < level, 1.0, x))


def masking(x: Tensor, level: float | Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Set a share `level` of the pixels to 0 (Vincent et al., 2008)."""
    u = torch.empty_like(x).uniform_(generator=generator)
    return torch.where(u < level, 0.0, x)


def none(x: Tensor, level: float | Tensor, generator: torch.Generator | None = None) -> Tensor:
    """No corruption; `level` has no effect."""
    return x


CORRUPTIONS = dict(zip(NOISES, (gaussian, salt_and_pepper, masking), strict=True)) | {"none": none}
