"""core.measures.losses: every term is a sum over an example's entries and a mean over the batch."""

import math

import pytest
import torch
from torch.distributions import Bernoulli, Normal

from core.measures import losses


def rand(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


TERMS = {
    "squared_error": losses.squared_error,
    "bernoulli_nll": losses.bernoulli_nll,
    "gaussian_nll": lambda mean, target, observed=None: losses.gaussian_nll(
        mean, target, 0.3, observed
    ),
}


@pytest.mark.parametrize("term", TERMS.values(), ids=TERMS)
def test_sum_over_entries_mean_over_batch(term):
    answer, target = rand(6, 1, 4, 5), rand(6, 1, 4, 5, seed=1)
    whole = term(answer, target)
    assert whole.shape == ()
    each = torch.stack([term(answer[i : i + 1], target[i : i + 1]) for i in range(6)])
    assert torch.allclose(whole, each.mean())
    assert torch.allclose(term(answer.repeat(3, 1, 1, 1), target.repeat(3, 1, 1, 1)), whole)
    wide = term(answer.repeat(1, 1, 1, 2), target.repeat(1, 1, 1, 2))
    assert torch.allclose(wide, 2 * whole)
    assert torch.allclose(term(answer.flatten(1), target.flatten(1)), whole)


def test_values_against_torch_distributions():
    answer, target = rand(6, 1, 4, 5), rand(6, 1, 4, 5, seed=1)
    binary = (target > 0.5).double()
    expected = -Bernoulli(logits=answer).log_prob(binary).flatten(1).sum(1).mean()
    assert torch.allclose(losses.bernoulli_nll(answer, binary), expected)
    expected = -Normal(answer, 0.3).log_prob(target).flatten(1).sum(1).mean()
    assert torch.allclose(losses.gaussian_nll(answer, target, 0.3), expected)
    expected = ((answer - target) ** 2).flatten(1).sum(1).mean()
    assert torch.allclose(losses.squared_error(answer, target), expected)


def test_bernoulli_nll_of_grey_targets_has_their_entropy_as_floor():
    target = rand(3, 7).clamp(0.01, 0.99)
    logits = torch.logit(target).requires_grad_()
    floor = losses.bernoulli_nll(logits, target)
    assert torch.allclose(floor, Bernoulli(target).entropy().sum(1).mean())
    (gradient,) = torch.autograd.grad(floor, logits)
    assert gradient.abs().max() < 1e-12


def test_gaussian_nll_may_be_negative():
    x = torch.zeros(2, 3)
    assert losses.gaussian_nll(x, x, 0.01) < 0


@pytest.mark.parametrize("term", TERMS.values(), ids=TERMS)
def test_no_gradient_at_unobserved_entries(term):
    answer, target = rand(8, 20).requires_grad_(), rand(8, 20, seed=1)
    observed = (rand(8, 20, seed=2) < 0.4).double()
    (gradient,) = torch.autograd.grad(term(answer, target, observed), answer)
    assert torch.equal(gradient != 0, observed.bool())
    elsewhere = torch.where(observed.bool(), target, 1 - target)
    assert torch.equal(term(answer, target, observed), term(answer, elsewhere, observed))
    assert torch.allclose(term(answer, target, torch.ones(8, 20)), term(answer, target))


def test_kl_sums_over_dimensions_and_averages_over_the_batch():
    mean, log_var = rand(5, 3), rand(5, 3, seed=1)
    each = losses.kl_standard_normal_each(mean, log_var)
    assert each.shape == (5, 3)
    kl = losses.kl_standard_normal(mean, log_var)
    assert torch.allclose(kl, each.sum(1).mean())
    assert torch.allclose(losses.kl_standard_normal(mean.repeat(4, 1), log_var.repeat(4, 1)), kl)
    assert torch.allclose(
        losses.kl_standard_normal(mean.repeat(1, 2), log_var.repeat(1, 2)), 2 * kl
    )


def test_kl_is_least_at_the_prior():
    mean, log_var = (torch.zeros(1, 4, requires_grad=True) for _ in range(2))
    kl = losses.kl_standard_normal(mean, log_var)
    assert kl == 0
    for gradient in torch.autograd.grad(kl, (mean, log_var)):
        assert gradient.abs().max() == 0
    assert (losses.kl_standard_normal_each(rand(50, 4) - 0.5, rand(50, 4, seed=1) - 0.5) > 0).all()


def test_gaussian_sample_has_its_mean_and_variance_and_carries_gradients():
    count = 100_000
    mean = torch.full((count, 1), 1.5, requires_grad=True)
    log_var = torch.full((count, 1), 2 * math.log(0.5), requires_grad=True)
    z = losses.gaussian_sample(mean, log_var, torch.Generator().manual_seed(0))
    assert abs(z.mean().item() - 1.5) < 4 * 0.5 / math.sqrt(count)
    assert abs(z.var().item() - 0.25) < 4 * 0.25 * math.sqrt(2 / count)
    by_mean, by_log_var = torch.autograd.grad(z.sum(), (mean, log_var))
    assert torch.equal(by_mean, torch.ones_like(mean))
    assert torch.allclose(by_log_var, (z - mean).detach() / 2, atol=1e-6)
    again = losses.gaussian_sample(mean, log_var, torch.Generator().manual_seed(0))
    assert torch.equal(z, again)
