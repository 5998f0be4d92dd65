"""Images whose factors are known, and what a code tells of them."""

import json
from itertools import pairwise

import numpy as np
import pytest
import torch

from core import data
from core.data import known_factors
from core.latent import coding
from core.measures import disentanglement
from core.models import build, variant
from core.models.signals import Moment
from core.store import arrays, checkpoints, maps
from core.training.evaluate import factor_scores
from tests.digits import signature_of, small_digits
from tests.test_pads import in_node

GENERATOR = np.random.default_rng(3)
LEVELS = np.stack([GENERATOR.integers(n, size=700) for n in (3, 9, 8, 5)], 1)


def mixed(factors, angle):
    """The last two factors turned into each other, the others as they are."""
    z = factors.astype(float)
    z = (z - z.mean(0)) / z.std(0)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.concatenate([z[:, :2], z[:, 2:] @ turn], 1)


def test_a_perfect_code_has_all_scores_and_a_useless_one_none():
    order = GENERATOR.permutation(4)
    perfect = factor_scores(-2.5 * LEVELS[:, order].astype(float), LEVELS)
    assert all(value > 0.97 for value in perfect.values()), perfect
    useless = factor_scores(GENERATOR.normal(size=(700, 6)), LEVELS)
    assert all(abs(value) < 0.12 for value in useless.values()), useless


def test_two_factors_in_two_dimensions_are_told_but_not_apart():
    apart, together = (factor_scores(mixed(LEVELS, angle), LEVELS) for angle in (0, np.pi / 4))
    for name in ("mig", "sap", "disentanglement", "completeness"):
        assert together[name] < apart[name] - 0.2, name
    assert together["informativeness"] > 0.6  # all is there, if in two places


def test_the_information_of_known_counts():
    z = np.array([0.0, 0, 1, 1, 0, 0, 1, 1])[:, None]
    levels = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 2)
    found = disentanglement.mutual_information(z, levels)
    assert found == pytest.approx(np.array([[np.log(2), 0]]), abs=1e-12)
    assert disentanglement.entropies(levels) == pytest.approx([np.log(2), np.log(2)])
    assert disentanglement.mig(z, levels) == pytest.approx(0.5)
    assert disentanglement.mig(np.repeat(z, 2, 1), levels) == pytest.approx(0)  # twice the same


def test_importances_of_one_each_and_of_all_the_same():
    assert disentanglement.shares(np.eye(3)) == pytest.approx((1, 1))
    assert disentanglement.shares(np.full((3, 3), 1 / 3)) == pytest.approx((0, 0))
    both = np.array([[1.0, 1.0], [0.0, 0.0]])  # one dimension for both: whole, yet not its own
    assert disentanglement.shares(both) == pytest.approx((0, 1))


