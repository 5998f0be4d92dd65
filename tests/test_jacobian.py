"""The encoder's Jacobian in the pads' engine, in plain Node, against torch and numpy."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save

from core.export import programs
from core.latent import coding
from core.models.networks import ACTIVATIONS
from core.models.signals import NOTHING, Condition
from tests.digits import built_model, small_config, small_digits
from tests.test_pads import in_node

DIGITS = small_digits()
CASES = [
    *(("stacked_ae", {"activation": activation}) for activation in ACTIVATIONS),
    ("sparse_ae", {"sparsity": "top"}),
    ("pca", {}),
    ("contractive_ae", {"code_activation": "sigmoid", "activation": "tanh"}),
    ("vae", {}),
    ("multirate_vae", {"gate": "sigmoid"}),
    ("multirate_vae", {"gate": "root", "beta": 0.5}),
]


def moved(name, knobs):
    """A model whose weights and shifts are all at work."""
    model = built_model(name, small_config(name, **knobs), DIGITS).eval()
    generator = torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model


def jacobians(model, x):
    """Of the code's mean by the image (K, pixels), and of what is decoded by the code."""
    (level,) = model.encode(x)
    place = model.position(Condition(), x)
    told = NOTHING if place is None else Condition(dial=place)
    encoder = torch.autograd.functional.jacobian(lambda one: model.encode(one, told)[0].z, x)
    decoder = torch.autograd.functional.jacobian(
        lambda z: model.mean(model.decode(z, told)), level.z.detach()
    )
    return (
        encoder.reshape(model.width, -1).numpy(),
        decoder.reshape(-1, model.width).numpy(),
        level.z.detach().numpy()[0],
    )


@pytest.fixture(scope="module")
def answers(node, tmp_path_factory):
    """All answers of one process, each beside what torch says."""
    jobs, expected = [], []
    for name, knobs in CASES:
        model = moved(name, knobs)
        x = coding.to_tensor(DIGITS.x[3:4])
        encoder, decoder, z = jacobians(model, x)
        expected.append((encoder, decoder))
        program = programs.browser_program(model)
        tensors = {key: t.contiguous() for key, t in model.state_dict().items()}
        dial = program.get("dial")
        at = dial and (np.log(dial["usual"]) if dial["log"] else dial["usual"])
        jobs.append(
            {
                "program": program,
                "file": list(save(tensors)),
                "x": x.flatten().tolist(),
                "z": z.tolist(),
                "at": at or 0,
                "posterior": model.capabilities.has_posterior,
            }
        )
    asked = tmp_path_factory.mktemp("jacobian") / "jobs.json"
    asked.write_text(json.dumps(jobs), encoding="utf-8")
    found = in_node(
        node,
        f"""
        import {{ readFileSync }} from "node:fs";
        import * as jacobian from "./engine/jacobian.js";
        import {{ readTensors }} from "./engine/safetensors.js";
        const jobs = JSON.parse(readFileSync({json.dumps(str(asked))}));
        const all = (lists) => lists.map((one) => Array.from(one));
        const answer = jobs.map(({{ program, file, x, z, at, posterior }}) => {{
          const tensors = readTensors(Uint8Array.from(file).buffer);
          const {{ encoder, decoder, latent }} = program;
          const rows = jacobian.rowsOf(jacobian.linearised(encoder, tensors, x, at), latent,
            posterior ? 2 * latent : latent);
          const columns = jacobian.columnsOf(jacobian.linearised(decoder, tensors, z, at), latent);
          const run = {{ program, tensors, latent, hasPosterior: posterior, dial: program.dial,
            value: null, position: () => at }};
          const {{ values, ways, along, off }} = jacobian.sensitivity(run, x, z);
          run.encode = (v) => ({{ mean: Float32Array.from(rows, (row) =>
            row.reduce((sum, w, i) => sum + w * v[i], 0)) }}); // what it is about x
          const {{ side, lines, ...patch }} = jacobian.patch(run, x, ways);
          return {{ side, lines: lines.length, patch, ways: all([ways.sheet, ways.off]),
            rows: all(rows), columns: all(columns), along, off,
            values: values.map(({{ value }}) => value),
            directions: all(values.map(({{ direction }}) => direction)) }};
        }});""",
    )
    return list(zip(found, expected, strict=True))


def test_rows_and_columns_are_torch_s(answers):
    for found, (encoder, decoder) in answers:
        np.testing.assert_allclose(found["rows"], encoder, atol=1e-5)
        np.testing.assert_allclose(np.transpose(found["columns"]), decoder, atol=1e-5)


def test_singular_values_are_numpy_s_and_their_directions_are_stretched_so_much(answers):
    for found, (encoder, _) in answers:
        wanted = np.linalg.svd(encoder, compute_uv=False)
        np.testing.assert_allclose(found["values"], wanted, rtol=1e-4, atol=1e-6)
        directions = np.array(found["directions"])
        there = np.diag((wanted > 1e-6).astype(float))  # nothing follows what is left out
        np.testing.assert_allclose(directions @ directions.T, there, atol=1e-4)
        stretched = np.linalg.norm(encoder @ directions.T, axis=0)
        np.testing.assert_allclose(stretched, wanted, rtol=1e-3, atol=1e-6)


def test_gains_along_and_off_the_sheet(answers):
    for found, (encoder, decoder) in answers:
        basis, _ = np.linalg.qr(decoder)
        along = np.sqrt(((encoder @ basis) ** 2).sum() / basis.shape[1])
        rest = encoder - encoder @ basis @ basis.T
        off = np.sqrt((rest**2).sum() / (encoder.shape[1] - basis.shape[1]))
        assert found["along"] == pytest.approx(along, rel=1e-3)
        assert found["off"] == pytest.approx(off, rel=1e-3, abs=1e-6)


def test_a_patch_of_images_has_one_side_on_the_sheet_and_is_stretched_by_the_jacobian(answers):
    for found, (encoder, decoder) in answers:
        basis, _ = np.linalg.qr(decoder)
        sheet, off = map(np.array, found["ways"])
        assert np.linalg.norm(sheet) == pytest.approx(1, abs=1e-5)
        assert np.linalg.norm(basis.T @ sheet) == pytest.approx(1, abs=1e-4)
        assert np.linalg.norm(off) == pytest.approx(1, abs=1e-5)
        assert np.abs(basis.T @ off).max() < 1e-4
        assert found["lines"] == 18
        for name, way in (("along", sheet), ("off", off)):
            expected = found["side"] * np.linalg.norm(encoder @ way)
            assert found["patch"][name] == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_convolutions_are_not_claimed(node):
    model = built_model("stacked_ae", small_config("stacked_ae", network="conv"), DIGITS)
    program = programs.browser_program(model)
    script = f"""
        import {{ isDense, sensitivity }} from "./engine/jacobian.js";
        const program = {json.dumps(program)};
        const answer = [isDense(program.encoder), sensitivity({{ program }}, [], [])];"""
    assert in_node(node, script) == [False, None]
