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
# Codes of four units for three images: the first unit is on for two, the last one for none.
ACTIVE = np.array([[0.2, 0, 3, 0], [0, 0.7, -1, 0], [0.9, 0, 2, 0]], np.float32)
WEIGHT = np.arange(12, dtype=np.float32).reshape(3, 4)
TIES = [2, 5, 2, 2, -1]


@pytest.fixture(scope="module")
def engine(node):
    """All answers of one process."""
    return in_node(
        node,
        f"""
        import {{ bernoulliNll, effectiveBeta, ledger }} from "./engine/ledger.js";
        import {{ reportAt }} from "./engine/histories.js";
        import {{ CORRUPTIONS, pattern, percentage, realised }} from "./engine/noise.js";
        import {{ klEach }} from "./engine/gaussians.js";
        import {{ Prior, priorOf, rateByDraws }} from "./engine/prior.js";
        import {{ Run }} from "./engine/run.js";
        import {{ shifted }} from "./engine/shifts.js";
        import {{ largestOf }} from "./engine/network.js";
        import {{ activities, passed, pictureOf, spread, strongest, unitsOf }}
          from "./engine/units.js";
        import {{ readCode, spelledCode, writtenCode }} from "./parts/written_code.js";

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

        const codes = Float32Array.from({json.dumps(ACTIVE.ravel().tolist())});
        const tensors = {{ w: numbers({json.dumps(WEIGHT.ravel().tolist())}, [3, 4]) }};
        const decoder = (op) => [{{ op, weight: "w", bias: "b" }}, {{ op: "reshape" }}];
        const units = {{
          kept: [1, 3, 5].map((count) => Array.from(largestOf({json.dumps(TIES)}, count))),
          told: [false, true].map((soft) => {{
            const {{ mean, dead }} = activities(codes, 4, soft);
            return [Array.from(mean), dead];
          }}),
          strongest: [0, 1, 2, 3].map((k) => strongest(codes, 4, k, 2)),
          spread: spread([0, 1e-6, 0.05, 0.9, 1]).counts,
          pictures: ["linear", "linear_transpose"].map((op) => {{
            const found = unitsOf({{ encoder: [{{ op: "relu" }}], decoder: decoder(op) }});
            return Array.from(pictureOf({{ tensors }}, found, 2));
          }}),
          none: [unitsOf({{ encoder: [{{ op: "linear" }}], decoder: decoder("linear") }}),
            unitsOf({{ encoder: [{{ op: "relu" }}],
              decoder: [...decoder("linear"), ...decoder("linear")] }})],
          passed: passed((x) => x.map((v) => 0.5 * v),
            Float32Array.of(1, 0), Float32Array.of(1, -2)),
        }};

        const wide = new Run({{ id: "w", posterior: false, program: {{
          latent: 100, shape: [3], encoder: [], decoder: [] }},
          alignment: {{ rotation: [0, 1, -1, 0], scale: 2, shift: [1, -1] }} }}, {{}}, {{
          points: numbers([1, 2, 3, 4], [2, 2]), code_range: numbers(Array(200).fill(1), [2, 100]),
          plane_mean: numbers(Array(100).fill(0.5)),
          plane_basis: numbers(Array.from({{ length: 200 }}, (_, i) => Number(i % 101 === 0))),
        }});
        const base = Float32Array.from({{ length: 100 }}, (_, k) => Number(k === 7));
        const there = {{ get: () => there.text, vector: () => ({{ value: null }}) }};
        const back = (z) => {{
          there.text = writtenCode(wide, z, base);
          const {{ value }} = readCode(there, wide, base);
          return [there.text, value && Array.from(value)];
        }};
        const changed = base.slice();
        changed[3] = -2.5;
        const place = wide.toLatent([4, 5]);
        const links = {{
          points: Array.from(wide.points), nearest: wide.nearest(wide.toLatent([-7, 5])),
          codes: [base, changed, place, base.map(() => 3)].map(back),
          sent: [base, changed, place].map((z) => Array.from(z)), spelled: spelledCode(changed),
          wrong: ["4", "101:2", "0:1", "4:", "4:1e9", "@1", "@1,x", ""].map((text) => {{
            there.text = text;
            return readCode(there, wide, base).problem ?? false;
          }}),
        }};

        const history = {json.dumps(HISTORY)};
        const square = Float32Array.from({{ length: 12 }}, (_, i) => i + 1);
        const answer = {{
          units, links,
          shifts: [-3, -1, 0, 2].map((by) => Array.from(shifted(square, 4, by))),
          scored, point, corrupted, costs, percents: [0, 0.004, 0.3, 0.7, 1].map(percentage),
          encoded: {{ mean: Array.from(encoded.mean), sigma: Array.from(encoded.sigma) }},
          ledgers: [2, 8, 50].map(found),
          effective: [effectiveBeta(1, 784, 16), effectiveBeta(4, 100, 5)],
          moments: [0, 9.4, 10, 19.4, 19.6, 20, 49, 80, 1e9, null].map(
            (samples) => reportAt(history, samples).samples),
        }};""",
    )


def test_a_shifted_image_leaves_paper_behind(engine):
    image = np.arange(1, 13).reshape(3, 4)
    for by, found in zip((-3, -1, 0, 2), engine["shifts"], strict=True):
        expected = np.zeros((3, 4))
        expected[:, max(0, by) : 4 + min(0, by)] = image[:, max(0, -by) : 4 - max(0, by)]
        assert np.array_equal(np.reshape(found, (3, 4)), expected)


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


def test_units_that_stay_that_act_and_that_are_dead(engine):
    units = engine["units"]
    assert units["kept"] == [[0, 1, 0, 0, 0], [1, 1, 1, 0, 0], [1] * 5]  # of equal ones the first
    hard, soft = units["told"]
    assert hard[0] == pytest.approx((ACTIVE != 0).mean(0)) and hard[1] == [False] * 3 + [True]
    assert soft[0] == pytest.approx(ACTIVE.mean(0), abs=1e-6)
    assert soft[1] == (ACTIVE.max(0) < 0.5).tolist()
    assert units["strongest"] == [[2, 0], [1], [0, 2], []]
    counts = units["spread"]  # a fifth of a decade each, up from 1e-4
    assert len(counts) == 20 and np.flatnonzero(counts).tolist() == [0, 13, 19] and counts[0] == 2
    assert units["pictures"] == [WEIGHT[:, 2].tolist(), WEIGHT[2].tolist()]
    assert units["none"] == [None, None]


def test_the_share_of_noise_that_comes_out_again(engine):
    found = engine["units"]["passed"]
    assert found["share"] == pytest.approx(0.25) and found["error"] == pytest.approx(0.25 + 1)


def test_a_wide_code_in_a_link_comes_back(engine):
    links = engine["links"]
    assert links["points"] == [-3, 1, -7, 5]  # by the alignment
    assert links["nearest"]["index"] == 1 and links["nearest"]["onMap"]
    same, (one, changed), (place, there), nowhere = links["codes"]
    assert one == "4:-2.500" and place.startswith("@") and same == nowhere == [None, None]
    assert changed == links["sent"][1]
    assert there == pytest.approx(links["sent"][2], abs=1e-3)
    assert links["wrong"] == [True] * 8
    assert links["spelled"] == "z4 = -2.50, z8 = 1.00"
