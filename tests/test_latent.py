"""core.latent: encoding sets, walking through a latent space, and decoding what is found there."""

import numpy as np
import pytest
import torch

from core import latent, train
from core.models import VARIANTS
from tests.digits import cases, signature_of, small_config, small_data


def test_to_tensor_scales_only_bytes():
    bytes_ = np.array([[0, 51, 255]], np.uint8)
    assert torch.allclose(latent.to_tensor(bytes_), torch.tensor([[0, 0.2, 1]]))
    ratings = np.array([[0.0, 3.5, 5.0]])
    tensor = latent.to_tensor(ratings)
    assert tensor.dtype == torch.float32 and tensor.tolist() == ratings.tolist()
    assert latent.to_tensor(bytes_[:, ::-1]).shape == (1, 3)
    assert bytes_.tolist() == [[0, 51, 255]]


@pytest.mark.parametrize(("name", "changes"), cases())
def test_set_functions_are_the_model_s_own(name, changes):
    found = small_data(VARIANTS[name].capabilities.kinds[0])
    model = train.build(name, small_config(name, **changes), signature_of(found)).eval()
    x, label = latent.to_tensor(found.x), torch.from_numpy(found.labels)
    condition = model.condition(label)
    with torch.no_grad():
        levels = model.encode(x, condition)
        z = torch.cat([level.z for level in levels], 1)
        x_hat = model.mean(model.decode(z, condition))
    codes = latent.encode(model, found.x, found.labels, batch=33)
    np.testing.assert_allclose(codes.mean, z, atol=1e-5)
    assert codes.mean.dtype == np.float32
    if codes.log_var is not None:
        expected = torch.cat([level.log_var for level in levels], 1)
        np.testing.assert_allclose(codes.log_var, expected, atol=1e-5)
    decoded = latent.decode(model, codes.mean, found.labels, batch=33)
    np.testing.assert_allclose(decoded, x_hat, atol=1e-5)
    again = latent.reconstruct(model, found.x, found.labels, batch=33)
    np.testing.assert_allclose(again, x_hat, atol=1e-5)
    assert decoded.shape == found.x.shape and decoded.dtype == np.float32


def test_traverse_changes_one_dimension():
    z = np.array([1.0, 2.0, 3.0])
    walk = latent.traverse(z, 1, np.array([-1, 0, 1]))
    assert walk.tolist() == [[1, -1, 3], [1, 0, 3], [1, 1, 3]]
    assert z.tolist() == [1, 2, 3]


def test_interpolate_is_straight_and_keeps_both_ends():
    a, b = np.array([0.0, 4.0]), np.array([2.0, 0.0])
    walk = latent.interpolate(a, b, 5)
    np.testing.assert_allclose(walk, [[0, 4], [0.5, 3], [1, 2], [1.5, 1], [2, 0]])


def test_grid_reads_like_a_page():
    points = latent.grid(np.array([-1, -2]), np.array([1, 2]), 3)
    assert points.shape == (9, 2)
    assert points[0].tolist() == [-1, 2] and points[-1].tolist() == [1, -2]
    assert points[:3].tolist() == [[-1, 2], [0, 2], [1, 2]]
