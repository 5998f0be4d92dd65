"""Answers that are known beforehand: they hold on any machine. Numbers as in truths.md."""

import copy
import math
from statistics import NormalDist

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal, Normal

from core import data, models
from core.config import TrainConfig
from core.data import Dataset, Provenance
from core.latent import coding
from core.measures import losses, metrics, noise
from core.models.signals import Moment, Signature
from core.training import loop
from core.training.evaluate import evaluate, importance_bounds
from tests.digits import real_mnist_root, signature_of, small_config, small_data, small_digits


def fitted(name, dataset, config, **knobs):
    model = models.build(name, small_config(name, **knobs), signature_of(dataset), config.seed)
    loop.drain(loop.train(model, dataset, config, torch.device("cpu")))
    return model.eval()


def squared_error(model, x):
    return float(metrics.squared_error_each(x / 255, coding.reconstruct(model, x)).mean())


# --- 1: the linear autoencoder is PCA ------------------------------------------------------------


def test_1_linear_ae_reaches_pca_and_spans_its_plane():
    digits, held_out = small_digits(1500), small_digits(1000, 1500)
    pca = fitted("pca", digits, TrainConfig(), latent=6)
    config = TrainConfig(epochs=150, batch_size=375, learning_rate=3e-2)
    linear = fitted("linear_ae", digits, config, latent=6)
    for x in (digits.x, held_out.x):
        assert squared_error(linear, x) == pytest.approx(squared_error(pca, x), rel=0.005)
    assert squared_error(linear, digits.x) >= squared_error(pca, digits.x) * (1 - 1e-6)
    angles = metrics.principal_angles(
        linear.decoder[0].weight.detach().numpy(), pca.decoder[0].weight.detach().numpy()
    )
    assert angles.max() < 0.05


def test_1_the_error_of_pca_is_the_sum_of_the_discarded_eigenvalues():
    digits = small_digits(600)
    flat = digits.x.reshape(600, -1) / 255
    eigenvalues = np.linalg.eigvalsh(np.cov(flat.T, bias=True))[::-1]
    for k in (1, 2, 7, 30):
        pca = fitted("pca", digits, TrainConfig(), latent=k)
        assert squared_error(pca, digits.x) == pytest.approx(eigenvalues[k:].sum(), rel=1e-5)
        codes = coding.encode(pca, digits.x).mean
        np.testing.assert_allclose(codes.var(0), eigenvalues[:k], rtol=1e-4)
        weight = pca.encoder[1].weight.detach().numpy()
        np.testing.assert_allclose(weight @ weight.T, np.eye(k), atol=1e-5)
        assert (weight[np.arange(k), np.abs(weight).argmax(1)] > 0).all()


def test_1_pca_keeps_everything_at_full_size():
    digits = small_digits(600)
    assert squared_error(fitted("pca", digits, TrainConfig(), latent=144), digits.x) < 1e-8


# --- 2: probabilistic PCA is a linear-Gaussian VAE ------------------------------------------------


@pytest.fixture(scope="module")
def probabilistic_pca():
    """A linear VAE with the parameters that maximise the likelihood, its data, and log p(x).

    W = U (Λ − σ²)^½ makes M = WᵀW + σ²I = Λ, so that the exact posterior is of our family.
    """
    digits = small_digits(600)
    x = torch.from_numpy(digits.x.reshape(600, -1)).double() / 255
    mean = x.mean(0)
    covariance = torch.cov(x.T, correction=0)
    values, vectors = torch.linalg.eigh(covariance)
    values, vectors = values.flip(0), vectors.flip(1)
    latent_size = 5
    noise_variance = values[latent_size:].mean()  # σ²_ML
    weight = vectors[:, :latent_size] * (values[:latent_size] - noise_variance).sqrt()
    config = small_config(
        "vae",
        latent=latent_size,
        hidden=(),
        likelihood="gaussian",
        sigma=float(noise_variance.sqrt()),
    )
    model = models.build("vae", config, signature_of(digits)).double()
    encode, decode = model.encoder[1], model.decoder[0]
    with torch.no_grad():
        encode.weight[:latent_size] = weight.T / values[:latent_size, None]
        encode.bias[:latent_size] = -(weight.T @ mean) / values[:latent_size]
        encode.weight[latent_size:] = 0
        encode.bias[latent_size:] = (noise_variance / values[:latent_size]).log()
        decode.weight.copy_(weight)
        decode.bias.copy_(mean)
    law = MultivariateNormal(
        mean, weight @ weight.T + noise_variance * torch.eye(len(mean), dtype=torch.float64)
    )
    return model, x.reshape(-1, 1, 12, 12), law.log_prob(x)


