"""The seams for what comes later: an opponent, a condition, discrete codes, more levels, sequences
and ratings go through the same loop, store and loading as everything else."""

import math
import sys
from typing import final

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import core.models as models
from core.config import ConfigError, ModelConfig, knob
from core.latent import coding
from core.measures import losses
from core.models.base import (
    NOTHING,
    Adversarial,
    Autoencoder,
    Batch,
    Capabilities,
    Condition,
    Level,
    Output,
)
from core.models.deterministic import PointAutoencoder
from core.store import checkpoints, loading, weights
from core.training import loop, runner
from core.training.evaluate import evaluate
from tests.digits import QUICK, signature_of, small_data

CPU = torch.device("cpu")


def mlp(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(before, 16), nn.ReLU(), nn.Linear(16, after))


class Clean(Autoencoder):
    """What these variants share: clean inputs, grey targets, squared error."""

    def corrupt(self, x, condition, generator):
        return x

    def observe(self, x, generator):
        return x

    def mean(self, logits):
        return logits

    def encoder_layers(self):
        return nn.Sequential(nn.Flatten(), *self.encoder)

    def decoder_layers(self):
        return self.decoder

    def squared_error(self, batch: Batch, output: Output) -> Tensor:
        return losses.squared_error(self.mean(output.logits), batch.target, batch.observed)


class AdversarialConfig(ModelConfig):
    weight: float = knob(1.0, ge=0, le=10, label="Weight", help="Of the adversary's say.")
    silent: bool = knob(False, label="Silent", help="Whether the opponent learns nothing.")


@final
class AdversarialAutoencoder(PointAutoencoder, Adversarial):
    """Codes that an opponent can't tell from the prior's (Makhzani et al., 2015)."""

    name, title, Config = "adversarial", "Adversarial AE", AdversarialConfig
    capabilities = Capabilities(has_prior=True)

    def __init__(self, config, signature):
        super().__init__(
            config,
            signature,
            encoder=nn.Sequential(nn.Flatten(), *mlp(signature.size, config.latent)),
            decoder=nn.Sequential(
                *mlp(config.latent, signature.size), nn.Unflatten(1, signature.shape)
            ),
            output=nn.Identity(),
        )
        self.adversary = mlp(config.latent, 1)

    def corrupt(self, x, condition, generator):
        return x

    def penalties(self, batch, output, progress):
        fooled = F.softplus(-self.adversary(output.z)).mean()
        return {"fooling": self.config.weight * fooled}

    def adversary_terms(self, batch, output):
        z = output.z.detach()
        if self.config.silent:
            return {"silence": 0.0 * self.adversary(z).sum()}
        prior = torch.randn(z.shape, generator=torch.Generator(z.device).manual_seed(0))
        real, fake = self.adversary(prior.to(z.device)), self.adversary(z)
        return {"real": F.softplus(-real).mean(), "fake": F.softplus(fake).mean()}


@final
class LabelledAutoencoder(Clean):
    """Encoder and decoder are told the label (as in Sohn et al., 2015)."""

    name, title, Config = "labelled", "Labelled AE", ModelConfig
    capabilities = Capabilities(conditional=True, in_browser=False)

    def __init__(self, config, signature):
        super().__init__(config, signature)
        self.encoder = mlp(signature.size + signature.classes, config.latent)
        self.decoder = mlp(config.latent + signature.classes, signature.size)

    def told(self, x: Tensor, condition: Condition) -> Tensor:
        labels = F.one_hot(condition.label, self.signature.classes)
        return torch.cat([x.flatten(1), labels], 1)

    def encode(self, x, condition=NOTHING, generator=None):
        return (Level(self.encoder(self.told(x, condition))),)

    def decode(self, z, condition=NOTHING):
        return self.decoder(self.told(z, condition)).unflatten(1, self.signature.shape)

    def loss_terms(self, batch, output, progress):
        return {"reconstruction": self.squared_error(batch, output)}


class QuantisedConfig(ModelConfig):
    entries: int = knob(8, ge=2, le=512, label="Codebook", help="Number of codes.")


