"""Known answers of the members that need no opponent; numbers as in truths.md."""

import numpy as np
import pytest
import torch
from torch.autograd.functional import jacobian
from torch.distributions import Bernoulli, Categorical, Independent, MixtureSameFamily, Normal

from core import models
from core.config import TrainConfig
from core.latent import coding
from core.measures import losses, metrics
from core.models import variant
from core.models.conditioned import Told
from core.models.networks import Largest
from core.models.signals import Moment
from core.training import loop
from core.training.evaluate import evaluate, importance_bounds, unit_scores
from tests.digits import signature_of, small_config, small_digits

DIGITS = small_digits()
X = coding.to_tensor(DIGITS.x)


def built(name, **knobs):
    return models.build(name, small_config(name, **knobs), signature_of(DIGITS)).double()


def trained(name, epochs=30.0, **knobs):
    model = models.build(name, small_config(name, **knobs), signature_of(DIGITS))
    config = TrainConfig(epochs=epochs, batch_size=20)
    loop.drain(loop.train(model, DIGITS, config, torch.device("cpu")))
    return model.eval()


def terms(model, x, seed=0, progress=1.0, phase=""):
    generator = torch.Generator().manual_seed(seed)
    batch = model.prepare(x)
    moment = Moment(progress, phase, generator)
    return model.loss_terms(batch, model(batch, generator), moment)


# --- 7: contraction -------------------------------------------------------------------------------


@pytest.mark.parametrize("latent", [1, 7, 30])
def test_7_one_sigmoid_layer_in_closed_form_is_autograd(latent):
    model = built("contractive_ae", latent=latent, hidden=(), code_activation="sigmoid")
    x = X[:9].double().requires_grad_()
    exact = losses.squared_jacobian(model.encoder(x), x)
    assert model.squared_jacobian(x).item() == pytest.approx(exact.item(), rel=1e-6)
    weight = model.encoder[1].weight
    (theirs,) = torch.autograd.grad(exact, weight, retain_graph=True)
    (ours,) = torch.autograd.grad(model.squared_jacobian(x), weight)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("code", ["linear", "sigmoid"])
@pytest.mark.parametrize("hidden", [(), (24, 12)])
def test_7_the_penalty_is_the_whole_jacobian_squared(hidden, code):
    model = built("contractive_ae", hidden=hidden, code_activation=code, activation="tanh")
    each = [jacobian(model.encoder, one[None]).square().sum() for one in X[:5].double()]
    expected = torch.stack(each).mean().item()
    assert model.squared_jacobian(X[:5].double()).item() == pytest.approx(expected, rel=1e-9)
    weight = model.config.weight
    with torch.no_grad():  # as where it is only looked at
        term = terms(model, X[:5].double())["contraction"].item()
    assert term == pytest.approx(weight * expected, rel=1e-9)


def test_7_the_decoder_has_the_encoder_s_weights_and_no_others():
    model = built("contractive_ae")
    names = [name for name, _ in model.named_parameters()]
    assert sum(name.startswith("decoder") and name.endswith("weight") for name in names) == 0
    with torch.no_grad():
        for layer in model.encoder:
            if isinstance(layer, torch.nn.Linear):
                layer.weight.mul_(0)
        z = torch.randn(4, model.width).double()
        answers = model.decode(z)
    assert (
        answers == answers[0]
    ).all()  # an encoder of zeros leaves the decoder nothing but biases


def test_7_a_dearer_jacobian_is_smaller_and_costs_error():
    cheap, dear = (trained("contractive_ae", weight=weight) for weight in (0.0, 1.0))
    squares = [model.squared_jacobian(X).item() for model in (cheap, dear)]
    assert squares[1] < 0.7 * squares[0]
    errors = [
        metrics.squared_error_each(DIGITS.x / 255, coding.reconstruct(model, DIGITS.x)).mean()
        for model in (cheap, dear)
    ]
    assert errors[0] < errors[1]


# --- 13: VampPrior -------------------------------------------------------------------------------


def test_13_with_the_data_as_pseudo_inputs_the_prior_is_the_aggregate_posterior():
    model = built("vamp_prior", pseudo_inputs=len(X))
    with torch.no_grad():
        model.inputs.copy_(X)
        (level,) = model.encode(X.double())
        each = Independent(Normal(level.mean, (0.5 * level.log_var).exp()), 1)
        aggregate = MixtureSameFamily(Categorical(logits=torch.zeros(len(X))), each)
        z = torch.randn(50, model.width).double()
        torch.testing.assert_close(model.log_prior(z), aggregate.log_prob(z))


