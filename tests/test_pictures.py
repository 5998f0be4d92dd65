"""What the pictures on toys compute in the browser: in Node against numpy and known answers."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import overfitting
from core import data
from core.models import VARIANTS
from explorer.views import pictures
from tests.test_pads import in_node

GENERATOR = np.random.default_rng(11)
SYMMETRIC = [a + a.T for a in (GENERATOR.normal(size=(n, n)) for n in (2, 3, 3))]
SEEN = {"humps": 1, "skewed": 1, "ridge": 2, "tilted": 2, "product": 2}  # numbers of z


def random_normals(dimensions: int, count: int) -> list[dict]:
    """Some q within the bounds, in JSON."""
    return [
        {
            "mean": GENERATOR.uniform(-2.5, 2.5, dimensions).tolist(),
            "deviation": GENERATOR.uniform(0.15, 1.5, dimensions).tolist(),
            "correlation": float(GENERATOR.uniform(-0.9, 0.9)) if dimensions == 2 else 0,
        }
        for _ in range(count)
    ]


NORMALS = {name: random_normals(dimensions, 12) for name, dimensions in SEEN.items()}


@pytest.fixture(scope="module")
def found(node):
    """All answers of one process."""
    return in_node(
        node,
        f"""
        import {{ BENDS, pointsOf }} from "./engine/bends.js";
        import {{ Learner }} from "./engine/learner.js";
        import {{ seeded }} from "./engine/numbers.js";
        import {{ eigen, Principal }} from "./engine/principal.js";
        import * as posteriors from "./engine/posteriors.js";
        const {{ CASES, divergence, elbo, estimate, evidence, gradient, stepped }} = posteriors;

        const points = pointsOf(BENDS.arc, 1);
        const sizes = {{ dimensions: 2, width: 5, latent: 1, seed: 3, steps: 600 }};
        const trained = (more) => {{
          const learner = new Learner(points, {{ ...sizes, ...more }});
          while (!learner.trained) learner.step();
          return learner;
        }};
        const slopes = [[true, BENDS.roll], [false, BENDS.wave]].map(([bent, bend]) => {{
          const learner = new Learner(pointsOf(bend, 1).slice(0, 9), {{
            ...sizes, dimensions: bend.dimensions, latent: 2, bent }});
          learner.backward();
          const exact = Array.from(learner.gradient), h = 1e-5;
          return exact.map((slope, i) => {{
            const ends = [h, -h].map((move) => {{
              learner.parameters[i] += move;
              const loss = learner.backward();
              learner.parameters[i] -= move;
              return loss;
            }});
            return [slope, (ends[0] - ends[1]) / (2 * h)];
          }});
        }});
        const flat = trained({{ bent: false }}), bent = trained({{}}), again = trained({{}});
        const normals = {json.dumps(NORMALS)};
        const inferred = Object.fromEntries(Object.entries(CASES).map(([name, of]) => {{
          const log = evidence(of);
          const all = normals[name].map((q) => [elbo(of, q), divergence(of, q, log)]);
          const n = of.dimensions;
          const q = {{ mean: [0.3, -0.2].slice(0, n), deviation: [0.5, 0.7].slice(0, n),
            correlation: n === 2 ? 0.3 : 0 }};
          const exact = gradient(of, q, true), h = 1e-4;
          const along = exact.map((_, i) => {{
            const way = exact.map((__, j) => Number(i === j));
            return (elbo(of, stepped(q, way, h)) - elbo(of, stepped(q, way, -h))) / (2 * h);
          }});
          const choose = seeded(5);
          const drawn = Object.fromEntries(["place", "score"].map((way) => [way,
            Array.from({{ length: 300 }}, () =>
              estimate(of, q, {{ way, full: true, draws: 20, choose }}).gradient)]));
          return [name, {{ log, all, exact, along, drawn }}];
        }}));
        const ascended = [false, true].map((full) => {{
          let q = {{ mean: [-0.5, 0.8], deviation: [0.6, 0.6], correlation: 0 }};
          for (let i = 0; i < 250; i++) q = stepped(q, gradient(CASES.tilted, q, full), 0.1);
          return {{ q, kl: divergence(CASES.tilted, q, evidence(CASES.tilted)) }};
        }});
        const answer = {{
          points, slopes, inferred, ascended,
          eigen: {json.dumps([a.tolist() for a in SYMMETRIC])}.map(eigen),
          principal: new Principal(points),
          projected: points.map((point) => {{
            const principal = new Principal(points);
            return principal.decode(principal.encode(point, 1));
          }}),
          flat: {{ error: flat.backward(), ends: [flat.decode([-1]), flat.decode([1])] }},
          bent: bent.backward(),
          same: again.parameters.every((v, i) => v === bent.parameters[i]),
          other: trained({{ seed: 4, steps: 50 }}).backward(),
          another: trained({{ seed: 5, steps: 50 }}).backward(),
        }};""",
    )


def test_pca_of_a_toy_is_exact(found):
    for symmetric, answer in zip(SYMMETRIC, found["eigen"], strict=True):
        values = np.linalg.eigvalsh(symmetric)[::-1]
        np.testing.assert_allclose(answer["values"], values, atol=1e-12)
        vectors = np.array(answer["vectors"])
        np.testing.assert_allclose(vectors @ symmetric, values[:, None] * vectors, atol=1e-12)
        np.testing.assert_allclose(vectors @ vectors.T, np.eye(len(values)), atol=1e-12)
    points = np.array(found["points"])
    left = ((points - found["projected"]) ** 2).sum(1).mean()
    assert left == pytest.approx(np.linalg.eigvalsh(np.cov(points.T, bias=True))[0])


def test_the_autoencoder_s_gradient_is_that_of_its_loss(found):
    for pairs in found["slopes"]:
        ours, differences = np.array(pairs).T
        assert np.abs(ours).max() > 0.01 and len(ours) > 40
        np.testing.assert_allclose(ours, differences, atol=1e-8)


def test_a_linear_autoencoder_lies_down_on_pca_s_line_and_a_bent_one_fits_better(found):
    best = found["principal"]["variances"][1]
    assert found["flat"]["error"] == pytest.approx(best, rel=1e-3)
    low, high = np.array(found["flat"]["ends"])
    along = (high - low) / np.linalg.norm(high - low)
    assert abs(along @ found["principal"]["components"][0]) == pytest.approx(1, abs=1e-4)
    assert found["bent"] < 0.05 * best


def test_the_same_seed_trains_the_same_network(found):
    assert found["same"] and found["other"] != found["another"]


# --- Variational inference ----------------------------------------------------------------------


def log_joint(name: str, z: np.ndarray) -> np.ndarray:
    """log p(x, z) at z (count, dimensions) of the cases that the page tells in words."""

    def noisy(mean, x, deviation):
        return -0.5 * ((x - mean) / deviation) ** 2 - np.log(deviation * np.sqrt(2 * np.pi))

    a, b = z[:, 0], z[:, -1]
    likelihood = {
        "humps": lambda: noisy(a**2, 1.5, 0.5),
        "skewed": lambda: -np.logaddexp(0, -5 * a),
        "ridge": lambda: noisy(b + 0.6 * (a + 1) ** 2, 1, 0.35),
        "tilted": lambda: noisy(a + b, 1, 0.4),
        "product": lambda: noisy(a * b, 1.2, 0.4),
    }[name]()
    return likelihood - 0.5 * (z**2).sum(1) - 0.5 * z.shape[1] * np.log(2 * np.pi)


def lattice(name: str) -> tuple[np.ndarray, float]:
    """Places (count, dimensions) and the size of each one's cell, finer and wider than ours."""
    side = np.linspace(-12, 12, 961 if SEEN[name] == 2 else 6001)
    axes = np.meshgrid(*[side] * SEEN[name], indexing="ij")
    return np.stack([axis.ravel() for axis in axes], 1), (side[1] - side[0]) ** SEEN[name]


