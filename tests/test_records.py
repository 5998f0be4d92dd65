"""What runs say of themselves: trades, gaps and histories, from records and stored arrays."""

from __future__ import annotations

import numpy as np
import pytest

from core import data
from core.measures.corruptions import LEVELS, NOISES
from core.models.signals import Moment
from core.store import checkpoints, loading, records
from core.training import loop, runner
from core.training.evaluate import evaluate, rate_distortion
from tests.digits import QUICK, small_config, small_digits

FEW = QUICK.model_copy(update={"epochs": 2.0})
HELD_OUT = small_digits(60, 200)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Small trained runs by a name, all scored on the same held-out digits."""
    store = tmp_path_factory.mktemp("runs")
    found = {}

    def make(name, variant, **knobs):
        request = checkpoints.Request(variant, small_config(variant, **knobs), small_digits(), FEW)
        loop.drain(runner.run(request, store, on_map=HELD_OUT))
        run = checkpoints.open_run(store / request.id)
        scores = evaluate(loading.load_model(run), HELD_OUT.x)  # the page's digits are not these
        record = run.record.model_copy(update={"metrics": {records.HELD_OUT: scores}})
        found[name] = checkpoints.Run(run.folder, record)

    make("every", "multirate_vae")
    make("one", "vae", beta=1.0)
    make("four", "vae", beta=4.0)
    make("warm", "vae", beta=4.0, beta_warmup=0.5)
    make("hot", "vae", beta=50.0)
    make("wide", "vae", beta=2.0, latent=4)
    make("levels", "multilevel_dae", noise="masking")
    for level in (LEVELS[2], LEVELS[0]):
        make(f"level {level}", "denoising_ae", noise="masking", level=level)
    make("other noise", "denoising_ae", noise="gaussian", level=LEVELS[0])
    return found


def test_the_trade_of_a_run_is_what_its_record_says(made):
    scores = made["four"].record.metrics[records.HELD_OUT]
    trade = records.trade_of(made["four"])
    assert (trade.beta, trade.rate) == (4.0, scores["rate"])
    assert trade.distortion == scores["cross_entropy_grey"]
    assert trade.objective == scores["cross_entropy_grey"] + 4 * scores["rate"]
    assert records.trade_of(made["every"]) is None
    assert records.trade_of(made["levels"]) is None


def test_the_trade_at_a_knot_is_stored_and_between_knots_close_to_the_model(made):
    run = made["every"]
    arrays = checkpoints.read_tensors(run, checkpoints.CODES)
    for knot in (0, 5, 11):
        trade = records.trade_at(run, float(np.exp(arrays["knots"][knot])))
        assert trade.rate == pytest.approx(arrays["knot_rate"][knot], rel=1e-4)
        assert trade.distortion == pytest.approx(arrays["knot_distortion"][knot], rel=1e-4)
    model = loading.load_model(run)
    for beta in (0.07, 0.5, 3.0):
        trade = records.trade_at(run, beta)
        scores = rate_distortion(model, HELD_OUT.x, dial=beta)
        exact = scores["cross_entropy_grey"] + beta * scores["rate"]
        assert trade.objective == pytest.approx(exact, rel=2e-3)


def test_a_cubic_is_met_exactly_between_its_knots():
    knots = np.linspace(-3, 2, 12)
    cubic = 1 - knots + 0.5 * knots**2 - 0.2 * knots**3
    for s in (-3.0, -2.9, 0.1, 1.97):
        exact = 1 - s + 0.5 * s**2 - 0.2 * s**3
        assert records._between(knots, cubic, s) == pytest.approx(exact, abs=1e-9)


def test_dedicated_runs_are_of_the_same_size_in_the_range_and_without_warm_up(made):
    beside = records.dedicated(made["every"], made.values())
    assert list(beside) == [1.0, 4.0]
    assert beside[4.0] is made["four"]


def test_the_gap_is_that_of_the_objectives(made):
    gap = records.objective_gap(made["every"], made["four"])
    assert gap.value == 4.0
    assert gap.dedicated == records.trade_of(made["four"]).objective
    assert gap.here == records.trade_at(made["every"], 4.0).objective
    assert gap.percent == pytest.approx(100 * (gap.here - gap.dedicated) / gap.dedicated)


def test_noise_gaps_are_taken_at_the_run_s_own_noise_and_level(made, monkeypatch):
    errors = {
        name: np.full((len(NOISES), len(LEVELS)), 100.0 * i, np.float32) + np.arange(len(LEVELS))
        for i, name in enumerate(made, 1)
    }
    by_id = {run.id: errors[name] for name, run in made.items()}
    monkeypatch.setattr(
        checkpoints, "read_tensors", lambda run, file: {"noise_error": by_id[run.id]}
    )
    gaps = records.noise_gaps(made["levels"], made.values())
    assert [gap.value for gap in gaps] == [LEVELS[0], LEVELS[2]]
    row = NOISES.index("masking")
    assert gaps[1].here == errors["levels"][row, 2]
    assert gaps[1].dedicated == errors[f"level {LEVELS[2]}"][row, 2]


def test_the_rate_s_history_is_the_logged_term_without_its_weight(made):
    plain = made["four"].record
    samples, rates = records.rate_history(plain)
    assert samples == [int(entry["samples"]) for entry in plain.history]
    assert rates == pytest.approx([entry["kl"] / 4 for entry in plain.history])

    warm = made["warm"].record
    samples, rates = records.rate_history(warm)
    steps = warm.history[-1]["step"]
    weights = [4 * min(1, step / steps / 0.5) for step in range(int(steps))]
    before, expected = 0, []
    for entry in warm.history:
        part = weights[before : int(entry["step"])]
        before = int(entry["step"])
        if sum(part):
            expected.append(entry["kl"] / (sum(part) / len(part)))
    assert rates == pytest.approx(expected)
    assert len(samples) == len(rates) == len(warm.history) - (weights[0] == 0 and steps < 400)


@pytest.mark.parametrize(("steps", "share", "cycles"), [(100, 0.5, 4), (97, 0.3, 5), (40, 1, 1)])
def test_the_mean_of_a_rise_is_that_of_its_steps(steps, share, cycles):
    rise = [Moment(step / steps).rise(share, cycles) for step in range(steps)]
    for first, end in ((0, 7), (7, 31), (31, steps), (0, steps)):
        found = records._mean_rise(first, end, share, steps, cycles)
        assert found == pytest.approx(sum(rise[first:end]) / (end - first), abs=1e-9)


def test_a_run_without_a_history_has_an_empty_one(made):
    assert records.rate_history(made["one"].record.model_copy(update={"history": ()})) == ([], [])


def test_knobs_that_differ_and_those_that_an_older_record_lacks(made):
    assert records.differing(made["four"], made["warm"]) == {"beta_warmup"}
    assert records.differing(made["one"], made["four"]) == {"beta"}
    older = made["four"].record
    config = {name: value for name, value in older.config.items() if name != "activation"}
    run = checkpoints.Run(made["four"].folder, older.model_copy(update={"config": config}))
    assert records.differing(run, made["four"]) == set()
    assert not records.alike(made["wide"], made["one"])


def with_roles(run, *roles):
    return checkpoints.Run(run.folder, run.record.model_copy(update={"roles": roles}))


def test_those_declared_for_a_role_come_before_those_that_fit_it(made):
    assert records.by_role([], "usual") == []
    runs = [made[name] for name in ("every", "levels", "one", "four")]
    assert records.by_role(runs, "usual") == runs[2:], "without a dial and with a prior"
    declared = with_roles(made["levels"], "usual", "other")
    assert records.by_role([*runs, declared], "usual") == [declared, *runs[2:]]
    assert records.by_role(runs, "theory") == records.by_role(runs, "toy") == []
    dedicated = [run for name, run in made.items() if name.startswith("level ")]
    assert records.by_role(made.values(), "matrix") == [*dedicated, made["other noise"]]
    assert records.by_role(made.values(), "plain") == []
    assert set(records._FITS) == set(records.ROLES)
    with pytest.raises(KeyError):
        records.by_role(runs, "nonsense")


def test_runs_are_alike_but_for_what_one_takes_as_an_input(made):
    assert records.alike(made["every"], made["four"])
    assert not records.alike(made["one"], made["four"])
    older = made["four"].record
    history = tuple(entry | {"total_correlation": 1.0} for entry in older.history)
    other = older.model_copy(update={"history": history})
    assert not records.alike(made["every"], checkpoints.Run(made["four"].folder, other))
    assert records.same_size(made["one"], made["four"])
    assert not records.same_size(made["one"], made["wide"])


def test_only_knobs_that_act_make_a_size(made):
    def with_knobs(**knobs):
        config = made["one"].record.config | knobs
        record = made["one"].record.model_copy(update={"config": config})
        return checkpoints.Run(made["one"].folder, record)

    for network, name, value in (
        ("conv", "channels", [4, 8]),
        ("conv", "dense", 64),
        ("mlp", "hidden", [9]),
    ):
        for kind in ("conv", "mlp"):
            pair = with_knobs(network=kind), with_knobs(network=kind, **{name: value})
            assert records.alike(*pair) == records.same_size(*pair) == (kind != network)
            assert (name in records.sizes(pair[0])) == (kind == network)


def test_a_run_without_a_rate_has_no_trade(made):
    record = made["four"].record
    scores = dict(record.metrics[records.HELD_OUT])
    del scores["rate"]
    without = record.model_copy(update={"metrics": {records.HELD_OUT: scores}})
    assert records.trade_of(checkpoints.Run(made["four"].folder, without)) is None


def test_records_need_no_torch():
    import subprocess
    import sys

    program = "import sys, core.store.records, core.measures.theory\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def test_held_out_names_the_map_s_digits():
    whole = data.load("mnist-5k", "all")
    assert f"{whole.name}/{whole.split}" == records.HELD_OUT
