"""core.store.maps: a run is shown on the data that it was trained on, in its files and on pages."""

import dataclasses
import gzip
import shutil

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import data
from core.commands.train import TrainOptions, start
from core.config import StoreConfig, TrainConfig
from core.data import registry
from core.latent import coding, results
from core.latent.results import Subject
from core.models import variant
from core.store import checkpoints, loading, maps, transfer
from core.store.checkpoints import MAP, CheckpointError
from explorer import assets, live, resources, state, workers
from explorer.language import Words
from explorer.views import (
    beta,
    compare,
    explore,
    frame,
    generate,
    noise,
    train_film,
    train_shelf,
)

COUNT = 90


def train(store, name, given, split=None, latent=2):
    """A short training as the command line does it; gives the run."""
    kind = variant(name)
    knobs = {"latent": latent, "hidden": (6,)}
    config = kind.Config.checked({k: v for k, v in knobs.items() if k in kind.Config.model_fields})
    before = set(checkpoints.list_runs(store).runs)
    options = TrainOptions(data=given, split=split, store=store, device="cpu")
    assert start(name, config, TrainConfig(epochs=0.5), StoreConfig(), options) == 0
    runs = checkpoints.list_runs(store).runs
    (made,) = set(runs) - before
    return runs[made]


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Own images of two classes, by the name of their data set."""
    folder = tmp_path_factory.mktemp("some where")
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (COUNT, 28, 28), dtype=np.uint8)
    y = np.where(np.arange(COUNT) % 3 == 0, "고양이", "dog")
    np.savez(folder / "my pets.npz", x=x, y=y)
    return f"images:{folder}/my pets.npz"


@pytest.fixture(scope="module")
def store(own, tmp_path_factory):
    """A store with runs of own images, of all of these, and of digits; and the runs by name."""
    folder = tmp_path_factory.mktemp("runs")
    runs = {
        "vae": train(folder, "vae", own),
        "pca": train(folder, "pca", own),
        "all": train(folder, "stacked_ae", own, split="all"),
        "digits": train(folder, "stacked_ae", "mnist-5k"),
    }
    return folder, runs


# --- What is kept -------------------------------------------------------------------------------


def test_a_run_keeps_what_was_held_out_of_it(own, store):
    _, runs = store
    held_out = data.load(own, "test")
    for name in ("vae", "pca"):
        run = runs[name]
        shown = maps.shown(run)
        assert np.array_equal(shown.x, held_out.x) and np.array_equal(shown.labels, held_out.labels)
        assert shown.class_names == ("dog", "고양이") and shown.split == "test"
        assert list(run.record.metrics) == [f"{own}/test"]
        codes = checkpoints.read_tensors(run, checkpoints.CODES)["codes"]
        expected = coding.encode(loading.load_model(run), held_out.x).mean
        np.testing.assert_allclose(codes, expected, atol=2e-3)
    assert maps.fingerprint(runs["vae"]) == maps.fingerprint(runs["pca"]) != ""


def test_where_nothing_is_held_out_nothing_is_scored(own, store):
    run = store[1]["all"]
    assert run.record.metrics == {} and run.record.data.count == COUNT
    assert maps.fingerprint(run) == maps.fingerprint(store[1]["vae"])


def test_runs_of_digits_share_a_map_and_keep_none(store):
    run = store[1]["digits"]
    assert run.record.shown is None and MAP not in run.record.files
    assert maps.shown(run) is None and maps.fingerprint(run) == ""
    for name in ("mnist-5k", "mnist", "qmnist"):
        like = data.load("mnist-5k", "train").subset([0, 1], "train")
        shown = data.on_map_of(dataclasses.replace(like, name=name))
        assert data.is_sheet(shown)


def test_of_many_images_a_share_of_every_class_is_kept(own, monkeypatch):
    monkeypatch.setattr(registry, "MOST_SHOWN", 12)
    train_part = data.load(own, "train")
    shown = data.on_map_of(train_part)
    test_part = data.load(own, "test")
    assert len(shown) == 12 < len(test_part)
    share = np.bincount(test_part.labels) / len(test_part)
    assert np.abs(np.bincount(shown.labels) - 12 * share).max() <= 1
    assert np.array_equal(shown.x, data.on_map_of(train_part).x), "a seed draws them"


def test_what_no_map_can_show_has_none():
    assert data.on_map_of(data.load("curve-2d", "train")) is None


def test_results_are_of_the_run_s_own_images(store):
    run, digits = store[1]["vae"], store[1]["digits"]
    assert np.array_equal(Subject(run).images.x, maps.shown(run).x)
    assert len(Subject(digits).images) == 5_000
    names = {results.file_name(Subject(one), "random_scores") for one in (run, digits)}
    assert len(names) == 2
    same = {results.file_name(Subject(store[1][n]), "random_scores") for n in ("vae", "pca")}
    assert len(same) == 1


def test_a_map_goes_with_the_run(store, tmp_path):
    run = store[1]["vae"]
    taken = transfer.import_run(transfer.export_run(run), tmp_path / "other")
    assert np.array_equal(maps.shown(taken).x, maps.shown(run).x)
    assert taken.record.shown == run.record.shown


@pytest.mark.parametrize("wrong", ["count", "shape", "labels", "names"])
def test_a_map_that_is_no_map_is_refused(store, tmp_path, wrong):
    run = store[1]["vae"]
    folder = tmp_path / run.id
    shutil.copytree(run.folder, folder)
    arrays = checkpoints.read_tensors(run, MAP)
    record = run.record
    if wrong == "count":
        record = record.model_copy(update={"shown": record.shown.model_copy(update={"count": 3})})
    if wrong == "names":
        shown = record.shown.model_copy(update={"class_names": ()})
        record = record.model_copy(update={"shown": shown})
    if wrong == "shape":
        arrays["x"] = arrays["x"][:, :, :14]
    if wrong == "labels":
        arrays["labels"] = arrays["labels"][1:]
    tensors = {name: checkpoints.read_tensors(run, name) for name in run.record.files} | {
        MAP: arrays
    }
    with pytest.raises(CheckpointError, match="map"):
        torn = checkpoints.save(tmp_path, record, tensors)
        maps.shown(checkpoints.open_run(torn.folder))


# --- What pages do with it ----------------------------------------------------------------------


@pytest.fixture
def served(store, monkeypatch):
    monkeypatch.setenv("LATENT_EXPLORER_RUNS", str(store[0]))
    return {name: resources.runs().get(run.id) for name, run in store[1].items()}


def test_what_a_pad_is_told_and_given(served, own):
    run = served["vae"]
    spec = assets.digits_spec(run=run)
    assert spec["class_names"] == ["dog", "고양이"]
    assert f"/maps/{run.id}/" in spec["images"] and f"/maps/{run.id}/" in spec["labels"]
    held_out = data.load(own, "test")
    assert gzip.decompress(resources.packed_map(run, "images")) == held_out.x.tobytes()
    labels = np.frombuffer(gzip.decompress(resources.packed_map(run, "labels")), np.uint8)
    assert np.array_equal(labels, held_out.labels)
    assert assets.digits_spec(run=served["digits"]) == assets.digits_spec()
    assert resources.on_map(run) and resources.data_name(run) == "my pets.npz"


@pytest.fixture
def visit(served, monkeypatch):
    """Draws a page's server side: `visit(page, **link)`; gives it and what its pads are told."""
    monkeypatch.setattr(workers, "ensure", lambda: None)
    monkeypatch.setattr(state, "visitor", lambda: "0" * 24)
    monkeypatch.setattr(live, "is_owner", lambda address: True)

    def go(page, **link):
        told = []
        for view in (explore, compare, generate, noise, beta, train_film, train_shelf):
            monkeypatch.setattr(view, "latent_pad", lambda module, data, *a, **b: told.append(data))
        app = AppTest.from_function(draw, kwargs={"page": page}, default_timeout=60)
        for name, value in {"lang": "en", **link}.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception, app.exception[0].stack_trace
        assert not app.error and not app.warning
        return app, told

    return go


