"""The contract that every registered variant keeps; a new variant is tested by being registered."""

import copy
import inspect
import json

import numpy as np
import pytest
import torch
from torch import nn

import core.models as models
from core.config import ConfigError, ModelConfig
from core.export import programs
from core.latent import coding
from core.models import VARIANTS, abilities, variant
from core.models.abilities import (
    Autoregressive,
    Capabilities,
    ClosedForm,
    Discrete,
    Generative,
    Layered,
    Probabilistic,
    Taught,
)
from core.models.base import Autoencoder, DecoderOnly, Member
from core.models.signals import NOTHING, Moment, Signature
from core.store import checkpoints, loading, weights
from core.training import loop, runner
from core.training.evaluate import evaluate, importance_bounds
from core.training.film import Film
from tests.digits import (
    EVERY,
    QUICK,
    bad_knobs,
    built_model,
    cases,
    data_of,
    kind_of,
    small_config,
    small_data,
    teacher_of,
)

pytestmark = pytest.mark.usefixtures("on_trial")
CPU = torch.device("cpu")


def with_ability(*kinds):
    """Cases of the variants that mix in all of these."""
    return cases(name for name in EVERY if all(issubclass(kind_of(name), k) for k in kinds))


def built(name, changes, seed=0, **more):
    return built_model(name, small_config(name, **changes, **more), data_of(name), seed)


def batch_for(model, name, count=16, times=1):
    """The first of a variant's data, the whole row of them so many times."""
    found = data_of(name)
    x = torch.cat([coding.to_tensor(found.x[:count])] * times)
    label = torch.from_numpy(found.labels[:count]).repeat(times)
    observed = found.observed
    if observed is not None:
        observed = torch.cat([torch.from_numpy(observed[:count]).float()] * times)
    return model.prepare(x, label, observed, torch.Generator().manual_seed(3))


def objective(model, batch, seed=5, progress=1.0):
    generator = torch.Generator().manual_seed(seed)
    output = model(batch, generator)
    return model.loss_terms(batch, output, Moment(progress, generator=generator)), output


KEPT = {}


def trained(name, changes, seed=0, **more):
    """What is asked for, a model of one's own that was trained by it, and the last progress; the
    same training is done once."""
    key = json.dumps([name, changes, seed, more], sort_keys=True)
    if key not in KEPT:
        KEPT[key] = trained_anew(name, changes, seed, **more)
    request, model, last = KEPT[key]
    return request, copy.deepcopy(model), last


def trained_anew(name, changes, seed=0, **more):
    config = QUICK.model_copy(update={"seed": seed, "epochs": 1, **more})
    request = asked(name, changes, config)
    model = built_model(name, request.config, request.data, seed)
    last = loop.drain(loop.train(model, request.data, config, CPU))
    return request, model, last


def asked(name, changes, config):
    found, teacher = data_of(name), "a-teacher" if issubclass(kind_of(name), Taught) else ""
    return checkpoints.Request(name, small_config(name, **changes), found, config, teacher)


# --- What a variant says of itself --------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_declaration_is_complete(name):
    kind = kind_of(name)
    assert kind.name == name
    assert kind.title.strip() and kind.__doc__.strip()
    assert issubclass(kind.Config, ModelConfig) and kind.Config is not ModelConfig
    assert isinstance(kind.capabilities, Capabilities) and kind.capabilities.kinds == kind.kinds
    assert kind.capabilities.capturable == (not kind.eager)
    assert kind.__final__ and not inspect.isabstract(kind)
    for knob in kind.Config.knobs():
        assert knob.label.strip() and knob.help.strip().endswith("."), knob.name
        assert knob.label != knob.name or len(knob.name) == 1, f"{knob.name} has no label"


def test_titles_differ():
    assert len({kind_of(name).title for name in EVERY}) == len(EVERY)


def test_unknown_variant_names_the_variants():
    with pytest.raises(ConfigError, match="no variant 'vea'; there are pca, .* Did you mean vae?"):
        variant("vea")
    with pytest.raises(ConfigError, match="there are pca") as caught:
        variant("zzzz")
    assert "Did you mean" not in str(caught.value)


# --- Its configuration --------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "changes"), cases(EVERY))
def test_config_to_json_and_back(name, changes):
    config = small_config(name, **changes)
    again = type(config).checked(json.loads(json.dumps(config.model_dump(mode="json"))))
    assert again == config
    assert again.model_dump_json() == config.model_dump_json()


