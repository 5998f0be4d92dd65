"""The pads' engine in a real browser against torch: every shipped run, layer and byte format."""

from __future__ import annotations

import base64
import functools
import struct

import numpy as np
import pytest
import torch
from safetensors.numpy import save
from safetensors.torch import save as torch_save
from torch import nn

from core import data
from core.export import programs
from core.latent import coding, projections
from core.models import codebook, conditioned, coupling
from core.models.conditioned import gated_decoder, gated_encoder, told_network
from core.models.levels import Levels
from core.models.networks import (
    ACTIVATIONS,
    Largest,
    LinearTranspose,
    conv_decoder,
    conv_encoder,
    mlp_decoder,
    mlp_encoder,
    tied_decoder,
)
from core.models.signals import NOTHING, Signature, join
from core.store import loading
from core.store.checkpoints import CODES, read_tensors
from explorer import assets
from tests import browser as chromium
from tests.digits import built_model, small_config, small_digits

pytestmark = pytest.mark.browser

TOLERANCE = 1e-3
MODULES = (
    "codebook", "digits", "fetching", "gaussians", "network", "numbers", "prior", "run",
    "safetensors",
)  # fmt: skip
_HELPERS = """
  globalThis.bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
  globalThis.floats = (array) => Array.from(array);
"""


