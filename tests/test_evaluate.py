"""Scores against a second way to each: what is corrupted, binarised, told and averaged."""

import math

import numpy as np
import pytest
import torch

from core.latent import coding
from core.latent.projections import Plane, map_plane
from core.measures import metrics
from core.measures.corruptions import LEVELS, NOISES
from core.measures.noise import CORRUPTIONS
from core.models.signals import Batch, Condition, Level, Output
from core.training import evaluate as scoring
from core.training import loop, maps, runner
from core.training.evaluate import denoising_error, evaluate, noise_matrix, rate_distortion
from tests.digits import QUICK, built_model, small_config, small_digits

DIGITS = small_digits(60)
X = torch.from_numpy(DIGITS.x.astype(np.float32) / 255)


def model_of(name, **knobs):
    """A seeded model whose answers are not all alike."""
    model = built_model(name, small_config(name, **knobs), DIGITS, seed=3).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5).add_(0.02)
    return model.requires_grad_(False)


def at(model, value):
    return Condition(dial=torch.full((len(X),), model.dial.position(value)))


# --- The objective of each image's own β ----------------------------------------------------------


def test_each_image_s_rate_is_weighed_by_its_own_beta():
    """The mean of the products, not the product of the means."""
    model = model_of("multirate_vae")
    condition = Condition(dial=torch.linspace(model.dial.position(0.1), 2, len(X)))
    levels = model.encode(X, condition)
    beta = condition.dial.exp()
    rate = model.rate_each(levels, condition).sum(1)
    assert abs(np.corrcoef(beta, rate)[0, 1]) > 0.05, "else both are the same"
    output = Output(levels, model.decode(levels[0].z, condition))
    terms = model.loss_terms(Batch(X, X, condition), output, None)
    expected = sum(float(b) * float(r) for b, r in zip(beta, rate, strict=True)) / len(X)
    assert terms["kl"].item() == pytest.approx(expected, rel=1e-5)
    assert expected != pytest.approx(beta.mean().item() * rate.mean().item(), rel=1e-3)


# --- Corrupted inputs -----------------------------------------------------------------------------


def own_error(model, value):
    """Squared error of the answers to inputs corrupted at a level, by the formula."""
    condition = at(model, value)
    generator = torch.Generator().manual_seed(0)
    level = torch.full((len(X), 1, 1, 1), value)
    corrupted = CORRUPTIONS[model.config.noise](X, level, generator)
    return (model.reconstruct(corrupted, condition) - X).square().sum((1, 2, 3)).mean().item()


@pytest.mark.parametrize("noise", NOISES)
def test_a_denoiser_with_a_knob_is_scored_at_the_level_where_the_knob_stands(noise):
    model = model_of("multilevel_dae", noise=noise)
    usual = evaluate(model, DIGITS.x)["squared_error_denoised"]
    assert usual == pytest.approx(own_error(model, model.config.level), rel=1e-4)
    for level in (0.1, 0.6):
        found = evaluate(model, DIGITS.x, dial=level)
        assert found["squared_error_denoised"] == pytest.approx(own_error(model, level), rel=1e-4)
        clean = (model.reconstruct(X, at(model, level)) - X).square().sum((1, 2, 3)).mean().item()
        assert found["squared_error"] == pytest.approx(clean, rel=1e-4)
        assert found["squared_error_denoised"] != pytest.approx(usual, rel=1e-3)


def test_a_denoiser_is_scored_at_its_own_level():
    model = model_of("denoising_ae", noise="gaussian", level=0.4)
    generator = torch.Generator().manual_seed(5)
    answers = model.reconstruct(CORRUPTIONS["gaussian"](X, 0.4, generator))
    expected = (answers - X).square().sum((1, 2, 3)).mean().item()
    found = evaluate(model, DIGITS.x, seed=5)["squared_error_denoised"]
    assert found == pytest.approx(expected, rel=1e-4)
    with pytest.raises(ValueError, match="corrupted"):
        scoring.own_denoising_error(model_of("stacked_ae"), DIGITS.x)


@pytest.mark.parametrize(("level", "told"), [(0.1, 0.2), (0.3, 0.3), (0.7, 0.5)])
def test_a_knob_is_told_the_level_as_far_as_it_knows_it(level, told):
    model = model_of("multilevel_dae", noise="gaussian", level_low=0.2, level_high=0.5)
    generator = torch.Generator().manual_seed(2)
    corrupted = CORRUPTIONS["masking"](X, level, generator)
    answers = model.reconstruct(corrupted, at(model, told))
    expected = (answers - X).square().sum((1, 2, 3)).mean().item()
    found = denoising_error(model, DIGITS.x, "masking", level, seed=2)
    assert found == pytest.approx(expected, rel=1e-5)
    others = [model.reconstruct(corrupted, at(model, v)) for v in (0.2, 0.3, 0.5) if v != told]
    for other in others:
        assert found != pytest.approx((other - X).square().sum((1, 2, 3)).mean().item(), rel=1e-5)