@pytest.mark.parametrize("name", EVERY)
def test_bad_knobs_are_refused_in_one_sentence(name):
    config = kind_of(name).Config
    tried = bad_knobs(config)
    assert {knob.name for knob, _ in tried} == set(config.model_fields)
    for knob, value in tried:
        with pytest.raises(ConfigError) as caught:
            config.checked({knob.name: value})
        sentence = str(caught.value)
        assert f"{knob.label} ({knob.name})" in sentence and knob.allowed in sentence
        for limit in (knob.low, knob.high):
            assert limit is None or f"{limit:.10g}" in sentence, (sentence, limit)
        for choice in knob.choices:
            assert choice in sentence
        assert sentence.endswith(".") and "\n" not in sentence


@pytest.mark.parametrize("name", EVERY)
def test_unknown_knob(name):
    with pytest.raises(ConfigError, match="betta is not a knob here; the knobs are .*latent"):
        kind_of(name).Config.checked({"betta": 1})


@pytest.mark.parametrize("name", EVERY)
def test_more_dimensions_than_pixels(name):
    signature = Signature((1, 4, 4), 10, kind_of(name).kinds[0])
    most = next(knob.high for knob in kind_of(name).Config.knobs() if knob.name == "latent")
    if most > 784:  # one that says what keeps it from copying, or that it is about copying
        assert models.build(name, small_config(name, latent=17), signature).width == 17
        return
    with pytest.raises(ConfigError, match=r"K \(latent\) must be between 1 and 16.* got 17"):
        models.build(name, small_config(name, latent=17), signature)


@pytest.mark.parametrize(("name", "changes"), cases(EVERY))
@pytest.mark.parametrize("widths", [(0,), (-3, 8), (10**6,), (8,) * 9])
def test_layers_of_nonsense_widths(name, changes, widths):
    fields = kind_of(name).Config.model_fields
    knob = "channels" if changes.get("network") == "conv" else "hidden"
    if knob not in fields:
        assert "network" not in fields, "a variant with networks has widths to check"
        return
    with pytest.raises(ConfigError, match=rf"\({knob}\) must"):
        built(name, changes, **{knob: widths})


@pytest.mark.parametrize(
    "name", [name for name in EVERY if "channels" in kind_of(name).Config.model_fields]
)
@pytest.mark.parametrize("channels", [(), (4, 4, 4)])
def test_convolutions_that_do_not_fit_the_image(name, channels):
    with pytest.raises(ConfigError, match=r"\(channels\) must .*\(1, 12, 12\)"):
        network = "network" in kind_of(name).Config.model_fields
        built(name, {"network": "conv"} if network else {}, channels=channels)


@pytest.mark.parametrize("name", EVERY)
def test_wrong_kind_of_data(name):
    kinds = kind_of(name).kinds
    other = next(k for k in ("images", "sequences", "ratings", "none") if k not in kinds)
    with pytest.raises(ConfigError, match=f"works on {', '.join(kinds)}, not on {other}"):
        models.build(name, small_config(name), Signature((1, 12, 12), 10, other))


# --- Its passes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "changes"), cases(EVERY))
def test_shapes(name, changes):
    model = built(name, changes)
    batch = batch_for(model, name)
    count, shape = len(batch.target), model.signature.shape
    output = model(batch, torch.Generator().manual_seed(0))
    assert len(output.levels) == len(model.widths) and sum(model.widths) == model.width
    for level, width in zip(output.levels, model.widths, strict=True):
        assert level.z.shape == (count, width)
        assert (level.log_var is not None) == model.capabilities.has_posterior
        assert (level.index is not None) == model.capabilities.discrete
        for part in (level.mean, level.log_var, level.point):
            assert part is None or part.shape == level.z.shape
    assert output.logits.shape == model.mean(output.logits).shape == (count, *shape)
    assert output.z.shape == (count, model.width)
    logits = model.decode(output.z, batch.condition)
    assert logits.shape == (count, *shape)
    assert model.answer(output.z, batch.condition, batch.target).shape == (count, *shape)
    assert batch.input.shape == batch.target.shape == (count, *shape)
    if not model.capabilities.corrupts:
        assert torch.equal(batch.input, batch.target)
    if isinstance(model, Autoencoder):
        assert model.reconstruct(batch.target, batch.condition).shape == (count, *shape)


@pytest.mark.parametrize(("name", "changes"), with_ability(Autoencoder))
def test_encoding_without_a_generator_has_no_noise(name, changes):
    model = built(name, changes).eval()
    x, label = coding.to_tensor(data_of(name).x[:8]), torch.from_numpy(data_of(name).labels[:8])
    condition = model.condition(x, label)
    first, second = model.encode(x, condition), model.encode(x, condition)
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a.z, b.z)
        assert a.mean is None or torch.equal(a.z, a.mean)