@final
class QuantisedAutoencoder(Clean):
    """Codes out of a codebook, gradients straight through (van den Oord et al., 2017)."""

    name, title, Config = "quantised", "VQ-VAE", QuantisedConfig
    capabilities = Capabilities(discrete=True, in_browser=False)

    def __init__(self, config, signature):
        super().__init__(config, signature)
        self.encoder = mlp(signature.size, config.latent)
        self.decoder = mlp(config.latent, signature.size)
        self.codebook = nn.Embedding(config.entries, config.latent)
        self.register_buffer("used", torch.zeros(config.entries))
        self.register_buffer("seen", torch.tensor(0))

    def encode(self, x, condition=NOTHING, generator=None):
        point = self.encoder(x.flatten(1))
        index = torch.cdist(point, self.codebook.weight).argmin(1, keepdim=True)
        code = self.codebook(index[:, 0])
        return (Level(point + (code - point).detach(), mean=point, index=index),)

    def decode(self, z, condition=NOTHING):
        return self.decoder(z).unflatten(1, self.signature.shape)

    def loss_terms(self, batch, output, progress):
        (level,) = output.levels
        code = self.codebook(level.index[:, 0])
        with torch.no_grad():
            self.used += torch.bincount(level.index[:, 0], minlength=len(self.used)) / 3
            self.seen += len(code)
        return {
            "reconstruction": self.squared_error(batch, output),
            "codebook": losses.squared_error(code, level.mean.detach()),
            "commitment": 0.25 * losses.squared_error(level.mean, code.detach()),
        }


@final
class LadderAutoencoder(Clean):
    """Two levels of Gaussian codes, the upper one read off the lower one."""

    name, title, Config = "ladder", "Two-level VAE", ModelConfig
    capabilities = Capabilities(has_prior=True, has_posterior=True, levels=2, in_browser=False)

    def __init__(self, config, signature):
        super().__init__(config, signature)
        k = config.latent
        self.encoder = mlp(signature.size, 2 * k)
        self.upper = mlp(k, 2 * k)
        self.decoder = mlp(2 * k, signature.size)
        self.log_scale = nn.Parameter(torch.tensor(0.0))

    def level(self, answer: Tensor, generator) -> Level:
        mean, log_var = answer.chunk(2, dim=1)
        drawn = mean if generator is None else losses.gaussian_sample(mean, log_var, generator)
        return Level(drawn, mean, log_var)

    def encode(self, x, condition=NOTHING, generator=None):
        first = self.level(self.encoder(x.flatten(1)), generator)
        return first, self.level(self.upper(first.z), generator)

    def decode(self, z, condition=NOTHING):
        return self.log_scale.exp() * self.decoder(z).unflatten(1, self.signature.shape)

    def loss_terms(self, batch, output, progress):
        kl = {
            f"kl_{i}": 0.1 * losses.kl_standard_normal(level.mean, level.log_var)
            for i, level in enumerate(output.levels)
        }
        return {"reconstruction": self.squared_error(batch, output), **kl}


@final
class SequenceAutoencoder(Clean):
    """A recurrent encoder, and a decoder of all moments at once."""

    name, title, Config = "sequence", "Sequence AE", ModelConfig
    capabilities = Capabilities(kinds=("sequences",), in_browser=False)

    def __init__(self, config, signature):
        super().__init__(config, signature)
        moment = math.prod(signature.shape[1:])
        self.encoder = nn.GRU(moment, config.latent, batch_first=True)
        self.decoder = mlp(config.latent, signature.size)

    def encode(self, x, condition=NOTHING, generator=None):
        return (Level(self.encoder(x.flatten(2))[1][0]),)

    def decode(self, z, condition=NOTHING):
        return self.decoder(z).unflatten(1, self.signature.shape)

    def loss_terms(self, batch, output, progress):
        return {"reconstruction": self.squared_error(batch, output)}


@final
class RatingsAutoencoder(Clean):
    """AutoRec (Sedhain et al., 2015): only the observed ratings count."""

    name, title, Config = "ratings", "AutoRec", ModelConfig
    capabilities = Capabilities(kinds=("ratings",), in_browser=False)

    def __init__(self, config, signature):
        super().__init__(config, signature)
        self.encoder = mlp(signature.size, config.latent)
        self.decoder = mlp(config.latent, signature.size)

    def encode(self, x, condition=NOTHING, generator=None):
        return (Level(self.encoder(x)),)

    def decode(self, z, condition=NOTHING):
        return self.decoder(z)

    def loss_terms(self, batch, output, progress):
        return {"reconstruction": self.squared_error(batch, output)}


SEAMS = {
    "adversarial": (AdversarialAutoencoder, "images"),
    "labelled": (LabelledAutoencoder, "images"),
    "quantised": (QuantisedAutoencoder, "images"),
    "ladder": (LadderAutoencoder, "images"),
    "sequence": (SequenceAutoencoder, "sequences"),
    "ratings": (RatingsAutoencoder, "ratings"),
}


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """The variants of this file, registered by one line each as any other."""
    monkeypatch.setitem(sys.modules, "core.models.test_seams", sys.modules[__name__])
    for name, (kind, _) in SEAMS.items():
        monkeypatch.setitem(models._CLASSES, name, f"test_seams.{kind.__name__}")