@torch.no_grad()
def log_weights(model, x, draws, spread=1.0):
    """log p(x|z) p(z) / q(z|x) at draws from a posterior of `spread` times the model's deviation:
    (draws, count)."""
    torch.manual_seed(0)
    (level,) = model.encode(x)
    posterior = Normal(level.mean, spread * (0.5 * level.log_var).exp())
    found = []
    for _ in range(draws):
        z = posterior.sample()
        pixels = Normal(model.decode(z), model.config.sigma).log_prob(x).flatten(1).sum(1)
        prior = Normal(0.0, 1.0).log_prob(z).sum(1)
        found.append(pixels + prior - posterior.log_prob(z).sum(1))
    return torch.stack(found)


@pytest.mark.parametrize("k", [1, 5, 50])
def test_2_with_the_exact_posterior_every_bound_is_the_likelihood(probabilistic_pca, k):
    model, x, log_p = probabilistic_pca
    weights = log_weights(model, x, k)
    bound = weights.logsumexp(0) - math.log(k)  # L_k; for k = 1 the ELBO
    assert torch.allclose(bound, log_p, atol=1e-6)


def test_2_the_elbo_in_closed_form_is_the_likelihood(probabilistic_pca):
    model, x, log_p = probabilistic_pca
    with torch.no_grad():
        (level,) = model.encode(x)
        rate = model.rate_each((level,)).sum(1)
        at_mean = Normal(model.decode(level.mean), model.config.sigma).log_prob(x).flatten(1).sum(1)
        spread = level.log_var.exp() @ model.decoder[0].weight.square().sum(0)
    elbo = at_mean - spread / (2 * model.config.sigma**2) - rate
    assert torch.allclose(elbo, log_p, atol=1e-6)


def widened(model, spread):
    """A copy whose posterior has `spread` times the standard deviation: a wrong one."""
    other = copy.deepcopy(model)
    with torch.no_grad():
        encode = [layer for layer in other.encoder if isinstance(layer, torch.nn.Linear)][-1]
        encode.bias[other.config.latent :] += 2 * math.log(spread)
    return other


def test_4_the_bounds_of_evaluate_are_the_likelihood_where_the_posterior_is_exact(
    probabilistic_pca,
):
    model, x, log_p = probabilistic_pca
    for k, bound in importance_bounds(model, x.numpy()).items():
        np.testing.assert_allclose(bound, log_p, atol=1e-3, err_msg=f"L_{k}")


def test_4_the_bounds_of_evaluate_rise_towards_the_likelihood(probabilistic_pca):
    model, x, log_p = probabilistic_pca
    wrong = widened(model, 1.3)
    bounds = importance_bounds(wrong, x.numpy(), (1, 5, 50))
    assert (bounds[1] <= bounds[5]).all() and (bounds[5] <= bounds[50]).all()
    elbo, five, fifty = (bounds[k].mean() for k in (1, 5, 50))
    truth = log_p.mean().item()
    assert elbo < five < fifty <= truth + 4 * bounds[50].std() / np.sqrt(len(x))
    (level,) = wrong.encode(x)
    variance = level.log_var.exp()
    gap = 0.5 * (variance / (variance / 1.69) - 1 - math.log(1.69)).sum(1)  # KL(q ‖ posterior)
    spread = np.std(bounds[1] - log_p.numpy()) / np.sqrt(len(x))
    assert elbo == pytest.approx(truth - gap.mean().item(), abs=4 * spread)
    assert truth - fifty < 0.1 * (truth - elbo)