def test_13_where_the_encoder_says_nothing_the_kl_is_zero():
    model = built("vamp_prior", pseudo_inputs=7)
    with torch.no_grad():
        last = model.encoder[-1]
        last.weight.zero_()
        last.bias.zero_()  # N(0, I) of every image
        levels = model.encode(X.double(), generator=torch.Generator().manual_seed(0))
        assert model.rate_each(levels).abs().max() < 1e-9
        z = torch.randn(9, model.width).double()
        standard = Independent(Normal(torch.zeros_like(z), 1.0), 1).log_prob(z)
        torch.testing.assert_close(model.log_prior(z), standard)


def test_13_draws_of_the_prior_are_of_its_density():
    model = built("vamp_prior", pseudo_inputs=3)
    with torch.no_grad():
        z = model.sample_prior(20_000, generator=torch.Generator().manual_seed(1))
        mean, log_var = model.components()
        second = (log_var.exp() + mean.square()).mean(0)
        torch.testing.assert_close(z.mean(0), mean.mean(0), atol=0.05, rtol=0)
        torch.testing.assert_close(z.square().mean(0), second, atol=0.1, rtol=0.05)


@pytest.mark.parametrize("begin", ["digits", "noise"])
def test_13_pseudo_inputs_begin_as_they_are_asked_to_and_are_learned(begin):
    model = built("vamp_prior", pseudo_inputs=6, begin=begin)
    before = model.inputs.detach().clone()
    generator = torch.Generator().manual_seed(0)
    (phase,) = model.phases()
    model.enter(phase.name, X, generator)
    from_data = [any(torch.equal(one.float(), x) for x in X) for one in model.inputs]
    assert all(from_data) == (begin == "digits")
    assert torch.equal(before, model.inputs) == (begin == "noise")
    sum(terms(model, X.double()).values()).backward()
    assert model.inputs.grad.abs().sum() > 0


# --- 16: levels -----------------------------------------------------------------------------------


def levelled(upper=(3, 2), **knobs):
    """A ladder whose levels say something of each other."""
    knobs = {"kl_warmup": 0.0, "free_bits": 0.0} | knobs
    model = built("ladder_vae", latent=4, upper=upper, **knobs)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model


def test_16_one_level_is_the_plain_vae():
    ladder, plain = levelled(upper=()), built("vae", latent=4)
    state = {name.replace("encoder.5", "levels.estimates.0.0"): name for name in plain.state_dict()}
    plain.load_state_dict({name: ladder.state_dict()[own] for own, name in state.items()})
    x = X[:20].double()
    ours, theirs = terms(ladder, x), terms(plain, x)
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert ours[name].item() == pytest.approx(theirs[name].item(), rel=1e-12)


def test_16_the_posterior_of_a_lower_level_is_a_product():
    model = levelled()
    with torch.no_grad():
        features = model.encoder(X[:6].double())
        estimate = model.levels.gaussian(model.levels.estimates[0](features))
        _, above, _ = found = model.levels.posterior(features, torch.Generator().manual_seed(0))
        expected = model.levels.gaussian(model.levels.descents[0](above.z))
        z = torch.randn(50, 6, 4).double()
        log = [
            Normal(level.mean, (0.5 * level.log_var).exp()).log_prob(z).sum(2)
            for level in (estimate, expected, found[0])
        ]
    assert (log[0] + log[1] - log[2]).std(0).max() < 1e-9, "up to a constant"
    assert (found[0].log_var < torch.minimum(estimate.log_var, expected.log_var)).all()


def test_16_what_is_drawn_from_the_top_down_has_the_prior_s_density():
    model = levelled()
    with torch.no_grad():
        z = model.sample_prior(4000, generator=torch.Generator().manual_seed(0))
        parts, log = z.split(model.widths, 1), 0
        for above, (part, layers) in zip(
            parts[1:], zip(parts, model.levels.descents, strict=False), strict=True
        ):
            mean, log_var = layers(above).chunk(2, 1)
            assert log_var.abs().max() < 6
            each = Normal(mean, (0.5 * log_var).exp())
            log = log + each.log_prob(part).sum(1)
            off = (part - mean) / each.stddev  # what was drawn is as far away as it should be
            assert off.mean(0).abs().max() < 4.5 / 4000**0.5
            assert (off.std(0) - 1).abs().max() < 4.5 / 8000**0.5
        log = log + Normal(0.0, 1.0).log_prob(parts[-1]).sum(1)
        torch.testing.assert_close(model.log_prior(z), log)


