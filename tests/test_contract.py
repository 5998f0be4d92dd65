"""The contract that every registered variant keeps; a new variant is tested by being registered."""

import inspect
import json
from typing import get_type_hints

import numpy as np
import pytest
import torch
from torch import nn

import core.models as models
from core.config import ConfigError, ModelConfig
from core.export import programs
from core.latent import coding
from core.models import VARIANTS, variant
from core.models.base import Adversarial, Autoencoder, Capabilities, ClosedForm, Signature
from core.store import checkpoints, loading, weights
from core.training import loop, runner
from core.training.evaluate import evaluate
from tests.digits import (
    QUICK,
    bad_knobs,
    cases,
    signature_of,
    small_config,
    small_data,
)

NAMES = list(VARIANTS)


def data_for(name, count=100, offset=0):
    return small_data(VARIANTS[name].capabilities.kinds[0], count, offset)


def built(name, changes, seed=0, **more):
    config = small_config(name, **changes, **more)
    return models.build(name, config, signature_of(data_for(name)), seed)


def batch_for(model, name, count=16):
    found = data_for(name)
    x = coding.to_tensor(found.x[:count])
    label = torch.from_numpy(found.labels[:count])
    observed = found.observed
    observed = None if observed is None else torch.from_numpy(observed[:count]).float()
    return model.prepare(x, label, observed, torch.Generator().manual_seed(3))


def objective(model, batch, seed=5, progress=1.0):
    output = model(batch, torch.Generator().manual_seed(seed))
    return model.loss_terms(batch, output, progress), output


def trained(name, changes, seed=0, **more):
    config = QUICK.model_copy(update={"seed": seed, "epochs": 1, **more})
    request = checkpoints.Request(name, small_config(name, **changes), data_for(name), config)
    model = models.build(name, request.config, signature_of(request.data), seed)
    last = loop.drain(loop.train(model, request.data, config, torch.device("cpu")))
    return request, model, last


# --- What a variant says of itself --------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_declaration_is_complete(name):
    kind = VARIANTS[name]
    assert kind.name == name
    assert kind.title.strip() and kind.__doc__.strip()
    assert issubclass(kind.Config, ModelConfig) and kind.Config is not ModelConfig
    assert isinstance(kind.capabilities, Capabilities) and kind.capabilities.kinds
    assert kind.capabilities.closed_form == issubclass(kind, ClosedForm)
    assert kind.__final__ and not inspect.isabstract(kind)
    for knob in kind.Config.knobs():
        assert knob.label.strip() and knob.help.strip().endswith("."), knob.name
        assert knob.label != knob.name or len(knob.name) == 1, f"{knob.name} has no label"


def test_titles_differ():
    assert len({VARIANTS[name].title for name in NAMES}) == len(NAMES)


def test_unknown_variant_names_the_variants():
    with pytest.raises(ConfigError, match="no variant 'vea'; there are pca, .* Did you mean vae?"):
        variant("vea")
    with pytest.raises(ConfigError, match="there are pca") as caught:
        variant("zzzz")
    assert "Did you mean" not in str(caught.value)


# --- Its configuration --------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "changes"), cases())
def test_config_to_json_and_back(name, changes):
    config = small_config(name, **changes)
    again = type(config).checked(json.loads(json.dumps(config.model_dump(mode="json"))))
    assert again == config
    assert again.model_dump_json() == config.model_dump_json()


@pytest.mark.parametrize("name", NAMES)
def test_bad_knobs_are_refused_in_one_sentence(name):
    config = VARIANTS[name].Config
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


@pytest.mark.parametrize("name", NAMES)
def test_unknown_knob(name):
    with pytest.raises(ConfigError, match="betta is not a knob here; the knobs are .*latent"):
        VARIANTS[name].Config.checked({"betta": 1})


@pytest.mark.parametrize("name", NAMES)
def test_more_dimensions_than_pixels(name):
    signature = Signature((1, 4, 4), 10, VARIANTS[name].capabilities.kinds[0])
    with pytest.raises(ConfigError, match=r"K \(latent\) must be between 1 and 16.* got 17"):
        models.build(name, small_config(name, latent=17), signature)