def test_a_knob_that_is_no_noise_level_stands_where_it_stands():
    model = model_of("multirate_vae")
    corrupted = CORRUPTIONS["salt_and_pepper"](X, 0.5, torch.Generator().manual_seed(0))
    expected = (model.reconstruct(corrupted) - X).square().sum((1, 2, 3)).mean().item()
    found = denoising_error(model, DIGITS.x, "salt_and_pepper", 0.5)
    assert found == pytest.approx(expected, rel=1e-5)


def test_errors_do_not_depend_on_the_size_of_a_batch():
    model = model_of("denoising_ae", noise="gaussian", level=0.0)
    one = denoising_error(model, DIGITS.x, "none", 0.5)
    for batch in (7, 59, 60, 61):
        found = denoising_error(model, DIGITS.x, "none", 0.5, batch=batch)
        assert found == pytest.approx(one, rel=1e-5)
        own = scoring.own_denoising_error(model, DIGITS.x, batch=batch)
        assert own == pytest.approx(one, rel=1e-5)


def test_the_matrix_has_noises_in_rows_and_levels_in_columns(monkeypatch):
    def told(model, x, noise, level, labels):
        assert labels is DIGITS.labels and x is DIGITS.x
        return 10 * NOISES.index(noise) + LEVELS.index(level)

    monkeypatch.setattr(scoring, "denoising_error", told)
    found = noise_matrix(None, DIGITS.x, DIGITS.labels)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, 10 * np.arange(3)[:, None] + np.arange(4))


def test_a_run_s_matrix_is_that_of_the_few_on_which_noises_are_tried(tmp_path, monkeypatch):
    from core import data
    from core.store import checkpoints

    monkeypatch.setattr(runner, "JUDGED", 20)
    monkeypatch.setattr(runner, "is_sheet", lambda shown: True)  # small ones stand for the digits
    request = checkpoints.Request("stacked_ae", small_config("stacked_ae"), DIGITS, QUICK)
    model = model_of("stacked_ae")
    shown = small_digits(90, 200)
    run = runner.save(model, request, tmp_path, loop.Progress(1, 1, 1, 1.0), [], on_map=shown)
    found = checkpoints.read_tensors(run, checkpoints.CODES)["noise_error"]
    few = data.few_of(shown, 20)[1]
    assert len(few) == 20
    np.testing.assert_allclose(found, noise_matrix(model, few.x), rtol=1e-4)
    whole = noise_matrix(model, shown.x)
    assert not np.allclose(found, whole, rtol=1e-3)


# --- Trivial scores and bounds --------------------------------------------------------------------


