"""core.measures.metrics and core.training.evaluate against numpy, scipy and scikit-learn."""

import math

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles
from sklearn.metrics import log_loss
from sklearn.neighbors import KNeighborsClassifier

from core import models
from core.latent import coding
from core.measures import metrics
from core.training.evaluate import evaluate
from tests.digits import signature_of, small_config, small_digits


def random(*shape, seed=0):
    return np.random.default_rng(seed).random(shape)


def test_squared_error_sums_over_pixels():
    x, x_hat = random(5, 1, 3, 4), random(5, 1, 3, 4, seed=1)
    each = metrics.squared_error_each(x, x_hat)
    assert each.shape == (5,)
    np.testing.assert_allclose(each, ((x - x_hat) ** 2).sum((1, 2, 3)))
    ones = np.ones((2, 784), np.float32)
    assert metrics.squared_error_each(ones, 0 * ones).tolist() == [784, 784]


def test_mean_image_error_is_the_total_variance():
    x = random(50, 1, 3, 4)
    total = x.reshape(50, -1).var(0).sum()
    assert metrics.mean_image_error(x) == pytest.approx(total)
    elsewhere = metrics.mean_image_error(x, np.zeros((1, 3, 4)))
    assert elsewhere == pytest.approx((x**2).sum() / 50)
    assert elsewhere > total


def test_bernoulli_floor_is_the_least_cross_entropy():
    x = random(20, 1, 2, 3)
    floor = metrics.bernoulli_floor(x)
    assert floor == pytest.approx(metrics.bernoulli_cross_entropy(x, x))
    for other in (x.mean(0), 0.5, np.clip(x + 0.01, 0, 1)):
        assert metrics.bernoulli_cross_entropy(x, other) > floor
    assert metrics.bernoulli_floor(np.round(x)) == 0


def test_bernoulli_cross_entropy_sums_over_pixels():
    x, p = np.round(random(20, 6)), random(20, 6, seed=1)
    expected = 6 * log_loss(x.ravel(), p.ravel())
    assert metrics.bernoulli_cross_entropy(x, p) == pytest.approx(expected)
    assert metrics.bernoulli_cross_entropy(np.ones((3, 784)), 0.5) == pytest.approx(784 * np.log(2))
    assert np.isfinite(metrics.bernoulli_cross_entropy(np.ones((1, 2)), 0.0))


def test_a_dimension_is_active_from_its_least_nats_on():
    kl = np.array([[0.0, 0.05, 3.0], [0.0499, 0.01, 0.0]])
    assert metrics.active_dimensions(kl).tolist() == [2, 0]
    assert metrics.active_dimensions(kl[0]) == 2


def test_active_units():
    means = np.stack([np.linspace(-1, 1, 50), np.full(50, 3.0), 0.05 * random(50)], 1)
    assert metrics.active_units(means) == 1
    assert metrics.active_units(means, threshold=1e-6) == 2


def test_principal_angles():
    a, b = random(10, 3) - 0.5, random(10, 3, seed=1) - 0.5
    np.testing.assert_allclose(
        metrics.principal_angles(a, b), np.sort(subspace_angles(a, b)), atol=1e-7
    )
    mixed = a @ (random(3, 3, seed=2) + np.eye(3))
    assert metrics.principal_angles(a, mixed).max() < 1e-6
    across = metrics.principal_angles(np.eye(4)[:, :2], np.eye(4)[:, 2:])
    np.testing.assert_allclose(across, np.pi / 2)