def asked(name, epochs=8.0, **knobs):
    kind, data = SEAMS[name]
    config = QUICK.model_copy(update={"epochs": epochs})
    values = {"latent": 3, **knobs}
    return checkpoints.Request(name, kind.Config.checked(values), small_data(data), config)


def built(request):
    return models.build(request.variant, request.config, signature_of(request.data))


def batch_of(request, model, count=16):
    found = request.data
    observed = found.observed
    observed = None if observed is None else torch.from_numpy(observed[:count]).float()
    label = torch.from_numpy(found.labels[:count])
    return model.prepare(coding.to_tensor(found.x[:count]), label, observed)


@pytest.mark.parametrize("stored_as", ["float32", "float16", "int8"])
@pytest.mark.parametrize("name", SEAMS)
def test_same_loop_same_store_same_loading(name, stored_as, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "LEAST", 100)
    request = asked(name)
    held_out = small_data(SEAMS[name][1], 40, 100)
    training = runner.run(
        request, tmp_path, test=held_out, on_map=held_out, device=CPU, stored_as=stored_as
    )
    reports = list(training)
    assert reports[-1].loss < reports[0].loss
    listing = checkpoints.list_runs(tmp_path)
    assert not listing.problems and list(listing.runs) == [request.id]
    found = listing.runs[request.id]
    assert found.record.status == "complete" and found.record.data.kind == held_out.kind
    assert tuple(found.record.data.shape) == held_out.shape
    assert (found.record.browser is None) != SEAMS[name][0].capabilities.in_browser

    loaded = loading.load_model(found)
    codes = coding.encode(loaded, held_out.x, held_out.labels)
    width = 3 * loaded.capabilities.levels
    assert codes.mean.shape == (40, width)
    assert (codes.log_var is not None) == loaded.capabilities.has_posterior
    arrays = checkpoints.read_tensors(found, checkpoints.CODES)
    np.testing.assert_allclose(arrays["codes"], codes.mean, rtol=2e-3, atol=1e-4)
    x_hat = coding.reconstruct(loaded, held_out.x, held_out.labels)
    assert x_hat.shape == held_out.x.shape
    np.testing.assert_allclose(coding.decode(loaded, codes.mean, held_out.labels), x_hat, atol=1e-5)
    x = coding.to_tensor(held_out.x).numpy()
    error = ((x - x_hat) ** 2).reshape(40, -1).sum(1)
    np.testing.assert_allclose(arrays["squared_error"], error, rtol=2e-3)
    if held_out.kind == "images":
        scores = found.record.metrics[f"{held_out.name}/{held_out.split}"]
        assert scores["squared_error"] == pytest.approx(error.mean(), rel=1e-4)
    else:
        assert found.record.metrics == {}


@pytest.mark.parametrize("name", SEAMS)
def test_same_seed_same_weights(name):
    request = asked(name, epochs=2)
    first, again = built(request), built(request)
    for model in (first, again):
        loop.drain(loop.train(model, request.data, request.train, CPU))
    for key, tensor in first.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[key]), key


# --- An opponent --------------------------------------------------------------------------------


def test_opponent_learns_and_its_terms_stand_apart():
    request = asked("adversarial")
    model = built(request)
    before = {name: t.clone() for name, t in model.state_dict().items()}
    reports = list(loop.train(model, request.data, request.train, CPU))
    for name, tensor in model.state_dict().items():
        assert not torch.equal(tensor, before[name]), name
    for report in reports:
        assert set(report.terms) == {
            "reconstruction",
            "fooling",
            "adversary/real",
            "adversary/fake",
        }
        ours = report.terms["reconstruction"] + report.terms["fooling"]
        assert report.loss == pytest.approx(ours)


def test_main_optimiser_never_touches_the_opponent():
    """The objective's gradient runs through the opponent; one that learns nothing stays put."""
    request = asked("adversarial", silent=True, weight=10.0)
    model = built(request)
    terms = model.loss_terms(
        (batch := batch_of(request, model)), model(batch, torch.Generator().manual_seed(0)), 0.5
    )
    sum(terms.values()).backward()
    assert all(p.grad.abs().sum() > 0 for p in model.adversary.parameters())
    before = {name: t.clone() for name, t in model.state_dict().items()}
    loop.drain(loop.train(model, request.data, request.train, CPU))
    for name, tensor in model.state_dict().items():
        same = torch.equal(tensor, before[name])
        assert same == name.startswith("adversary."), name