@pytest.mark.parametrize(("name", "changes"), cases(EVERY))
def test_terms_are_finite_scalars_and_sum_to_the_objective(name, changes):
    model = built(name, changes)
    batch = batch_for(model, name)
    for progress in (0.0, 0.5, 1.0):
        terms, _ = objective(model, batch, progress=progress)
        assert terms and all(isinstance(term, str) and "/" not in term for term in terms)
        for term in terms.values():
            assert term.ndim == 0 and torch.isfinite(term)
    if not model.capabilities.closed_form:
        one = QUICK.model_copy(update={"epochs": 0.01, "batch_size": 100})
        (progress,) = loop.train(model, data_of(name), one, CPU)
        theirs = {term for term in progress.terms if term.startswith("adversary/")}
        assert bool(theirs) == model.capabilities.adversarial
        ours = progress.terms.keys() - theirs
        assert progress.loss == pytest.approx(sum(progress.terms[term] for term in ours))


@pytest.mark.parametrize(("name", "changes"), with_ability(Layered))
def test_gradients_reach_every_part(name, changes):
    model = built(name, changes)
    terms, _ = objective(model, batch_for(model, name))
    sum(terms.values()).backward()
    for part in (model.encoder_layers(), model.decoder_layers()):
        found = dict(part.named_parameters())
        assert found
        for parameter, tensor in found.items():
            assert tensor.grad is not None and tensor.grad.abs().sum() > 0, parameter


# --- What it mixes in ---------------------------------------------------------------------------


def mixins():
    """What `core.models.abilities` offers to mix in."""
    return [
        kind
        for kind in vars(abilities).values()
        if inspect.isclass(kind)
        and inspect.isabstract(kind)
        and kind.__module__ == abilities.__name__
    ]


def test_an_ability_of_every_kind_is_on_trial():
    kinds = mixins()
    assert len(kinds) >= 14
    for kind in kinds:
        assert any(issubclass(kind_of(name), kind) for name in EVERY), kind.__name__
    assert any(issubclass(kind_of(name), DecoderOnly) for name in EVERY)
    assert {kind for name in EVERY for kind in kind_of(name).kinds} == {
        "images",
        "sequences",
        "ratings",
    }


def test_what_can_not_be_captured_says_why():
    eager = {
        name: kind_of(name).eager for name in EVERY if not kind_of(name).capabilities.capturable
    }
    assert set(eager) == {"vae_gan", "sequence_ae"}
    assert all(reason.endswith(".") for reason in eager.values())


@pytest.mark.parametrize(("name", "changes"), with_ability(Generative))
def test_prior_draws_what_it_gives_density_to(name, changes):
    model = trained(name, changes)[1].eval()
    one = model.sample_prior(64, NOTHING, torch.Generator().manual_seed(1))
    again = model.sample_prior(64, NOTHING, torch.Generator().manual_seed(1))
    other = model.sample_prior(64, NOTHING, torch.Generator().manual_seed(2))
    assert one.shape == (64, model.width) and torch.equal(one, again)
    assert not torch.equal(one, other)
    nats = model.log_prior(one, NOTHING)
    far = model.log_prior(one + 30, NOTHING)
    assert nats.shape == (64,) and nats.isfinite().all()
    assert model.capabilities.discrete or (far < nats).all()  # of entries none is far away
    names = {id(t): n for n, t in (*model.named_parameters(), *model.named_buffers())}
    program = model.prior_program(names)
    assert program["kind"] in ("normal", "mixture", "autoregressive", "levels", "learned")
    plain = {key: part for key, part in program.items() if not isinstance(part, nn.Sequential)}
    assert json.loads(json.dumps(plain)) == plain
    z, x = coding.sample(model, 5, seed=3)
    assert z.shape == (5, model.width) and x.shape == (5, *model.signature.shape)


@pytest.mark.parametrize(("name", "changes"), with_ability(Probabilistic, Generative))
def test_rate_is_the_mean_log_ratio_of_posterior_and_prior(name, changes):
    """One rate and one prior: what a model says of its rate is what its densities say."""
    model = trained(name, changes)[1].eval()
    batch = batch_for(model, name, 4, times=20)
    generator = torch.Generator().manual_seed(0)
    ratios, rates = [], []
    with torch.no_grad():
        for _ in range(30):
            levels = model.encode(batch.input, batch.condition, generator)
            z = torch.cat([level.z for level in levels], 1)
            ratios.append(model.log_posterior(levels) - model.log_prior(z, batch.condition))
            rates.append(model.rate_each(levels, batch.condition).sum(1))
    ratio, rate = torch.stack(ratios).reshape(-1, 4), torch.stack(rates).reshape(-1, 4)
    error = ratio.std(0) / len(ratio) ** 0.5
    assert ((ratio.mean(0) - rate.mean(0)).abs() <= 4 * error + 1e-4).all()
    assert (rate.mean(0) > -4 * error - 1e-4).all()  # a KL, as far as draws can tell