def test_random_angles_are_those_of_random_pairs():
    angles = metrics.random_angles(12, 3, draws=400)
    assert angles.shape == (3,) and (np.diff(angles) > 0).all()
    generator = np.random.default_rng(7)
    pairs = [np.sort(subspace_angles(*generator.standard_normal((2, 12, 3)))) for _ in range(400)]
    spread = np.std(pairs, axis=0) * np.sqrt(2 / 400)
    assert (np.abs(angles - np.mean(pairs, axis=0)) < 4 * spread).all()
    np.testing.assert_array_equal(metrics.random_angles(12, 3, draws=400), angles)
    # Two lines in n dimensions: the angle's density is proportional to its sine to the n - 2.
    at = np.linspace(0, np.pi / 2, 20001)
    weight = np.sin(at) ** 3
    alone = metrics.random_angles(5, 1, seed=1, draws=4000)[0]
    assert alone == pytest.approx((at * weight).sum() / weight.sum(), abs=4 * 0.3 / np.sqrt(4000))
    np.testing.assert_allclose(metrics.random_angles(4, 4), 0, atol=1e-6)


def test_random_angles_are_means_over_their_draws():
    generator = np.random.default_rng(3)
    axes = np.eye(7)[:, :2]
    each = [subspace_angles(axes, generator.standard_normal((7, 2)))[::-1] for _ in range(5)]
    np.testing.assert_allclose(metrics.random_angles(7, 2, seed=3, draws=5), np.mean(each, 0))


@pytest.mark.parametrize("latent", [0, 5])
def test_random_angles_need_a_subspace(latent):
    with pytest.raises(ValueError, match="1 to 4 dimensions"):
        metrics.random_angles(4, latent)


def test_neighbour_accuracy_leaves_one_out():
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 40)
    codes = generator.normal(size=(120, 2)) + 2 * labels[:, None]
    hits = 0
    for i in range(120):
        rest = np.arange(120) != i
        voters = KNeighborsClassifier(5).fit(codes[rest], labels[rest])
        hits += voters.predict(codes[i : i + 1])[0] == labels[i]
    ours = metrics.neighbour_accuracy(codes, labels)
    assert ours == pytest.approx(hits / 120)
    assert 0.6 < ours < 1


def test_neighbour_accuracy_of_a_collapsed_code_has_no_vote_of_its_own():
    labels = np.arange(30)
    assert metrics.neighbour_accuracy(np.zeros((30, 2)), labels, k=1) == 0


@pytest.mark.parametrize("name", ["pca", "stacked_ae", "vae"])
def test_evaluate(name):
    digits = small_digits()
    model = models.build(name, small_config(name), signature_of(digits)).eval()
    scores = evaluate(model, digits.x)
    x = digits.x / 255
    error = ((x - coding.reconstruct(model, digits.x)) ** 2).sum((1, 2, 3)).mean()
    assert scores["squared_error"] == pytest.approx(error, rel=1e-5)
    assert scores["squared_error_mean_image"] == pytest.approx(
        x.reshape(100, -1).var(0).sum(), rel=1e-5
    )
    assert ("rate" in scores) == model.capabilities.has_posterior
    assert evaluate(model, x.astype(np.float32)) == pytest.approx(scores, rel=1e-5)
    assert evaluate(model, digits.x) == scores


def test_evaluate_hangs_on_its_seed_only_where_it_draws():
    digits = small_digits()
    model = models.build("vae", small_config("vae"), signature_of(digits)).eval()
    first, other = evaluate(model, digits.x), evaluate(model, digits.x, seed=1)
    assert first["squared_error"] == other["squared_error"] and first["rate"] == other["rate"]
    assert first["elbo_binary"] != other["elbo_binary"]


def test_batches_do_not_change_the_scores():
    digits = small_digits()
    model = models.build("vae", small_config("vae"), signature_of(digits)).eval()
    np.testing.assert_allclose(
        coding.reconstruct(model, digits.x, batch=7), coding.reconstruct(model, digits.x), atol=1e-6
    )
    codes = coding.encode(model, digits.x, batch=7)
    np.testing.assert_allclose(codes.mean, coding.encode(model, digits.x).mean, atol=1e-6)
    assert codes.log_var.shape == codes.mean.shape == (100, 3)