@pytest.mark.parametrize(("name", "changes"), cases())
@pytest.mark.parametrize("widths", [(0,), (-3, 8), (10**6,), (8,) * 9])
def test_layers_of_nonsense_widths(name, changes, widths):
    fields = VARIANTS[name].Config.model_fields
    knob = "channels" if changes.get("network") == "conv" else "hidden"
    if knob not in fields:
        assert "network" not in fields, "a variant with networks has widths to check"
        return
    with pytest.raises(ConfigError, match=rf"\({knob}\) must"):
        built(name, changes, **{knob: widths})


@pytest.mark.parametrize(
    "name", [name for name in NAMES if "channels" in VARIANTS[name].Config.model_fields]
)
@pytest.mark.parametrize("channels", [(), (4, 4, 4)])
def test_convolutions_that_do_not_fit_the_image(name, channels):
    with pytest.raises(ConfigError, match=r"\(channels\) must .*\(1, 12, 12\)"):
        built(name, {"network": "conv"}, channels=channels)


@pytest.mark.parametrize("name", NAMES)
def test_wrong_kind_of_data(name):
    kinds = VARIANTS[name].capabilities.kinds
    other = next(k for k in ("images", "sequences", "ratings", "none") if k not in kinds)
    with pytest.raises(ConfigError, match=f"works on {', '.join(kinds)}, not on {other}"):
        models.build(name, small_config(name), Signature((1, 12, 12), 10, other))


# --- Its passes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "changes"), cases())
def test_shapes(name, changes):
    model = built(name, changes)
    batch = batch_for(model, name)
    count, shape = len(batch.target), model.signature.shape
    condition = batch.condition
    levels = model.encode(batch.target, condition, torch.Generator().manual_seed(0))
    assert len(levels) == model.capabilities.levels
    for level in levels:
        assert level.z.shape[0] == count and level.z.ndim == 2
        assert (level.log_var is not None) == model.capabilities.has_posterior
        assert (level.index is not None) == model.capabilities.discrete
        for part in (level.mean, level.log_var):
            assert part is None or part.shape == level.z.shape
    z = torch.cat([level.z for level in levels], 1)
    if not model.capabilities.discrete:
        assert z.shape == (count, model.config.latent)
    logits = model.decode(z, condition)
    assert logits.shape == (count, *shape)
    assert model.mean(logits).shape == (count, *shape)
    assert model.reconstruct(batch.target, condition).shape == (count, *shape)
    output = model(batch, torch.Generator().manual_seed(0))
    assert output.logits.shape == (count, *shape) and output.z.shape == z.shape
    assert batch.input.shape == batch.target.shape == (count, *shape)
    if not model.capabilities.corrupts:
        assert torch.equal(batch.input, batch.target)


@pytest.mark.parametrize(("name", "changes"), cases())
def test_encoding_without_a_generator_has_no_noise(name, changes):
    model = built(name, changes).eval()
    x, label = coding.to_tensor(data_for(name).x[:8]), torch.from_numpy(data_for(name).labels[:8])
    condition = model.condition(label)
    first, second = model.encode(x, condition), model.encode(x, condition)
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a.z, b.z)
        assert a.mean is None or torch.equal(a.z, a.mean)


@pytest.mark.parametrize(("name", "changes"), cases())
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
        (progress,) = loop.train(model, data_for(name), one, torch.device("cpu"))
        assert set(terms) <= set(progress.terms)
        assert progress.loss == pytest.approx(sum(progress.terms[name] for name in terms))


@pytest.mark.parametrize(("name", "changes"), cases())
def test_gradients_reach_every_part(name, changes):
    model = built(name, changes)
    terms, _ = objective(model, batch_for(model, name))
    sum(terms.values()).backward()
    for part in (model.encoder_layers(), model.decoder_layers()):
        found = dict(part.named_parameters())
        assert found
        for parameter, tensor in found.items():
            assert tensor.grad is not None and tensor.grad.abs().sum() > 0, parameter


