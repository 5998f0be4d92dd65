"""The runs that ship: all that the pages promise is there, small, whole and honestly scored."""

from __future__ import annotations

import numpy as np
import pytest

from core import data
from core.config import TrainConfig
from core.data import toys
from core.measures.metrics import active_dimensions
from core.models import variant
from core.store import checkpoints, loading, records, result_files
from core.training import bank
from core.training.evaluate import evaluate

STORE = checkpoints.shipped_store()
RUNS = checkpoints.list_runs(STORE)
OLD_IDS = [
    "denoising_ae-k16-1d2008ec39",
    "denoising_ae-k16-3511a67e3e",
    "denoising_ae-k16-3829b9ed95",
    "denoising_ae-k16-5d7665cff8",
    "denoising_ae-k16-7c6798def5",
    "denoising_ae-k16-81f4605d9c",
    "denoising_ae-k16-92a8f9b272",
    "denoising_ae-k16-c3cfae5a9f",
    "denoising_ae-k16-c49457dd45",
    "denoising_ae-k16-d08ad9aeb6",
    "denoising_ae-k16-d1a2d1c7b2",
    "denoising_ae-k16-f2ab6b7e34",
    "denoising_ae-k16-f4104b1fcf",
    "denoising_ae-k2-4a88f6c641",
    "linear_ae-k16-becf573a2f",
    "linear_ae-k2-43d4573e2f",
    "multilevel_dae-k16-9b67b1e759",
    "multilevel_dae-k16-ab4e5ab5c1",
    "multilevel_dae-k16-c05c918f88",
    "multilevel_dae-k2-18282dbfff",
    "multirate_vae-k16-a96def3180",
    "multirate_vae-k16-dab53c362e",
    "multirate_vae-k2-764604d3fc",
    "multirate_vae-k32-999f476b14",
    "multirate_vae-k4-0967541e5f",
    "multirate_vae-k8-83d749fea6",
    "pca-k16-83644d6da3",
    "pca-k2-ff84cefed6",
    "pca-k64-cc8d3df5c9",
    "stacked_ae-k16-06393130e5",
    "stacked_ae-k16-a1d869250c",
    "stacked_ae-k2-6f3812ba5d",
    "vae-conv-k16-36b3939a04",
    "vae-conv-k2-7d384c0bf7",
    "vae-k16-014bda308f",
    "vae-k16-08b6effe8b",
    "vae-k16-0ce15c6d95",
    "vae-k16-7766aa0d50",
    "vae-k16-a462e4aaf5",
    "vae-k16-b19f573dba",
    "vae-k16-e041f3eb6d",
    "vae-k16-e04f4ff0d7",
    "vae-k2-00321e3baa",
    "vae-k2-28030217b7",
    "vae-k2-4c5c8ad385",
    "vae-k2-7068bda28e",
    "vae-k2-7362ebcf6e",
    "vae-k2-ba805572c0",
    "vae-k2-e07b00a7ea",
    "vae-k2-fde7936302",
]  # of every run that shipped with records of version 1


def configuration(run: checkpoints.Run):
    return variant(run.record.variant).Config.recorded(run.record.config)


def test_every_folder_of_the_store_is_a_whole_run():
    assert RUNS.problems == ()
    folders = {folder.name for folder in STORE.iterdir() if folder.is_dir()}
    assert folders - {result_files.FOLDER} == set(RUNS.runs)


@pytest.mark.parametrize("plan", bank.SHIPPED, ids=lambda p: f"{p.variant}-{p.config}")
def test_each_plan_of_the_bank_ships_and_was_trained_to_its_end(plan):
    wanted = variant(plan.variant).Config.checked(plan.config)
    training = TrainConfig.checked(plan.train)
    found = [
        run
        for run in RUNS.runs.values()
        if run.record.variant == plan.variant
        and configuration(run) == wanted
        and TrainConfig.recorded(run.record.train) == training
    ]
    assert len(found) == 1
    assert found[0].record.status == "complete"
    assert found[0].record.roles == plan.roles and set(plan.roles) <= set(records.ROLES)
    assert found[0].record.stored_as == plan.stored_as


@pytest.mark.parametrize("run", RUNS.runs.values(), ids=RUNS.runs.keys())
def test_its_id_is_what_its_request_would_be_called_today(run):
    """Fails when a knob's default changes and it doesn't say what was the default `formerly`: then
    old runs would answer for new requests."""
    record = run.record
    again = checkpoints.run_id(
        record.variant,
        configuration(run).named() | {"latent": record.latent},
        record.data.model_dump(),
        TrainConfig.recorded(record.train).named(),
    )
    assert again == run.id


@pytest.mark.parametrize("old", OLD_IDS)
def test_ids_of_version_1_still_name_its_run(old):
    assert old in RUNS.runs or RUNS.get(old) is checkpoints.find(RUNS, old)


@pytest.mark.parametrize("run", RUNS.runs.values(), ids=RUNS.runs.keys())
def test_it_was_trained_without_the_held_out_digits_and_scored_on_splits_by_name(run):
    name, split = run.record.data.name, run.record.data.split
    if name == toys.CURVE_2D:
        assert split == "train" and set(run.record.metrics) == {"curve-2d/test"}
    elif name in data.known_factors.names():
        assert split == "train" and set(run.record.metrics) == {f"{name}/test"}
    else:
        assert (name, split) == ("mnist", "train-55k")
        assert run.record.data.count == 55_000
        assert set(run.record.metrics) == {"mnist/test", "mnist-5k/all"}
    for scores in run.record.metrics.values():
        assert scores["squared_error"] < scores["squared_error_mean_image"]