@pytest.mark.parametrize(("name", "changes"), with_ability(Probabilistic, Generative))
def test_bounds_rise_with_their_draws(name, changes):
    model, found = trained(name, changes)[1].eval(), data_of(name, 20, 100)
    x = (found.x > 127).astype(np.uint8) if model.likelihood.binary else found.x
    bounds = importance_bounds(model, x, (1, 5, 25), labels=found.labels)
    means = [bounds[k].mean() for k in (1, 5, 25)]
    assert bounds[1].shape == (20,) and means[0] < means[1] < means[2] < 0


@pytest.mark.parametrize(("name", "changes"), with_ability(Discrete))
def test_codes_come_from_the_codebook(name, changes):
    model = trained(name, changes)[1].eval()
    (level,) = model.encode(batch_for(model, name).input)
    assert level.index.dtype == torch.long and int(level.index.max()) < len(model.codebook())
    assert torch.allclose(level.z, model.look_up(level.index), atol=1e-6)
    assert not torch.allclose(level.z, level.point)


@pytest.mark.parametrize(("name", "changes"), with_ability(Autoregressive))
def test_an_answer_sees_only_what_comes_before_it(name, changes):
    model = built(name, changes)
    batch = batch_for(model, name, 2)
    seen = batch.target.clone().requires_grad_()
    z = model(batch).z.detach()
    logits = model.decode_seen(z, batch.condition, seen).flatten(1)
    for entry in (0, 5, logits.shape[1] - 1):
        (slope,) = torch.autograd.grad(logits[:, entry].sum(), seen, retain_graph=True)
        slope = slope.flatten(1)
        assert (slope[:, entry:] == 0).all() and (entry == 0 or slope[:, :entry].any())
    written, answers = model.write_out(z, batch.condition)
    assert torch.allclose(model.mean(answers), written)
    assert torch.allclose(model.decode_seen(z, batch.condition, written), answers, atol=1e-5)
    drawn, _ = model.write_out(z, batch.condition, torch.Generator().manual_seed(0))
    assert set(drawn.unique().tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize("name", [n for n in EVERY if kind_of(n).capabilities.conditional])
def test_what_it_is_told_reaches_encoder_and_decoder(name):
    request, model, _ = trained(name, {}, epochs=8)
    x, labels = request.data.x[:20], request.data.labels[:20]
    other = {"label": (x, (labels + 1) % 10), "image": (x[::-1].copy(), labels)}
    x_other, labels_other = other[model.takes[0]]
    z = coding.encode(model, x, labels).mean
    told = coding.decode(model, z, labels, x=x)
    assert not np.allclose(told, coding.decode(model, z, labels_other, x=x_other))
    assert coding.decode(model, z).shape == told.shape, "decodes where nothing is told"
    if "label" in model.takes:
        assert not np.allclose(z, coding.encode(model, x, labels_other).mean)
        unknown = coding.encode(model, x, np.full(20, -1)).mean
        assert np.isfinite(unknown).all()


# --- Its training -------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "changes"), cases(EVERY))
def test_same_seed_same_weights(name, changes):
    _, first, _ = trained(name, changes)
    _, again, _ = trained_anew(name, changes)
    _, other, _ = trained_anew(name, changes, seed=2)
    for key, tensor in first.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[key]), key
    same = all(torch.equal(t, other.state_dict()[k]) for k, t in first.state_dict().items())
    assert same == first.capabilities.closed_form


@pytest.mark.parametrize(("name", "changes"), with_ability(Autoencoder))
def test_training_lowers_the_objective(name, changes):
    before, after = built(name, changes), trained(name, changes, epochs=6, learning_rate=1e-2)[1]
    with torch.no_grad():
        errors = []
        for model in (before.eval(), after.eval()):
            terms, _ = objective(model, batch_for(model, name, 100))
            errors.append(float(sum(terms.values())))
    assert errors[1] < 0.9 * errors[0]


# --- Its place in the store ---------------------------------------------------------------------


KINDS = {"float32": {"float32"}, "float16": {"float16"}, "int8": {"int8", "float16"}}