def test_the_mean_image_s_cross_entropy_is_taken_pixel_by_pixel():
    scores = evaluate(model_of("vae"), DIGITS.x)
    x = DIGITS.x.reshape(60, -1) / 255
    p = x.mean(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where((p > 0) & (p < 1), -(p * np.log(p) + (1 - p) * np.log(1 - p)), 0)
        least = np.where((x > 0) & (x < 1), -(x * np.log(x) + (1 - x) * np.log(1 - x)), 0)
    assert scores["cross_entropy_mean_image"] == pytest.approx(each.sum(), rel=1e-4)
    assert scores["cross_entropy_floor"] == pytest.approx(least.sum(1).mean(), rel=1e-4)
    assert scores["cross_entropy_floor"] < scores["cross_entropy_mean_image"]
    assert "cross_entropy_floor" not in evaluate(model_of("vae", likelihood="gaussian"), DIGITS.x)


def test_what_is_scored_of_ratings_is_what_is_known_of_them():
    from tests.digits import small_data
    from tests.trials import trial

    ratings = small_data("ratings")
    model = built_model("auto_rec", trial("auto_rec").Config(), ratings).eval()
    found = evaluate(model, ratings.x, observed=ratings.observed)
    answers = coding.reconstruct(model, ratings.x)
    off = (answers - ratings.x)[ratings.observed]
    assert found["rmse"] == pytest.approx(math.sqrt((off**2).mean()), rel=1e-5)
    assert found["rmse_constant"] == pytest.approx(ratings.x[ratings.observed].std(), rel=1e-5)
    assert evaluate(model, ratings.x, observed=np.zeros_like(ratings.observed)) == {}
    whole = evaluate(model, ratings.x)["rmse"]
    assert whole == pytest.approx(math.sqrt(((answers - ratings.x) ** 2).mean()), rel=1e-5)


def test_sequences_are_scored_by_frame_too_and_images_are_not():
    from tests.digits import small_data
    from tests.trials import trial

    moving = small_data("sequences")
    model = built_model("sequence_ae", trial("sequence_ae").Config(), moving).eval()
    found = evaluate(model, moving.x)
    x = moving.x / 255
    error = ((coding.reconstruct(model, moving.x) - x) ** 2).reshape(len(x), -1).sum(1).mean()
    assert found["squared_error"] == pytest.approx(error, rel=1e-4)
    assert found["squared_error_frame"] == pytest.approx(error / 3, rel=1e-4)
    mean_frame = found["squared_error_mean_image"] / 3
    assert found["squared_error_mean_image_frame"] == pytest.approx(mean_frame)
    assert not any(name.endswith("_frame") for name in evaluate(model_of("vae"), DIGITS.x))


def test_pixels_are_bytes_or_shares_of_one():
    for name in ("stacked_ae", "vae", "denoising_ae"):
        model = model_of(name)
        assert evaluate(model, X.numpy()) == pytest.approx(evaluate(model, DIGITS.x), rel=1e-4)


def test_what_has_no_encoder_has_no_scores():
    from tests.trials import trial

    assert evaluate(built_model("gan", trial("gan").Config(), DIGITS), DIGITS.x) == {}


def test_draws_are_fixed_by_a_seed_that_is_0_by_default():
    for name, score in (
        (
            "vae",
            lambda model, **seed: rate_distortion(model, DIGITS.x, **seed)["distortion_binary"],
        ),
        (
            "denoising_ae",
            lambda model, **seed: scoring.own_denoising_error(model, DIGITS.x, **seed),
        ),
        (
            "denoising_ae",
            lambda model, **seed: denoising_error(model, DIGITS.x, "gaussian", 0.5, **seed),
        ),
        ("vae", lambda model, **seed: evaluate(model, DIGITS.x, **seed)["elbo_binary"]),
    ):
        model = model_of(name)
        assert score(model) == score(model, seed=0) != score(model, seed=1)


# --- Rate and distortion --------------------------------------------------------------------------


class Watched:
    """A VAE that keeps what it is asked, with answers that are known."""

    def __init__(self, monkeypatch, likelihood):
        self.model = model_of("vae", likelihood=likelihood)
        self.encoded, self.targets = [], []
        plain = self.model.encode

        def encode(x, condition, generator):
            self.encoded.append(x.clone())
            return plain(x, condition, generator)

        def nll(logits, target, observed=None):
            self.targets.append(target.clone())
            return target.sum() / len(target)

        monkeypatch.setattr(self.model, "encode", encode)
        monkeypatch.setattr(self.model.likelihood, "nll", nll)


def test_a_binary_likelihood_is_scored_on_pixels_drawn_anew_from_their_grey_values(monkeypatch):
    watched = Watched(monkeypatch, "bernoulli")
    grey = np.repeat(np.linspace(0, 1, 144, dtype=np.float32).reshape(1, 1, 12, 12), 900, 0)
    found = rate_distortion(watched.model, grey, batch=300)
    seen_grey, seen_binary = watched.encoded[::2], watched.encoded[1::2]
    assert all(torch.equal(part, torch.from_numpy(grey[:300])) for part in seen_grey)
    drawn = torch.cat(seen_binary).flatten(1)
    assert set(drawn.unique().tolist()) == {0, 1}
    share, p = drawn.mean(0).numpy(), grey[0].ravel()
    assert (np.abs(share - p) <= 4.5 * np.sqrt(p * (1 - p) / 900)).all()
    assert drawn[:, 72].std() > 0.4, "each image gets draws of its own"
    for encoded, target in zip(watched.encoded, watched.targets, strict=True):
        assert torch.equal(encoded, target)
    assert found["distortion_binary"] == pytest.approx(drawn.sum(1).mean().item(), rel=1e-5)
    assert found["cross_entropy_grey"] == pytest.approx(p.sum(), rel=1e-5)
    assert found["elbo_binary"] == pytest.approx(
        -found["rate_binary"] - found["distortion_binary"], rel=1e-6
    )
    assert "elbo" not in found and "distortion" not in found


def test_a_density_is_scored_on_grey_pixels(monkeypatch):
    watched = Watched(monkeypatch, "gaussian")
    found = rate_distortion(watched.model, DIGITS.x, batch=25)
    assert torch.equal(torch.cat(watched.encoded), X)
    assert found["distortion"] == pytest.approx(X.sum((1, 2, 3)).mean().item(), rel=1e-5)
    assert found["elbo"] == pytest.approx(-found["rate"] - found["distortion"], rel=1e-6)
    assert not any(name.endswith("_binary") for name in found)


@pytest.mark.parametrize("batch", [7, 60, 1000])
def test_the_rate_is_the_kl_of_the_posteriors_and_units_are_counted_over_the_whole_set(batch):
    model = model_of("vae", likelihood="gaussian")
    found = rate_distortion(model, DIGITS.x, batch=batch)
    codes = coding.encode(model, DIGITS.x)
    mean, log_var = codes.mean.astype(np.float64), codes.log_var.astype(np.float64)
    kl = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var).sum(1).mean()
    assert found["rate"] == pytest.approx(kl, rel=1e-5)
    assert found["active_units"] == metrics.active_units(codes.mean)
    with pytest.raises(ValueError, match="posterior"):
        rate_distortion(model_of("stacked_ae"), DIGITS.x)