def test_4_bounds_need_pixels_that_have_the_likelihood():
    digits = small_digits(20)
    model = models.build("vae", small_config("vae"), signature_of(digits))
    with pytest.raises(ValueError, match="pixels of 0 and 1"):
        importance_bounds(model, digits.x)
    plain = models.build("stacked_ae", small_config("stacked_ae"), signature_of(digits))
    with pytest.raises(ValueError, match="need a posterior"):
        importance_bounds(plain, digits.x)
    bounds = importance_bounds(model, (digits.x > 127).astype(np.uint8), (1, 2))
    assert {k: bound.shape for k, bound in bounds.items()} == {1: (20,), 2: (20,)}


def test_4_with_a_wrong_posterior_the_bounds_rise_towards_the_likelihood(probabilistic_pca):
    model, x, log_p = probabilistic_pca
    weights = log_weights(model, x, 50, spread=1.3)
    bounds = [(weights[:k].logsumexp(0) - math.log(k)).mean().item() for k in (1, 5, 50)]
    assert bounds[0] < bounds[1] < bounds[2] <= log_p.mean().item() + 1e-3
    assert log_p.mean().item() - bounds[0] > 0.05


# --- 3: the KL term ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mean", "deviation", "kl"), [(0, 1, 0.0), (1, 1, 0.5), (0, 2, 0.806853), (1, 2, 1.306853)]
)
def test_3_values_of_the_kl_term(mean, deviation, kl):
    mean = torch.tensor([[float(mean)]], dtype=torch.float64)
    log_var = torch.tensor([[2 * math.log(deviation)]], dtype=torch.float64)
    assert losses.kl_standard_normal(mean, log_var).item() == pytest.approx(kl, abs=1e-6)


@pytest.mark.parametrize(("mean", "deviation"), [(0.0, 2.0), (1.3, 0.4), (-2.0, 1.0)])
def test_3_closed_form_against_monte_carlo(mean, deviation):
    means = torch.full((200_000, 1), mean, dtype=torch.float64)
    log_var = torch.full_like(means, 2 * math.log(deviation))
    z = losses.gaussian_sample(means, log_var, torch.Generator().manual_seed(0))
    ratio = Normal(mean, deviation).log_prob(z) - Normal(0.0, 1.0).log_prob(z)
    error = ratio.std() / math.sqrt(len(z))
    assert abs(ratio.mean() - losses.kl_standard_normal(means, log_var)) < 4 * error


# --- 5: ELBO surgery -----------------------------------------------------------------------------


def test_5_the_rate_is_the_information_and_the_distance_of_the_aggregate_posterior():
    """mean KL = I(x; z) + KL(q(z)‖p), whatever the posteriors; I ≤ log N."""
    generator = np.random.default_rng(0)
    mean = 1.2 * generator.standard_normal((200, 3)).astype(np.float32)
    log_var = generator.uniform(-3, 0.5, (200, 3)).astype(np.float32)
    parts = metrics.elbo_surgery(mean, log_var, draws=40)
    assert parts["rate"] == pytest.approx(
        losses.kl_standard_normal(*map(torch.from_numpy, (mean, log_var))).item(),
        rel=1e-5,
    )
    whole = parts["information"] + parts["marginal_kl"]
    assert whole == pytest.approx(parts["rate"], rel=0.02)
    assert 0 < parts["information"] <= math.log(200)
    assert parts["marginal_kl"] > 0


def test_5_equal_posteriors_say_nothing_and_distant_ones_say_which_of_n():
    count = 64
    same = metrics.elbo_surgery(np.full((count, 2), 0.7), np.full((count, 2), -1.0), draws=400)
    assert same["information"] == pytest.approx(0, abs=1e-9)
    assert same["marginal_kl"] == pytest.approx(same["rate"], rel=0.02)
    apart = np.stack([100.0 * np.arange(count), np.zeros(count)], 1)
    far = metrics.elbo_surgery(apart, np.zeros((count, 2)))
    assert far["information"] == pytest.approx(math.log(count), abs=1e-9)


def test_5_posteriors_that_make_up_the_prior_leave_no_distance():
    """Means spread as N(0, 1 − v), each with variance v: q(z) is the prior, I(x; z) is −½ log v."""
    variance, count = 0.3, 1500
    shares = (np.arange(count) + 0.5) / count
    quantiles = np.array([[NormalDist().inv_cdf(share)] for share in shares])
    means = math.sqrt(1 - variance) * quantiles
    parts = metrics.elbo_surgery(means, np.full((count, 1), math.log(variance)), draws=10)
    assert parts["information"] == pytest.approx(-0.5 * math.log(variance), abs=0.02)
    assert parts["marginal_kl"] == pytest.approx(0, abs=0.01)


