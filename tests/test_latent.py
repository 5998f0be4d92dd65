"""Codes: encoding sets, walking through a latent space, and decoding what is found there."""

import numpy as np
import pytest
import torch

from core import models
from core.latent import coding
from core.models import VARIANTS
from core.models.signals import Level
from core.training.evaluate import rate_distortion
from tests.digits import cases, signature_of, small_config, small_data


def test_to_tensor_scales_only_bytes():
    bytes_ = np.array([[0, 51, 255]], np.uint8)
    assert torch.allclose(coding.to_tensor(bytes_), torch.tensor([[0, 0.2, 1]]))
    ratings = np.array([[0.0, 3.5, 5.0]])
    tensor = coding.to_tensor(ratings)
    assert tensor.dtype == torch.float32 and tensor.tolist() == ratings.tolist()
    assert coding.to_tensor(bytes_[:, ::-1]).shape == (1, 3)
    assert bytes_.tolist() == [[0, 51, 255]]


@pytest.mark.parametrize(("name", "changes"), cases())
def test_set_functions_are_the_model_s_own(name, changes):
    found = small_data(VARIANTS[name].capabilities.kinds[0])
    model = models.build(name, small_config(name, **changes), signature_of(found)).eval()
    x, label = coding.to_tensor(found.x), torch.from_numpy(found.labels)
    condition = model.condition(x, label)
    with torch.no_grad():
        levels = model.encode(x, condition)
        z = torch.cat([level.z for level in levels], 1)
        x_hat = model.mean(model.decode(z, condition))
    codes = coding.encode(model, found.x, found.labels, batch=33)
    np.testing.assert_allclose(codes.mean, z, atol=1e-5)
    assert codes.mean.dtype == np.float32
    if codes.log_var is not None:
        expected = torch.cat([level.log_var for level in levels], 1)
        np.testing.assert_allclose(codes.log_var, expected, atol=1e-5)
    decoded = coding.decode(model, codes.mean, found.labels, batch=33, x=found.x)
    np.testing.assert_allclose(decoded, x_hat, atol=1e-5)
    again = coding.reconstruct(model, found.x, found.labels, batch=33)
    np.testing.assert_allclose(again, x_hat, atol=1e-5)
    assert decoded.shape == found.x.shape and decoded.dtype == np.float32


def test_a_point_has_no_prior_no_rate_and_no_spread():
    found = small_data("images", 5)
    plain = models.build("stacked_ae", small_config("stacked_ae"), signature_of(found)).eval()
    with pytest.raises(ValueError, match="Draws need a prior"):
        coding.sample(plain, 3)
    with pytest.raises(ValueError, match="Rate and distortion need a posterior"):
        rate_distortion(plain, found.x)
    z = torch.zeros(2, 3)
    for point in (Level(z), Level(z, mean=z), Level(z, log_var=z)):
        with pytest.raises(ValueError, match="no Gaussian posterior"):
            _ = point.gaussian
    mean, log_var = Level(z, z + 1, z + 2).gaussian
    assert (mean == 1).all() and (log_var == 2).all()


def test_traverse_changes_one_dimension():
    z = np.array([1.0, 2.0, 3.0])
    walk = coding.traverse(z, 1, np.array([-1, 0, 1]))
    assert walk.tolist() == [[1, -1, 3], [1, 0, 3], [1, 1, 3]]
    assert z.tolist() == [1, 2, 3]


def test_interpolate_is_straight_and_keeps_both_ends():
    a, b = np.array([0.0, 4.0]), np.array([2.0, 0.0])
    walk = coding.interpolate(a, b, 5)
    np.testing.assert_allclose(walk, [[0, 4], [0.5, 3], [1, 2], [1.5, 1], [2, 0]])


def test_grid_reads_like_a_page():
    points = coding.grid(np.array([-1, -2]), np.array([1, 2]), 3)
    assert points.shape == (9, 2)
    assert points[0].tolist() == [-1, 2] and points[-1].tolist() == [1, -2]
    assert points[:3].tolist() == [[-1, 2], [0, 2], [1, 2]]