def draw(page):
    import importlib

    importlib.import_module(f"explorer.views.{page}").show()


def said(app) -> str:
    return "\n".join(text.value for text in (*app.caption, *app.markdown)).replace("\\", "")


@pytest.mark.parametrize("page", ["explore", "generate", "train"])
def test_a_link_to_a_run_opens_it_on_its_own_images(visit, served, page):
    run = served["vae"]
    chosen = {"run": run.id}
    if page != "train":
        chosen |= {"model": "vae", "k": "2"}
    app, told = visit(page, **chosen)
    assert told[0]["digits"] == assets.digits_spec(run=run)
    assert (told[0].get("run") or told[0]["sides"][0]["run"])["id"] == run.id
    assert "my pets.npz" in said(app) or page == "train"
    assert str(run.record.data.name) not in said(app), "nobody needs the server's paths"
    if page == "generate":
        assert told[0]["classifier"] is None
    if page == "train":
        (row,) = [row for row in told[-1]["rows"] if row["id"] == run.id]
        assert row["data"] == "my pets.npz/train" and "the mean image" in row["score_beside"]
        assert "my pets.npz" in told[0]["text"]["live_note"]


def test_models_of_different_data_never_stand_on_one_map(visit, served):
    app, told = visit("compare")
    ids = {model["run"]["id"] for model in told[0]["models"]}
    assert not ids & {served[name].id for name in ("vae", "pca", "all")}
    (picker,) = [box for box in app.selectbox if box.label == Words("en")("picker.images")]
    assert picker.options[0] == "MNIST's digits" and "my pets.npz" in picker.options
    _, told = visit("compare", run=served["pca"].id)
    assert {model["run"]["id"] for model in told[0]["models"]} == {
        served[name].id for name in ("vae", "pca", "all")
    }
    assert told[0]["digits"] == assets.digits_spec(run=served["pca"])
    shown = maps.shown(served["pca"])
    k = len(told[0]["curve"]["pca"]) - 1
    assert k == 2
    error = served["pca"].record.metrics[f"{shown.name}/test"]["squared_error"]
    assert told[0]["curve"]["pca"][2] == pytest.approx(error, rel=0.01)


