"""Flows: known answers of couplings, of the augmented flow and of the plane's in the browser."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from core import models
from core.measures import metrics
from core.measures.losses import gaussian_log_density
from core.models.coupling import GREYS, REACH, Coupling
from core.models.likelihoods import Gaussian
from core.models.signals import Signature, join
from core.store import meaning, schema
from core.store.refusals import CheckpointError
from tests.test_pads import in_node

SHAPE = (1, 3, 3)


def flow(**knobs):
    """A small flow whose weights are far from where they begin, in double precision."""
    config = models.variant("augmented_flow").Config.checked(
        {"latent": 2, "steps": 2, "hidden": (6,), **knobs}
    )
    model = models.build("augmented_flow", config, Signature(SHAPE)).double().eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.empty_like(parameter).normal_(generator=generator))
    return model


def pixels(count=7):
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(1)).double()


def draw(seed=4):
    return torch.Generator().manual_seed(seed)


def noise_of(model, x):
    """The noise that `encode` draws with `draw()`."""
    return torch.empty(len(x), model.widths[0], dtype=x.dtype).normal_(generator=draw())


# --- The augmented flow -------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 3])
def test_the_decoder_undoes_the_encoder(steps):
    model, x = flow(steps=steps), pixels()
    with torch.no_grad():
        for kind, most in ((torch.float64, 1e-10), (torch.float32, 1e-5)):
            model, x = model.to(kind), x.to(kind)
            levels = model.encode(x, generator=draw())
            assert (model.mean(model.decode(join(levels))) - x).abs().max() < most
            assert (levels[1].z - x.flatten(1)).abs().max() > 0.1, "or nothing was done"


def test_its_volume_is_the_determinant_of_its_jacobian():
    """By image and noise together; a grey level is 1/255 of a pixel's range."""
    model, (x, *_) = flow(), pixels()
    e = noise_of(model, x[None])[0]

    def whole(given):
        state = torch.cat([given[:2], model.stretch(given[2:])])[None]
        for coupling in model.couplings:
            state = coupling(state)
        return state[0]

    jacobian = torch.autograd.functional.jacobian(whole, torch.cat([e, x.flatten()]))
    levels = model.encode(x[None], generator=draw())
    assert torch.allclose(join(levels)[0], whole(torch.cat([e, x.flatten()])))
    nats = model.log_volume(levels) + model.log_prior(e[None]) + 9 * math.log(GREYS - 1)
    assert nats.item() == pytest.approx(torch.linalg.slogdet(jacobian).logabsdet.item(), abs=1e-9)


def test_one_step_is_the_elbo_of_a_vae():
    """Same weights and same draws; with widths of pixels that depend on z, and with a fixed one."""
    x = pixels()
    for sigma in (None, 0.7):
        model = flow(steps=1)
        encoder, decoder = (coupling.network for coupling in model.couplings)
        if sigma is not None:
            with torch.no_grad():
                decoder[-1].weight[9:] = 0
                decoder[-1].bias[9:] = REACH * math.atanh(math.log(sigma) / REACH)
        y = model.stretch(x.flatten(1))
        mean, log_deviation = halves(encoder(y))
        z = mean + noise_of(model, x) * log_deviation.exp()
        rate = gaussian_log_density(z, mean, 2 * log_deviation) - model.log_prior(z)
        answer, log_width = halves(decoder(z))
        if sigma is None:
            fits = gaussian_log_density(y, answer, 2 * log_width)
        else:
            fits = -Gaussian(sigma).nll_each(answer, y)
        elbo = fits - rate + model.stretch.log_volume(x.flatten(1))
        found = model.log_density(model.encode(x, generator=draw()))
        assert torch.allclose(found, elbo, atol=1e-9)


def halves(said):
    mean, free = said.chunk(2, 1)
    return mean, REACH * (free / REACH).tanh()


def test_a_centred_start_takes_the_mean_from_the_image():
    config = models.variant("augmented_flow").Config.checked({"steps": 1, "hidden": (6,)})
    model, mean = models.build("augmented_flow", config, Signature(SHAPE)), pixels()[0].float()
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    off = model.encode(mean[None])[1].z
    model.centre(mean)
    moved = {key for key, t in model.state_dict().items() if not torch.equal(before[key], t)}
    assert len(moved) == 2 and all(key.endswith("bias") for key in moved), "weights stay"
    assert model.encode(mean[None])[1].z.abs().max() < 1e-5 < off.abs().max()


def test_each_grey_level_gets_noise_of_its_own_width():
    model, x = flow(), torch.tensor([0, 128 / 255, 1.0]).repeat(3000, 3).reshape(-1, *SHAPE)
    greys = 255 * model.observe(x, draw()).flatten(1) - 255 * x.flatten(1)
    assert greys.abs().max() <= 0.5 + 1e-4
    assert greys.std().item() == pytest.approx(math.sqrt(1 / 12), rel=0.01)