# --- Great circle, arithmetic, equally probable grid ---------------------------------------------


def test_great_circle_turns_evenly_and_keeps_both_ends():
    a, b = np.array([2.0, 0, 0]), np.array([0, 4.0, 0])
    walk = coding.great_circle(a, b, 7)
    np.testing.assert_allclose(walk[[0, -1]], [a, b], atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(walk, axis=1), np.linspace(2, 4, 7))
    np.testing.assert_allclose(
        np.degrees(np.arctan2(walk[:, 1], walk[:, 0])), np.linspace(0, 90, 7), atol=1e-9
    )
    assert (walk[:, 2] == 0).all()


def test_great_circle_is_the_formula_of_the_paper():
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, 16))
    u, v = a / np.linalg.norm(a), b / np.linalg.norm(b)
    angle = np.arccos(u @ v)
    for t, z in zip(np.linspace(0, 1, 9), coding.great_circle(a, b, 9), strict=True):
        slerp = (np.sin((1 - t) * angle) * u + np.sin(t * angle) * v) / np.sin(angle)
        norm = (1 - t) * np.linalg.norm(a) + t * np.linalg.norm(b)
        np.testing.assert_allclose(z, norm * slerp, atol=1e-12)
    nearest = np.linalg.norm(coding.interpolate(a, b, 9), axis=1).min()
    assert nearest < min(np.linalg.norm(a), np.linalg.norm(b))


def test_great_circle_around_another_centre_is_moved_with_it():
    generator = np.random.default_rng(1)
    a, b, centre = generator.normal(size=(3, 5))
    np.testing.assert_allclose(
        coding.great_circle(a + centre, b + centre, 6, centre),
        coding.great_circle(a, b, 6) + centre,
        atol=1e-12,
    )


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([0, 0], [1, 2]),
        ([1, 2], [0, 0]),
        ([0, 0], [0, 0]),
        ([1, 2], [3, 6]),
        ([1, 2], [1, 2]),
        ([1], [-2]),
    ],
)
def test_great_circle_without_a_turn_is_the_line(a, b):
    a, b = np.array(a, float), np.array(b, float)
    np.testing.assert_allclose(
        coding.great_circle(a, b, 5), coding.interpolate(a, b, 5), atol=1e-12
    )


def test_great_circle_between_opposite_ends_goes_over_the_least_axis():
    walk = coding.great_circle(np.array([3.0, 1.0, 1.0]), np.array([-3.0, -1.0, -1.0]), 5)
    np.testing.assert_allclose(np.linalg.norm(walk, axis=1), np.sqrt(11))
    np.testing.assert_allclose(walk[[0, -1]], [[3, 1, 1], [-3, -1, -1]], atol=1e-12)
    expected = np.array([-3, 10, -1]) / np.sqrt(110) * np.sqrt(11)
    np.testing.assert_allclose(walk[2], expected, atol=1e-12)


def test_analogy():
    a, b, c = np.array([1.0, 2]), np.array([5.0, 5]), np.array([6.0, 3])
    assert coding.analogy(a, b, c).tolist() == [2, 0]
    assert coding.analogy(a, b, c, 0).tolist() == a.tolist()
    assert coding.analogy(a, b, c, 2).tolist() == [3, -2]
    assert coding.analogy(a, b, b).tolist() == a.tolist()


def test_prior_grid_is_equally_probable():
    points = coding.prior_grid(5)
    assert points.shape == (25, 2)
    assert points[0, 0] < 0 < points[0, 1] and points[12].tolist() == [0, 0]
    np.testing.assert_allclose(points[20], [-1.2815515655446004] * 2)
    shares = torch.special.ndtr(torch.from_numpy(points)).numpy()
    np.testing.assert_allclose(shares[:5, 0], [0.1, 0.3, 0.5, 0.7, 0.9])
    np.testing.assert_allclose(shares[::5, 1], [0.9, 0.7, 0.5, 0.3, 0.1])