# --- 6: rate and distortion ----------------------------------------------------------------------


def gradients(loss, parameters):
    return torch.autograd.grad(loss, parameters)


@pytest.mark.parametrize("network", ["mlp", "conv"])
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_6_without_beta_and_noise_a_vae_pays_for_reconstruction_alone(likelihood, network):
    config = small_config("vae", beta=0.0, likelihood=likelihood, network=network)
    model = models.build("vae", config, signature_of(small_digits()))
    x = coding.to_tensor(small_digits().x)
    batch = model.prepare(x)
    terms = model.loss_terms(batch, model(batch), Moment(1.0))  # no generator: z is the mean
    assert terms["kl"] == 0
    logits = model.decoder(model.encoder(x)[:, : config.latent])
    if likelihood == "bernoulli":
        plain = losses.bernoulli_nll(logits, x)
    else:
        plain = losses.gaussian_nll(logits, x, config.sigma)
    weights = list(model.parameters())
    assert torch.allclose(sum(terms.values()), plain)
    for ours, theirs in zip(
        gradients(sum(terms.values()), weights), gradients(plain, weights), strict=True
    ):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_6_beta_zero_has_the_autoencoder_s_gradient():
    """With σ² = ½ the Gaussian distortion is the squared error and a constant, so a β = 0 VAE
    with the linear AE's weights has its objective and its gradients."""
    signature = signature_of(small_digits())
    config = small_config(
        "vae", beta=0.0, likelihood="gaussian", sigma=math.sqrt(0.5), hidden=(), latent=3
    )
    vae = models.build("vae", config, signature)
    ae = models.build("linear_ae", small_config("linear_ae", latent=3), signature)
    with torch.no_grad():
        vae.encoder[1].weight[:3] = ae.encoder[1].weight
        vae.encoder[1].bias[:3] = ae.encoder[1].bias
        vae.encoder[1].weight[3:] = 0
        vae.encoder[1].bias[3:] = -1e4  # no noise left but what the clamp allows
        vae.decoder.load_state_dict(ae.decoder.state_dict())
    x = coding.to_tensor(small_digits().x)
    constant = x[0].numel() * 0.5 * math.log(math.pi)

    def objective(model, generator):
        batch = model.prepare(x)
        return sum(model.loss_terms(batch, model(batch, generator), Moment(1.0)).values())

    plain = objective(ae, None)
    assert torch.allclose(objective(vae, None) - constant, plain, rtol=1e-4)
    noisy = objective(vae, torch.Generator().manual_seed(0))
    assert (noisy - constant).item() == pytest.approx(plain.item(), rel=1e-3)
    theirs = gradients(plain, [ae.encoder[1].weight, ae.decoder[0].weight])
    ours = gradients(objective(vae, None), [vae.encoder[1].weight, vae.decoder[0].weight])
    assert torch.allclose(ours[0][:3], theirs[0], atol=1e-4)
    assert ours[0][3:].abs().max() == 0
    assert torch.allclose(ours[1], theirs[1], atol=1e-4)


