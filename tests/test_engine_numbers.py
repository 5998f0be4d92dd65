"""The figures that pages show beside a pad, in plain Node against numpy."""

import json

import numpy as np
import pytest

from tests.test_pads import in_node

GENERATOR = np.random.default_rng(1)
KL = GENERATOR.random((4, 3)).round(3)  # at four knots, of three dimensions
PLACES = [1, 1.3, 2, 3.7, 5, 8]  # values of β
RATES = [9.0, 7.0, 4.0, 1.0]
HISTORY = [{"samples": s, "loss": 100.0 / s, "odd": -s} for s in (10, 20, 30, 50, 80)]


@pytest.fixture(scope="module")
def engine(node):
    """All answers of one process."""
    return in_node(
        node,
        f"""
        import {{ bernoulliNll, effectiveBeta, ledger }} from "./engine/ledger.js";
        import {{ reportAt }} from "./engine/histories.js";
        import {{ CORRUPTIONS, pattern, percentage, realised }} from "./engine/noise.js";
        import {{ Prior, klEach, priorOf, rateByDraws }} from "./engine/prior.js";
        import {{ Run }} from "./engine/run.js";

        const numbers = (data, shape) => ({{ data: Float32Array.from(data), shape }});
        const run = new Run({{ id: "r", posterior: true, program: {{
          latent: 3, shape: [3], encoder: [], decoder: [], log_var_range: [-4, 2],
          dial: {{ knob: "beta", low: 1, high: 8, usual: 2, log: true }} }} }}, {{}}, {{
          codes: numbers([0, 0, 0], [1, 3]), plane_mean: numbers([0, 0, 0], [3]),
          plane_basis: numbers([1, 0, 0, 0, 1, 0], [2, 3]),
          knots: numbers([1, 2, 4, 8].map(Math.log), [4]), knot_points: numbers(Array(8).fill(0)),
          knot_rate: numbers({json.dumps(RATES)}, [4]),
          knot_kl: numbers({json.dumps(KL.ravel().tolist())}, [4, 3]),
        }});
        const scored = {json.dumps(PLACES)}.map((beta) => {{
          run.turn(beta);
          return [run.scored("rate"), Array.from(run.scoredKl()), run.scored("distortion")];
        }});

        const encoded = Run.prototype.encode.call({{
          latent: 5, hasPosterior: true, logVarRange: [-4, 2],
          encoder: {{ run: () => Float32Array.of(1, 2, 3, 4, 5, -9, -4, 0, 1, 30) }},
        }}, [0]);
        const point = Run.prototype.encode.call({{
          latent: 2, hasPosterior: false, encoder: {{ run: () => Float32Array.of(1, 2) }} }}, [0]);

        // Each draw's reconstruction is known, since the decoder's answers are.
        const answers = [];
        const one = Float32Array.of(1);
        const found = (draws) => {{
          answers.length = 0;
          const figures = ledger({{
            latent: 2, likelihood: {{ kind: "bernoulli" }},
            encode: () => ({{ mean: Float32Array.of(0.5, -1), sigma: Float32Array.of(0.3, 2) }}),
            prior: new Prior([{{ mean: new Float32Array(2), sigma: Float32Array.of(1, 1) }}], true),
            decoder: {{ logits: (z) => {{
              answers.push(Array.from(z));
              return Float32Array.of(z[0] + z[1]);
            }} }},
          }}, one, draws);
          const nlls = answers.map(([a, b]) => bernoulliNll(Float32Array.of(a + b), one));
          return {{ ...figures, kl: Array.from(figures.kl), nlls, answers: [...answers] }};
        }};

        const noise = pattern(3, 784);
        const grey = new Float32Array(784).fill(0.5);
        const corrupted = ["masking", "salt_and_pepper"].map((kind) => ({{
          told: realised(kind, 0.3, noise),
          pixels: Array.from(CORRUPTIONS[kind](grey, 0.3, noise)) }}));

        const posterior = {{ mean: Float32Array.of(0.5, -1), sigma: Float32Array.of(0.3, 1.5) }};
        const standard = priorOf({{ kind: "normal" }}, 2, {{}}, () => posterior);
        const own = new Prior([posterior, posterior], false);
        const costs = {{ exact: Array.from(klEach(posterior.mean, posterior.sigma)),
          drawn: Array.from({{ length: 40 }}, () => rateByDraws(standard, posterior, 400)),
          none: rateByDraws(own, posterior, 50) }};

        const history = {json.dumps(HISTORY)};
        const answer = {{
          scored, point, corrupted, costs, percents: [0, 0.004, 0.3, 0.7, 1].map(percentage),
          encoded: {{ mean: Array.from(encoded.mean), sigma: Array.from(encoded.sigma) }},
          ledgers: [2, 8, 50].map(found),
          effective: [effectiveBeta(1, 784, 16), effectiveBeta(4, 100, 5)],
          moments: [0, 9.4, 10, 19.4, 19.6, 20, 49, 80, 1e9, null].map(
            (samples) => reportAt(history, samples).samples),
        }};""",
    )