def test_16_the_rate_of_each_level_is_what_draws_say_of_it():
    model = levelled()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        features = model.encoder(X[:1].double()).expand(5000, -1)
        levels = model.levels.posterior(features, generator)
        expected = model.levels.each(tuple(level.z for level in levels))
        parts = model.rate_each(levels).split(model.widths, 1)
        exact = losses.kl_standard_normal_each(*levels[-1].gaussian)
        torch.testing.assert_close(parts[-1], exact)
        for level, prior, part in zip(levels, expected, parts, strict=True):
            drawn = losses.gaussian_log_density(level.z, *level.gaussian)
            drawn = drawn - losses.gaussian_log_density(level.z, *prior.gaussian)
            off = drawn - part.sum(1)
            assert abs(off.mean()) < 4 * off.std() / len(off) ** 0.5
            assert part.mean() > 0.01


def test_16_more_draws_come_nearer_and_warm_up_and_free_nats_are_what_they_say():
    model = levelled()
    x = (DIGITS.x[:10] > 127).astype(np.float64)
    bounds = importance_bounds(model, x, (1, 5, 50))
    means = [bounds[k].mean() for k in (1, 5, 50)]
    assert means == sorted(means) and means[0] < means[2]
    ours = X[:20].double()
    whole = terms(model, ours)["kl"].item()
    warm = terms(levelled(kl_warmup=0.5), ours, progress=0.25)["kl"].item()
    assert warm == pytest.approx(whole / 2)
    assert terms(levelled(free_bits=10.0), ours)["kl"].item() == pytest.approx(10 * model.width)


# --- IWAE ----------------------------------------------------------------------------------------


def test_one_draw_is_the_elbo_and_more_are_nearer_to_the_likelihood():
    means = {}
    for draws in (1, 5, 50):
        model = built("iwae", draws=draws, pixels="binary")
        x = (X > 0.5).double()
        with torch.no_grad():
            found = [-terms(model, x, seed)["bound"].item() for seed in range(12)]
        means[draws] = np.mean(found), np.std(found) / np.sqrt(len(found))
        bound = importance_bounds(model, x.numpy(), (1, 5, 50), seed=3)[draws].mean()
        assert means[draws][0] == pytest.approx(bound, abs=5 * means[draws][1] + 0.1)
    assert means[1][0] < means[5][0] < means[50][0]
    vae = models.build("vae", small_config("vae", pixels="binary"), signature_of(DIGITS)).double()
    vae.load_state_dict(built("iwae", draws=1).state_dict())
    with torch.no_grad():
        elbo = [-sum(terms(vae, x, seed).values()).item() for seed in range(12)]
    assert np.mean(elbo) == pytest.approx(means[1][0], abs=4 * means[1][1] + 0.05)


@pytest.mark.parametrize("draws", [1, 2, 5])
def test_a_bound_is_of_just_so_many_draws(draws):
    model = built("iwae", draws=draws)
    x = (X[:6] > 0.5).double()
    batch = model.prepare(x)
    ours, theirs = (torch.Generator().manual_seed(4) for _ in range(2))
    with torch.no_grad():
        found = model.bound(batch, model(batch, ours), ours)
        (level,) = model.encode(x)
        posterior = Normal(level.mean, (0.5 * level.log_var).exp())
        weights = []
        for _ in range(draws):
            noise = torch.empty_like(level.mean).normal_(generator=theirs)
            z = posterior.mean + posterior.stddev * noise
            pixels = Bernoulli(logits=model.decode(z)).log_prob(x).flatten(1).sum(1)
            ratio = (Normal(0, 1).log_prob(z) - posterior.log_prob(z)).sum(1)
            weights.append(pixels + ratio)
    expected = torch.stack(weights).exp().mean(0).log()
    torch.testing.assert_close(found, expected)


def test_the_draws_of_a_bound_are_fixed_by_the_moment_s_generator():
    model = built("iwae", draws=4)
    with torch.no_grad():
        first, again, other = (terms(model, X.double(), seed)["bound"] for seed in (0, 0, 1))
    assert first == again != other


