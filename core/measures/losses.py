"""Pure loss terms. Every one is summed over an example's own entries and averaged over the batch.

That one rule keeps the weights between terms honest: a term that is a sum (nats or squared error
per image) can be added to any other, and β means what the papers mean by it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

LOG_2PI = math.log(2 * math.pi)


def squared_error(mean: Tensor, target: Tensor, observed: Tensor | None = None) -> Tensor:
    """Squared error per image: sum over all entries, mean over the batch.

    Shapes: mean, target and observed are (batch, ...); returns a scalar.
    """
    if observed is None:
        return F.mse_loss(mean, target, reduction="sum") / len(target)
    return _per_example((mean - target).square(), observed).mean()


def bernoulli_nll(logits: Tensor, target: Tensor, observed: Tensor | None = None) -> Tensor:
    """Negative log-likelihood in nats per image of pixels in [0, 1] under Bernoulli(σ(logits)).

    Sum over all entries, mean over the batch. For grey targets this is a cross-entropy, not a
    likelihood: its floor is the entropy of the targets, 45.53 nats per image on MNIST's test set.
    """
    if observed is None:
        total = F.binary_cross_entropy_with_logits(logits, target, reduction="sum")
        return total / len(target)
    return _per_example(
        F.binary_cross_entropy_with_logits(logits, target, reduction="none"), observed
    ).mean()


def bernoulli_nll_each(logits: Tensor, target: Tensor) -> Tensor:
    """`bernoulli_nll` of each image: (batch, ...) → (batch,) nats, summed over its entries."""
    return _per_example(F.binary_cross_entropy_with_logits(logits, target, reduction="none"), None)


def gaussian_nll(
    mean: Tensor, target: Tensor, sigma: float, observed: Tensor | None = None
) -> Tensor:
    """Negative log-density in nats per image under N(mean, σ²I); sum over entries, mean over batch.

    A density, so it may be negative: it can't be compared with a Bernoulli likelihood.
    """
    return _per_example(_gaussian_nll(mean, target, sigma), observed).mean()


def gaussian_nll_each(mean: Tensor, target: Tensor, sigma: float) -> Tensor:
    """`gaussian_nll` of each image: (batch, ...) → (batch,) nats, summed over its entries."""
    return _per_example(_gaussian_nll(mean, target, sigma), None)


def kl_standard_normal_each(mean: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(mean, exp(log_var)) ‖ N(0, 1)) of each latent dimension, in nats: (batch, K)."""
    return 0.5 * (mean.square() + log_var.exp() - 1 - log_var)


def kl_standard_normal(mean: Tensor, log_var: Tensor) -> Tensor:
    """KL(q(z|x) ‖ N(0, I)) in nats: sum over latent dimensions, mean over the batch.

    Kingma & Welling (2014), appendix B.
    """
    return kl_standard_normal_each(mean, log_var).flatten(1).sum(1).mean()


def kl_gaussian_each(
    mean: Tensor, log_var: Tensor, prior_mean: Tensor, prior_log_var: Tensor
) -> Tensor:
    """KL(N(mean, exp(log_var)) ‖ N(prior_mean, exp(prior_log_var))) of each latent dimension, in
    nats: (batch, K)."""
    off = (mean - prior_mean).square() * (-prior_log_var).exp()
    wider = log_var - prior_log_var
    return 0.5 * (off + wider.exp() - 1 - wider)


def squared_jacobian(z: Tensor, x: Tensor) -> Tensor:
    """‖∂z/∂x‖²_F by autograd: sum over all entries of each example's Jacobian, mean over the batch.

    Shapes: z (batch, K) is a function of x (batch, ...), which requires a gradient, example by
    example; returns a scalar that itself has a gradient. One backward pass for each of the K rows.
    Rifai et al. (2011).
    """
    total = z.new_zeros(())
    for k in range(z.shape[1]):
        (row,) = torch.autograd.grad(z[:, k].sum(), x, create_graph=True)  # (batch, ...)
        total = total + row.square().sum()
    return total / len(x)


def squared_jacobian_of_sigmoid(h: Tensor, weight: Tensor) -> Tensor:
    """‖∂h/∂x‖²_F of one layer h = sigmoid(Wx + b), in closed form: Σⱼ (hⱼ(1 − hⱼ))² Σᵢ Wⱼᵢ², mean
    over the batch.

    Shapes: h (batch, K), weight (K, inputs); returns a scalar. Rifai et al. (2011), equation 5.
    """
    return ((h * (1 - h)).square() @ weight.square().sum(1)).mean()


def sparsity(activity: Tensor, rho: float) -> Tensor:
    """Σⱼ KL(ρ ‖ ρ̂ⱼ) in nats between coins that show 1 with probability ρ and ρ̂ⱼ, the mean over the
    batch of unit j's activity (batch, K) in [0, 1]: a sum over the units. Ng (2011)."""
    mean = activity.mean(0).clamp(1e-6, 1 - 1e-6)  # (K,)
    return (rho * (rho / mean).log() + (1 - rho) * ((1 - rho) / (1 - mean)).log()).sum()


def gaussian_sample(mean: Tensor, log_var: Tensor, generator: torch.Generator | None) -> Tensor:
    """Reparameterised draw z = μ + σ·ε with ε ~ N(0, I) (Kingma & Welling, 2014)."""
    noise = torch.empty_like(mean).normal_(generator=generator)
    return mean + (0.5 * log_var).exp() * noise


def gaussian_log_density(z: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
    """log N(z; mean, diag exp(log_var)) in nats, summed over dimensions: (batch, K) → (batch,)."""
    each = -0.5 * ((z - mean).square() * (-log_var).exp() + log_var + LOG_2PI)
    return each.flatten(1).sum(1)


def gaussian_log_density_each(z: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
    """log N(z; mean, diag exp(log_var)) in nats of every code under every one of some Gaussians:
    z (batch, K), mean and log_var (parts, K) → (batch, parts), summed over dimensions.
    """
    off = (z[:, None] - mean).square() * (-log_var).exp()  # (batch, parts, K)
    return -0.5 * (off + log_var + LOG_2PI).sum(2)


def _gaussian_nll(mean: Tensor, target: Tensor, sigma: float) -> Tensor:
    return 0.5 * ((target - mean) / sigma).square() + math.log(sigma) + 0.5 * LOG_2PI


def _per_example(each: Tensor, observed: Tensor | None) -> Tensor:
    if observed is not None:
        each = each * observed
    return each.flatten(1).sum(1)
