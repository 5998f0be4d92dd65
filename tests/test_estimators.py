"""core.estimators: scikit-learn's habits on top of the one loop, and runs both ways."""

import inspect
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.decomposition import PCA as TheirPCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import core
from core import estimators
from core.config import ConfigError
from core.models import VARIANTS
from core.store import checkpoints
from tests.digits import small_digits

BRIEFLY = {"epochs": 1, "batch_size": 50, "device": "cpu"}


def brief(name, **knobs):
    """A small estimator of a variant."""
    kind = estimators.estimator(name)
    small = {"latent": 2, "hidden": (6,)} | BRIEFLY | {"random_state": 0} | knobs
    return kind(**{k: v for k, v in small.items() if k in inspect.signature(kind).parameters})


@pytest.fixture(scope="module")
def digits():
    return small_digits(100).x


@pytest.fixture(scope="module")
def vae(digits):
    return brief("vae", epochs=4).fit(digits, small_digits(100).labels)


# What networks of single precision can't do: the order of a batch changes the last bit of a code.
NOT = {
    "check_methods_sample_order_invariance": "codes are float32 and agree to their last bit (6e-8, "
    "measured); this asks for a ten-millionth of numbers near 0",
}


@parametrize_with_checks(
    [brief("pca"), brief("vae"), brief("multirate_vae")], expected_failed_checks=lambda made: NOT
)
def test_scikit_learn_s_own_checks(estimator, check):
    """All that apply but those in `NOT`."""
    check(estimator)


def test_the_order_of_examples_changes_a_code_s_last_bit_at_most(vae, digits):
    order = np.random.default_rng(0).permutation(len(digits))
    np.testing.assert_allclose(
        vae.transform(digits[order]), vae.transform(digits)[order], atol=1e-6, rtol=1e-6
    )


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_is_an_estimator(name, digits):
    kind = estimators.estimator(name)
    assert kind is getattr(estimators, kind.__name__) and kind.__name__ in dir(estimators)
    knobs = VARIANTS[name].Config.knobs()
    assert {k.name: k.default for k in knobs}.items() <= kind().get_params().items()
    assert all(k.help in kind.__doc__ for k in knobs)
    made, labels = brief(name, latent=3), small_digits(100).labels
    assert made.fit(digits, labels) is made
    codes = made.transform(digits, labels)
    assert codes.shape == (100, made.model_.width) and codes.dtype == np.float32
    again = made.inverse_transform(codes, labels)
    assert again.shape == digits.shape
    if "image" not in VARIANTS[name].capabilities.takes:  # which a code alone can't show
        np.testing.assert_allclose(again, made.reconstruct(digits, labels), atol=1e-5)
    assert np.isfinite(made.score(digits, labels)) and made.history_
    names = [f"{kind.__name__.lower()}{k}" for k in range(codes.shape[1])]
    assert list(made.get_feature_names_out()) == names
    draws = VARIANTS[name].capabilities.has_prior
    assert (getattr(made, "sample", None) is not None) == draws
    if draws:
        drawn = made.sample(4, random_state=1)
        assert drawn.shape == (4, *digits.shape[1:])
        np.testing.assert_array_equal(drawn, made.sample(4, random_state=1))


def test_what_is_told_labels_counts_them_as_in_its_training(digits):
    mixed = np.random.default_rng(0).permutation(100)  # as they come they are in turn
    digits = digits[mixed]
    labels = np.array(["even", "odd"])[small_digits(100).labels[mixed] % 2]
    made = brief("conditional_vae", latent=3, epochs=4).fit(digits, labels)
    assert made.classes_ == ("even", "odd")
    some = labels == "odd"  # alone they are still the second class
    np.testing.assert_allclose(
        made.transform(digits[some], labels[some]), made.transform(digits, labels)[some], atol=1e-5
    )
    codes = made.transform(digits, labels)
    changed = made.inverse_transform(codes, np.where(labels == "odd", "even", "odd"))
    assert np.abs(changed - made.inverse_transform(codes, labels)).max() > 1e-4
    at_once = brief("conditional_vae", latent=3, epochs=4).fit_transform(digits, labels)
    np.testing.assert_allclose(at_once, codes, atol=1e-5)
    assert np.abs(at_once - made.transform(digits)).max() > 1e-4  # told the classes in turn
    assert made.score(digits, labels) != made.score(digits, labels[::-1])
    with pytest.raises(ValueError, match="y has the label prime; the training had even, odd"):
        made.transform(digits[:1], ["prime"])
    with pytest.raises(ConfigError, match="needs data with labels"):
        brief("conditional_vae").fit(digits)


def test_a_name_that_is_none():
    with pytest.raises(AttributeError, match="no 'VEA'; it has PCA, "):
        estimators.VEA  # noqa: B018
    with pytest.raises(ConfigError, match="Did you mean vae"):
        core.estimator("vea")


def test_pca_is_the_one_of_scikit_learn():
    x = np.random.default_rng(0).normal(size=(200, 5)) @ np.diag([5, 3, 1, 1, 1]) + 7
    ours, theirs = estimators.PCA(latent=2).fit(x), TheirPCA(2).fit(x)
    np.testing.assert_allclose(
        ours.reconstruct(x), theirs.inverse_transform(theirs.transform(x)), atol=1e-3
    )