def test_units_are_active_above_a_variance_of_a_hundredth():
    unit = np.tile([-1.0, 1.0], 50)
    means = np.stack([unit * math.sqrt(variance) for variance in (0.0099, 0.0101, 1.0)], 1)
    assert metrics.active_units(means) == 2
    assert metrics.active_units(means[:, :1]) == 0


def test_units_are_active_by_their_means_and_not_by_their_variances():
    model = model_of("vae", likelihood="gaussian")
    last = model.encoder[-1]
    last.weight[1:3] = 0  # of the second and the third mean; log-variances go on varying
    codes = coding.encode(model, DIGITS.x)
    assert (codes.log_var.var(0) > 0.01).all() and (codes.mean.var(0) > 0.01).sum() == 1
    assert rate_distortion(model, DIGITS.x)["active_units"] == 1


def test_bounds_are_of_1_5_and_50_draws_by_default():
    model = model_of("vae")
    x = (DIGITS.x[:3] > 127).astype(np.uint8)
    found = scoring.importance_bounds(model, x)
    assert list(found) == [1, 5, 50] and all(bound.shape == (3,) for bound in found.values())
    again = scoring.importance_bounds(model, x, (1, 5, 50), seed=0)
    other = scoring.importance_bounds(model, x, seed=1)
    for k in found:
        np.testing.assert_array_equal(found[k], again[k])
        assert not np.array_equal(found[k], other[k])
    floats = scoring.importance_bounds(model, x.astype(np.float32))
    np.testing.assert_array_equal(found[5], floats[5])


@pytest.mark.parametrize("draws", [(1, 2, 4), (2, 3)])
def test_bounds_are_means_over_groups_of_the_log_of_mean_weights(draws):
    model = model_of("vae")
    x = torch.from_numpy(DIGITS.x[:4] > 127).float()
    generator = torch.Generator().manual_seed(9)
    weights = []  # of each draw and image
    for _ in range(max(draws)):
        (level,) = model.encode(x, generator=generator)
        z, mean, log_var = level.z, level.mean, level.log_var
        prior = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)
        posterior = torch.distributions.Normal(mean, (0.5 * log_var).exp()).log_prob(z).sum(1)
        pixels = torch.distributions.Bernoulli(logits=model.decode(z)).log_prob(x)
        weights.append((pixels.sum((1, 2, 3)) + prior - posterior).double().numpy())
    weights = np.array(weights)
    found = scoring.importance_bounds(model, x.numpy(), draws, seed=9)
    for k in draws:
        groups = [weights[i : i + k] for i in range(0, len(weights) - k + 1, k)]
        each = [np.log(np.exp(group - group.max(0)).mean(0)) + group.max(0) for group in groups]
        np.testing.assert_allclose(found[k], np.mean(each, 0), rtol=1e-4)


# --- Knots ----------------------------------------------------------------------------------------


def knots_of(model):
    codes = coding.encode(model, DIGITS.x).mean
    plane = map_plane(codes)
    return maps.map_arrays(model, DIGITS), plane