def test_between_four_knots_scores_lie_on_their_cubic(engine):
    knots = np.log([1, 2, 4, 8])
    for beta, (rate, kl, distortion) in zip(PLACES, engine["scored"], strict=True):
        expected = np.polyval(np.polyfit(knots, RATES, 3), np.log(beta))
        assert rate == pytest.approx(expected, rel=1e-4)
        each = [np.polyval(np.polyfit(knots, nats, 3), np.log(beta)) for nats in KL.T]
        assert kl == pytest.approx(np.maximum(0, each), abs=1e-5)
        assert distortion is None


def test_a_posterior_s_spread_is_held_within_the_model_s_range(engine):
    assert engine["encoded"]["mean"] == [1, 2, 3, 4, 5]
    expected = np.exp(0.5 * np.clip([-9, -4, 0, 1, 30], -4, 2))
    assert engine["encoded"]["sigma"] == pytest.approx(expected, rel=1e-6)
    assert engine["point"]["sigma"] is None


@pytest.mark.parametrize("which", range(3))
def test_the_ledger_s_spread_is_the_standard_error_of_its_draws(engine, which):
    found = engine["ledgers"][which]
    nlls = np.array(found["nlls"])
    assert len(nlls) == (2, 8, 50)[which]
    assert found["reconstruction"] == pytest.approx(nlls.mean(), rel=1e-5)
    assert found["spread"] == pytest.approx(nlls.std(ddof=1) / np.sqrt(len(nlls)), rel=1e-3)
    mean, sigma = np.array([0.5, -1]), np.array([0.3, 2])
    kl = 0.5 * (mean**2 + sigma**2 - 1) - np.log(sigma)
    assert found["kl"] == pytest.approx(kl, rel=1e-5)
    assert found["rate"] == pytest.approx(kl.sum(), rel=1e-5)


def test_the_ledger_draws_z_from_the_posterior(engine):
    z = np.array(engine["ledgers"][2]["answers"])
    noise = (z - [0.5, -1]) / [0.3, 2]
    assert np.abs(noise.mean(0)).max() < 4 / np.sqrt(50)
    assert (np.abs(noise.std(0) - 1) < 4 / np.sqrt(100)).all()


def test_effective_betas(engine):
    one, other = engine["effective"]
    assert one == {"summed": pytest.approx(1 / 784), "averaged": pytest.approx(16 / 784)}
    assert other == {"summed": pytest.approx(0.04), "averaged": pytest.approx(0.2)}


def test_a_moment_is_the_last_report_before_it(engine):
    assert engine["moments"] == [10, 10, 10, 10, 20, 20, 30, 80, 80, 80]


def test_the_shares_that_a_noise_has_replaced_are_counted(engine):
    assert engine["percents"] == [0, 0, 30, 70, 100]
    for found in engine["corrupted"]:
        pixels, told = np.array(found["pixels"]), found["told"]
        assert told["all"] == pytest.approx((pixels != 0.5).mean(), abs=1e-9)
        assert told["zeros"] == pytest.approx((pixels == 0).mean(), abs=1e-9)
        if 1 in pixels:  # what masks has no ones
            assert told["ones"] == pytest.approx((pixels == 1).mean(), abs=1e-9)
        assert abs(told["all"] - 0.3) < 4 * np.sqrt(0.3 * 0.7 / 784)
    assert any(1 in found["pixels"] for found in engine["corrupted"])


def test_a_code_s_cost_by_draws_is_the_closed_form_s_and_its_error_is_honest(engine):
    costs = engine["costs"]
    means, errors = ([one[key] for one in costs["drawn"]] for key in ("mean", "error"))
    exact = sum(costs["exact"])
    assert np.mean(means) == pytest.approx(exact, abs=4 * np.mean(errors) / np.sqrt(40))
    assert np.std(means) == pytest.approx(np.mean(errors), rel=0.5)
    assert costs["none"]["mean"] == pytest.approx(0, abs=1e-6)  # a prior that is the posterior