# --- Its training -------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "changes"), cases())
def test_same_seed_same_weights(name, changes):
    _, first, _ = trained(name, changes, seed=1)
    _, again, _ = trained(name, changes, seed=1)
    _, other, _ = trained(name, changes, seed=2)
    for key, tensor in first.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[key]), key
    same = all(torch.equal(t, other.state_dict()[k]) for k, t in first.state_dict().items())
    assert same == first.capabilities.closed_form


@pytest.mark.parametrize(("name", "changes"), cases())
def test_training_lowers_the_objective(name, changes):
    before, after = built(name, changes), trained(name, changes, epochs=12, learning_rate=1e-2)[1]
    with torch.no_grad():
        errors = []
        for model in (before.eval(), after.eval()):
            terms, _ = objective(model, batch_for(model, name, 100))
            errors.append(float(sum(terms.values())))
    assert errors[1] < 0.9 * errors[0]


# --- Its place in the store ---------------------------------------------------------------------


KINDS = {"float32": {"float32"}, "float16": {"float16"}, "int8": {"int8", "float16"}}


@pytest.mark.parametrize("stored_as", KINDS)
@pytest.mark.parametrize(("name", "changes"), cases())
def test_saved_and_loaded_it_is_the_same_model(name, changes, stored_as, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "LEAST", 100)
    request, model, last = trained(name, changes)
    held_out = data_for(name, 40, 100)
    unrounded = {key: t.clone() for key, t in model.state_dict().items()}
    run = runner.save(
        model, request, tmp_path, last, [], "cpu", held_out, held_out, stored_as=stored_as
    )

    found = checkpoints.list_runs(tmp_path)
    assert list(found.runs) == [request.id] == [run.id] and not found.problems
    loaded = loading.load_model(found.runs[request.id])
    assert loaded.config == request.config and loaded.signature == model.signature

    tensors = checkpoints.read_tensors(run, checkpoints.WEIGHTS)
    kinds = {array.dtype.name for array in tensors.values()}
    assert kinds == KINDS[stored_as] and run.record.stored_as == stored_as
    rounded = any(not torch.equal(unrounded[k], t) for k, t in loaded.state_dict().items())
    assert rounded == (stored_as != "float32")

    labels = held_out.labels
    codes = coding.encode(model, held_out.x, labels).mean
    assert np.array_equal(codes, coding.encode(loaded, held_out.x, labels).mean)
    assert np.array_equal(coding.decode(model, codes, labels), coding.decode(loaded, codes, labels))
    if held_out.kind == "images":
        scores = evaluate(loaded, held_out.x, labels=labels)
        assert run.record.metrics[f"{held_out.name}/{held_out.split}"] == pytest.approx(
            scores, rel=1e-5
        )


@pytest.mark.parametrize(("name", "changes"), cases())
def test_weights_of_another_shape_are_refused(name, changes, tmp_path):
    request, model, last = trained(name, changes)
    run = runner.save(model, request, tmp_path, last, [])
    record = run.record.model_copy(
        update={"config": {**run.record.config, "latent": request.config.latent + 1}}
    )
    tensors = checkpoints.read_tensors(run, checkpoints.WEIGHTS)
    wrong = checkpoints.save(tmp_path / "wrong", record, {checkpoints.WEIGHTS: tensors})
    with pytest.raises(checkpoints.CheckpointError, match="weights don't fit") as caught:
        loading.load_model(wrong)
    assert "\n" not in str(caught.value)


# --- Its program for the browser ----------------------------------------------------------------


def interpret(layers, tensors, x, position=0.0):
    """What the browser does with a layer list, in numpy: x is (batch, ...)."""
    for layer in layers:
        weight = tensors[layer["weight"]].astype(np.float64) if "weight" in layer else None
        bias = tensors[layer["bias"]].astype(np.float64) if "bias" in layer else None
        if layer["op"] in ("gate", "shift"):
            x = conditioned(x, layer, weight * position + bias)
        else:
            x = OPERATIONS[layer["op"]](x, layer, weight, bias)
    return x


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


