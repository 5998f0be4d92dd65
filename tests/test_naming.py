"""Runs are named by what differs between them, in lists and above a comparison."""

from __future__ import annotations

import json
import time

import pytest

from core.models import VARIANTS
from core.store import checkpoints
from explorer import catalogue, naming
from explorer.language import LANGUAGES, Words
from explorer.views import train_beside, train_shelf

EN = Words("en")


@pytest.fixture(autouse=True)
def cards(monkeypatch):
    """What a server knows of the variants as soon as its catalogue is read."""
    from core.models import cards

    found = {name: cards.of(name) for name in VARIANTS}
    monkeypatch.setattr(catalogue, "all_cards", lambda: found)


def like(run, **changes):
    """A run beside another, of other knobs."""
    config = run.record.config | changes.pop("config", {})
    train = run.record.train | changes.pop("train", {})
    record = run.record.model_copy(update={"config": config, "train": train, **changes})
    return checkpoints.Run(run.folder, record)


@pytest.fixture
def vae(shipped):
    return like(shipped["vae-k2-4214f6c873"], id="vae-k2-000000000a")


def named(*runs, always=()):
    return list(naming.apart(EN, runs, always).values())


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_no_two_runs_of_a_model_have_one_name(shipped, variant, code):
    runs = [run for run in shipped.values() if run.record.variant == variant]
    names = naming.apart(Words(code), runs, ("K",))
    assert len(set(names.values())) == len(runs)
    assert all(f"K = {run.record.latent}" in names[run.id] for run in runs)
    assert not any(run.id[-10:] in names[run.id] for run in runs), "none needs its hash"


def test_what_differs_is_said_and_nothing_else(vae):
    eight = like(vae, config={"beta": 8.0}, id="vae-k2-000000000b")
    assert named(vae, eight) == ["β 1", "β 8"]
    large = like(vae, config={"beta": 8.0, "latent": 16}, id="vae-k16-000000000c")
    assert named(vae, eight, large) == ["K = 2, β 1", "K = 2, β 8", "K = 16"]
    bell = like(vae, config={"likelihood": "gaussian"}, id="vae-k2-000000000e")
    assert named(vae, eight, bell, always=("K",)) == ["K = 2", "K = 2, β 8", "K = 2, Gaussian"]
    both = like(vae, config={"beta": 8.0, "sigma": 0.5}, id="vae-k2-000000000d")
    assert named(vae, both) == ["β 1", "β 8"], "σ changes nothing of a Bernoulli likelihood"


def test_size_training_and_data_speak_where_knobs_are_the_same(vae):
    wide = like(vae, config={"hidden": [500]}, id="vae-k2-000000000b")
    assert named(vae, wide) == ["Hidden units 320 160", "Hidden units 500"]
    long = like(vae, train={"epochs": 5.0}, id="vae-k2-000000000c")
    assert named(vae, long) == ["Epochs 60", "Epochs 5"]
    elsewhere = vae.record.data.model_copy(update={"name": "mnist-5k", "split": "train"})
    other = like(vae, data=elsewhere, id="vae-k2-000000000d")
    assert named(vae, other) == ["mnist/train-55k", "mnist-5k/train"]
    twin = like(vae, id="vae-k2-000000000e")
    assert named(vae, twin) == ["(000000000a)", "(000000000e)"]
    assert named(vae) == [EN("picker.usual")] and named(vae, always=("K",)) == ["K = 2"]


def test_runs_of_two_models_are_told_apart_by_them(vae, shipped):
    pca = shipped["pca-k2-6bbd6e9dc7"]
    assert named(vae, pca) == ["VAE", "PCA"]
    assert train_beside.heads(EN, (vae, pca)) == ["A · VAE", "B · PCA"]


def test_heads_of_a_comparison_say_what_differs(vae, monkeypatch):
    eight = like(vae, config={"beta": 8.0}, id="vae-k2-000000000b")
    assert train_beside.heads(EN, (vae, eight)) == ["A · β 1", "B · β 8"]


def test_the_shelf_lists_a_model_s_runs_by_k_and_knobs(shipped):
    runs = [run for run in shipped.values() if run.record.variant == "denoising_ae"]
    there = train_shelf.sorted_runs(runs)
    assert [run.record.latent for run in there] == sorted(run.record.latent for run in runs)
    rows = [row for page in range(3) for row in train_shelf.rows(EN, there, page)]
    assert [row["id"] for row in rows] == [run.id for run in there]
    assert len({row["name"] for row in rows}) == len(rows) > train_shelf.PAGE
    assert not any("Denoising" in row["name"] for row in rows), "the group says so once"


def test_two_thousand_runs_cost_a_page_of_rows(shipped, tmp_path, monkeypatch):
    """However many a store holds, the page sends twelve rows, and in a moment."""
    monkeypatch.setenv("LATENT_EXPLORER_RUNS", str(tmp_path))
    base = shipped["vae-k2-4214f6c873"]
    many = [
        checkpoints.Run(
            tmp_path / f"vae-k2-{i:010x}",
            base.record.model_copy(
                update={
                    "id": f"vae-k2-{i:010x}",
                    "config": base.record.config | {"beta": 0.01 * (i % 700), "sigma": 0.2},
                    "train": base.record.train | {"seed": i},
                }
            ),
        )
        for i in range(2000)
    ]
    began = time.process_time()
    found = train_shelf._found(EN, [*many, *shipped.values()], many[1234])
    assert time.process_time() - began < 1
    assert len(found["rows"]) == train_shelf.PAGE and len(json.dumps(found)) < 12_000
    assert many[1234].id in {row["id"] for row in found["rows"]}, "its page is open"
    counts = {group["name"]: group["count"] for group in found["groups"]}
    assert sum(counts.values()) == 2000 + len(shipped) and counts["vae"] > 2000
    assert len({row["name"] for row in found["rows"]}) == train_shelf.PAGE