def test_knots_of_beta_hold_what_the_model_gives_there():
    model = model_of("multirate_vae")
    arrays, plane = knots_of(model)
    knots = arrays["knots"]
    assert len(knots) == maps.KNOTS and np.ptp(np.diff(knots)) < 1e-5
    assert np.exp(knots[[0, -1]]) == pytest.approx([model.dial.low, model.dial.high], rel=1e-5)
    assert "squared_error" not in arrays
    for k in (0, 5, maps.KNOTS - 1):
        value = float(np.exp(knots[k]))
        codes = coding.encode(model, DIGITS.x, dial=value)
        points = plane.to_map(codes.mean)
        np.testing.assert_allclose(arrays["knot_points"][k], points, rtol=2e-3, atol=2e-3)
        mean, log_var = codes.mean.astype(np.float64), codes.log_var.astype(np.float64)
        kl = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var).mean(0)
        np.testing.assert_allclose(arrays["knot_kl"][k], kl, rtol=1e-4)
        assert arrays["knot_rate"][k] == pytest.approx(kl.sum(), rel=1e-4)
        error = ((coding.reconstruct(model, DIGITS.x, dial=value) - X.numpy()) ** 2).sum((1, 2, 3))
        assert arrays["knot_squared_error"][k] == pytest.approx(error.mean(), rel=1e-4)
        nats = rate_distortion(model, DIGITS.x, dial=value)["cross_entropy_grey"]
        assert arrays["knot_distortion"][k] == pytest.approx(nats, rel=1e-5)
    for name in ("knot_points", "knot_kl", "knot_squared_error", "knot_distortion"):
        assert not np.allclose(arrays[name][0], arrays[name][-1], rtol=1e-3), name


def test_knots_of_a_level_hold_the_error_of_the_answer_to_inputs_corrupted_so():
    model = model_of("multilevel_dae")
    arrays, _ = knots_of(model)
    for k in (1, maps.KNOTS - 1):
        value = float(arrays["knots"][k])
        error = arrays["knot_squared_error"][k]
        assert error == pytest.approx(own_error(model, value), rel=1e-4)
        clean = evaluate(model, DIGITS.x, dial=value)["squared_error"]
        assert error != pytest.approx(clean, rel=1e-3)
    assert "knot_kl" not in arrays and "knot_rate" not in arrays


def test_a_density_s_knots_hold_its_distortion():
    model = model_of("multirate_vae", likelihood="gaussian")
    arrays, _ = knots_of(model)
    value = float(np.exp(arrays["knots"][3]))
    nats = rate_distortion(model, DIGITS.x, dial=value)["distortion"]
    assert arrays["knot_distortion"][3] == pytest.approx(nats, rel=1e-5)


def test_a_map_without_a_knob_holds_each_image_s_error():
    model = model_of("stacked_ae")
    arrays = maps.map_arrays(model, DIGITS)
    error = ((coding.reconstruct(model, DIGITS.x) - X.numpy()) ** 2).sum((1, 2, 3))
    np.testing.assert_allclose(arrays["squared_error"], error, rtol=2e-3)
    codes = coding.encode(model, DIGITS.x).mean
    np.testing.assert_allclose(arrays["codes"], codes, rtol=2e-3, atol=1e-3)
    plane = map_plane(codes)
    np.testing.assert_allclose(arrays["plane_mean"], plane.mean, rtol=1e-5)
    np.testing.assert_allclose(arrays["plane_basis"], plane.basis, atol=1e-5)
    assert (arrays["codes"].dtype, arrays["plane_basis"].dtype) == (np.float16, np.float32)


def test_codes_too_wide_to_keep_leave_their_places_and_their_range():
    for latent, kept in ((64, True), (65, False)):
        model = model_of("overcomplete_ae", latent=latent)
        arrays = maps.map_arrays(model, DIGITS)
        assert ("codes" in arrays) == kept
        assert ("points" in arrays) == ("code_range" in arrays) == (not kept)
    codes = coding.encode(model, DIGITS.x).mean
    plane = Plane(arrays["plane_mean"], arrays["plane_basis"])
    np.testing.assert_allclose(arrays["points"], plane.to_map(codes), rtol=2e-3, atol=2e-2)
    np.testing.assert_allclose(arrays["code_range"], [codes.min(0), codes.max(0)], rtol=2e-3)
    solved = model_of("pca", latent=65)
    assert "codes" in maps.map_arrays(solved, DIGITS)  # its errors at every K are read off them


# --- Levels ---------------------------------------------------------------------------------------


def test_a_level_without_a_posterior_says_so():
    with pytest.raises(ValueError, match="no Gaussian posterior"):
        _ = Level(X).gaussian