def test_opponent_s_optimiser_never_touches_the_model():
    """Without a say and without errors to learn from, only the opponent moves."""
    request = asked("adversarial", weight=0.0)
    model = built(request)
    plain = type(model).loss_terms
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            AdversarialAutoencoder,
            "loss_terms",
            lambda *a: {k: 0.0 * v for k, v in plain(*a).items()},
            raising=False,
        )
        before = {name: t.clone() for name, t in model.state_dict().items()}
        loop.drain(loop.train(model, request.data, request.train, CPU))
    for name, tensor in model.state_dict().items():
        same = torch.equal(tensor, before[name])
        assert same != name.startswith("adversary."), name


# --- A condition --------------------------------------------------------------------------------


def test_condition_reaches_encoder_and_decoder():
    request = asked("labelled", epochs=20)
    model = built(request)
    loop.drain(loop.train(model, request.data, request.train, CPU))
    x, labels = request.data.x, request.data.labels
    others = (labels + 1) % 10
    assert not np.allclose(
        coding.encode(model, x, labels).mean, coding.encode(model, x, others).mean
    )
    z = coding.encode(model, x, labels).mean
    assert not np.allclose(coding.decode(model, z, labels), coding.decode(model, z, others))
    told, mistold = (evaluate(model, x, labels=each)["squared_error"] for each in (labels, others))
    assert told < mistold


# --- Discrete codes -----------------------------------------------------------------------------


def test_codes_come_from_the_codebook_and_gradients_go_straight_through():
    request = asked("quantised")
    model = built(request)
    batch = batch_of(request, model)
    output = model(batch)
    (level,) = output.levels
    assert level.index.shape == (16, 1) and level.index.max() < 8
    assert torch.allclose(level.z, model.codebook(level.index[:, 0]), atol=1e-6)
    output.levels[0].mean.retain_grad()
    z = level.z
    z.retain_grad()
    losses.squared_error(output.logits, batch.target).backward()
    assert torch.equal(level.mean.grad, z.grad) and z.grad.abs().sum() > 0
    assert model.codebook.weight.grad is None


def test_buffers_are_stored_and_rounded_like_weights(tmp_path):
    request = asked("quantised")
    model = built(request)
    last = loop.drain(loop.train(model, request.data, request.train, CPU))
    unrounded = model.used.clone()
    run = runner.save(model, request, tmp_path, last, [], stored_as="float16")
    loaded = loading.load_model(run)
    assert int(loaded.seen) == last.samples
    assert torch.equal(loaded.used, model.used) and not torch.equal(loaded.used, unrounded)
    assert checkpoints.read_tensors(run, checkpoints.WEIGHTS)["seen"].dtype == np.int64


# --- Two levels, sequences, ratings -------------------------------------------------------------


def test_two_levels_stand_side_by_side():
    request = asked("ladder")
    model = built(request)
    output = model(batch_of(request, model), torch.Generator().manual_seed(0))
    assert len(output.levels) == 2 and output.z.shape == (16, 6)
    (report, *_) = loop.train(model, request.data, request.train, CPU)
    assert set(report.terms) == {"reconstruction", "kl_0", "kl_1"}


@pytest.mark.parametrize("name", ["sequence", "ratings"])
def test_only_its_own_kind_of_data(name):
    request = asked(name)
    with pytest.raises(ConfigError, match=f"works on {request.data.kind}, not on images"):
        models.build(name, request.config, signature_of(small_data("images")))


def test_only_observed_ratings_count():
    request = asked("ratings")
    model = built(request)
    batch = batch_of(request, model)
    output = model(batch)
    output.logits.retain_grad()
    sum(model.loss_terms(batch, output, 0.0).values()).backward()
    assert torch.equal(output.logits.grad != 0, batch.observed.bool())


def test_unobserved_ratings_teach_nothing():
    """Two data sets that differ only where nothing was observed, fed alike, train alike."""
    request = asked("ratings")
    x, observed = request.data.x, request.data.observed
    seen = []
    plain = RatingsAutoencoder.loss_terms

    def with_other_targets(self, batch, output, progress):
        seen.append(batch.observed)
        target = torch.where(batch.observed.bool(), batch.target, batch.target + 7)
        return plain(self, Batch(batch.input, target, batch.condition, batch.observed), output, 0)

    first, other = built(request), built(request)
    loop.drain(loop.train(first, request.data, request.train, CPU))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RatingsAutoencoder, "loss_terms", with_other_targets)
        loop.drain(loop.train(other, request.data, request.train, CPU))
    assert torch.cat(seen).mean().item() == pytest.approx(observed.mean(), abs=0.02)
    assert x.dtype == np.float32 and x.max() > 1, "ratings are not scaled like pixels"
    for key, tensor in first.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[key]), key