# --- β's cycles and free nats ---------------------------------------------------------------------


def test_beta_rises_in_cycles():
    model = built("vae", beta=4.0, beta_warmup=0.5, cycles=2)
    places = (0.0, 0.125, 0.25, 0.4, 0.5, 0.625, 0.75, 1.0)
    for generator_place in (float, lambda place: torch.tensor(place, dtype=torch.float64)):
        with torch.no_grad():
            kl = [terms(model, X.double(), 0, generator_place(p))["kl"].item() for p in places]
        assert np.array(kl) / kl[-1] == pytest.approx([0, 0.5, 1, 1, 0, 0.5, 1, 1])


def test_free_nats_cost_the_same_whatever_is_saved_of_them():
    knobs = {"beta": 2.0, "latent": 3}
    plain, some, all_free = (built("vae", free_bits=free, **knobs) for free in (0, 0.3, 10))
    with torch.no_grad():
        (level,) = plain.encode(X.double())
        each = losses.kl_standard_normal_each(level.mean, level.log_var).mean(0)
        shares = [terms(model, X.double())["kl"].item() for model in (plain, some, all_free)]
    assert shares[0] == pytest.approx(2 * each.sum().item())
    assert shares[1] == pytest.approx(2 * each.clamp_min(0.3).sum().item())
    assert shares[2] == pytest.approx(2 * 10 * 3)
    terms(all_free, X.double())["kl"].backward()  # nothing is left to gain
    assert all_free.encoder[-1].weight.grad.abs().max() == 0


# --- Layer by layer -------------------------------------------------------------------------------


def test_one_solved_layer_is_pca():
    model = built("greedy_ae", hidden=(), latent=5, layers="solved")
    pca = models.build("pca", variant("pca").Config(latent=5), signature_of(DIGITS))
    pca.fit(X)
    model.enter("whole", X.double(), torch.Generator().manual_seed(0))
    angles = metrics.principal_angles(
        model.encoder[1].weight.detach().numpy().T, pca.encoder[1].weight.detach().numpy().T
    )
    assert angles.max() < 1e-3
    codes = model.encoder(X.double())
    np.testing.assert_allclose(codes.mean(0).detach(), 0, atol=1e-9)


def test_a_layer_that_is_solved_gives_back_more_than_the_mean():
    for hidden in [(), (40,), (60, 20)]:
        model = built("greedy_ae", hidden=hidden, latent=8, layers="solved", activation="tanh")
        model.enter("whole", X.double(), torch.Generator().manual_seed(0))
        error = terms(model, X.double())["reconstruction"].item()
        assert error < 0.75 * metrics.mean_image_error(DIGITS.x / 255), hidden


def test_layers_learn_one_after_the_other_and_then_together():
    model = built("greedy_ae", hidden=(24, 12), latent=3, alone=0.6)
    phases = model.phases()
    assert [phase.name for phase in phases] == ["layer 1", "layer 2", "layer 3", "whole"]
    assert [phase.share for phase in phases] == pytest.approx([0.2, 0.2, 0.2, 0.4])
    parameters = dict(model.named_parameters())
    seen = set()
    for phase in phases[:-1]:
        model.zero_grad()
        (name,) = (found := terms(model, X.double(), phase=phase.name))
        assert name == "layer"
        found["layer"].backward()
        reached = {name for name, p in parameters.items() if p.grad is not None}
        wanted = {n for n in parameters if any(n.startswith(f"{part}.") for part in phase.parts)}
        assert reached == wanted and len(wanted) == 4
        seen |= wanted
    assert seen == set(parameters)
    assert list(terms(model, X.double(), phase="whole")) == ["reconstruction"]


def test_the_first_layer_s_own_error_is_that_of_a_basic_autoencoder():
    model = built("greedy_ae", hidden=(24,), latent=3, activation="sigmoid")
    basic = models.build(
        "basic_ae", variant("basic_ae").Config(latent=24), signature_of(DIGITS)
    ).double()
    with torch.no_grad():
        for ours, theirs in (
            (basic.encoder[1], model.encoder[1]),
            (basic.decoder[0], model.decoder[2]),
        ):
            ours.load_state_dict(theirs.state_dict())
    own = terms(model, X.double(), phase="layer 1")["layer"].item()
    assert own == pytest.approx(terms(basic, X.double())["reconstruction"].item())