@pytest.mark.parametrize(
    ("name", "changes", "stored_as"),
    [
        pytest.param(*case.values, stored_as, id=f"{case.id}-{stored_as}")
        for stored_as in KINDS  # each for what is registered, the smallest for what is on trial too
        for case in cases(EVERY if stored_as == "int8" else tuple(VARIANTS))
    ],
)
def test_saved_and_loaded_it_is_the_same_model(name, changes, stored_as, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "LEAST", 100)
    request, model, last = trained(name, changes)
    held_out = data_of(name, 40, 100)
    unrounded = {key: t.clone() for key, t in model.state_dict().items()}
    run = runner.save(
        model, request, tmp_path, last, [], "cpu", held_out, held_out, stored_as=stored_as
    )

    found = checkpoints.list_runs(tmp_path)
    assert list(found.runs) == [request.id] == [run.id] and not found.problems
    loaded = loading.load_model(found.runs[request.id])
    assert loaded.config == request.config and loaded.signature == model.signature
    assert run.record.width == loaded.width == model.width

    tensors = checkpoints.read_tensors(run, checkpoints.WEIGHTS)
    kinds = {array.dtype.name for array in tensors.values()} - {"int64"}
    assert kinds == KINDS[stored_as] and run.record.stored_as == stored_as
    rounded = any(not torch.equal(unrounded[k], t) for k, t in loaded.state_dict().items())
    assert rounded == (stored_as != "float32")

    labels = held_out.labels
    if not isinstance(model, Autoencoder):
        codes = coding.sample(model, 40)[0]
    else:
        codes = coding.encode(model, held_out.x, labels).mean
        assert np.array_equal(codes, coding.encode(loaded, held_out.x, labels).mean)
        arrays = checkpoints.read_tensors(run, checkpoints.CODES)
        if "codes" in arrays:
            np.testing.assert_allclose(arrays["codes"], codes, rtol=2e-3, atol=1e-4)
        else:  # too wide to be kept: their places are
            places = (codes - arrays["plane_mean"]) @ arrays["plane_basis"].T
            np.testing.assert_allclose(arrays["points"], places, rtol=2e-3, atol=2e-3)
    assert np.array_equal(coding.decode(model, codes, labels), coding.decode(loaded, codes, labels))
    scores = evaluate(loaded, held_out.x, labels=labels, observed=held_out.observed)
    saved = run.record.metrics.get(f"{held_out.name}/{held_out.split}", {})
    assert saved == pytest.approx(scores, rel=1e-5)
    assert bool(scores) == isinstance(model, Autoencoder)
    shown = checkpoints.PICTURES in run.record.files
    assert shown == (not isinstance(model, Layered) and held_out.kind != "ratings")


@pytest.mark.parametrize("name", EVERY)
def test_the_whole_way_with_film_and_pictures(name, tmp_path):
    """Asked for, trained, filmed, saved: the same loop, store and scores for every kind."""
    request = asked(name, {}, QUICK)
    held_out = data_of(name, 40, 100)
    film = Film(held_out, tmp_path / "frames")
    training = runner.run(
        request,
        tmp_path / "store",
        test=held_out,
        on_map=held_out,
        device=CPU,
        film=film,
        teacher=teacher_of(request.data),
    )
    reports = list(training)
    assert reports[-1].step == reports[-1].steps
    (run,) = checkpoints.list_runs(tmp_path / "store").runs.values()
    assert run.id == request.id and run.record.status == "complete"
    kind = kind_of(name)
    filmed = kind.capabilities.has_encoder and held_out.kind != "ratings"
    assert (checkpoints.FILM in run.record.files) == filmed
    assert (checkpoints.CODES in run.record.files) == kind.capabilities.has_encoder
    if checkpoints.PICTURES in run.record.files:
        arrays = checkpoints.read_tensors(run, checkpoints.PICTURES)
        assert ("samples" in arrays) == kind.capabilities.has_prior
        assert ("reconstructions" in arrays) == kind.capabilities.has_encoder
        assert all(array.tobytes().startswith(b"\x89PNG") for array in arrays.values())


@pytest.mark.parametrize("name", [n for n in EVERY if not issubclass(kind_of(n), ClosedForm)])
def test_a_training_that_goes_on_ends_where_it_would_have(name):
    config = QUICK
    found = data_of(name)

    def model():
        return built_model(name, small_config(name), found, config.seed)

    whole, reports = model(), []
    states = {}
    for progress in loop.train(whole, found, config, CPU):
        reports.append(progress)
        if progress.step in (5, 6, 12):  # in the middle, and where a phase begins
            states[progress.step] = {k: t.clone() for k, t in progress.state().items()}
    assert len(states) == 3
    for state in states.values():
        again = model()
        rest = list(loop.train(again, found, config, CPU, state))
        assert [r.terms for r in rest] == [r.terms for r in reports[-len(rest) :]]
        for key, tensor in whole.state_dict().items():
            assert torch.equal(tensor, again.state_dict()[key]), key


