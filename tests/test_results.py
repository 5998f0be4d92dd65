"""Results: what pages tell of a run beyond its files, kept by content, made in a process."""

import dataclasses
import io
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from core import data, refusal
from core.data.dataset import Dataset
from core.latent import coding, compute, results
from core.latent.projections import ProjectionError
from core.latent.results import Subject
from core.measures import metrics
from core.store import checkpoints, image_sets, loading, result_files
from tests.digits import REPOSITORY


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A user's store of its own."""
    monkeypatch.setenv("LATENT_EXPLORER_RUNS", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def held_out():
    return data.load("mnist-5k", "all")


@pytest.fixture(scope="module")
def vae(shipped):
    return next(r for r in shipped.values() if r.record.variant == "vae" and r.record.latent == 2)


def test_a_name_knows_the_run_the_kind_the_images_and_the_seed(shipped, vae):
    usual = results.file_name(Subject(vae), "umap")
    other = next(run for run in shipped.values() if run is not vae and results.possible(run))
    names = {
        usual,
        results.file_name(Subject(vae), "tsne"),
        results.file_name(Subject(vae, seed=1), "umap"),
        results.file_name(Subject(vae, set_id="0" * 16), "umap"),
        results.file_name(Subject(other), "umap"),
    }
    assert len(names) == 5 and all(result_files.NAME.fullmatch(name) for name in names)
    assert usual == results.file_name(Subject(vae), "umap")
    shared = {results.file_name(Subject(run), "random_scores") for run in (vae, other)}
    assert len(shared) == 1, "a random map is no run's"
    with pytest.raises(KeyError):
        results.file_name(Subject(vae), "nonsense")


def test_shipped_runs_have_all_results(shipped):
    """So that no page waits for them."""
    for run in shipped.values():
        if not results.possible(run):
            continue
        for kind in results.kinds_of(run):
            path = results.find(Subject(run), kind)
            assert path and path.parent == result_files.folders()[0], (
                f"{kind} of {run.id} is missing"
            )


def test_what_is_shipped_has_the_right_shapes(shipped):
    for run in shipped.values():
        if not results.possible(run):
            continue
        subject, k = Subject(run), run.record.width
        own = run.record.shown  # where it is not the digits that all maps share
        for kind in ("umap", "tsne"):
            points = results.get(subject, kind)[0]["points"]
            assert points.shape == (own.count if own else 5000, 2) and np.isfinite(points).all()
            scores, floor = (results.get(subject, f"{of}_scores")[1] for of in (kind, "random"))
            for name in ("trustworthiness", "continuity"):
                assert floor[name] + 0.1 < scores[name] <= 1
            # Told the label, or half of the image, a code need not say which digit it is; nor which
            # shape, where place and size make more of an image.
            told = run.record.capabilities["conditional"]
            if own:
                continue
            assert floor["agreement"] + (0 if told else 0.1) < scores["agreement"] <= 1
        each = results.get(subject, "each")[0]
        has_posterior = run.record.capabilities["has_posterior"]
        assert set(each) == ({"error", "rate", "kl"} if has_posterior else {"error"})
        if "mixture" not in results.kinds_of(run):
            continue
        mixture = results.get(subject, "mixture")[0]
        assert mixture["means"].shape[1] == k and mixture["weights"].sum() == pytest.approx(1)


def test_a_random_map_s_scores_are_chance():
    _, notes = results.get(Subject(_any()), "random_scores")
    assert notes["trustworthiness"] == pytest.approx(0.5, abs=0.02)
    assert notes["continuity"] == pytest.approx(0.5, abs=0.02)
    assert notes["agreement"] == pytest.approx(0.1, abs=0.02)
    assert notes["count"] == 5000


def _any():
    runs = checkpoints.list_runs(checkpoints.shipped_store()).runs.values()
    return next(run for run in runs if results.possible(run))


def test_errors_and_rates_are_the_model_s_own(vae, held_out):
    each = results.get(Subject(vae), "each")[0]
    model = loading.load_model(vae)
    x = held_out.x[:40]
    codes = coding.encode(model, x)
    error = metrics.squared_error_each(x / 255, coding.reconstruct(model, x))
    np.testing.assert_allclose(each["error"][:40], error, rtol=1e-4)
    variance = np.exp(codes.log_var)
    nats = -0.5 * (1 + codes.log_var - codes.mean**2 - variance)  # Kingma & Welling's appendix B
    np.testing.assert_allclose(each["rate"][:40], nats.sum(1), rtol=1e-4)
    scored = vae.record.metrics["mnist-5k/all"]
    assert each["error"].mean() == pytest.approx(scored["squared_error"], rel=1e-3)
    assert each["rate"].mean() == pytest.approx(scored["rate"], rel=1e-3)
    assert each["kl"].sum() == pytest.approx(scored["rate"], rel=1e-3)


def test_a_kept_result_is_read_and_a_torn_one_computed_again(own, vae):
    subject = Subject(vae, seed=5)
    arrays, _ = results.get(subject, "mixture")
    path = results.find(subject, "mixture")
    assert path.parent == own / result_files.FOLDER
    before = path.stat().st_mtime_ns
    results.get(Subject(vae, seed=5), "mixture")
    assert path.stat().st_mtime_ns == before
    path.write_bytes(b"torn")
    again, _ = results.get(Subject(vae, seed=5), "mixture")
    np.testing.assert_array_equal(arrays["means"], again["means"])


def process(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "core.latent.compute", *arguments],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def fresh(own, vae):
    """A run of the user's that nothing was derived of: other codes than the shipped one's."""
    tensors = {name: checkpoints.read_tensors(vae, name) for name in vae.record.files}
    codes = tensors[checkpoints.CODES]
    codes["codes"] = codes["codes"] + np.float16(0.25)
    made = vae.record.model_copy(update={"id": "vae-k2-00000000bb"})
    return checkpoints.save(own, made, tensors)


def test_the_process_tells_its_progress_keeps_the_results_and_stands_by(fresh, own, vae, held_out):
    set_id = own_set(held_out.x[:60])
    more = {"run": vae.id, "kinds": ["random_scores"], "set": set_id}
    with process("--run", fresh.id, "--kinds", "each", "mixture", "--stand-by", "60") as running:
        said, err = running.communicate(json.dumps(more) + "\n")  # and then nobody is there
        assert running.returncode == compute.LEFT, err
    lines = [json.loads(line) for line in said.splitlines()]
    done = [line.get("kind", "stands by") for line in lines if "share" not in line]
    assert done == ["each", "mixture", "stands by", "random_scores", "stands by"]
    shares = [line["share"] for line in lines if line.get("kind") == "each" and "share" in line]
    assert shares == sorted(shares) and shares[-1] == 1 and len(shares) == 10
    kept = {path.name.split("-")[0] for path in (own / result_files.FOLDER).iterdir()}
    assert kept == {"each", "mixture", "random_scores"}
    assert results.find(Subject(vae, set_id), "random_scores")


def test_the_process_leaves_when_it_stood_by_in_vain(vae):
    with process("--run", vae.id, "--kinds", "umap", "--stand-by", "0.1") as running:
        assert running.wait(60) == compute.LEFT


def test_the_process_says_one_sentence_where_it_cannot(own):
    with process("--run", "vae-k2-0000000000", "--kinds", "umap") as running:
        lines = running.stdout.read().splitlines()
        assert running.wait() == 1
    told = json.loads(lines[-1])
    assert told["failed"] == "There is no run 'vae-k2-0000000000'."
    assert str(refusal.from_json(told["refusal"])) == told["failed"]


def test_a_projection_killed_half_way_leaves_nothing_and_can_be_had_again(fresh, own):
    running = process("--run", fresh.id, "--kinds", "tsne")
    for line in running.stdout:  # it is in the middle of it
        if json.loads(line).get("share", 0) > 0:
            break
    running.send_signal(signal.SIGKILL)
    running.communicate()
    assert running.returncode == -signal.SIGKILL
    folder = own / result_files.FOLDER
    assert not folder.exists() or not list(folder.iterdir())
    assert results.find(Subject(fresh), "tsne") is None
    points = np.zeros((5000, 2), np.float32)
    kept = result_files.write(
        folder, results.file_name(Subject(fresh), "tsne"), {"points": points}, {}
    )
    started = time.perf_counter()
    found = results.get(Subject(fresh), "tsne")
    assert results.find(Subject(fresh), "tsne") == kept and found[0]["points"].shape == (5000, 2)
    assert time.perf_counter() - started < 5, "it was read, not computed"


# --- Own images ---------------------------------------------------------------------------------


def own_set(images, labels=None):
    count = len(images)
    labels = np.full(count, -1) if labels is None else labels
    provenance = data.Provenance("made here", "none")
    classes = tuple(map(str, range(int(labels.max()) + 1)))
    return image_sets.keep(
        Dataset("mine", "all", images, labels.astype(np.int64), classes, provenance)
    )


@pytest.mark.parametrize(
    ("images", "kind", "sentence"),
    [
        (1, "umap", "UMAP needs at least 16 points for its 15 neighbours of each point; there are"),
        (1, "tsne", "t-SNE needs at least 31 points for its perplexity of 30; there are 1"),
        (15, "umap", "there are 15"),
        (0, "umap", "all 40 codes are the same"),
    ],
)
def test_own_sets_that_cannot_be_laid_out(own, vae, held_out, images, kind, sentence):
    same = np.repeat(held_out.x[:1], 40, 0)
    set_id = own_set(held_out.x[:images] if images else same)
    with pytest.raises(ProjectionError, match=sentence):
        results.get(Subject(vae, set_id), kind)
    assert results.find(Subject(vae, set_id), kind) is None


def test_own_sets_of_one_image_or_class_have_what_can_be_said_of_them(own, vae, held_out):
    one = Subject(vae, own_set(held_out.x[7:8]))
    assert results.get(one, "plane_scores")[1] == {"count": 1}
    error = results.get(one, "each")[0]["error"]
    np.testing.assert_allclose(error, results.get(Subject(vae), "each")[0]["error"][7:8], rtol=1e-4)
    same_class = own_set(held_out.x[:60], np.zeros(60, int))
    subject = Subject(vae, same_class)
    points = results.get(subject, "tsne")[0]["points"]
    assert points.shape == (60, 2) and np.isfinite(points).all()
    scores = results.get(subject, "tsne_scores")[1]
    assert set(scores) == {"trustworthiness", "continuity", "count"}
    codes = coding.encode(loading.load_model(vae), held_out.x[:60]).mean
    np.testing.assert_allclose(subject.codes, codes, atol=1e-6)


def test_a_set_that_is_gone_gets_a_sentence(own, vae, monkeypatch):
    """As the process says it, whose status it is; in this one, which has its libraries."""
    lines = io.StringIO()
    monkeypatch.setattr(compute, "_lines", lines)
    assert compute.compute(vae.id, ("umap",), "0" * 24) == 1
    assert "there is no set of images" in json.loads(lines.getvalue())["failed"]


def test_any_two_axes_have_scores(own, shipped, held_out):
    run = next(r for r in shipped.values() if r.record.variant == "vae" and r.record.latent == 16)
    subject = Subject(run)
    some = image_sets.keep(
        dataclasses.replace(held_out, x=held_out.x[:300], labels=held_out.labels[:300])
    )
    few = Subject(run, some)
    scores = results.get(few, "axes_3_10_scores")[1]
    points = few.codes[:, [2, 9]]
    expected = metrics.map_scores(points, held_out.x[:300], held_out.labels[:300])
    assert scores == pytest.approx(expected | {"count": 300})
    assert results.file_name(subject, "axes_3_10_scores") != results.file_name(
        subject, "axes_3_11_scores"
    )
    assert result_files.NAME.fullmatch(results.file_name(subject, "axes_100_784_scores"))
    with pytest.raises(ValueError, match="axes are 3 and 17; a code has 16 dimensions"):
        results.get(few, "axes_3_17_scores")
    for name in ("axes_10_3_scores", "axes_3_3_scores", "axes_0_3_scores", "axes_1_2"):
        with pytest.raises(KeyError):
            results.kind_of(name)


def test_scores_follow_a_knob(shipped, held_out):
    run = next(r for r in shipped.values() if r.record.variant == "multirate_vae")
    found, _ = results.get(Subject(run), "knot_scores")
    points = checkpoints.read_tensors(run, checkpoints.CODES)["knot_points"]
    assert {len(values) for values in found.values()} == {len(points)}
    at = len(points) // 3
    scores = metrics.map_scores(points[at].astype(np.float32), held_out.x, held_out.labels)
    assert {name: values[at] for name, values in found.items()} == pytest.approx(scores, abs=1e-5)
    plain = next(r for r in shipped.values() if r.record.variant == "vae")
    assert "knot_scores" not in results.kinds_of(plain)