def test_6_beta_weighs_the_kl_term_and_warms_up():
    batch_data = coding.to_tensor(small_digits().x[:20])

    def kl_term(progress, **knobs):
        model = models.build("vae", small_config("vae", **knobs), signature_of(small_digits()))
        batch = model.prepare(batch_data)
        return model.loss_terms(batch, model(batch), Moment(progress))["kl"].item()

    plain = kl_term(0.0)
    assert plain > 0
    assert kl_term(0.3, beta=4.0) == pytest.approx(4 * plain)
    warm = [kl_term(progress, beta=4.0, beta_warmup=0.5) for progress in (0, 0.25, 0.5, 1)]
    assert warm == pytest.approx([0, 2 * plain, 4 * plain, 4 * plain])


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_6_the_elbo_of_evaluate_is_that_of_monte_carlo(likelihood):
    """ELBO = −(D + R), against the mean of log p(x|z) + log p(z) − log q(z|x) over draws."""
    knobs = {"likelihood": likelihood, "pixels": "grey"}
    quick = TrainConfig(epochs=3, batch_size=50)
    model = fitted("vae", small_digits(300), quick, **knobs)
    x = small_digits(50, 300).x
    if likelihood == "bernoulli":
        x = np.where(x > 127, 255, 0).astype(np.uint8)  # so that binarising changes nothing
    suffix = "_binary" if likelihood == "bernoulli" else ""
    draws = [evaluate(model, x, seed) for seed in range(40)]
    for scores in draws:
        assert scores[f"elbo{suffix}"] == pytest.approx(
            -scores[f"rate{suffix}"] - scores[f"distortion{suffix}"]
        )
    ours = np.array([scores[f"elbo{suffix}"] for scores in draws])
    target = coding.to_tensor(x)
    bounds = []
    with torch.no_grad():
        (level,) = model.encode(target)
        posterior = Normal(level.mean, (0.5 * level.log_var).exp())
        torch.manual_seed(0)
        for _ in range(200):
            z = posterior.sample()
            answer = model.decode(z)
            if likelihood == "bernoulli":
                log_p = torch.distributions.Bernoulli(logits=answer).log_prob(target)
            else:
                log_p = Normal(answer, model.config.sigma).log_prob(target)
            inner = Normal(0.0, 1.0).log_prob(z) - posterior.log_prob(z)
            bounds.append(log_p.flatten(1).sum(1).mean().item() + inner.sum(1).mean().item())
    bounds = np.array(bounds)
    error = math.hypot(ours.std() / math.sqrt(len(ours)), bounds.std() / math.sqrt(len(bounds)))
    assert abs(ours.mean() - bounds.mean()) < 4 * error


# --- 8: the best denoiser of Gaussian data -------------------------------------------------------


def gaussian_law(size=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    root = torch.randn(size, size, generator=generator, dtype=torch.float64)
    mean = torch.randn(size, generator=generator, dtype=torch.float64)
    return mean, root @ root.T / size + 0.1 * torch.eye(size, dtype=torch.float64)


def draw(mean, covariance, count):
    z = torch.randn(
        count, len(mean), generator=torch.Generator().manual_seed(7), dtype=torch.float64
    )
    return mean + z @ torch.linalg.cholesky(covariance).T


def test_8_the_formula_is_a_step_along_the_score():
    mean, covariance = gaussian_law()
    noisy = covariance + 0.4**2 * torch.eye(5, dtype=torch.float64)
    x = draw(mean, noisy, 20).requires_grad_()
    (score,) = torch.autograd.grad(MultivariateNormal(mean, noisy).log_prob(x).sum(), x)
    formula = mean + (x - mean) @ torch.linalg.solve(noisy, covariance)
    assert torch.allclose(formula, x + 0.4**2 * score)


def test_8_the_least_squared_error_of_noised_data_is_at_the_formula():
    mean, covariance = gaussian_law()
    x = draw(mean, covariance, 400_000)
    x_noisy = noise.gaussian(x, 0.4, torch.Generator().manual_seed(1))
    with_one = torch.cat([x_noisy, torch.ones(len(x), 1, dtype=torch.float64)], 1)
    found = torch.linalg.lstsq(with_one, x).solution  # (6, 5), the intercept last
    noisy = covariance + 0.4**2 * torch.eye(5, dtype=torch.float64)
    gain = torch.linalg.solve(noisy, covariance)
    assert torch.allclose(found[:5], gain, atol=0.01)
    assert torch.allclose(found[5], mean - mean @ gain, atol=0.01)


def test_8_a_linear_denoiser_trained_by_our_loss_reaches_the_formula():
    mean, covariance = gaussian_law()
    x = draw(mean, covariance, 20_000).float()
    generator = torch.Generator().manual_seed(2)
    layer = torch.nn.Linear(5, 5)
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 500)
    for _ in range(500):
        part = x[torch.randint(len(x), (1000,), generator=generator)]
        loss = losses.squared_error(layer(noise.gaussian(part, 0.4, generator)), part)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    noisy = covariance + 0.4**2 * torch.eye(5, dtype=torch.float64)
    gain = torch.linalg.solve(noisy, covariance).float()
    assert torch.allclose(layer.weight.T, gain, atol=0.05)
    assert torch.allclose(layer.bias, mean.float() - mean.float() @ gain, atol=0.05)