@pytest.mark.parametrize("run", RUNS.runs.values(), ids=RUNS.runs.keys())
def test_it_is_small(run):
    assert sum(file.stat().st_size for file in run.folder.iterdir()) <= 1_500_000


def test_all_together_are_small():
    assert sum(f.stat().st_size for f in STORE.rglob("*") if f.is_file()) <= 60_000_000


@pytest.mark.parametrize("run", RUNS.runs.values(), ids=RUNS.runs.keys())
def test_its_scores_are_what_its_weights_score(run):
    name = run.record.data.name
    toy = name == toys.CURVE_2D
    held_out = data.load(*((name, "test") if name != "mnist" else ("mnist-5k", "all")))
    model = loading.load_model(run)
    few = held_out.x[:1000]
    scores = run.record.metrics[f"{held_out.name}/{held_out.split}"]
    whole = scores["squared_error"]
    assert evaluate(model, few)["squared_error"] == pytest.approx(whole, rel=0.05)
    if toy:
        assert checkpoints.CODES not in run.record.files
        return
    arrays = checkpoints.read_tensors(run, checkpoints.CODES)
    if run.record.capabilities["has_dial"]:
        at = np.interp(
            model.dial.position(model.dial.usual), arrays["knots"], arrays["knot_squared_error"]
        )
        whole = scores.get("squared_error_denoised", whole)
        assert at == pytest.approx(whole, rel=0.01)
    else:
        part = 1e-3 if len(arrays["squared_error"]) == len(held_out) else 0.02  # of the images
        mean = arrays["squared_error"].astype(np.float64).mean()
        assert mean == pytest.approx(whole, rel=part, abs=1e-6)


def test_the_vae_map_has_no_dead_corner_and_its_manifold_shows_all_ten_digits():
    """Decoded from an even grid over the prior, judged by the nearest held-out digits."""
    from statistics import NormalDist

    from sklearn.neighbors import KNeighborsClassifier

    from core.latent import coding

    run = max(
        (
            run
            for run in RUNS.runs.values()
            if (run.record.variant, run.record.latent) == ("vae", 2)
            and run.record.config["network"] == "mlp"
        ),
        key=lambda run: run.record.samples,
    )
    model, held_out = loading.load_model(run), data.load("mnist-5k", "all")
    quantiles = np.array([NormalDist().inv_cdf(p) for p in np.linspace(0.03, 0.97, 20)])
    z = np.stack(np.meshgrid(quantiles, quantiles), -1).reshape(-1, 2)
    pictures = coding.decode(model, z).reshape(len(z), -1)
    judge = KNeighborsClassifier(5).fit(held_out.x.reshape(5000, -1) / 255, held_out.labels)
    labels = judge.predict(pictures)
    assert set(labels) == set(range(10))
    codes = coding.encode(model, held_out.x).mean
    quadrants = (codes > 0) @ np.array([1, 2])
    assert np.bincount(quadrants, minlength=4).min() > 0.1 * len(codes)


def test_the_page_of_beta_opens_at_a_k_where_beta_shows():
    """At K = 2 every β gives back nearly the same digit, so nothing would be seen to happen."""
    from explorer.views import beta

    stops = beta.stops(list(RUNS.runs.values()))
    arrays = checkpoints.read_tensors(stops[beta.opening(stops)], checkpoints.CODES)
    error, active = arrays["knot_squared_error"], active_dimensions(arrays["knot_kl"])
    assert error[-1] > 1.5 * error[0] and active[-1] < active[0]
    assert [beta.opening(there) for there in ([2, 4, 8], [24, 12, 2], [8, 24], [3])] == [
        8,
        12,
        8,
        3,
    ]


# What texts say of draws in words, which follows no hand: (variant, K) and how they were drawn, to
# the shares that the words allow.
SAID = {
    ("vae", 2, "prior"): (0.55, 0.65),  # "about six in ten"
    ("vae", 16, "prior"): (0.55, 0.65),
    ("stacked_ae", 16, "box"): (0, 0.5),  # "most of the box around its codes is no digit"
    ("stacked_ae", 16, "own"): (0.9, 1),  # "nearly all of its reconstructions are"
}


@pytest.mark.parametrize(("name", "latent", "how"), SAID)
def test_the_share_of_draws_that_the_classifier_calls_a_digit_is_as_the_texts_say(
    name, latent, how
):
    from core.judge import classifier
    from core.latent import coding, sampling
    from explorer.views import frame

    runs = [run for run in frame.showable_runs() if frame.network_of(run) == "mlp"]
    run = next(run for run in runs if (run.record.variant, run.record.latent) == (name, latent))
    model, generator = loading.load_model(run), np.random.default_rng(3)
    codes = coding.encode(model, data.load("mnist-5k", "all").x).mean
    low, high = sampling.box(codes)
    z = {
        "prior": lambda: generator.standard_normal((2000, latent)),
        "box": lambda: generator.uniform(low, high, (2000, latent)),
        "own": lambda: codes[generator.choice(len(codes), 2000, replace=False)],
    }[how]()
    sure = classifier.load().confident(coding.decode(model, z.astype(np.float32)))
    least, most = SAID[name, latent, how]
    assert least <= sure.mean() <= most


def test_one_bent_layer_beats_the_plane_of_as_many_dimensions():
    """PCA leaves 13.19 at K = 32; a code that hardly trains leaves nearly the mean digit's 52.8."""
    (run,) = [run for run in RUNS.runs.values() if run.record.variant == "basic_ae"]
    assert run.record.latent == 32 and configuration(run).code_activation == "sigmoid"
    assert run.record.metrics["mnist/test"]["squared_error"] < 11
