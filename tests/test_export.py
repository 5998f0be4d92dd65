"""core.export.programs: ONNX files that compute what torch does. (The browser's: test_contract.)"""

import numpy as np
import onnxruntime
import pytest
import torch

from core import models
from core.export import onnx_files, programs
from core.latent import coding
from tests.digits import signature_of, small_config, small_digits


@pytest.mark.parametrize(
    ("name", "knobs"),
    [
        ("stacked_ae", {"network": "mlp"}),
        ("contractive_ae", {}),
        ("vae", {"network": "conv"}),
        ("conditional_vae", {"network": "mlp"}),
        ("conditional_vae", {"network": "conv"}),
        ("vq_vae", {}),
        ("ladder_vae", {"network": "mlp", "latent": 4, "upper": (3, 2)}),
        ("augmented_flow", {}),
        ("completing_vae", {"network": "mlp"}),
        ("completing_vae", {"network": "conv", "likelihood": "gaussian"}),
    ],
)
def test_onnx_equals_torch(name, knobs, tmp_path):
    digits = small_digits()
    model = models.build(name, small_config(name, **knobs), signature_of(digits)).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # what is told begins at weights of 0
            parameter.add_(0.1 * torch.randn_like(parameter))
    paths = onnx_files.write(model, tmp_path / "new" / "folder", "the-run-0123456789")
    assert {part: path.name for part, path in paths.items()} == {
        "encoder": "encoder.onnx",
        "decoder": "decoder.onnx",
    }
    sessions = {
        part: onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        for part, path in paths.items()
    }
    for part, session in sessions.items():
        properties = session.get_modelmeta().custom_metadata_map
        assert properties == {"run": "the-run-0123456789", "part": part}
    x = coding.to_tensor(digits.x).numpy()
    codes = coding.encode(model, x, digits.labels)
    expected_of = {"code": codes.mean}
    if codes.log_var is not None:
        expected_of = {"mean": codes.mean, "log_var": codes.log_var}
    assert [output.name for output in sessions["encoder"].get_outputs()] == list(expected_of)
    labels, beside = torch.from_numpy(digits.labels), {}
    if model.capabilities.conditional:
        clean = torch.from_numpy(x)
        beside["c"] = model.spelled(model.condition(clean, labels)).numpy()
    for count in (1, 5):
        told = {name: c[:count] for name, c in beside.items()}
        answers = sessions["encoder"].run(list(expected_of), {"x": x[:count]} | told)
        for answer, expected in zip(answers, expected_of.values(), strict=True):
            np.testing.assert_allclose(answer, expected[:count], rtol=1e-5, atol=1e-5)
        z = codes.mean[:count]
        (x_hat,) = sessions["decoder"].run(["x_hat"], {"z": z} | told)
        expected = coding.decode(model, z, digits.labels[:count], x=x[:count])
        np.testing.assert_allclose(x_hat, expected, atol=1e-5)
        with torch.no_grad():
            part = torch.from_numpy(x[:count])
            again = model.reconstruct(part, model.condition(part, labels[:count]))
        np.testing.assert_allclose(x_hat, again, atol=1e-5)


@pytest.mark.parametrize("activation", ["gelu", "relu", "silu", "tanh", "sigmoid"])
@pytest.mark.parametrize("name", ["stacked_ae", "multirate_vae"])
def test_every_activation_and_gate_equals_torch(name, activation, tmp_path):
    digits = small_digits()
    config = small_config(name, activation=activation)
    model = models.build(name, config, signature_of(digits)).eval()
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():  # gates and shifts begin at values that do nothing
            parameter.add_(0.1 * torch.randn_like(parameter))
    path = onnx_files.write(model, tmp_path, "the-run-0123456789")["decoder"]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    z = np.random.default_rng(0).standard_normal((3, config.latent)).astype(np.float32)
    (x_hat,) = session.run(["x_hat"], {"z": z})
    dial = model.dial.usual if model.capabilities.has_dial else None
    np.testing.assert_allclose(x_hat, coding.decode(model, z, dial=dial), atol=1e-5)


def test_a_layer_that_onnx_is_not_written_for_is_named(tmp_path):
    digits = small_digits()
    model = models.build("stacked_ae", small_config("stacked_ae"), signature_of(digits)).eval()
    model.encoder.append(torch.nn.Dropout())
    with pytest.raises(programs.ExportError, match="not Dropout"):
        onnx_files.write(model, tmp_path, "the-run-0123456789")