def test_8_masking_has_the_closed_form():
    """E[x x̃ᵀ] E[x̃ x̃ᵀ]⁻¹ with E[x x̃ᵀ] = (1−p) S and E[x̃ x̃ᵀ] = (1−p)² S + p (1−p) diag S."""
    mean, covariance = gaussian_law()
    p = 0.3
    second = covariance + torch.outer(mean, mean)
    of_masked = (1 - p) ** 2 * second + p * (1 - p) * torch.diag(second.diagonal())
    closed = (1 - p) * second @ torch.linalg.inv(of_masked)
    x = draw(mean, covariance, 400_000)
    x_masked = noise.masking(x, p, torch.Generator().manual_seed(3))
    found = torch.linalg.lstsq(x_masked, x).solution.T
    assert torch.allclose(found, closed, atol=0.015)


def test_8_a_denoising_autoencoder_gives_back_more_than_it_was_given():
    """On data of one plane the trained model's error is below that of the corrupted input and of
    an autoencoder that never saw noise."""
    generator = np.random.default_rng(0)
    pattern = generator.random((2, 144)) < 0.5
    z = generator.random((600, 2))
    x = np.clip(255 * (z @ pattern) / 2, 0, 255).astype(np.uint8).reshape(600, 1, 12, 12)
    plane = Dataset("plane", "all", x, np.full(600, -1), (), Provenance("made here", "MIT"))
    config = TrainConfig(epochs=25, batch_size=50, learning_rate=5e-3)
    knobs = {"hidden": (32,), "latent": 2}
    taught = fitted("denoising_ae", plane, config, noise="gaussian", level=0.5, **knobs)
    plain = fitted("stacked_ae", plane, config, **knobs)
    clean = coding.to_tensor(x)
    x_noisy = noise.gaussian(clean, 0.5, torch.Generator().manual_seed(0))
    with torch.no_grad():
        taught_error = losses.squared_error(taught.reconstruct(x_noisy), clean)
        plain_error = losses.squared_error(plain.reconstruct(x_noisy), clean)
    assert taught_error < 0.8 * plain_error
    assert taught_error < 0.2 * losses.squared_error(x_noisy, clean)


# --- The traps' floors, on MNIST's test set ------------------------------------------------------


@pytest.fixture(scope="module")
def mnist_test():
    return data.load("mnist", "test", root=real_mnist_root())


def test_floors_of_mnist(mnist_test):
    x = mnist_test.x.astype(np.float64) / 255
    assert metrics.bernoulli_floor(x) == pytest.approx(45.53, abs=0.005)
    constant = metrics.bernoulli_cross_entropy(x, x.mean(0))
    assert constant == pytest.approx(205.65, abs=0.005)
    assert metrics.bernoulli_cross_entropy(x, 0.5) == pytest.approx(543.43, abs=0.005)
    assert metrics.mean_image_error(x) == pytest.approx(52.85, abs=0.005)
    logits = torch.logit(torch.from_numpy(x.mean(0)).clamp(1e-12, 1 - 1e-12))
    ours = losses.bernoulli_nll(logits.expand(len(x), *logits.shape), torch.from_numpy(x))
    assert ours.item() == pytest.approx(constant, abs=0.005)


def test_pca_on_mnist(mnist_test):
    for k, error in ((2, 43.6), (16, 21.0)):
        pca = fitted("pca", mnist_test, TrainConfig(), latent=k)
        assert squared_error(pca, mnist_test.x) == pytest.approx(error, rel=0.01)


def test_a_sum_and_not_a_mean_over_pixels():
    assert small_data("images").shape == (1, 12, 12)
    one = torch.ones(4, 1, 12, 12)
    assert losses.squared_error(one, torch.zeros_like(one)) == 144
    model = models.build("vae", small_config("vae"), Signature((1, 12, 12)))
    constant = model.likelihood.nll(torch.zeros_like(one), torch.full_like(one, 0.5))
    assert constant.item() == pytest.approx(144 * math.log(2))
