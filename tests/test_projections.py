"""core.latent.projections: planes that decode exactly, and maps laid over each other."""

import warnings

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from core.latent import projections
from core.latent.projections import map_plane, native_plane, pca_plane, procrustes
from core.measures import metrics

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what the library says while it is imported
    import umap


def codes(count=200, latent=6, seed=0):
    generator = np.random.default_rng(seed)
    z = generator.normal(size=(count, latent)) * np.arange(latent, 0, -1)
    return z @ np.linalg.qr(generator.normal(size=(latent, latent)))[0] + 3


@pytest.mark.parametrize("latent", [2, 3, 6])
def test_a_point_of_the_map_is_one_latent(latent):
    z = codes(latent=latent)
    for plane in (map_plane(z), pca_plane(z), native_plane(latent)):
        assert plane.mean.shape == (latent,) and plane.basis.shape == (2, latent)
        np.testing.assert_allclose(plane.basis @ plane.basis.T, np.eye(2), atol=1e-12)
        points = np.random.default_rng(1).normal(size=(50, 2))
        np.testing.assert_allclose(plane.to_map(plane.to_latent(points)), points, atol=1e-12)
        on_plane = plane.to_latent(points)
        np.testing.assert_allclose(plane.to_latent(plane.to_map(on_plane)), on_plane, atol=1e-12)


def test_to_map_drops_what_lies_off_the_plane():
    plane = pca_plane(codes())
    off = np.linalg.svd(plane.basis)[2][2:]
    point = plane.to_latent(np.array([[1.0, -2.0]]))
    np.testing.assert_allclose(plane.to_map(point + 5 * off[:1]), [[1, -2]], atol=1e-12)


def test_pca_plane_is_scikit_learn_s():
    z = codes()
    fitted = PCA(2, svd_solver="full").fit(z)
    ours = pca_plane(z)
    np.testing.assert_allclose(ours.mean, fitted.mean_)
    np.testing.assert_allclose(np.abs(ours.to_map(z)), np.abs(fitted.transform(z)), atol=1e-9)
    spread = ours.to_map(z).var(0)
    assert spread[0] > spread[1]
    np.testing.assert_allclose(spread * 200 / 199, fitted.explained_variance_)


def test_pca_plane_has_one_orientation():
    z = codes()
    plane = pca_plane(z)
    assert (plane.basis[[0, 1], np.abs(plane.basis).argmax(1)] > 0).all()
    np.testing.assert_allclose(pca_plane(z[::-1]).basis, plane.basis)
    np.testing.assert_allclose(pca_plane(z.astype(np.float32)).basis, plane.basis, atol=1e-5)


def test_the_plane_of_collapsed_codes():
    plane = pca_plane(np.full((50, 4), 2.0))
    np.testing.assert_allclose(plane.basis @ plane.basis.T, np.eye(2))
    np.testing.assert_allclose(plane.to_latent(np.zeros((1, 2))), np.full((1, 4), 2.0))


def test_maps_are_native_up_to_two_dimensions():
    z = codes(latent=2)
    np.testing.assert_array_equal(map_plane(z).to_map(z), z)
    one = z[:, :1]
    points = map_plane(one).to_map(one)
    np.testing.assert_array_equal(points, np.hstack([one, 0 * one]))
    np.testing.assert_array_equal(map_plane(one).to_latent(points), one)
    three = codes(latent=3)
    np.testing.assert_array_equal(map_plane(three).basis, pca_plane(three).basis)


@pytest.mark.parametrize("mirrored", [False, True])
def test_procrustes_recovers_a_known_similarity(mirrored):
    points = np.random.default_rng(0).normal(size=(100, 2)) * [3, 1]
    angle = 0.7
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if mirrored:
        rotation = rotation @ np.diag([1, -1])
    onto = 2.5 * points @ rotation + [4, -7]
    found = procrustes(points, onto)
    np.testing.assert_allclose(found.rotation, rotation, atol=1e-12)
    assert np.linalg.det(found.rotation) == pytest.approx(-1 if mirrored else 1)
    assert found.scale == pytest.approx(2.5)
    np.testing.assert_allclose(found.shift, [4, -7], atol=1e-12)
    np.testing.assert_allclose(found(points), onto, atol=1e-12)


