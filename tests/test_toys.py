"""core.data.toys: a density with a known score, and what a denoising network must learn of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core import data
from core.data import DataError, toys
from core.store import loading

SIGMAS = (0.0, 0.03, 0.1, 0.3)


@pytest.fixture(scope="module")
def anywhere():
    return np.random.default_rng(3).uniform(0, 1, (200, 2))


# --- The density --------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", SIGMAS)
def test_the_score_is_the_slope_of_the_log_density(anywhere, sigma):
    density, step = toys.arc(), 1e-5
    slope = np.stack(
        [
            (
                density.log_density(anywhere + step * axis, sigma)
                - density.log_density(anywhere - step * axis, sigma)
            )
            / (2 * step)
            for axis in np.eye(2)
        ],
        1,
    )
    np.testing.assert_allclose(density.score(anywhere, sigma), slope, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("sigma", [0.03, 0.1])
def test_the_corrupted_density_integrates_to_one_and_is_the_convolution(sigma):
    density = toys.arc()
    side = np.linspace(-0.5, 1.5, 201)
    grid = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
    mass = np.exp(density.log_density(grid, sigma)).sum() * (side[1] - side[0]) ** 2
    assert mass == pytest.approx(1, abs=1e-3)
    at = np.array([[0.8, 0.6], [0.5, 0.9]])
    noise = sigma * np.random.default_rng(0).standard_normal((30_000, 2))
    draws = np.array([np.exp(density.log_density(point - noise)) for point in at])
    error = draws.std(1) / np.sqrt(draws.shape[1])
    assert np.all(np.abs(np.exp(density.log_density(at, sigma)) - draws.mean(1)) < 4 * error)


def test_one_gaussian_s_best_answer_is_the_textbook_s(anywhere):
    """μ + Σ(Σ + σ²I)⁻¹(x̃ − μ) for N(μ, Σ) data."""
    mu, width, sigma = np.array([0.4, 0.7]), 0.2, 0.3
    covariance = width**2 * np.eye(2)
    gain = covariance @ np.linalg.inv(covariance + sigma**2 * np.eye(2))
    expected = mu + (anywhere - mu) @ gain.T
    answer = toys.Mixture(mu[None], width).denoised(anywhere, sigma)
    np.testing.assert_allclose(answer, expected, atol=1e-12)


def test_no_answer_has_a_smaller_error_than_the_best_one():
    density, sigma = toys.arc(), 0.15
    clean = density.sample(20_000, 1)
    corrupted = clean + sigma * np.random.default_rng(2).standard_normal(clean.shape)
    best = density.denoised(corrupted, sigma)

    def error(answer):
        return ((answer - clean) ** 2).sum(1).mean()

    nudged = [best + shift for shift in ([0.02, 0], [0, -0.02])]
    others = [corrupted, *nudged, corrupted + 0.9 * (best - corrupted), density.means.mean(0)]
    assert all(error(best) < error(other) for other in others)


# --- The data set -------------------------------------------------------------------------------


def test_the_data_set_is_drawn_from_the_density():
    train_set, test_set = data.load(toys.CURVE_2D), data.load(toys.CURVE_2D, "test")
    assert (train_set.shape, len(train_set), len(test_set)) == ((1, 1, 2), 5000, 1000)
    assert train_set.fingerprint == toys.curve_2d.__wrapped__("train").fingerprint
    points = data.load(toys.CURVE_2D, "all").x.reshape(-1, 2) / 255
    np.testing.assert_allclose(points, toys.arc().sample(6000).clip(0, 1), atol=0.5 / 255 + 1e-9)
    assert points.min() > 0 and points.max() < 1  # nothing is cut off at the edge
    assert not data.may_share(toys.CURVE_2D, "train", toys.CURVE_2D, "test")


def test_the_data_set_by_name():
    found = data.describe(toys.CURVE_2D)
    assert (found.here, found.must_download, found.count) == (True, False, 6000)
    assert found.splits == ("all", "train", "test")
    assert toys.CURVE_2D in data.names()
    with pytest.raises(DataError, match="unknown split of curve-2d 'tset' .did you mean 'test'"):
        data.load(toys.CURVE_2D, "tset")
    with pytest.raises(DataError, match="nothing to download"):
        data.download(toys.CURVE_2D)


# --- Two fields of arrows -----------------------------------------------------------------------


def test_agreement_of_fields_that_are_known():
    best = np.array([[1.0, 0.0], [0.0, 3.0]])
    assert toys.agreement(2 * best, best) == pytest.approx({"cosine": 1, "angle": 0}, abs=1e-6)
    assert toys.agreement(-best, best) == pytest.approx({"cosine": -1, "angle": 180}, abs=1e-6)
    turned = np.array([[0.0, 1.0], [0.0, 3.0]])  # the shorter arrow by a right angle
    assert toys.agreement(turned, best) == pytest.approx({"cosine": 0.9, "angle": 22.5})


# --- What networks learn (truths 8) -------------------------------------------------------------


def field(model, points, sigma):
    """A network's arrows at corrupted points (count, 2)."""
    x = torch.tensor(points, dtype=torch.float32).reshape(-1, 1, 1, 2)
    with torch.no_grad():
        told = model.condition(x, dial=torch.full((len(x),), float(sigma)))
        return model.reconstruct(x, told).reshape(-1, 2).numpy() - points