def test_runs_of_different_data_stand_beside_but_share_no_film(visit, served):
    app, told = visit("train", run=served["vae"].id, beside=served["digits"].id)
    assert all(len(pad.get("sides", ())) < 2 for pad in told)
    assert Words("en")("train.other_images") in said(app)


@pytest.mark.parametrize("page", ["noise", "beta"])
def test_the_pages_about_digits_say_so(visit, page):
    app, _ = visit(page)
    assert Words("en")("app.digits_alone", count=3) in said(app)


def test_the_pages_about_digits_are_given_no_other_run(served):
    ids = {run.id for run in frame.digit_runs()}
    assert served["digits"].id in ids
    assert not ids & {served[name].id for name in ("vae", "pca", "all")}


@pytest.mark.parametrize("language", ["en", "ko"])
def test_what_is_said_names_the_data(language):
    words = Words(language)
    for key in ("generate.no_judge", "explore.nothing_held_out"):
        assert "pets" in words(key, data="pets")
    assert "3" in words("app.digits_alone", count=3)


@pytest.mark.parametrize(
    ("link", "offered"),
    [({}, False), ({"model": "vae"}, False), ({"images": "it"}, True), ({"run": "it"}, True)],
)
def test_what_ships_besides_digits_is_offered_where_a_link_leads_to_it(
    shipped, monkeypatch, link, offered
):
    """Else everybody would meet a picker that few have a use for."""
    groups = {}
    for run in shipped.values():
        if run.record.data.kind == "images" and run.record.data.shape == (1, 28, 28):
            groups.setdefault(frame.images_key(run), []).append(run)
    (other,) = (key for key, there in groups.items() if not resources.on_digits(there[0]))
    said = link | ({"images": other} if "images" in link else {})
    monkeypatch.setattr(frame.state, "said", said.get)
    monkeypatch.setattr(frame.state, "met", lambda name, value: {value})
    known = groups[other][0] if "run" in link else None
    assert frame._offered(other, groups[other], groups, known) is offered
    digits = next(key for key in groups if key != other)
    assert frame._offered(digits, groups[digits], groups, known)