@pytest.fixture(scope="module")
def engine(browser, app):
    """`engine(script, argument)` runs JavaScript with all that `MODULES` export as `engine`."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{app.url}/_stcore/health")
    page.evaluate(
        f"""async (addresses) => {{
          const modules = await Promise.all(addresses.map((address) => import(address)));
          globalThis.engine = Object.assign({{}}, ...modules);
          {_HELPERS}
        }}""",
        [assets.module(f"engine/{name}.js") for name in MODULES],
    )
    yield functools.partial(chromium.told, page)
    context.close()


@pytest.fixture(scope="module")
def digits():
    """Ten held-out digits, one of each label: (10, 1, 28, 28) uint8."""
    whole = data.load("mnist-5k", "all")
    return whole.x[[i for label in range(10) for i in np.flatnonzero(whole.labels == label)[:1]]]


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_every_shipped_run_encodes_and_decodes_as_torch_does(engine, shipped, digits):
    generator, (digits, labels) = np.random.default_rng(0), (digits[::6], np.arange(10)[::6])
    for run in shipped.values():
        if not assets.in_browser(run):
            continue
        model = loading.load_model(run)
        codes = coding.encode(model, digits, labels)
        arrays = read_tensors(run, CODES)
        spread = arrays.get("codes", arrays.get("code_range")).astype(np.float32)
        around = generator.normal(spread.mean(0), 2 * spread.std(0), (2, run.record.width))
        z = np.concatenate([codes.mean, around]).astype(np.float32)
        answer = engine(
            """async ({spec, images, labels, codes}) => {
              const run = await engine.Run.load(spec);
              const encoded = images.map((x, i) => run.as(labels[i], () => run.encode(x), x));
              return {
                mean: encoded.map(({mean}) => floats(mean)),
                sigma: encoded.map(({sigma}) => sigma && floats(sigma)),
                decoded: codes.map((z, i) =>
                  run.as(i % run.classes, () => floats(run.decode(Float32Array.from(z))),
                    images[i] ?? images[0])),
                shape: run.decoder.shape,
              };
            }""",
            {
                "spec": assets.run_spec(run),
                "images": (digits.reshape(len(digits), -1) / 255).tolist(),
                "labels": labels.tolist(),
                "codes": z.tolist(),
            },
        )
        scale = max(1.0, float(np.abs(codes.mean).max()))
        np.testing.assert_allclose(
            answer["mean"], codes.mean, rtol=0, atol=TOLERANCE * scale, err_msg=run.id
        )
        if codes.log_var is None:
            assert answer["sigma"] == [None] * len(digits), run.id
        else:
            np.testing.assert_allclose(
                answer["sigma"], np.exp(codes.log_var / 2), rtol=TOLERANCE, err_msg=run.id
            )
        shown = digits[[i if i < len(digits) else 0 for i in range(len(z))]]
        expected = coding.decode(model, z, np.arange(len(z)), x=shown).reshape(len(z), -1)
        assert np.prod(answer["shape"]) == expected.shape[1]
        np.testing.assert_allclose(
            answer["decoded"], expected, rtol=0, atol=TOLERANCE, err_msg=run.id
        )


def test_every_shipped_run_has_the_map_that_python_computes(engine, shipped):
    for run in shipped.values():
        if not assets.in_browser(run):
            continue
        arrays = read_tensors(run, CODES)
        if "codes" in arrays:
            plane = projections.Plane(arrays["plane_mean"], arrays["plane_basis"])
            own = plane.to_map(arrays["codes"].astype(np.float64))
        else:
            own = arrays["points"].astype(np.float64)
        onto = own @ np.array([[0.0, 1.5], [1.5, 0.0]]) + [3.0, -2.0]
        alignment = projections.procrustes(own, onto)
        answer = engine(
            """async ({spec, chosen}) => {
              const run = await engine.Run.load(spec);
              const at = (i) => [run.points[2 * i], run.points[2 * i + 1]];
              return {
                points: chosen.map(at),
                back: chosen.map((i) => run.toMap(run.toLatent(at(i)))),
                nearest: chosen.map((i) =>
                  run.nearest(run.codes ? run.code(i) : run.toLatent(at(i))).distance),
              };
            }""",
            {
                "spec": assets.run_spec(run)
                | {
                    "alignment": {
                        "rotation": alignment.rotation.ravel().tolist(),
                        "scale": alignment.scale,
                        "shift": alignment.shift.tolist(),
                    }
                },
                "chosen": list(range(0, len(own), 97)),
            },
        )
        expected = onto[::97]
        scale = np.abs(expected).max()
        np.testing.assert_allclose(
            answer["points"], expected, rtol=0, atol=1e-3 * scale, err_msg=run.id
        )
        np.testing.assert_allclose(
            answer["back"], answer["points"], rtol=0, atol=1e-3 * scale, err_msg=run.id
        )
        # A code that isn't kept is looked for by its place.
        assert max(answer["nearest"]) <= (0 if "codes" in arrays else 1e-3 * scale), run.id


POSITION = -0.7  # of the continuous knob, where a network has gates
TOLD = [1.0, 0.0, 0.0, 1.0, *(i / 29 for i in range(30))]


def conv(kernel, stride, padding):
    return nn.Sequential(
        nn.Conv2d(2, 5, kernel, stride=stride, padding=padding),
        nn.Tanh(),
        nn.ConvTranspose2d(5, 3, kernel, stride=stride, padding=padding),
    )


def flow_networks():
    """Pixels on the line with noise beside them, moved and moved back, each of two ways."""
    first = mlp_encoder(30, (5,), 4, "gelu")
    second = mlp_encoder(2, (5,), 60, "tanh")
    there = [
        coupling.Coupling(first, (2, 32), (0, 2), divides=False),
        coupling.Coupling(second, (0, 2), (2, 32), divides=True),
    ]
    yield "flow", nn.Sequential(coupling.Stretch(), coupling.Beside(2), *there), (30,)
    back = [one.inverse() for one in reversed(there)]
    yield "flow back", nn.Sequential(*back, coupling.Without(2), coupling.Squash()), (32,)


def small_networks():
    """Name, network and the shape of its input: every activation and every kind of layer."""
    wide = Signature((2, 8, 12))
    for activation in ACTIVATIONS:
        yield (
            f"mlp encoder {activation}",
            mlp_encoder(wide.size, (11, 6), 7, activation),
            wide.shape,
        )
        yield f"mlp decoder {activation}", mlp_decoder(3, (9, 14), wide.shape, activation), (3,)
        yield (
            f"conv encoder {activation}",
            conv_encoder(wide.shape, (3, 5), 8, 6, activation),
            wide.shape,
        )
        yield (
            f"conv decoder {activation}",
            conv_decoder(5, 8, (4, 3), wide.shape, activation),
            (5,),
        )
    owner = mlp_encoder(wide.size, (11, 6), 7, "tanh")
    tied = tied_decoder(owner, wide.shape, "tanh")
    yield "tied decoder", tied, (7,)
    for gate in ("sigmoid", "root"):
        plain = mlp_encoder(wide.size, (11, 6), 7, "tanh")
        yield f"gated mlp encoder {gate}", gated_encoder(plain, gate), wide.shape
        plain = conv_encoder(wide.shape, (3, 5), 8, 6, "tanh")
        yield f"gated conv encoder {gate}", gated_encoder(plain, gate), wide.shape
        plain = conv_decoder(5, 8, (4, 3), wide.shape, "tanh")
        yield f"gated conv decoder {gate}", gated_decoder(plain, 5, gate), (5,)
    plain = mlp_encoder(wide.size, (7,), 6, "silu")
    yield "told encoder", told_network(plain, 4), wide.shape
    yield (
        "told conv encoder",
        told_network(conv_encoder(wide.shape, (3, 4), 8, 10, "tanh"), 3),
        wide.shape,
    )
    yield "told decoder", told_network(conv_decoder(5, 8, (4, 3), wide.shape, "tanh"), 4), (5,)
    largest = nn.Sequential(*mlp_encoder(wide.size, (), 9, "relu"), Largest(4))
    yield "largest", largest.eval(), wide.shape
    for kind in ("logit", "plain"):
        kept = conditioned.Kept(kind)
        yield f"kept {kind}", nn.Sequential(nn.Unflatten(1, (2, 3, 5)), kept), (30,)
    book = codebook.Codebook(5, 3, 0.9)
    yield "nearest", nn.Sequential(nn.Unflatten(1, (3, 2, 4)), book), (24,)
    yield from flow_networks()
    yield "placed", nn.Sequential(codebook.Placed(2, (3, 5)), nn.Tanh()), (2, 3, 5)
    down = Levels(9, (4, 3, 2), (6, 5), "tanh", (-3.0, 2.0))
    yield "levels", nn.Sequential(nn.Flatten(), down), (9,)
    yield "levels at once", nn.Sequential(Levels(9, (4, 3), (), "gelu", (-12.0, 6.0))), (9,)
    for kernel, stride, padding in ((1, 1, 0), (3, 1, 1), (3, 2, 0), (5, 3, 2), (4, 2, 1)):
        yield f"conv {kernel}/{stride}/{padding}", conv(kernel, stride, padding), (2, 11, 17)
    yield "nothing but a shape", nn.Sequential(nn.Flatten(), nn.Identity()), (2, 3, 4)


def test_every_layer_and_activation_computes_what_torch_does(engine):
    torch.manual_seed(0)
    jobs, expected, seen = [], [], set()
    for name, network, shape in small_networks():
        tensors = [(key, p) for key, p in network.named_parameters()]
        for key, layer in network.named_modules():  # a weight that stands elsewhere
            if isinstance(layer, LinearTranspose):
                tensors.append((f"{key}.weight", layer.weight))
            if isinstance(layer, codebook.Codebook):
                tensors.append((f"{key}.entries", layer.entries))
        with torch.no_grad():
            for _, parameter in tensors:
                parameter.copy_(torch.randn_like(parameter))
            x = 3 * torch.randn(4, *shape)
            at = torch.full((4,), POSITION)
            told = torch.tensor(TOLD).expand(4, -1)
            expected.append((name, conditioned.apply(network, x, at, told).flatten(1).numpy()))
        named = {id(p): key for key, p in tensors}
        layers = programs.layers(network, named)
        seen |= {layer["op"] for layer in layers}
        arrays = {key: p.detach().numpy() for key, p in tensors}
        jobs.append(
            {
                "layers": layers,
                "shape": list(shape),
                "tensors": text(save(arrays)),
                "x": x.flatten(1).tolist(),
            }
        )
    known = {"linear", "linear_transpose", "conv", "conv_transpose", "reshape", "gate", "shift"}
    known |= {"told", "kept", "nearest", "place", "largest", "levels", *ACTIVATIONS}
    known |= {"stretch", "squash", "beside", "without", "couple"}
    assert seen == known, "a layer that the export knows is in no test"
    answers = engine(
        """(jobs) => jobs.map(({layers, shape, tensors, x}) => {
          const network = new engine.Network(layers, engine.readTensors(bytes(tensors)), shape);
          network.set(-0.7);
          network.tell(Array(34).fill(0.5));
          network.tell([1, 0, 0, 1, ...Array.from({ length: 30 }, (_, i) => i / 29)]);
          return x.map((one) => floats(network.run(Float32Array.from(one))));
        })""",
        jobs,
    )
    for (name, wanted), found in zip(expected, answers, strict=True):
        scale = max(1.0, float(np.abs(wanted).max()))
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4 * scale, err_msg=name)


def test_levels_draw_and_cost_as_torch_s_do(engine):
    digits = small_digits()
    model = built_model("ladder_vae", small_config("ladder_vae", latent=4, upper=(3, 2)), digits)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.levels.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
        x = coding.to_tensor(digits.x[:4])
        levels = model.encode(x, generator=generator)
        z = join(levels)
        wanted = {
            "prior": model.log_prior(z),
            "posterior": model.log_posterior(levels),
            "kl": model.rate_each(levels),
        }
        sigma = torch.cat([(0.5 * level.log_var).exp() for level in levels], 1)
        noise = (z - torch.cat([level.mean for level in levels], 1)) / sigma
    found = engine(
        """({ program, tensors, x, z, noise }) => {
          const read = engine.readTensors(bytes(tensors));
          const encoder = new engine.Network(program.encoder, read, program.shape);
          const { levels } = encoder;
          const prior = engine.priorOf(program.prior, program.latent, read, null, null, levels);
          const each = x.map((image, i) => {
            encoder.run(Float32Array.from(image));
            const posterior = levels.posterior();
            const drawn = engine.drawnOf(posterior, noise[i]);
            const from = engine.drawnFrom(posterior, z[i]);
            return {
              z: floats(drawn.z),
              kl: floats(prior.klEach(drawn.mean, drawn.sigma, drawn.z)),
              posterior: engine.logGaussian(z[i], from),
              prior: prior.logDensity(z[i]),
            };
          });
          const [from, other] = z.map((one) => Float32Array.from(one));
          const to = from.map((value, k) => (k < 7 ? value : other[k])); // the top moves
          const carried = levels.carried(from, to);
          const expected = [from, carried].map((one) => levels.given(one));
          const off = [from, carried].map((one, i) =>
            floats(one.map((v, k) => (v - expected[i].mean[k]) / expected[i].sigma[k])));
          return {
            each, off, carried: floats(carried),
            back: floats(levels.carried(carried, carried.map((v, k) => (k < 7 ? v : from[k])))),
            kept: floats(levels.redraw(from, (k) => k < 4, engine.seeded(1))),
            drawn: floats(prior.draw(4000, engine.seeded(3))),
          };
        }""",
        {
            "program": programs.browser_program(model),
            "tensors": text(save({k: t.numpy() for k, t in model.state_dict().items()})),
            "x": x.flatten(1).tolist(),
            "z": z.tolist(),
            "noise": noise.tolist(),
        },
    )
    np.testing.assert_allclose([one["z"] for one in found["each"]], z, atol=1e-4)
    for name, values in wanted.items():
        np.testing.assert_allclose([one[name] for one in found["each"]], values, atol=2e-3)
    # What follows the top is as far from what is expected of it as before, and comes back with it.
    np.testing.assert_allclose(found["off"][1][:7], found["off"][0][:7], atol=1e-3)
    np.testing.assert_allclose(found["carried"][7:], z[1, 7:], atol=1e-6)
    np.testing.assert_allclose(found["back"], z[0], atol=1e-4)
    np.testing.assert_allclose(found["kept"][4:], z[0, 4:], atol=1e-6)
    assert not np.isclose(found["kept"][:4], z[0, :4]).any()
    # Draws are as far from what the level above them lets expect as normal draws are.
    parts = torch.tensor(found["drawn"]).reshape(4000, 9).split(model.widths, 1)
    with torch.no_grad():
        for part, level in zip(parts, model.levels.each(parts), strict=True):
            off = (part - level.mean) / (0.5 * level.log_var).exp()
            assert off.mean(0).abs().max() < 4.5 / 4000**0.5
            assert (off.std(0) - 1).abs().max() < 4.5 / 8000**0.5


def test_a_prior_over_grids_costs_and_draws_as_torch_s_does(engine):
    digits = small_digits()
    model = built_model("vq_vae", small_config("vq_vae"), digits)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.prior.parameters():
            parameter.add_(0.4 * torch.randn(parameter.shape, generator=generator))
        for layer in model.prior:
            if isinstance(layer, codebook.CausalConv2d):
                layer.weight.mul_(layer.before)
        z = model.look_up(torch.randint(8, (6, model.size[0] * model.size[1]), generator=generator))
        wanted = model.log_prior(z)
        index = model.book.nearest(model._grid(z))
        shares = model.prior(model._grid(z[:1])).softmax(1)[0].flatten(1)
        costs = -model.log_prior(model.sample_prior(2000, generator=generator))
    tensors = {key: tensor.numpy() for key, tensor in model.state_dict().items()}
    found = engine(
        """({ program, tensors, codes, index, place }) => {
          const read = engine.readTensors(bytes(tensors));
          const book = engine.bookOf(program, read);
          const prior = engine.priorOf(program.prior, program.latent, read, null, book);
          const choose = engine.seeded(3);
          const width = book.length * book.places;
          const drawn = prior.draw(1000, choose);
          const part = prior.goOn(index, place, choose);
          return {
            nats: codes.map((z) => prior.logDensity(Float32Array.from(z))),
            likely: floats(prior.likely(index, place)),
            costs: Array.from({ length: 1000 }, (_, i) =>
              -prior.logDensity(drawn.slice(i * width, (i + 1) * width))),
            kept: floats(part).slice(0, place),
          };
        }""",
        {
            "program": programs.browser_program(model),
            "tensors": text(save(tensors)),
            "codes": z.tolist(),
            "index": index[0].tolist(),
            "place": 5,
        },
    )
    np.testing.assert_allclose(found["nats"], wanted, atol=1e-3)
    np.testing.assert_allclose(found["likely"], shares[:, 5], atol=1e-5)
    assert found["kept"] == index[0, :5].tolist()
    off = np.mean(found["costs"]) - costs.mean().item()
    spread = np.hypot(np.std(found["costs"]) / np.sqrt(1000), costs.std().item() / np.sqrt(2000))
    assert abs(off) < 4 * spread


def test_the_export_writes_no_operation_that_the_engine_was_not_tested_with():
    made = {
        nn.Linear(1, 1): "linear",
        LinearTranspose(nn.Linear(1, 1)): "linear_transpose",
        nn.Conv2d(1, 1, 1): "conv",
        nn.ConvTranspose2d(1, 1, 1): "conv_transpose",
        nn.Flatten(): "reshape",
        nn.Unflatten(1, (1, 1)): "reshape",
        nn.Identity(): None,
        conditioned.Gate(1): "gate",
        conditioned.Shift(1): "shift",
        conditioned.Told(1, 1): "told",
        conditioned.Kept(): "kept",
        codebook.Codebook(2, 1, 0.9): "nearest",
        codebook.Placed(1, (1, 1)): "place",
        codebook.CausalConv2d(1, 1, 3, includes=True): "conv",
        Largest(1): "largest",
        Levels(1, (1, 1), (1,), "gelu", (-1.0, 1.0)): "levels",
        coupling.Stretch(): "stretch",
        coupling.Squash(): "squash",
        coupling.Beside(1): "beside",
        coupling.Without(1): "without",
        coupling.Coupling(nn.Sequential(), (0, 1), (1, 2), divides=True): "couple",
    } | {make(): name for name, make in ACTIVATIONS.items()}
    assert {type(layer) for layer in made} == set(programs._LAYERS)
    for layer, op in made.items():
        tensors = [getattr(layer, name, None) for name in ("weight", "bias", "entries")]
        names = {id(tensor): "a tensor" for tensor in (*tensors, *layer.parameters())}
        found = programs.layers(nn.Sequential(layer), names)
        assert [entry["op"] for entry in found] == ([op] if op else [])


def test_all_half_precision_numbers_are_read_bit_for_bit(engine):
    bits = np.arange(65536, dtype=np.uint16)
    found = np.array(
        engine(
            """(file) => {
              const { half } = engine.readTensors(bytes(file));
              return floats(new Uint32Array(half.data.buffer));
            }""",
            text(save({"half": bits.view(np.float16)})),
        ),
        np.uint32,
    ).view(np.float32)
    expected = bits.view(np.float16).astype(np.float32)
    nan = np.isnan(expected)
    assert np.isnan(found[nan]).all()
    np.testing.assert_array_equal(found[~nan].view(np.uint32), expected[~nan].view(np.uint32))
    # subnormals, both zeros and both infinities are among them
    assert {0x0001, 0x8000, 0x7C00, 0xFC00} <= set(bits[~nan].tolist())


def test_single_precision_numbers_and_shapes_are_read_as_they_are(engine):
    odd = np.array(
        [[0.0, -0.0, 1e-45], [np.inf, -np.inf, 3.4e38], [1 / 3, -1e-38, 1.0]], np.float32
    )
    found = engine(
        """(file) => Object.entries(engine.readTensors(bytes(file))).map(([name, t]) =>
          [name, t.shape, floats(new Uint32Array(t.data.buffer))])""",
        text(save({"odd": odd, "half": np.ones((2, 2), np.float16), "none": odd[:0]}, {"by": "a"})),
    )
    by_name = {name: (shape, words) for name, shape, words in found}
    assert set(by_name) == {"odd", "half", "none"}
    assert by_name["odd"] == ([3, 3], odd.ravel().view(np.uint32).tolist())
    assert by_name["half"] == ([2, 2], np.ones(4, np.float32).view(np.uint32).tolist())
    assert by_name["none"] == ([0, 3], [])


def read(engine, content: bytes) -> dict[str, tuple[str, list[int], list[float]]]:
    """Kind of array, shape and numbers of each tensor, as the browser reads them."""
    return engine(
        """(file) => Object.fromEntries(Object.entries(engine.readTensors(bytes(file))).map(
          ([name, { shape, data }]) => [name, [data.constructor.name, shape, floats(data)]]))""",
        text(content),
    )


def test_every_type_of_number_is_read_as_numpy_holds_it(engine):
    generator = np.random.default_rng(4)
    arrays = {}
    for dtype in ("int64", "uint64", "int32", "uint32", "int16", "uint16", "int8", "uint8"):
        limits = np.iinfo(dtype)
        low, high = max(limits.min, -(2**53)), min(limits.max, 2**53)
        found = generator.integers(low, high, (2, 5), dtype=dtype, endpoint=True)
        found.flat[:2] = low, high
        arrays[dtype] = found
    arrays["bool"] = np.array([True, False, True])
    arrays["float64"] = np.array([1 / 3, -1e300, 5e-324])
    arrays["float32"] = np.array([1 / 3, 3e38, -1e-45], np.float32)
    arrays["scalar"] = np.array(7, np.int64)
    arrays["none"] = np.zeros((0, 3), np.int64)
    found = read(engine, save(arrays))
    assert set(found) == set(arrays)
    for name, expected in arrays.items():
        kind, shape, numbers = found[name]
        assert not kind.startswith("Big"), name
        assert shape == list(expected.shape), name
        assert numbers == expected.ravel().astype(float).tolist(), name


def test_brain_floats_are_read_as_torch_reads_them(engine):
    numbers = torch.tensor([[0.0, -0.0, 1 / 3], [1e-40, -3e38, 257.0]]).to(torch.bfloat16)
    kind, shape, found = read(engine, torch_save({"x": numbers}))["x"]
    assert (kind, shape) == ("Float32Array", [2, 3])
    assert found == numbers.float().ravel().tolist()


@pytest.mark.parametrize("shape", [(6, 4), (5,), (3, 2, 3, 3), (0, 4), (4, 0)])
def test_weights_stored_as_int8_by_row_are_read_as_floats(engine, shape):
    generator = np.random.default_rng(5)
    stored = generator.integers(-128, 127, shape, dtype=np.int8, endpoint=True)
    scales = generator.uniform(1e-6, 3, shape[0]).astype(np.float16)
    bias = np.ones(2, np.float32)
    file = {"a.weight": stored, "a.weight.scale": scales, "a.bias": bias, "bare": stored}
    found = read(engine, save(file))
    expected = stored.astype(np.float32) * scales.astype(np.float32).reshape(
        -1, *[1] * (len(shape) - 1)
    )
    assert set(found) == {"a.weight", "a.bias", "bare"}
    assert found["a.weight"] == ["Float32Array", list(shape), expected.ravel().tolist()]
    assert found["bare"] == ["Int8Array", list(shape), stored.ravel().tolist()]


def test_a_scale_that_belongs_to_no_int8_stays(engine):
    half = np.ones(2, np.float16)
    file = {
        "norm": np.ones(2, np.float32), "norm.scale": half, "lone.scale": half,
        "code": np.ones(2, np.int8), "code.scale": np.ones(2, np.float32),
    }  # fmt: skip
    found = read(engine, save(file))
    assert set(found) == set(file)
    assert found["code"][0] == "Int8Array"


def tensors_file(header: bytes, body: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + body


MALFORMED = {
    "fewer scales than rows": save(
        {"a": np.ones((3, 2), np.int8), "a.scale": np.ones(2, np.float16)}
    ),
    "empty": b"",
    "shorter than its length": b"\x05\x00",
    "header longer than the file": tensors_file(b"{}", length=2**40),
    "header of 2^64 - 1 bytes": tensors_file(b"{}", length=2**64 - 1),
    "no JSON": tensors_file(b"weights?"),
    "a web page": b"<!doctype html><title>404</title>",
    "unknown type": tensors_file(
        b'{"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}}', b"\0\0"
    ),
    "cut off": tensors_file(b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}', b"\0" * 8),
    "shape larger than its bytes": tensors_file(
        b'{"a":{"dtype":"F16","shape":[4,4],"data_offsets":[0,8]}}', b"\0" * 8
    ),
    "half a number": tensors_file(
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,3]}}', b"\0" * 3
    ),
}


def test_malformed_bytes_give_an_error_and_no_numbers(engine):
    answers = engine(
        """(files) => Object.fromEntries(Object.entries(files).map(([name, file]) => {
          try { return [name, Object.keys(engine.readTensors(bytes(file)))]; }
          catch (error) { return [name, error instanceof Error && error.message.length > 0]; }
        }))""",
        {name: text(content) for name, content in MALFORMED.items()},
    )
    assert answers == dict.fromkeys(MALFORMED, True)


def test_a_missing_file_gives_the_servers_sentence(engine):
    message = engine(
        "(url) => engine.fetchBytes(url).then(() => null, (error) => error.message)",
        "/latent/runs/nobody-k2-0123456789/0123456789abcdef/weights.safetensors",
    )
    assert message.startswith("404 ")
    assert "nobody-k2-0123456789" in message


def test_the_held_out_digits_arrive_whole(engine):
    whole = data.load("mnist-5k", "all")
    answer = engine(
        """async (spec) => {
          const digits = await engine.Digits.load(spec);
          await digits.arrived;
          return {
            labels: floats(digits.labels), mean: floats(digits.mean),
            one: floats(digits.image(4321)),
            drawn: [0, 0.5, 0.999].map((share) => digits.labels[digits.random(6, () => share)]),
          };
        }""",
        assets.digits_spec(),
    )
    assert answer["labels"] == whole.labels.tolist()
    assert answer["drawn"] == [6, 6, 6]
    np.testing.assert_allclose(answer["one"], whole.x[4321].ravel() / 255, atol=1e-6)
    np.testing.assert_allclose(answer["mean"], whole.x.reshape(5000, -1).mean(0) / 255, atol=1e-4)


def test_normal_draws_have_mean_zero_and_variance_one(engine):
    draws = np.array(
        engine(
            """() => {
              let state = 12345;
              const uniform = () => (state = (state * 48271) % 2147483647) / 2147483647;
              return Array.from({ length: 20000 }, () => engine.normal(uniform));
            }"""
        )
    )
    assert abs(draws.mean()) < 0.03
    assert abs(draws.var() - 1) < 0.05
    assert abs((np.abs(draws) < 1.96).mean() - 0.95) < 0.01


# --- Priors -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["beta_vae", "vamp_prior"])
def test_a_prior_is_the_model_s_own(engine, name):
    """Density, rate and draws in the browser are torch's, also where the prior is no N(0, I)."""
    dataset = small_digits()
    model = built_model(name, small_config(name), dataset).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.manual_seed(1)))
    program = programs.browser_program(model)
    weights = text(torch_save({key: t.contiguous() for key, t in model.state_dict().items()}))
    x = coding.to_tensor(dataset.x[:6])
    levels = model.encode(x, NOTHING, torch.Generator().manual_seed(0))
    z = torch.cat([level.z for level in levels], 1)
    answer = engine(
        """({program, weights, images, codes}) => {
          const tensors = engine.readTensors(bytes(weights));
          const arrays = {
            codes: {data: new Float32Array(program.latent), shape: [1, program.latent]},
            plane_mean: {data: new Float32Array(program.latent)},
            plane_basis: {data: new Float32Array(2 * program.latent)},
          };
          const run = new engine.Run({program, posterior: true}, tensors, arrays);
          const z = codes.map((code) => Float32Array.from(code));
          const posteriors = images.map((x) => run.encode(x));
          return {
            nats: z.map((code) => run.prior.logDensity(code)),
            posterior: z.map((code, i) => engine.logGaussian(code, posteriors[i])),
            kl: posteriors.map(({mean, sigma}) => run.prior.klEach(mean, sigma))
              .map((kl) => kl && floats(kl)),
            drawn: floats(run.prior.draw(4000, engine.seeded(5))),
            low: floats(run.low), high: floats(run.high),
          };
        }""",
        {
            "program": program,
            "weights": weights,
            "images": x.flatten(1).tolist(),
            "codes": z.tolist(),
        },
    )
    with torch.no_grad():
        np.testing.assert_allclose(answer["nats"], model.log_prior(z), rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(
            answer["posterior"], model.log_posterior(levels), rtol=1e-3, atol=1e-3
        )
        theirs = model.sample_prior(4000, NOTHING, torch.Generator().manual_seed(2)).numpy()
    if name == "beta_vae":
        np.testing.assert_allclose(
            answer["kl"], model.rate_each(levels).detach(), rtol=1e-3, atol=1e-3
        )
    else:
        assert answer["kl"] == [None] * 6, "it does not fall into dimensions"
    ours = np.array(answer["drawn"]).reshape(4000, -1)
    error = (ours.std(0) + theirs.std(0)) / 4000**0.5
    assert (np.abs(ours.mean(0) - theirs.mean(0)) < 4 * error).all()
    np.testing.assert_allclose(ours.std(0), theirs.std(0), rtol=0.1)
    assert (np.array(answer["low"]) < ours.mean(0)).all()
    assert (np.array(answer["high"]) > ours.mean(0)).all()