@pytest.mark.parametrize("name", SEEN)
def test_the_elbo_and_the_kl_are_together_log_p(found, name):
    answer = found["inferred"][name]
    z, cell = lattice(name)
    log = log_joint(name, z)
    assert answer["log"] == pytest.approx(np.log(np.exp(log).sum() * cell), abs=1e-5)
    elbos, kls = np.array(answer["all"]).T
    np.testing.assert_allclose(elbos + kls, answer["log"], atol=1e-3)
    assert kls.min() >= 0 and kls.max() > 1
    q = NORMALS[name][0]  # one of them by numpy alone
    covariance = np.outer(q["deviation"], q["deviation"]) * (
        np.eye(len(q["mean"])) * (1 - q["correlation"]) + q["correlation"]
    )
    apart = z - q["mean"]
    density = -0.5 * np.einsum("ij,jk,ik->i", apart, np.linalg.inv(covariance), apart)
    density -= 0.5 * np.linalg.slogdet(2 * np.pi * covariance)[1]
    kl = (np.exp(density) * (density - log)).sum() * cell + answer["log"]
    assert kls[0] == pytest.approx(kl, abs=1e-3)


@pytest.mark.parametrize("name", SEEN)
def test_both_estimates_are_of_the_elbo_s_gradient(found, name):
    answer = found["inferred"][name]
    np.testing.assert_allclose(answer["exact"], answer["along"], atol=1e-5)
    for way in ("place", "score"):
        drawn = np.array(answer["drawn"][way])
        error = drawn.std(0) / np.sqrt(len(drawn))
        assert (np.abs(drawn.mean(0) - answer["exact"]) < 4 * error + 1e-9).all(), way