OPERATIONS = {
    "linear": lambda x, layer, weight, bias: x @ weight.T + bias,
    "conv": convolve,
    "conv_transpose": convolve_transposed,
    "reshape": lambda x, layer, *_: x.reshape(len(x), *(layer["shape"] or [-1])),
    "gelu": lambda x, *_: x * sigmoid(np.sqrt(8 / np.pi) * (x + 0.044715 * x**3)),
    "relu": lambda x, *_: np.maximum(x, 0),
    "silu": lambda x, *_: x * sigmoid(x),
    "tanh": lambda x, *_: np.tanh(x),
    "sigmoid": lambda x, *_: sigmoid(x),
}


@pytest.mark.parametrize(("name", "changes"), cases())
def test_browser_program_computes_what_torch_does(name, changes, tmp_path):
    request, model, last = trained(name, changes)
    run = runner.save(model, request, tmp_path, last, [])
    program = run.record.browser
    assert (program is not None) == model.capabilities.in_browser
    if program is None:
        return
    assert json.loads(json.dumps(program)) == program
    tensors = checkpoints.read_tensors(run, checkpoints.WEIGHTS)
    layers = program["encoder"] + program["decoder"]
    named = {layer[key] for layer in layers for key in ("weight", "bias") if key in layer}
    assert named and named <= set(tensors)
    assert ("log_var_range" in program) == model.capabilities.has_posterior

    found = data_for(name, 12, 100)
    codes = coding.encode(model, found.x)
    dial = program.get("dial")
    usual = dial and (np.log(dial["usual"]) if dial["log"] else dial["usual"])
    out = interpret(program["encoder"], tensors, found.x / 255, usual)
    mean, log_var = out[:, : program["latent"]], out[:, program["latent"] :]
    np.testing.assert_allclose(mean, codes.mean, atol=1e-4)
    if model.capabilities.has_posterior:
        np.testing.assert_allclose(
            np.clip(log_var, *program["log_var_range"]), codes.log_var, atol=1e-4
        )
    else:
        assert log_var.size == 0
    z = np.random.default_rng(0).normal(size=(12, program["latent"]))
    x_hat = interpret(program["decoder"], tensors, z, usual)
    assert list(x_hat.shape[1:]) == program["shape"]
    np.testing.assert_allclose(x_hat, coding.decode(model, z), atol=1e-4)
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
    with pytest.raises(programs.ExportError, match="no layer Softplus; it knows Linear, Conv2d"):
        programs.layers(nn.Sequential(nn.Softplus()), {})
    with pytest.raises(programs.ExportError, match="GELU is the tanh approximation"):
        programs.layers(nn.Sequential(nn.GELU()), {})


# --- Its class ----------------------------------------------------------------------------------


def model_classes():
    """Every class of core.models that is no plain record: the models and what is mixed in."""
    for name in NAMES:
        assert issubclass(VARIANTS[name], Autoencoder)
    queue, found = [Autoencoder, Adversarial, ClosedForm], []
    while queue:
        kind = queue.pop()
        queue += kind.__subclasses__()
        if kind not in found and kind.__module__.startswith("core.models"):
            found.append(kind)
    return found


def test_every_class_is_abstract_or_final():
    kinds = model_classes()
    assert set(VARIANTS.values()) < set(kinds)
    for kind in kinds:
        final = kind.__dict__.get("__final__", False)
        assert final != inspect.isabstract(kind), f"{kind.__name__} must be abstract or final"
        assert final == (kind in VARIANTS.values()), f"{kind.__name__} is not registered"


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
    assert checked >= len(NAMES)


def test_registry_is_lazy_and_complete():
    assert len(VARIANTS) == len(NAMES) == len(models._CLASSES)
    with pytest.raises(KeyError):
        VARIANTS["nonsense"]
    for name in NAMES:
        hints = get_type_hints(VARIANTS[name].loss_terms)
        assert hints["return"] == dict[str, torch.Tensor]