@pytest.mark.parametrize(("name", "changes"), cases(EVERY))
def test_weights_of_another_shape_are_refused(name, changes, tmp_path):
    request, model, last = trained(name, changes)
    run = runner.save(model, request, tmp_path, last, [])
    tensors = checkpoints.read_tensors(run, checkpoints.WEIGHTS)
    largest = max(tensors, key=lambda name: tensors[name].size)
    tensors[largest] = tensors[largest][:-1]
    wrong = checkpoints.save(tmp_path / "wrong", run.record, {checkpoints.WEIGHTS: tensors})
    with pytest.raises(
        checkpoints.CheckpointError, match="not of the shape|weights don't fit"
    ) as caught:
        loading.load_model(wrong)
    assert "\n" not in str(caught.value)


# --- Its program for the browser ----------------------------------------------------------------


def interpret(layers, tensors, x, position=0.0, told=None):
    """What the browser does with a layer list, in numpy: x is (batch, ...), what is told is
    (batch, width)."""
    for layer in layers:
        weight = tensors[layer["weight"]].astype(np.float64) if "weight" in layer else None
        bias = tensors[layer["bias"]].astype(np.float64) if "bias" in layer else None
        if layer["op"] == "told":
            x = x + (told[:, : weight.shape[1]] @ weight.T).reshape(
                *x.shape[:2], *[1] * (x.ndim - 2)
            )
        elif layer["op"] == "kept":
            x = kept(x, layer, told)
        elif layer["op"] == "couple":
            x = coupled(x, layer, tensors)
        elif layer["op"] in ("gate", "shift"):
            x = conditioned(x, layer, weight * position + bias)
        elif layer["op"] == "levels":
            x = levels(x, layer, tensors)
        else:
            x = OPERATIONS[layer["op"]](x, layer, weight, bias)
    return x


def levels(x, layer, tensors):
    def gaussian(network, x):
        mean, log_var = np.split(interpret(network, tensors, x), 2, 1)
        return mean, np.clip(log_var, *layer["log_var_range"])

    estimates = [gaussian(layer["estimates"][0], x)]
    for rise, estimate in zip(layer["rises"], layer["estimates"][1:], strict=True):
        x = interpret(rise, tensors, x)
        estimates.append(gaussian(estimate, x))
    found = [estimates.pop()]
    for descent in layer["descents"][::-1]:
        both = [estimates.pop(), gaussian(descent, found[0][0])]
        precision = sum(np.exp(-log_var) for _, log_var in both)
        mean = sum(mean * np.exp(-log_var) for mean, log_var in both) / precision
        found.insert(0, (mean, np.clip(-np.log(precision), *layer["log_var_range"])))
    return np.concatenate([part for parts in zip(*found, strict=True) for part in parts], 1)


def coupled(x, layer, tensors):
    out, (start, end) = x.copy(), layer["moved"]
    said = interpret(layer["layers"], tensors, x[:, slice(*layer["seen"])])
    shift, scale = said[:, : end - start], 3 * np.tanh(said[:, end - start :] / 3)
    if layer["divides"]:
        out[:, start:end] = (x[:, start:end] - shift) / np.exp(scale)
    else:
        out[:, start:end] = x[:, start:end] * np.exp(scale) + shift
    return out


def kept(x, layer, told):
    out, image = x.copy(), told[:, 4:].reshape(x.shape)
    if layer["kind"] == "logit":
        image = np.clip(image, 1e-4, 1 - 1e-4)
        image = np.log(image / (1 - image))
    down, right = x.shape[-2] // 2, x.shape[-1] // 2
    for i in range(len(x)):
        for part, shown in enumerate(told[i, :4]):
            rows = slice(None, down) if part < 2 else slice(down, None)
            columns = slice(None, right) if part % 2 == 0 else slice(right, None)
            if shown:
                out[i, :, rows, columns] = image[i, :, rows, columns]
    return out


def conditioned(x, layer, t):
    if layer["op"] == "shift":
        return x + t
    gates = {"sigmoid": lambda: 2 * sigmoid(t), "root": lambda: np.sqrt(1 - np.exp(t))}
    return x * gates[layer["kind"]]().reshape(1, -1, *[1] * (x.ndim - 2))