def test_a_normal_posterior_is_reached_by_a_full_q_and_missed_by_a_mean_field(found):
    """A mean field keeps the diagonal of the precision I + 11ᵀ/s² (Bishop, 2006, 10.1.2)."""
    field, full = found["ascended"]
    precision = np.eye(2) + np.ones((2, 2)) / 0.4**2
    covariance, mean = np.linalg.inv(precision), np.full(2, 1 / (2 + 0.4**2))
    assert full["kl"] == pytest.approx(0, abs=1e-4)
    np.testing.assert_allclose(full["q"]["mean"], mean, atol=1e-3)
    np.testing.assert_allclose(full["q"]["deviation"], np.sqrt(np.diag(covariance)), atol=1e-3)
    np.testing.assert_allclose(field["q"]["mean"], mean, atol=1e-2)
    np.testing.assert_allclose(field["q"]["deviation"], np.diag(precision) ** -0.5, atol=1e-3)
    expected = 0.5 * np.log(np.diag(precision).prod() / np.linalg.det(precision))
    assert field["kl"] == pytest.approx(expected, abs=1e-3)


# --- Bias and variance --------------------------------------------------------------------------


def test_the_held_out_error_falls_into_bias_and_variance(monkeypatch):
    """Of answers that are the image, a shift that all share, and one of each model's own."""
    pixels = data.load("mnist-5k", "test").x[:6]
    clean = pixels / 255
    monkeypatch.setattr(overfitting.data, "load", lambda *_: SimpleNamespace(x=pixels))
    own = [-0.3, -0.1, 0.1, 0.3]
    told = iter(own)

    def answers(*_):
        shift = next(told)
        yield 1.0, clean + 0.2 + shift

    monkeypatch.setattr(overfitting, "answers", answers)
    found = overfitting.measured("stacked_ae", {}, [None] * len(own))
    variance = 784 * np.var(own, ddof=1)
    whole = 784 * (0.2**2 + np.var(own))
    assert found["variance"] == [pytest.approx(variance, abs=1e-3)]
    assert found["held_out"] == [pytest.approx(whole, abs=1e-3)]
    assert found["bias"] == [pytest.approx(whole - variance, abs=2e-3)]


def test_what_ships_is_what_the_program_measures():
    told = pictures.overfits()
    path = pictures.checkpoints.shipped_store() / pictures.MEASURED
    assert told["epochs"] == list(overfitting.EPOCHS) and path.stat().st_size < 60_000
    assert [told["sets"], told["digits"]] == [overfitting.SETS, overfitting.DIGITS]
    asked = [(kind, k["latent"], k["hidden"][0]) for kind, _, k in overfitting.plans()]
    assert [(row["kind"], row["latent"], row["width"]) for row in told["rows"]] == asked
    assert {one["variant"] for one in told["kinds"].values()} <= set(VARIANTS)
    for row in told["rows"]:
        both = np.add(row["bias"], row["variance"])
        np.testing.assert_allclose(both, row["held_out"], atol=2e-3)