def test_the_shipped_level_conditional_dae_has_learned_the_score_at_every_level(shipped):
    """Against the analytic score, and against what a model that points at the middle would get."""
    (run,) = [run for run in shipped.values() if "toy" in run.record.roles]
    model, density = loading.load_model(run), toys.arc()
    clean = density.sample(400, 5)
    noise = np.random.default_rng(6).standard_normal(clean.shape)
    for sigma, least in ((0.05, 0.8), (0.1, 0.9), (0.15, 0.95), (0.3, 0.98)):
        corrupted = clean + sigma * noise
        best = sigma**2 * density.score(corrupted, sigma)
        found = toys.agreement(field(model, corrupted, sigma), best)
        trivial = toys.agreement(density.means.mean(0) - corrupted, best)
        assert found["cosine"] > max(least, trivial["cosine"]), (sigma, found, trivial)
        assert found["angle"] < trivial["angle"]


def linear_dae(corrupted, clean):
    """A linear denoiser (bias included) fitted by gradient steps on the squared error of
    core.measures.losses: (size + 1, size). Columns of the input are whitened so that it
    converges fast."""
    from core.measures import losses

    inputs = torch.cat([corrupted, torch.ones(len(corrupted), 1, dtype=corrupted.dtype)], 1)
    layer = torch.nn.Linear(inputs.shape[1], clean.shape[1], bias=False, dtype=inputs.dtype)
    optimiser = torch.optim.LBFGS(
        layer.parameters(), max_iter=200, line_search_fn="strong_wolfe", tolerance_grad=1e-10
    )

    def closure():
        optimiser.zero_grad()
        loss = losses.squared_error(layer(inputs), clean)
        loss.backward()
        return loss

    optimiser.step(closure)
    return layer.weight.detach().T


def test_a_linear_dae_under_masking_reaches_its_closed_form():
    """E[xx̃ᵀ]E[x̃x̃ᵀ]⁻¹, with both expectations over the mask known exactly."""
    from core.measures.noise import masking

    generator = torch.Generator().manual_seed(0)
    size, level = 5, 0.3
    mixing = torch.randn(size, size, generator=generator, dtype=torch.float64)
    clean = torch.randn(400, size, generator=generator, dtype=torch.float64) @ mixing + 0.5
    copies = clean.repeat(500, 1)
    corrupted = masking(copies, level, generator)
    weight = linear_dae(corrupted, copies)[:size].T  # without the constant input's row

    # The constant input makes both second moments central: shares of x survive with 1 − level.
    keep = 1 - level
    mean = clean.mean(0)
    covariance = (clean - mean).T @ (clean - mean) / len(clean)
    second = (clean**2).mean(0)
    cross = keep * covariance  # Cov(x, x̃)
    inner = keep**2 * covariance
    inner.diagonal().copy_(keep * second - keep**2 * mean**2)  # Cov(x̃)
    expected = cross @ torch.linalg.inv(inner)
    np.testing.assert_allclose(weight.numpy(), expected.numpy(), atol=0.02)

    empirical = (
        torch.linalg.lstsq(
            torch.cat([corrupted, torch.ones(len(corrupted), 1, dtype=torch.float64)], 1), copies
        )
        .solution[:size]
        .T
    )
    np.testing.assert_allclose(weight.numpy(), empirical.numpy(), atol=1e-4)


def test_a_linear_dae_under_gaussian_noise_reaches_the_best_answer():
    """For N(μ, Σ) data the best answer is linear: μ + Σ(Σ + σ²I)⁻¹(x̃ − μ)."""
    from core.measures.noise import gaussian

    generator = torch.Generator().manual_seed(1)
    mu = torch.tensor([0.3, -0.2, 0.5], dtype=torch.float64)
    mixing = torch.randn(3, 3, generator=generator, dtype=torch.float64)
    covariance, sigma = mixing.T @ mixing, 0.8
    clean = mu + torch.randn(200_000, 3, generator=generator, dtype=torch.float64) @ mixing
    found = linear_dae(gaussian(clean, sigma, generator), clean)
    gain = covariance @ torch.linalg.inv(covariance + sigma**2 * torch.eye(3, dtype=torch.float64))
    np.testing.assert_allclose(found[:3].T.numpy(), gain.numpy(), atol=0.02)
    np.testing.assert_allclose(found[3].numpy(), (mu - gain @ mu).numpy(), atol=0.02)