@pytest.mark.parametrize("name", known_factors.names())
def test_the_images_are_what_their_factors_say(name):
    of = known_factors.factors(name)
    found = known_factors.drawn(name, 60, seed=5)
    assert found.factors.shape == (60, len(of)) and len({*map(tuple, found.factors)}) == 60
    assert np.array_equal(found.labels, found.factors[:, 0])
    assert np.array_equal(found.x, known_factors.drawn(name, 60, seed=5).x)
    assert not np.array_equal(found.x, known_factors.drawn(name, 60, seed=6).x)
    index = {factor.name: i for i, factor in enumerate(of)}
    middle = np.array([0, *(len(factor.levels) // 2 for factor in of[1:])])

    def at(**levels):
        row = middle.copy()
        for factor, level in levels.items():
            row[index[factor]] = level
        return known_factors.render(name, row[None])[0, 0].astype(float)

    ys, xs = np.mgrid[:28, :28] + 0.5
    plain = at()
    for factor, grid, way in (("shift_x", xs, 1), ("shift_y", ys, -1)):
        moved = at(**{factor: 8})
        by = (grid * moved).sum() / moved.sum() - (grid * plain).sum() / plain.sum()
        assert by == pytest.approx(4 * way, abs=0.05), factor
    ink = [[at(**{factor: level}).sum() for level in range(5)] for factor in ("thickness", "size")]
    assert all(a < b for row in ink for a, b in pairwise(row))
    top, bottom = at(slant=4)[:12], at(slant=4)[16:]
    assert (xs[:12] * top).sum() / top.sum() > (xs[16:] * bottom).sum() / bottom.sum() + 2
    assert np.abs(at(turn=0) - at(turn=8)).sum() > 0.2 * plain.sum()


def test_no_image_is_in_both_splits():
    splits = [{*map(tuple, known_factors.levels_of("known-shapes", s))} for s in ("train", "test")]
    assert [len(split) for split in splits] == [20_000, 5_000] and not splits[0] & splits[1]


@pytest.mark.parametrize("count", [0, -1, 10**9])
def test_more_images_than_there_are_are_refused(count):
    with pytest.raises(data.DataError, match=r"make 1 to 437,400 images"):
        known_factors.drawn("known-shapes", count)


def test_levels_that_a_factor_does_not_have_are_refused():
    good = np.zeros((2, 7), np.int64)
    for bad in (good[:, :6], good - 1, good + 3):
        with pytest.raises(data.DataError, match="these are others"):
            known_factors.of_levels("known-shapes", "test", bad)


@pytest.fixture(scope="module")
def of_shapes(shipped):
    """The shipped β-VAE of shapes."""
    (found,) = [
        run
        for run in shipped.values()
        if run.record.data.name == "known-shapes" and run.record.config["beta"] > 1
    ]
    return found


def test_a_run_keeps_the_factors_and_draws_its_map_from_them(of_shapes):
    kept = checkpoints.read_tensors(of_shapes, checkpoints.MAP)
    assert set(kept) == {"factors", "labels"}
    shown = maps.shown(of_shapes)
    test = data.on_map_of(data.load("known-shapes", "train"))
    assert np.array_equal(shown.x, test.x) and np.array_equal(shown.factors, test.factors)


def test_a_map_of_more_than_is_drawn_is_refused(of_shapes):
    record = of_shapes.record.model_copy(
        update={"shown": of_shapes.record.shown.model_copy(update={"count": 10**6})}
    )
    header = {"factors": ("U8", (10**6, 7)), "labels": ("I16", (10**6,))}
    with pytest.raises(checkpoints.CheckpointError, match="factors"):
        arrays._check_map(record, header)


def test_the_browser_counts_as_the_scores_do(of_shapes, node):
    kept = checkpoints.read_tensors(of_shapes, checkpoints.CODES)["codes"]
    codes = kept[:400].astype(float).round(4)
    factors = maps.shown(of_shapes).factors[:400]
    levels = [list(factor.levels) for factor in known_factors.factors("known-shapes")]
    found = in_node(
        node,
        f"""
        import {{ gap, told }} from "./engine/factors.js";
        const shares = told({{ names: {json.dumps([str(i) for i in range(7)])},
          levels: {json.dumps(levels)},
          values: Uint8Array.from({json.dumps(factors.ravel().tolist())}) }},
          Float32Array.from({json.dumps(codes.ravel().tolist())}), {codes.shape[1]});
        const answer = {{ shares, mig: gap(shares) }};
        """,
    )
    wanted = disentanglement.mutual_information(codes, factors)
    entropy = disentanglement.entropies(factors)
    assert np.array(found["shares"]) == pytest.approx((wanted / entropy).T, abs=2e-3)
    assert found["mig"] == pytest.approx(disentanglement.mig(codes, factors), abs=2e-3)


def test_the_shipped_beta_vae_has_more_of_each_factor_in_one_place(shipped, of_shapes):
    (plain,) = [
        run
        for run in shipped.values()
        if run.record.data.name == "known-shapes" and run.id != of_shapes.id
    ]
    ours, others = (run.record.metrics["known-shapes/test"] for run in (of_shapes, plain))
    assert ours["mig"] > others["mig"] and ours["squared_error"] > others["squared_error"]


@pytest.mark.parametrize(("capacity", "progress"), [(0, 0.3), (25, 0.2), (25, 0.9), (400 / 3, 0.5)])
def test_a_beta_vae_pays_for_the_distance_of_its_kl_from_its_capacity(capacity, progress):
    """Without a capacity it pays what a VAE with the same β does."""
    digits = small_digits()
    knobs = {"latent": 3, "hidden": (12,), "beta": 6.0}
    plain, held = (
        build(name, variant(name).Config.checked(knobs | more), signature_of(digits))
        for name, more in (("vae", {}), ("beta_vae", {"capacity": capacity}))
    )
    held.load_state_dict(plain.state_dict())
    x = coding.to_tensor(digits.x[:20])

    def terms(model):
        batch = model.prepare(x, torch.zeros(20, dtype=torch.long), None, torch.Generator())
        output = model(batch, torch.Generator().manual_seed(1))
        return model.loss_terms(batch, output, Moment(progress))

    ours, theirs = terms(held), terms(plain)
    assert ours["reconstruction"].item() == pytest.approx(theirs["reconstruction"].item())
    wanted = 6 * abs(theirs["kl"].item() / 6 - capacity * min(1, progress / 0.5))
    assert ours["kl"].item() == pytest.approx(wanted, rel=1e-5)