def test_procrustes_is_the_least_squares_similarity():
    generator = np.random.default_rng(0)
    points = generator.normal(size=(60, 2))
    onto = generator.normal(size=(60, 2)) + points @ [[0, 1.5], [-1.5, 0]]
    best = procrustes(points, onto)

    def error(alignment):
        return ((alignment(points) - onto) ** 2).sum()

    for step in (-0.05, 0.05):
        turn = np.array([[np.cos(step), -np.sin(step)], [np.sin(step), np.cos(step)]])
        for worse in (
            projections.Alignment(best.rotation @ turn, best.scale, best.shift),
            projections.Alignment(best.rotation, best.scale + step, best.shift),
            projections.Alignment(best.rotation, best.scale, best.shift + step),
        ):
            assert error(worse) > error(best)


def test_procrustes_of_collapsed_points():
    onto = np.random.default_rng(0).normal(size=(20, 2))
    found = procrustes(np.full((20, 2), 3.0), onto)
    assert found.scale == 1 and np.isfinite(found.shift).all()
    np.testing.assert_allclose(found(np.full((20, 2), 3.0)), np.tile(onto.mean(0), (20, 1)))


# --- UMAP and t-SNE -----------------------------------------------------------------------------


def groups(count=90, latent=5, seed=0):
    """Three far groups of codes, and which point is of which."""
    generator = np.random.default_rng(seed)
    label = np.arange(count) % 3
    return generator.normal(size=(count, latent)) + 40 * label[:, None], label


METHODS = {"umap": projections.umap, "tsne": projections.tsne}


@pytest.mark.parametrize("method", METHODS)
def test_layouts_are_the_library_s_seeded_and_tell_their_progress(method):
    z, label = groups()
    shares = []
    points = METHODS[method](z, 3, shares.append)
    assert points.shape == (90, 2) and points.dtype == np.float32
    assert metrics.neighbour_accuracy(points, label) == 1
    assert shares == sorted(shares) and len(set(shares)) > 2 and shares[-1] == 1
    bare = {
        "umap": lambda: umap.UMAP(n_neighbors=15, random_state=3, n_jobs=1),
        "tsne": lambda: TSNE(perplexity=30, init="pca", random_state=3),
    }[method]()
    np.testing.assert_array_equal(points, bare.fit_transform(z.astype(np.float32)))


@pytest.mark.parametrize(
    ("codes_", "reason", "sentence"),
    [
        (np.zeros((100, 0)), "shape", r"needs codes of shape \(count, K\)"),
        (np.zeros(100), "shape", r"needs codes of shape \(count, K\)"),
        (np.full((100, 2), np.nan), "finite", "needs finite codes"),
        (np.full((100, 2), np.inf), "finite", "needs finite codes"),
        (np.ones((100, 2)), "same", "all 100 codes are the same"),
        (groups(15)[0], "few", r"needs at least (16|31) points for its .*; there are 15"),
        (groups(1)[0], "few", "there are 1"),
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_codes_that_cannot_be_laid_out(method, codes_, reason, sentence):
    with pytest.raises(projections.ProjectionError, match=sentence) as raised:
        METHODS[method](codes_)
    assert raised.value.reason == reason
    assert {"umap": "UMAP", "tsne": "t-SNE"}[method] in str(raised.value)


@pytest.mark.parametrize(("method", "least"), [("umap", 16), ("tsne", 31)])
def test_as_few_points_as_are_allowed(method, least):
    assert np.isfinite(METHODS[method](groups(least)[0])).all()
    with pytest.raises(projections.ProjectionError, match=f"at least {least} points"):
        METHODS[method](groups(least - 1)[0])


def test_a_random_map_knows_nothing():
    points = projections.scattered(5000, 1)
    np.testing.assert_array_equal(points, projections.scattered(5000, 1))
    np.testing.assert_allclose(points.mean(0), 0, atol=4 / np.sqrt(5000))
    np.testing.assert_allclose(np.cov(points.T), np.eye(2), atol=0.1)