def test_bits_of_pixels_by_themselves():
    x = np.zeros((4, 1, 1, 2), np.uint8)
    assert metrics.grey_bits(x) == 0
    x[:2, ..., 0] = 255
    assert metrics.grey_bits(x) == metrics.grey_bits(x / 255) == 0.5


# --- Couplings ----------------------------------------------------------------------------------


def test_a_density_of_the_plane_integrates_to_one():
    torch.manual_seed(2)
    steps = []
    for number in range(4):
        network = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 2))
        seen, moved = ((0, 1), (1, 2)) if number % 2 else ((1, 2), (0, 1))
        steps.append(Coupling(network, seen, moved, divides=number < 2))
    side = torch.linspace(-12, 12, 481)
    z = torch.cartesian_prod(side, side)
    volume = torch.zeros(len(z))
    with torch.no_grad():
        for step in steps:
            z, more = step.step(z)
            volume += more
        density = (gaussian_log_density(z, torch.zeros_like(z), torch.zeros_like(z)) + volume).exp()
    assert density.sum().item() * 0.05**2 == pytest.approx(1, abs=1e-3)
    assert volume.std() > 0.1, "or nothing was done"


def test_a_coupling_has_no_couplings():
    inner = {"op": "couple", "seen": [0, 1], "moved": [1, 2], "divides": True}
    layer = inner | {"layers": [inner | {"layers": [{"op": "gelu"}]}]}
    program = {"shape": [1, 3, 3], "latent": 11, "encoder": [layer], "decoder": [layer]}
    record = schema.RunRecord(
        software="1", id="odd-k2-0123456789", variant="odd", config={"latent": 2},
        data=schema.DataRecord(name="d", split="s", fingerprint="f", count=1, shape=SHAPE,
                               classes=0, kind="images"),
        train={"epochs": 1.0}, status="complete", device="cpu", seconds=1.0, samples=1,
        widths=(2, 9), browser=program,
    )  # fmt: skip
    with pytest.raises(CheckpointError, match="couplings in couplings"):
        meaning.check(record)


# --- The plane's flow in the browser ------------------------------------------------------------


@pytest.fixture(scope="module")
def plane(node):
    return in_node(
        node,
        """
        import { seeded } from "./engine/numbers.js";
        import { PlaneFlow } from "./engine/plane_flow.js";
        import { drawToy, TOYS } from "./engine/plane_toys.js";

        const answer = {};
        for (const name of Object.keys(TOYS)) {
          const choose = seeded(1);
          const flow = new PlaneFlow(() => drawToy(name, 64, choose).points,
            { couplings: 4, width: 8, seed: 3, steps: 60 });
          const { points } = drawToy(name, 40, seeded(2));
          const before = flow.backward(points);
          while (!flow.trained) flow.step();
          const after = flow.backward(points), slopes = flow.gradient.slice(), step = 1e-5;
          const off = Array.from({ length: 40 }, (_, i) => {
            const at = Math.floor((i * flow.parameters.length) / 40), kept = flow.parameters[at];
            const [up, down] = [step, -step].map((more) => {
              flow.parameters[at] = kept + more;
              return flow.backward(points);
            });
            flow.parameters[at] = kept;
            return Math.abs((up - down) / (2 * step) - slopes[at]);
          });
          const cells = 90, far = 4.5, size = (2 * far) / cells;
          const mass = [0, 1.3, 4].map((until) => {
            let sum = 0;
            for (let i = 0; i < cells * cells; i++) {
              const at = [i % cells, Math.floor(i / cells)];
              const place = at.map((cell) => (cell + 0.5) * size - far);
              sum += Math.exp(flow.logDensity(place, until));
            }
            return sum * size * size;
          });
          const round = points.map((point) => {
            const { place, volume } = flow.forward(point, 2.6), back = flow.inverse(place, 2.6);
            return [Math.hypot(back[0] - point[0], back[1] - point[1]),
              Math.abs(flow.logDensity(point) - volume - flow.logDensity(place, 2.6))];
          });
          answer[name] = { before, after, off: Math.max(...off), mass, round,
            mean: flow.draw().flat().reduce((sum, value) => sum + value, 0) / 128 };
        }
        """,
    )


@pytest.mark.parametrize("name", ["moons", "rings", "spiral", "board"])
def test_the_plane_s_flow_learns_and_is_exact(plane, name):
    found = plane[name]
    assert found["off"] < 1e-6, "its gradient against finite differences"
    assert found["after"] < found["before"] - 0.05
    assert found["mass"] == pytest.approx([1, 1, 1], abs=0.02)
    assert np.max(found["round"]) < 1e-9, "there and back, and the density of a partner"
    assert abs(found["mean"]) < 0.4