@pytest.mark.parametrize("shape", [(12,), (3, 4), (2, 3, 4)])
@pytest.mark.parametrize("low", [0.0, -40.0])
def test_arrays_come_back_in_their_shape_and_unit(shape, low):
    scale = 100 if low else 1
    x = low + scale * np.random.default_rng(0).random((30, *shape))
    fitted = brief("pca", latent=x[0].size).fit(x)
    np.testing.assert_allclose(fitted.inverse_transform(fitted.transform(x)), x, atol=1e-4 * scale)
    with pytest.raises(ValueError, match="of shape|features"):
        fitted.transform(x[..., :2])


def test_bytes_and_floats_of_the_same_pixels_are_the_same(vae, digits):
    floats = digits / 255
    np.testing.assert_allclose(vae.transform(floats), vae.transform(digits), atol=1e-6)
    assert vae.reconstruct(digits).min() >= 0 and vae.reconstruct(digits).max() <= 1


def test_training_helps_and_a_seed_fixes_it(digits):
    plain = {"start": "plain", "learning_rate": 5e-3}  # which knows nothing of the data yet
    long, short = brief("vae", epochs=40, **plain), brief("vae", epochs=0.02, **plain)
    assert long.fit(digits).score(digits) > short.fit(digits).score(digits) + 5
    assert clone(long).fit(digits).score(digits) == long.score(digits)
    other = clone(long).set_params(random_state=1).fit(digits)
    assert other.score(digits) != long.score(digits)


def test_it_stands_in_pipelines_and_searches(digits):
    flat = digits.reshape(100, -1).astype(float)
    piped = make_pipeline(StandardScaler(), brief("vae", likelihood="gaussian")).fit(flat)
    assert piped.transform(flat).shape == (100, 2)
    search = GridSearchCV(brief("pca"), {"latent": np.array([1, 4, 8])}, cv=2).fit(flat)
    assert search.best_params_ == {"latent": 8}


def test_encoder_and_decoder_are_torch_modules(vae, digits):
    mean, log_var = vae.encoder_(torch.from_numpy(digits))
    assert isinstance(vae.encoder_, torch.nn.Module) and mean.shape == log_var.shape == (100, 2)
    np.testing.assert_allclose(mean.detach(), vae.transform(digits), atol=1e-5)
    np.testing.assert_allclose(
        vae.decoder_(mean).detach(), vae.inverse_transform(mean.detach().numpy()), atol=1e-5
    )
    vae.decoder_(mean).sum().backward()
    x = digits * 3.0 - 100
    scaled = brief("stacked_ae").fit(x)
    code = scaled.encoder_(torch.from_numpy(x))
    np.testing.assert_allclose(code.detach(), scaled.transform(x), atol=1e-4)
    np.testing.assert_allclose(scaled.decoder_(code).detach(), scaled.reconstruct(x), atol=1e-2)


def test_saved_and_loaded_it_is_the_same(vae, digits, tmp_path):
    x = digits * 1.5 - 30
    scaled = brief("vae", beta=2.0).fit(x)
    for made, seen in ((vae, digits), (scaled, x)):
        folder = made.save(str(tmp_path / "runs"), seen, small_digits(100).labels, name="mine")
        assert checkpoints.open_run(folder).record.data.name == "mine"
        for named in (folder, str(folder), folder.name):
            again = core.load(named, str(tmp_path / "runs"))
            assert type(again) is type(made)
            given, back = made.get_params(), again.get_params()
            assert {k: v for k, v in back.items() if k != "device"} == {
                k: v for k, v in given.items() if k != "device"
            }
            np.testing.assert_array_equal(again.transform(seen), made.transform(seen))
            np.testing.assert_array_equal(again.reconstruct(seen), made.reconstruct(seen))
        scores = checkpoints.open_run(folder).record.metrics["mine/test"]
        assert scores["elbo_binary"] == pytest.approx(made.score(seen), rel=1e-4)
    copied = pickle.loads(pickle.dumps(vae))
    np.testing.assert_array_equal(copied.transform(digits), vae.transform(digits))


def test_a_shipped_run_is_an_estimator(shipped):
    run = next(run for run in shipped.values() if run.record.variant == "vae")
    digits = core.load_data("mnist-5k", "test").x[:50]
    loaded = core.load(run.id)
    assert loaded.get_params()["latent"] == run.record.latent
    assert loaded.transform(digits).shape == (50, run.record.latent)


@pytest.mark.parametrize(
    ("knobs", "x", "sentence"),
    [
        ({"latent": 0}, np.zeros((4, 6)), "must be between 1 and 784"),
        ({"latent": 7}, np.zeros((4, 6)), "X has 6 feature"),
        ({"epochs": -1}, np.zeros((4, 6)), "Epochs"),
        ({"beta": "much"}, np.zeros((4, 6)), "β"),
        ({}, np.zeros((4, 1, 1, 2, 2)), "dim"),
        ({}, np.full((4, 2, 2), np.nan), "NaN"),
    ],
)
def test_bad_input(knobs, x, sentence):
    with pytest.raises(ValueError, match=sentence):
        brief("vae", **knobs).fit(x)