def convolve(x, layer, weight, bias):
    stride, padding, size = layer["stride"], layer["padding"], weight.shape[2]
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    side = [(length - size) // stride + 1 for length in x.shape[2:]]
    out = np.zeros((len(x), len(weight), *side)) + bias[:, None, None]
    for i in range(size):
        for j in range(size):
            part = x[:, :, i : i + stride * side[0] : stride, j : j + stride * side[1] : stride]
            out += np.einsum("nchw,oc->nohw", part, weight[:, :, i, j])
    return out


def convolve_transposed(x, layer, weight, bias):
    stride, padding, size = layer["stride"], layer["padding"], weight.shape[2]
    height, width = x.shape[2:]
    full = [(length - 1) * stride + size for length in (height, width)]
    out = np.zeros((len(x), weight.shape[1], *full))
    for i in range(size):
        for j in range(size):
            rows = slice(i, i + stride * height, stride)
            columns = slice(j, j + stride * width, stride)
            out[:, :, rows, columns] += np.einsum("nchw,co->nohw", x, weight[:, :, i, j])
    cut = slice(padding, -padding or None)
    return out[:, :, cut, cut] + bias[:, None, None]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def nearest(x, layer, weight, bias):
    """The row of `weight` that is nearest at each place of x (batch, length, height, width)."""
    far = ((x[:, None] - weight[None, :, :, None, None]) ** 2).sum(2)
    return np.moveaxis(weight[far.argmin(1)], -1, 1)


def logit(p):
    return np.log(p / (1 - p))


OPERATIONS = {
    "nearest": nearest,
    "place": lambda x, layer, weight, bias: x + bias,
    "linear": lambda x, layer, weight, bias: x @ weight.T + bias,
    "linear_transpose": lambda x, layer, weight, bias: x @ weight + bias,
    "conv": convolve,
    "conv_transpose": convolve_transposed,
    "reshape": lambda x, layer, *_: x.reshape(len(x), *(layer["shape"] or [-1])),
    "gelu": lambda x, *_: x * sigmoid(np.sqrt(8 / np.pi) * (x + 0.044715 * x**3)),
    "relu": lambda x, *_: np.maximum(x, 0),
    "silu": lambda x, *_: x * sigmoid(x),
    "tanh": lambda x, *_: np.tanh(x),
    "sigmoid": lambda x, *_: sigmoid(x),
    "stretch": lambda x, *_: logit(1 / 512 + 255 / 256 * (255 * x + 0.5) / 256),
    "squash": lambda x, *_: np.clip((256 * (sigmoid(x) - 1 / 512) * 256 / 255 - 0.5) / 255, 0, 1),
    "beside": lambda x, layer, *_: np.pad(x, ((0, 0), (layer["count"], 0))),
    "without": lambda x, layer, *_: x[:, layer["count"] :],
    "largest": lambda x, layer, *_: np.where((-x).argsort(1).argsort(1) < layer["count"], x, 0),
}


def check_grid_prior(model, program, tensors, codes):
    """What a grid of entries costs, from the layers that a browser is given."""
    x = codes.reshape(len(codes), *program["decoder"][0]["shape"])
    logits = interpret(program["prior"]["layers"], tensors, x)
    logits = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    book = tensors[program["decoder"][1]["weight"]]
    chosen = ((x[:, None] - book[None, :, :, None, None]) ** 2).sum(2).argmin(1)
    nats = np.take_along_axis(logits, chosen[:, None], 1).sum((1, 2, 3))
    with torch.no_grad():
        np.testing.assert_allclose(nats, model.log_prior(torch.from_numpy(codes)), atol=1e-3)


@pytest.mark.parametrize(("name", "changes"), cases(EVERY))
def test_browser_program_computes_what_torch_does(name, changes, tmp_path):
    request, model, last = trained(name, changes)
    run = runner.save(model, request, tmp_path, last, [])
    program = run.record.browser
    assert (program is not None) == model.capabilities.in_browser == isinstance(model, Layered)
    if program is None:
        return
    assert ("prior" in program) == model.capabilities.has_prior
    assert ("likelihood" in program) == model.capabilities.has_posterior
    assert json.loads(json.dumps(program)) == program
    tensors = checkpoints.read_tensors(run, checkpoints.WEIGHTS)
    layers = program["encoder"] + program["decoder"]
    layers += [inner for layer in layers for inner in layer.get("layers", ())]
    named = {layer[key] for layer in layers for key in ("weight", "bias") if key in layer}
    assert named and named <= set(tensors)
    assert ("log_var_range" in program) == model.capabilities.has_posterior

    found = data_of(name, 12, 100)
    codes = coding.encode(model, found.x, found.labels)
    told = None
    assert program.get("takes", []) == list(model.capabilities.takes)
    if program.get("takes"):
        clean = coding.to_tensor(found.x)
        told = model.spelled(model.condition(clean, torch.from_numpy(found.labels))).numpy()
    dial = program.get("dial")
    usual = dial and (np.log(dial["usual"]) if dial["log"] else dial["usual"])
    seen = found.x / 255 if found.kind == "images" else found.x
    out = interpret(program["encoder"], tensors, seen, usual, told)
    mean, log_var = out[:, : program["latent"]], out[:, program["latent"] :]
    np.testing.assert_allclose(mean, codes.mean, atol=1e-4)
    if program.get("prior", {}).get("kind") == "autoregressive":
        check_grid_prior(model, program, tensors, codes.mean)
    if model.capabilities.has_posterior:
        np.testing.assert_allclose(
            np.clip(log_var, *program["log_var_range"]), codes.log_var, atol=1e-4
        )
    else:
        assert log_var.size == 0
    z = np.random.default_rng(0).normal(size=(12, program["latent"]))
    x_hat = interpret(program["decoder"], tensors, z, usual, told)
    assert list(x_hat.shape[1:]) == program["shape"]
    expected = coding.decode(model, z, found.labels, x=found.x)
    np.testing.assert_allclose(x_hat, expected, atol=1e-4)
    assert (dial is not None) == model.capabilities.has_dial
    if dial:
        for value in (dial["low"], dial["high"]):
            at = np.log(value) if dial["log"] else value
            out = interpret(program["encoder"], tensors, found.x / 255, at)
            codes = coding.encode(model, found.x, dial=value).mean
            np.testing.assert_allclose(out[:, : program["latent"]], codes, atol=1e-4)
            x_hat = interpret(program["decoder"], tensors, z, at)
            np.testing.assert_allclose(x_hat, coding.decode(model, z, dial=value), atol=1e-4)


@pytest.mark.parametrize("activation", ["gelu", "relu", "silu", "tanh", "sigmoid"])
@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_every_activation_in_the_browser(network, activation):
    model = built("stacked_ae", {"network": network}, activation=activation)
    program = programs.browser_program(model)
    tensors = {name: t.numpy() for name, t in model.state_dict().items()}
    assert any(layer["op"] == activation for layer in program["encoder"])
    x = small_data("images", 5).x
    z = interpret(program["encoder"], tensors, x / 255)
    np.testing.assert_allclose(z, coding.encode(model, x).mean, atol=1e-4)
    np.testing.assert_allclose(
        interpret(program["decoder"], tensors, z), coding.decode(model, z), atol=1e-4
    )


def test_layers_that_the_browser_does_not_know():
    with pytest.raises(programs.ExportError, match="no layer Softplus; it knows Linear, "):
        programs.layers(nn.Sequential(nn.Softplus()), {})
    with pytest.raises(programs.ExportError, match="GELU is the tanh approximation"):
        programs.layers(nn.Sequential(nn.GELU()), {})


# --- Its class ----------------------------------------------------------------------------------


def model_classes():
    """Every model class of core.models and of the trials, and what is mixed in."""
    for name in EVERY:
        assert issubclass(kind_of(name), Member)
    queue, found = [Member, *mixins()], []
    while queue:
        kind = queue.pop()
        queue += kind.__subclasses__()
        if kind not in found and kind.__module__.startswith(("core.models.", "tests.trials.")):
            found.append(kind)
    return found


def test_every_model_is_abstract_or_final():
    kinds = [kind for kind in model_classes() if issubclass(kind, Member)]
    every = [kind_of(name) for name in EVERY]
    assert set(every) < set(kinds)
    for kind in kinds:
        final = kind.__dict__.get("__final__", False)
        assert final != inspect.isabstract(kind), f"{kind.__name__} must be abstract or final"
        assert final == (kind in every), f"{kind.__name__} is not registered"


def test_mixins_hold_no_state():
    for kind in model_classes():
        if not issubclass(kind, Member):
            assert "__init__" not in vars(kind), kind.__name__
            assert not issubclass(kind, nn.Module), kind.__name__


def test_no_concrete_method_is_overridden():
    checked = 0
    for kind in model_classes():
        for name, method in vars(kind).items():
            if not inspect.isfunction(method) or name == "__init__":
                continue
            for parent in kind.__mro__[1:]:
                if not parent.__module__.startswith("core."):
                    continue
                above = vars(parent).get(name)
                assert above is None or getattr(above, "__isabstractmethod__", False), (
                    f"{kind.__name__}.{name} overrides the concrete {parent.__name__}.{name}"
                )
                checked += above is not None
    assert checked >= len(EVERY)


def test_registry_is_lazy_and_complete():
    assert set(EVERY) == set(models._CLASSES) == set(VARIANTS)
    with pytest.raises(KeyError):
        VARIANTS["nonsense"]
    for name in EVERY:
        assert VARIANTS[name].name == name
