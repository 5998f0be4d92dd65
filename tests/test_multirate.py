"""The multi-rate VAE against what is known exactly: the linear-Gaussian case (Bae et al., 2023)."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from core import models
from core.config import ConfigError
from core.measures import theory
from core.models.multirate import MultiRateConfig, MultiRateVAE
from core.models.signals import Condition, Signature
from core.training import loop
from tests.digits import QUICK, small_data

VARIANCES = np.array([4.0, 1.5, 0.6, 0.2, 0.05, 0.05, 0.02, 0.01])
SIGMA = 0.3
LATENT = 4


@pytest.fixture(scope="module")
def gaussian():
    """2,000 points in 8 dimensions whose own covariance has the known eigenvectors."""
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    x = rng.normal(size=(2000, 8)) * np.sqrt(VARIANCES) @ axes.T + rng.normal(size=8)
    values, vectors = np.linalg.eigh(np.cov(x.T, bias=True))
    return x, values[::-1].copy(), vectors[:, ::-1].copy()


@pytest.fixture(scope="module")
def linear(gaussian):
    """A linear multi-rate VAE with the parameters that theory gives, the same for every β."""
    x, values, vectors = gaussian
    config = MultiRateConfig.checked(
        {
            "latent": LATENT,
            "hidden": (),
            "likelihood": "gaussian",
            "sigma": SIGMA,
            "gate": "root",
            "beta_low": 0.05,
            "beta_high": 100,
        }
    )
    model = MultiRateVAE(config, Signature((8,), 0, "ratings")).double()
    _, head, head_gate, shift = model.encoder
    code_gate, out, _ = model.decoder
    scale = torch.from_numpy(np.sqrt(values[:LATENT]))
    axes = torch.from_numpy(vectors[:, :LATENT])  # (pixels, K)
    mean = torch.from_numpy(x.mean(0))
    offset = torch.from_numpy(np.log(SIGMA**2 / values[:LATENT]))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        head.weight[:LATENT] = axes.T / scale[:, None]
        head.bias[:LATENT] = -(axes.T @ mean) / scale
        for gate in (head_gate.weight[:LATENT], code_gate.weight, shift.weight[LATENT:]):
            gate.fill_(1)
        head_gate.bias[:LATENT] = offset
        head_gate.bias[LATENT:] = -30  # wide open
        code_gate.bias.copy_(offset)
        shift.bias[LATENT:] = offset
        out.weight.copy_(axes * scale)
        out.bias.copy_(mean)
    return model


def optimum(values: np.ndarray, beta: float) -> tuple[float, float]:
    """Least distortion + β · rate of any linear VAE: a direction is active iff λ > βσ²."""
    leading, rest = values[:LATENT], values[LATENT:]
    active = leading > beta * SIGMA**2
    residual = np.where(active, beta * SIGMA**2, leading).sum() + rest.sum()
    distortion = 4 * math.log(2 * math.pi * SIGMA**2) + residual / (2 * SIGMA**2)
    rate = 0.5 * np.log(leading[active] / (beta * SIGMA**2)).sum()
    return distortion, rate


@pytest.mark.parametrize("beta", [0.3, 3.0, 20.0, 60.0])
def test_the_page_s_theory_is_that_optimum(gaussian, beta):
    _, values, _ = gaussian
    distortion, rate = optimum(values, beta)
    rates = theory.optimal_rates(values[:LATENT], SIGMA, np.array([beta]))
    assert rates.shape == (1, LATENT)
    assert rates.sum() == pytest.approx(rate)
    assert ((rates[0] > 0) == (values[:LATENT] > beta * SIGMA**2)).all()
    found = theory.optimal_distortion(values, LATENT, SIGMA, np.array([beta]))
    assert found[0] == pytest.approx(distortion)


def test_6_along_the_theory_s_optima_the_slope_is_minus_beta(gaussian):
    _, values, _ = gaussian
    for beta in (0.1, 1.0, 4.0, 20.0):
        betas = beta * np.array([0.999, 1.001])
        rate = theory.optimal_rates(values[:LATENT], SIGMA, betas).sum(1)
        distortion = theory.optimal_distortion(values, LATENT, SIGMA, betas)
        slope = (distortion[1] - distortion[0]) / (rate[1] - rate[0])
        assert slope == pytest.approx(-beta, rel=1e-4)


@torch.no_grad()
def achieved(model: MultiRateVAE, x: np.ndarray, beta: float) -> tuple[float, float]:
    """The model's distortion and rate, the expectation over z in closed form."""
    data = torch.from_numpy(x)
    condition = Condition(dial=torch.full((len(x),), math.log(beta), dtype=torch.float64))
    (level,) = model.encode(data, condition)
    at_mean = model.likelihood.nll(model.decode(level.mean, condition), data)
    unit = torch.eye(LATENT, dtype=torch.float64)
    one = Condition(dial=torch.full((LATENT,), math.log(beta), dtype=torch.float64))
    columns = model.decode(unit, one) - model.decode(torch.zeros_like(unit), one)  # (K, pixels)
    spread = (level.log_var.exp() @ columns.square().sum(1)).mean() / (2 * SIGMA**2)
    rate = model.rate_each((level,)).sum(1).mean()
    return float(at_mean + spread), float(rate)


@pytest.mark.parametrize("beta", [0.05, 0.3, 1.0, 3.0, 10.0, 20.0, 50.0])
def test_one_linear_multirate_vae_is_optimal_at_every_beta(linear, gaussian, beta):
    x, values, _ = gaussian
    distortion, rate = achieved(linear, x, beta)
    best_distortion, best_rate = optimum(values, beta)
    assert distortion == pytest.approx(best_distortion, abs=1e-3)
    assert rate == pytest.approx(best_rate, abs=1e-3)


def test_directions_collapse_one_after_the_other_as_beta_rises(linear, gaussian):
    x, values, _ = gaussian
    for beta in (1.0, 5.0, 10.0, 25.0, 60.0):
        data = torch.from_numpy(x)
        dial = torch.full((len(x),), math.log(beta), dtype=torch.float64)
        (level,) = linear.encode(data, Condition(dial=dial))
        kl = linear.rate_each((level,)).mean(0)
        assert ((kl > 1e-4).numpy() == (values[:LATENT] > beta * SIGMA**2)).all()


def test_along_the_optima_the_slope_of_distortion_over_rate_is_minus_beta(linear, gaussian):
    x, _, _ = gaussian
    for beta in (0.1, 1.0, 4.0):
        (d0, r0), (d1, r1) = (achieved(linear, x, beta * f) for f in (0.99, 1.01))
        assert (d1 - d0) / (r1 - r0) == pytest.approx(-beta, rel=0.01)


def test_training_moves_the_whole_range_of_beta_at_once():
    config = MultiRateConfig.checked({"latent": 2, "hidden": (32,)})
    dataset = small_data("images")
    model = models.build("multirate_vae", config, models.signature_of(dataset))
    first, *_, last = loop.train(model, dataset, QUICK.model_copy(update={"epochs": 30.0}))
    assert last.loss < first.loss
    gates = [p for name, p in model.named_parameters() if name.startswith("encoder.2.")]
    assert gates and any(float(p.detach().abs().max()) > 0 for p in gates)


def test_a_range_of_beta_that_is_upside_down_is_one_sentence():
    config = MultiRateConfig.checked({"beta_low": 5, "beta_high": 1})
    with pytest.raises(ConfigError, match=r"Highest β \(beta_high\) must be above the lowest, 5"):
        MultiRateVAE(config, Signature())
