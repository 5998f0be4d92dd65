"""Noise: each corruption at the rate that it states, repeatable, and never of the target."""

import math

import pytest
import torch

from core import models
from core.measures import noise
from core.models import VARIANTS
from core.models.signals import Signature
from tests.digits import small_config

COUNT = 400 * 784


def grey(value=0.5):
    return torch.full((400, 1, 28, 28), value)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def within(share, expected, errors=4.0):
    return abs(share - expected) <= errors * math.sqrt(expected * (1 - expected) / COUNT)


@pytest.mark.parametrize("level", [0.05, 0.3, 0.7])
def test_salt_and_pepper_rates(level):
    out = noise.salt_and_pepper(grey(), level, generator())
    assert set(out.unique().tolist()) == {0.0, 0.5, 1.0}
    assert within((out != 0.5).float().mean().item(), level)
    assert within((out == 0).float().mean().item(), level / 2)
    assert within((out == 1).float().mean().item(), level / 2)


@pytest.mark.parametrize("level", [0.05, 0.3, 0.7])
def test_masking_rates(level):
    out = noise.masking(grey(), level, generator())
    assert set(out.unique().tolist()) == {0.0, 0.5}
    assert within((out == 0).float().mean().item(), level)


@pytest.mark.parametrize("level", [0.1, 0.5, 1.0])
def test_gaussian_mean_and_variance(level):
    difference = noise.gaussian(grey(), level, generator()) - 0.5
    assert abs(difference.mean().item()) < 4 * level / math.sqrt(COUNT)
    assert abs(difference.var().item() - level**2) < 4 * level**2 * math.sqrt(2 / COUNT)
    if level == 1.0:
        assert difference.min() < -0.5 and difference.max() > 0.5, "it was clipped"


def test_pixels_are_corrupted_independently():
    out = (noise.masking(grey(), 0.5, generator()) == 0).double().flatten(1)
    neighbours = torch.corrcoef(torch.stack([out[:, :-1].flatten(), out[:, 1:].flatten()]))[0, 1]
    assert abs(neighbours) < 4 / math.sqrt(COUNT)


@pytest.mark.parametrize("name", noise.CORRUPTIONS)
def test_repeatable_and_pure(name):
    corrupt, x = noise.CORRUPTIONS[name], grey()
    first, again = corrupt(x, 0.3, generator(1)), corrupt(x, 0.3, generator(1))
    assert torch.equal(first, again) and first.shape == x.shape
    assert torch.equal(x, grey())
    other = corrupt(x, 0.3, generator(2))
    assert torch.equal(first, other) == (name == "none")


@pytest.mark.parametrize("name", noise.CORRUPTIONS)
def test_level_zero_changes_nothing(name):
    assert torch.equal(noise.CORRUPTIONS[name](grey(), 0.0, generator()), grey())


def test_level_one_leaves_nothing():
    assert noise.masking(grey(), 1.0, generator()).max() == 0
    assert not (noise.salt_and_pepper(grey(), 1.0, generator()) == 0.5).any()


@pytest.mark.parametrize("name", ["gaussian", "salt_and_pepper", "masking"])
def test_the_denoising_target_stays_clean(name):
    config = small_config("denoising_ae", noise=name, level=0.4)
    model = models.build("denoising_ae", config, Signature())
    x = torch.rand(30, 1, 28, 28, generator=generator())
    batch = model.prepare(x, generator=generator(1))
    assert torch.equal(batch.target, x)
    assert not torch.equal(batch.input, x)
    assert torch.equal(batch.input, noise.CORRUPTIONS[name](x, 0.4, generator(1)))


def test_every_noise_that_a_variant_offers_exists():
    (knob,) = (k for k in VARIANTS["denoising_ae"].Config.knobs() if k.name == "noise")
    assert set(knob.choices) <= set(noise.CORRUPTIONS)