# --- How far a map can be trusted ---------------------------------------------------------------


def rank_loss(of, against, k):
    """Venna and Kaski's penalty written out: for each point, neighbours in `of` that are none in
    `against`, by how far down its list they stand there."""
    count = len(of)
    a = ((of[:, None] - of[None]) ** 2).sum(-1)
    b = ((against[:, None] - against[None]) ** 2).sum(-1)
    loss = 0
    for i in range(count):
        others = [j for j in range(count) if j != i]
        near_a = sorted(others, key=lambda j: a[i, j])[:k]
        order_b = sorted(others, key=lambda j: b[i, j])
        loss += sum(max(0, order_b.index(j) + 1 - k) for j in near_a)
    return 1 - 2 * loss / (count * k * (2 * count - 3 * k - 1))


def test_map_scores_are_venna_and_kaski_s():
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (40, 1, 4, 4), dtype=np.uint8)
    labels = np.arange(40) % 3
    points = generator.normal(size=(40, 2)) + labels[:, None]
    scores = metrics.map_scores(points, images, labels, k=5)
    flat = images.reshape(40, -1).astype(float)
    assert scores["trustworthiness"] == pytest.approx(rank_loss(points, flat, 5))
    assert scores["continuity"] == pytest.approx(rank_loss(flat, points, 5))
    assert scores["agreement"] == metrics.neighbour_accuracy(points, labels, 5)


def test_a_perfect_map_scores_one():
    points = np.random.default_rng(0).normal(size=(60, 2))
    scores = metrics.map_scores(points, points)
    assert scores == {"trustworthiness": pytest.approx(1), "continuity": pytest.approx(1)}


def test_map_scores_of_few_points_and_unknown_labels():
    points = np.random.default_rng(0).normal(size=(50, 2))
    for count in (0, 1, 2, 3, 21, 49):
        assert metrics.map_scores(points[:count], points[:count]) == {}
    assert set(metrics.map_scores(points[:10], points[:10], k=2)) == {
        "trustworthiness",
        "continuity",
    }
    unknown = np.full(50, -1)
    assert "agreement" not in metrics.map_scores(points, points, unknown)
    assert "agreement" not in metrics.map_scores(points, points, np.zeros(50, int))
    some = np.where(np.arange(50) < 20, np.arange(50) % 2, -1)
    expected = metrics.neighbour_accuracy(points[:20], some[:20], 10)
    assert metrics.map_scores(points, points, some)["agreement"] == expected


def test_trivial_scores():
    x = np.array([[0, 255, 51], [0, 255, 153]], np.uint8)
    bernoulli = metrics.trivial_scores(x)
    assert bernoulli["squared_error"] == pytest.approx(0.04)
    entropy = -0.4 * math.log(0.4) - 0.6 * math.log(0.6)
    assert bernoulli["elbo_binary"] == pytest.approx(-entropy)
    gaussian = metrics.trivial_scores(x, sigma=0.5)
    densities = torch.distributions.Normal(torch.tensor([0.0, 1.0, 0.4]), 0.5)
    expected = densities.log_prob(torch.from_numpy(x / 255)).sum(1).mean()
    assert gaussian["elbo"] == pytest.approx(float(expected), abs=1e-5)


def test_the_frechet_distance_of_gaussians_that_are_known():
    x = np.random.default_rng(1).normal(size=(4000, 3))
    assert metrics.frechet_distance(x, x) == pytest.approx(0, abs=1e-9)
    assert metrics.frechet_distance(x, x + [3, 0, 4]) == pytest.approx(25, rel=1e-6)
    # Covariance S beside 4S: tr(S + 4S − 2·2S) = tr S, also where a direction is never left.
    flat = x * [1, 2, 0]
    expected = np.trace(np.cov(flat, rowvar=False))
    assert metrics.frechet_distance(flat, 2 * flat - flat.mean(0)) == pytest.approx(expected)