@pytest.mark.parametrize("layers", ["trained", "solved"])
def test_layer_by_layer_learns(layers):
    model = trained("greedy_ae", epochs=60.0, layers=layers)
    x_hat = coding.reconstruct(model, DIGITS.x)
    error = metrics.squared_error_each(DIGITS.x / 255, x_hat).mean()
    assert error < 0.7 * metrics.mean_image_error(DIGITS.x / 255)


# --- 9: sparsity, and codes that could copy -------------------------------------------------------


def test_9_what_a_unit_s_mean_activity_costs():
    def cost(mean, rho=0.1):
        return losses.sparsity(mean * torch.ones(4, 1, dtype=torch.float64), rho)

    assert cost(0.5).item() == pytest.approx(0.368064, abs=1e-6)
    assert cost(0.1).item() == pytest.approx(0, abs=1e-12)
    coins = [torch.distributions.Bernoulli(torch.tensor(p).double()) for p in (0.1, 0.3)]
    expected = torch.distributions.kl_divergence(*coins).item()
    assert cost(0.3).item() == pytest.approx(expected, rel=1e-6)
    activity = torch.rand(6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    activity.requires_grad_()
    losses.sparsity(activity, 0.1).backward()
    mean = activity.detach().mean(0)
    each = (-0.1 / mean + 0.9 / (1 - mean)) / 6  # of which every image has a sixth
    torch.testing.assert_close(activity.grad, each.expand(6, 3))


def test_9_just_so_many_stay_and_they_are_the_largest():
    x = torch.tensor([[3.0, -1, 2, 2, 2], [-5, -4, -3, -2, -1], [0, 0, 0, 0, 7]])
    for count in (1, 3, 5):
        kept = Largest(count)(x + 100) != 0  # where none is 0 by itself
        assert (kept.sum(1) == count).all()
    assert Largest(2)(x)[1].tolist() == [0, 0, 0, -2, -1]
    model = built("sparse_ae", latent=200, active=7, sparsity="top").eval()
    assert ((model.encode(X.double())[0].z != 0).sum(1) == 7).all()
    assert model.rho == pytest.approx(7 / 200)


@pytest.mark.parametrize("sparsity", ["top", "l1", "kl"])
def test_9_the_objective_is_what_its_knobs_say(sparsity):
    model = built("sparse_ae", latent=30, sparsity=sparsity, active=4, weight=0.7, rho=0.2)
    z = model.encode(X.double())[0].z
    found = terms(model, X.double())
    told = {"l1": z.abs().sum(1).mean(), "kl": losses.sparsity(z, 0.2)}
    assert ("sparsity" in found) == (sparsity in told)
    if sparsity in told:
        torch.testing.assert_close(found["sparsity"], 0.7 * told[sparsity])


def test_9_dead_units_are_counted():
    codes = np.array([[0, 2, 0, 0], [0, 1, -1, 0], [0, 0, 0, 0]], np.float32)
    found = unit_scores(built("sparse_ae", latent=4), codes)
    assert found == pytest.approx({"dead_share": 2 / 4, "active_share": 3 / 12})
    soft = np.array([[0.1, 0.9], [0.3, 0.2]], np.float32)
    found = unit_scores(built("sparse_ae", latent=2, sparsity="kl"), soft)
    assert found == pytest.approx({"dead_share": 1 / 2, "active_share": 1.5 / 4})


def test_9_all_units_learn_before_most_are_left_out():
    model = built("sparse_ae", latent=40, active=4, sparsity="top", narrowing=0.5).train()
    batch = model.prepare(X[:30].double())
    kept = []
    for progress in (0.0, 0.25, 0.4, 0.5, 1.0):
        model.after_step(batch, model(batch), Moment(progress))
        kept.append(set((model(batch).z != 0).sum(1).tolist()))
    assert kept == [{40}, {22}, {11}, {4}, {4}]  # 4 and a share of the 36 others
    model.after_step(batch, model(batch), Moment(0.0))
    model.encode(batch.input)[0].z.sum().backward()
    assert (model.encoder[1].weight.grad.abs().sum(1) > 0).all()
    assert set((model.eval()(batch).z != 0).sum(1).tolist()) == {4}  # looked at, it is sparse


def test_more_units_than_pixels_copy_even_what_is_no_digit():
    """Error far below PCA's at the same digits, and noise that comes out again, as a sparse code of
    the same width lets it not."""
    wide = {"latent": 200, "epochs": 150.0}
    copies, sparse = (
        trained("overcomplete_ae", **wide),
        trained("sparse_ae", sparsity="top", active=8, **wide),
    )
    pca = models.build("pca", variant("pca").Config(latent=30), signature_of(DIGITS))
    pca.fit(X)
    noisy = X + 0.3 * torch.randn(X.shape, generator=torch.Generator().manual_seed(1))

    def error(model, x):
        with torch.no_grad():
            return losses.squared_error(model.reconstruct(x), X).item()

    def passed(model):
        with torch.no_grad():
            change = model.reconstruct(noisy) - model.reconstruct(X)
        return (change.square().sum() / (noisy - X).square().sum()).item()

    assert error(copies, X) < 0.2 * error(pca, X)
    assert passed(copies) > 2 * passed(sparse)
    assert error(copies, noisy) > error(sparse, noisy)


# --- 16: conditions -------------------------------------------------------------------------------


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_16_told_always_the_same_it_is_the_plain_vae(network):
    """A constant condition is a bias: with it moved there, the plain VAE answers alike."""
    model = built("conditional_vae", network=network)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    plain = built("vae", network=network)
    labels = torch.full((len(X),), 3)
    mine = dict(model.state_dict())
    for part in ("encoder", "decoder"):
        layers = list(getattr(model, part))
        at = next(i for i, layer in enumerate(layers) if isinstance(layer, Told))
        mine[f"{part}.{at - 1}.bias"] = layers[at - 1].bias + layers[at].weight[:, 3]
        kept = [layer for i, layer in enumerate(layers) if i != at]
        for i, layer in enumerate(kept):
            for name in dict(layer.named_parameters()):
                old = layers.index(layer)
                plain.state_dict()[f"{part}.{i}.{name}"].copy_(mine[f"{part}.{old}.{name}"])
    for one, other in zip(
        told_terms(model, X.double(), labels), told_terms(plain, X.double(), None), strict=True
    ):
        torch.testing.assert_close(one, other)


def told_terms(model, x, labels):
    generator = torch.Generator().manual_seed(0)
    batch = model.prepare(x, labels)
    output = model(batch, generator)
    return [*model.loss_terms(batch, output, Moment(1.0, "", generator)).values(), output.logits]


def test_16_it_begins_as_the_plain_vae_and_then_the_label_counts():
    model = models.build("conditional_vae", small_config("conditional_vae"), signature_of(DIGITS))
    labels = torch.from_numpy(DIGITS.labels)
    others = (labels + 1) % 10
    for one, other in zip(told_terms(model, X, labels), told_terms(model, X, others), strict=True):
        assert torch.equal(one, other)
    model = trained("conditional_vae")
    mine, wrong = (told_terms(model, X, told)[0].item() for told in (labels, others))
    assert mine < wrong - 1  # nats per digit


# --- 10: vector quantisation ----------------------------------------------------------------------


def grids(model, count=12):
    """Move a model's codebook to where its points are, and return these: (count, length, *size)."""
    points = model.encoder(X[:count].to(next(model.parameters()).dtype))
    model.book.follow(points, model.book.nearest(points), torch.Generator().manual_seed(0))
    return points.detach()


def test_10_gradients_go_straight_through_and_none_reaches_the_codebook():
    model = built("vq_vae")
    points = grids(model)
    x = X[:12].double()
    (level,) = model.encode(x)
    assert level.z.equal(model.look_up(level.index))  # exactly an entry at each place
    level.point.retain_grad()
    level.z.retain_grad()
    answers = model.mean(model.decode(level.z))
    losses.squared_error(answers, x).backward()
    assert level.z.grad.abs().sum() > 0
    torch.testing.assert_close(level.point.grad, level.z.grad, rtol=0, atol=0)
    assert not model.codebook().requires_grad
    learned = dict(model.named_parameters())
    assert not any(name.startswith("book") for name in learned)
    with torch.no_grad():
        far = torch.cdist(points.flatten(2).mT, model.codebook().expand(12, -1, -1))
    assert model.book.nearest(points).equal(far.argmin(2))


def test_10_the_prior_learns_from_the_codes_and_they_not_from_it():
    model = built("vq_vae")
    grids(model)
    batch = model.prepare(X[:12].double())
    output = model(batch, torch.Generator())
    model.loss_terms(batch, output, Moment())["prior"].backward()
    moved = {
        name.partition(".")[0]
        for name, parameter in model.named_parameters()
        if parameter.grad is not None and parameter.grad.abs().sum() > 0
    }
    assert moved == {"prior"}


def test_10_without_decay_a_step_of_the_averages_is_one_of_k_means():
    model = built("vq_vae", decay=0.0, entries=4)
    points = grids(model)
    rows = points.movedim(1, 3).flatten(0, 2).numpy()
    entries = model.codebook().numpy().copy()
    chose = ((rows[:, None] - entries) ** 2).sum(2).argmin(1)
    counts = np.bincount(chose, minlength=4)
    model.book.follow(points, model.book.nearest(points), torch.Generator())
    alive = counts >= 0.1 * len(rows) / 4
    assert alive.sum() > 1
    means = np.array([rows[chose == j].mean(0) for j in np.flatnonzero(alive)])
    np.testing.assert_allclose(model.codebook().numpy()[alive], means, rtol=1e-9)


def test_10_entries_that_nobody_chooses_begin_anew_at_points():
    model = built("vq_vae", decay=0.5, entries=8)
    points = grids(model)
    model.book.entries[3] = 1e6
    model.book.counts[3] = 0
    model.book.follow(points, model.book.nearest(points), torch.Generator().manual_seed(1))
    rows = points.movedim(1, 3).flatten(0, 2)
    assert torch.cdist(model.book.entries[3:4], rows).min() < 1e-9


@pytest.mark.parametrize("counts", [[7, 0, 0], [4, 4, 4], [1, 2, 9], [0, 0, 0]])
def test_10_perplexity_is_between_one_and_the_entries(counts):
    found = metrics.perplexity(np.array(counts))
    assert 1 <= found <= max(1, np.count_nonzero(counts))
    assert metrics.perplexity(3 * np.array(counts)) == pytest.approx(found)
    if counts == [4, 4, 4]:
        assert found == pytest.approx(3)


def test_10_no_entry_is_judged_by_one_that_comes_after_it():
    """And over all grids of two places the prior's probabilities sum to 1."""
    model = built("vq_vae", entries=3)
    grids(model)
    with torch.no_grad():
        for parameter in model.prior.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    places = model.size[0] * model.size[1]
    z = model.book.grid(torch.randint(3, (1, places)), model.size).requires_grad_()
    logits = model.prior(z).flatten(2)
    for place in (0, places // 2, places - 1):
        (slope,) = torch.autograd.grad(logits[0, :, place].sum(), z, retain_graph=True)
        by_place = slope.abs().sum(1).flatten()
        assert by_place[place:].abs().max() == 0
        assert place == 0 or by_place[:place].abs().max() > 0
    rest = torch.randint(3, (places - 2,))
    begun = torch.cartesian_prod(torch.arange(3), torch.arange(3))
    index = torch.cat([begun, rest.expand(9, -1)], 1)
    each = torch.log_softmax(model.prior(model.book.grid(index, model.size)).flatten(2), 1)
    first = each.gather(1, index[:, None])[:, 0, :2].sum(1)
    assert first.exp().sum().item() == pytest.approx(1, abs=1e-9)


def test_10_drawn_codes_are_what_the_prior_holds_likely():
    """A prior that was told one grid alone draws it; its cost is then 0 bits."""
    model = models.build("vq_vae", small_config("vq_vae", entries=4), signature_of(DIGITS))
    grids(model)
    with torch.no_grad():
        for parameter in model.prior.parameters():
            parameter.zero_()
        model.prior[-1].bias[2] = 50.0
    z = model.sample_prior(5, generator=torch.Generator().manual_seed(0))
    assert z.equal(model.look_up(torch.full((5, model.size[0] * model.size[1]), 2)))
    assert model.log_prior(z).abs().max() < 1e-6


def test_10_it_learns_uses_its_codebook_and_says_what_a_code_costs():
    model = trained("vq_vae", epochs=40.0, entries=8, channels=(8, 16), prior_width=8)
    scores = evaluate(model, DIGITS.x, labels=DIGITS.labels)
    assert scores["squared_error"] < 0.85 * scores["squared_error_mean_image"]
    assert 4 < scores["perplexity"] <= scores["entries_used"] <= 8
    assert scores["code_bits"] == model.size[0] * model.size[1] * 3
    assert scores["code_bits_prior"] < 0.98 * scores["code_bits"]
