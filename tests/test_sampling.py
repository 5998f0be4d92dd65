"""Sampling: the mixture against scikit-learn's, draws against their own law, bad codes."""

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from core.latent import sampling
from core.latent.sampling import Mixture, SamplingError, box, fit_mixture, sample_box


def clusters(count=600, latent=3, seed=0):
    generator = np.random.default_rng(seed)
    centres = 6 * generator.standard_normal((4, latent))
    spread = generator.standard_normal((4, latent, latent)) / 2
    chosen = generator.integers(0, 4, count)
    noise = generator.standard_normal((count, latent))
    return (centres[chosen] + np.einsum("nij,nj->ni", spread[chosen], noise)).astype(np.float32)


def test_the_mixture_is_scikit_learn_s():
    codes = clusters()
    centre = codes.astype(np.float64).mean(0)
    found = fit_mixture(codes, seed=3, components=4)
    reference = GaussianMixture(
        4, reg_covar=1e-6 * codes.astype(np.float64).var(0).mean(), n_init=3, random_state=3
    ).fit(codes - centre)
    np.testing.assert_allclose(found.weights, reference.weights_, rtol=1e-6)
    np.testing.assert_allclose(found.means, reference.means_ + centre, rtol=1e-6, atol=1e-9)
    assert np.allclose(np.triu(found.factors, 1), 0)
    assert (np.diagonal(found.factors, axis1=1, axis2=2) > 0).all()
    np.testing.assert_allclose(
        found.factors @ found.factors.transpose(0, 2, 1), reference.covariances_, rtol=1e-6
    )
    there = np.concatenate([codes[:50], codes[:50] + 3])
    np.testing.assert_allclose(
        found.log_density(there), reference.score_samples(there - centre), rtol=1e-6
    )


def test_the_density_integrates_to_one():
    found = fit_mixture(clusters(latent=2), components=4)
    low, high = found.means.min(0) - 12, found.means.max(0) + 12
    axes = [np.linspace(a, b, 600) for a, b in zip(low, high, strict=True)]
    points = np.stack(np.meshgrid(*axes), -1).reshape(-1, 2)
    cell = np.prod([axis[1] - axis[0] for axis in axes])
    assert np.exp(found.log_density(points)).sum() * cell == pytest.approx(1, abs=1e-3)


def test_a_seed_fixes_fit_and_draws():
    codes = clusters()
    first, second = (fit_mixture(codes, seed=1) for _ in range(2))
    for name, array in first.arrays().items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, second.arrays()[name])
    draws = [first.sample(7, np.random.default_rng(5)) for _ in range(2)]
    np.testing.assert_array_equal(*draws)
    assert not np.array_equal(draws[0], first.sample(7, np.random.default_rng(6)))
    assert len(first.weights) == sampling.COMPONENTS == len(first.means)


def within_errors(draws, mean, covariance):
    """Mean and covariance of draws (count, K) within five standard errors of what they must be."""
    count = len(draws)
    variances = np.diag(covariance)
    assert (np.abs(draws.mean(0) - mean) <= 5 * np.sqrt(variances / count)).all()
    centred = draws - mean
    products = centred[:, :, None] * centred[:, None]
    errors = products.std(0) / np.sqrt(count)
    assert (np.abs(products.mean(0) - covariance) <= 5 * errors).all()


def test_draws_have_the_moments_of_their_law():
    found = fit_mixture(clusters(), components=4)
    covariances = found.factors @ found.factors.transpose(0, 2, 1)
    mean = found.weights @ found.means
    second = np.einsum("ci,cj->cij", found.means, found.means) + covariances
    total = np.einsum("c,cij->ij", found.weights, second) - np.outer(mean, mean)
    generator = np.random.default_rng(0)
    draws = found.sample(40_000, generator)
    assert draws.shape == (40_000, 3) and draws.dtype == np.float32
    within_errors(draws.astype(np.float64), mean, total)
    low, high = np.array([-1.0, 2.0]), np.array([3.0, 2.5])
    draws = sample_box(40_000, low, high, generator).astype(np.float64)
    assert (draws >= low).all() and (draws <= high).all()
    within_errors(draws, (low + high) / 2, np.diag((high - low) ** 2 / 12))


def test_what_is_kept_of_a_mixture_makes_it_again():
    found = fit_mixture(clusters(), components=4)
    again = Mixture(**found.arrays())
    np.testing.assert_allclose(
        again.sample(20, np.random.default_rng(0)),
        found.sample(20, np.random.default_rng(0)),
        atol=1e-4,
    )


@pytest.mark.parametrize(
    ("codes", "components"),
    [
        (np.ones((1, 3)), 1),
        (np.ones((1, 1)), 1),
        (np.full((50, 2), 1e4), 1),
        (np.repeat([[0.0, 0.0], [1.0, 2.0]], 20, 0), 1),
        (clusters(count=9), 2),  # over K = 3 codes for each component
        (clusters(count=600) * [1, 1, 0], 10),
    ],
)
def test_few_or_identical_codes_give_a_smaller_mixture(codes, components):
    found = fit_mixture(codes)
    assert len(found.weights) == components
    draws = found.sample(100, np.random.default_rng(0))
    assert np.isfinite(draws).all()
    low, high = box(codes)
    reach = 6 * codes.std(0) + 0.02
    assert (draws >= low - reach).all() and (draws <= high + reach).all()


@pytest.mark.parametrize(
    ("codes", "sentence"),
    [
        (np.array([[0.0, np.nan], [1.0, 2.0]]), "1 of 2 codes are not finite numbers."),
        (np.full((3, 2), np.inf), "3 of 3 codes are not finite numbers."),
        (np.zeros((0, 2)), "Codes must have the shape (count, K), both at least 1: (0, 2)."),
        (np.zeros(5), "Codes must have the shape (count, K), both at least 1: (5,)."),
    ],
)
def test_codes_that_nothing_fits(codes, sentence):
    for use in (fit_mixture, box):
        with pytest.raises(SamplingError) as error:
            use(codes)
        assert str(error.value) == sentence
