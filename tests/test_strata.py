"""A sample stands for all whatever order they come in: going round the classes, or sorted."""

import json

import numpy as np
import pytest

from core import data
from core.data.dataset import Dataset, Provenance
from core.data.strata import stratified
from core.latent import results
from core.measures import metrics
from core.training import film, pictures
from explorer import figures
from tests.digits import built_model, small_config, small_digits
from tests.samples import encoded, npz, zipped
from tests.test_pads import in_node

CLASSES = 10
ORDERS = {
    "round": lambda count: np.arange(count) % CLASSES,
    "sorted": lambda count: np.arange(count) * CLASSES // count,
}


def shares(labels):
    return np.bincount(labels, minlength=CLASSES)


@pytest.fixture(params=ORDERS)
def labels(request):
    """Two hundred labels of ten classes."""
    return ORDERS[request.param](200)


@pytest.fixture
def digits(labels):
    """Small digits that have these labels."""
    small = small_digits(200)
    chosen = [np.flatnonzero(small.labels == label) for label in range(CLASSES)]
    taken = [chosen[label][(labels[:i] == label).sum()] for i, label in enumerate(labels)]
    return small.subset(taken, "ordered")


# --- The sample itself --------------------------------------------------------------------------


@pytest.mark.parametrize("count", [10, 20, 50, 117, 199])
def test_each_class_has_its_share(labels, count):
    found = stratified(labels, count)
    assert len(found) == count and (np.diff(found) > 0).all()
    assert np.abs(shares(labels[found]) - count / CLASSES).max() <= 1


def test_unequal_classes_keep_their_shares():
    labels = np.repeat([3, 7, 1], [600, 300, 100])
    found = np.bincount(labels[stratified(labels, 100, seed=4)], minlength=8)
    assert np.abs(found[[3, 7, 1]] - [60, 30, 10]).max() <= 1


def test_a_seed_draws_it(labels):
    first, again, other = (stratified(labels, 40, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    taken = np.bincount(
        np.concatenate([stratified(labels, 40, seed) for seed in range(300)]), minlength=200
    )
    assert taken.min() > 30 and taken.max() < 95, "each is taken as often as any other"


def test_fewer_than_are_asked_for_are_all_taken(labels):
    assert np.array_equal(stratified(labels, 200), np.arange(200))
    assert np.array_equal(stratified(labels, 999), np.arange(200))
    assert len(stratified(labels[:0], 5)) == 0


# --- Wherever a part stands for the whole ---------------------------------------------------------


def test_of_too_many_own_images_every_class_is_taken(digits):
    order = digits.labels
    found = data.from_images(npz(x=digits.x[:, 0], y=order), size=12, most=20)
    assert shares(found.labels).tolist() == [2] * CLASSES
    members = {f"{label}/{i:03}.png": encoded(digits.x[i, 0]) for i, label in enumerate(order)}
    found = data.from_images(zipped(members), size=12, most=30)
    assert shares(found.labels).tolist() == [3] * CLASSES


def test_a_map_is_scored_on_all_classes(digits, labels, monkeypatch):
    monkeypatch.setattr(results, "MOST_POINTS", 50)
    monkeypatch.setattr(
        metrics, "map_scores", lambda *of: {"rows": len(of[0]), "seen": shares(of[2]).tolist()}
    )
    subject = results.Subject(run=None, _held={"images": digits})
    points = np.arange(400.0).reshape(200, 2)
    _, notes = results._scores_of(lambda _: points)(subject, lambda _: None)
    assert notes == {"rows": 50, "seen": [5] * CLASSES, "count": 50}


def test_noises_are_tried_and_films_made_on_all_classes(digits, monkeypatch):
    index, few = data.few_of(digits, 40)
    assert shares(few.labels).tolist() == [4] * CLASSES and few.split == digits.split
    assert np.array_equal(few.x, digits.x[index])
    monkeypatch.setattr(film, "SHOWN", 40)
    filmed = film.Film(digits)
    assert np.array_equal(filmed.digits.labels, digits.labels[index])
    filmed.begin(built_model("stacked_ae", small_config("stacked_ae"), digits), False)
    arrays = filmed.arrays()
    assert np.array_equal(arrays["index"], index)
    assert arrays["points"].shape == (1, len(index), 2)


def test_of_the_digits_the_part_that_a_training_leaves_held_out_is_tried():
    index, few = data.few_of(data.load("mnist-5k", "all"), 1000)
    assert index.tolist() == list(range(4000, 5000)) and few.split == "test"
    assert few.fingerprint == data.load("mnist-5k", "test").fingerprint


def test_pictures_show_all_classes(digits, monkeypatch):
    model = built_model("vae", small_config("vae"), digits)
    seen = []
    plain = pictures.coding.reconstruct, pictures.coding.encode

    def watched(call):
        def watching(model, x, labels, *rest):
            seen.append(labels)
            return call(model, x, labels, *rest)

        return watching

    monkeypatch.setattr(pictures.coding, "reconstruct", watched(plain[0]))
    monkeypatch.setattr(pictures.coding, "encode", watched(plain[1]))
    monkeypatch.setattr(pictures, "SPREAD", 30)
    pictures.pictures(model, digits)
    reconstructed, traversed = seen
    assert len(reconstructed) == pictures.RECONSTRUCTED and shares(reconstructed).min() >= 1
    assert shares(traversed).tolist() == [3] * CLASSES


def test_a_figure_of_many_points_shows_all_classes(labels):
    points = np.arange(400.0).reshape(200, 2)
    figure = figures.scatter(points, labels, [str(label) for label in range(CLASSES)], most=60)
    assert [len(trace.x) for trace in figure.data] == [6] * CLASSES
    for label, trace in enumerate(figure.data):
        assert {labels[int(x) // 2] for x in trace.x} == {label}


def test_own_images_without_labels_are_drawn_by_a_seed():
    x = np.random.default_rng(0).integers(0, 255, (60, 1, 12, 12), dtype=np.uint8)
    plain = Dataset("own", "all", x, np.full(60, -1), (), Provenance("made here", "MIT"))
    index, few = data.few_of(plain, 12)
    assert len(few) == 12 and len(set(np.diff(index))) > 2, "no step"


# --- In the browser -------------------------------------------------------------------------------


def test_what_is_usual_is_told_of_all_classes(node):
    """Digits of class c are rebuilt with an error of c + 1, and codes of class 0 lie on one place
    where those of the others are apart: a sample of one class would tell another error, and with
    class 0 another distance."""
    answers = in_node(
        node,
        f"""
        import {{ usual }} from "./engine/encoding.js";
        const answer = [];
        for (const order of {json.dumps([order(5000).tolist() for order in ORDERS.values()])}) {{
          const labels = Uint8Array.from(order);
          const digits = {{ labels, images: true, image: (i) => Float32Array.of(i) }};
          const place = (i) => (labels[i] ? 10 * i : -1);
          for (const dial of [null, {{ knob: "beta" }}]) {{
            let at = 0;
            const found = await usual({{
              latent: 1, dial, value: 1, recoded: false,
              codes: Float32Array.from(labels, (_, i) => place(i)),
              squaredErrors: dial ? null : Float32Array.from(labels, (label) => label + 1),
              as: (_, work) => work(),
              encode: ([i]) => {{ at = i; return {{ mean: Float32Array.of(place(i)) }}; }},
              decode: () => Float32Array.of(at + Math.sqrt(labels[at] + 1)),
              at: (value, work) => work(),
            }}, digits);
            const classes = Array.from(found.codes, (z) => (z < 0 ? 0 : labels[z / 10]));
            answer.push({{ ...found, count: classes.length, classes: [...new Set(classes)] }});
          }}
        }}""",
    )
    assert [found["count"] for found in answers] == [5000, 250] * 2
    for found in answers:
        assert found["error"] == pytest.approx(CLASSES, rel=1e-3)
        assert sorted(found["classes"]) == list(range(CLASSES)) and found["distance"] >= 10


def test_a_map_with_a_knob_is_framed_by_the_points_of_all_classes(node):
    """Eleven classes in turn: every eleventh point would be of one class alone."""
    orders = [np.arange(2200) % 11, np.arange(2200) // 200]
    answers = in_node(
        node,
        f"""
        import {{ Run }} from "./engine/run.js";
        const answer = {json.dumps([order.tolist() for order in orders])}.map((labels) => {{
          const points = Float32Array.from({{ length: 12 * labels.length * 2 }}, (_, i) =>
            labels[Math.floor(i / 2) % labels.length]);
          const frame = Run.prototype.extent.call({{
            knots: {{ knot_points: {{ data: points }} }},
            alignment: {{ rotation: [1, 0, 0, 1], scale: 1, shift: [0, 0] }},
          }});
          return [frame.length / 2, ...new Set(frame)];
        }});""",
    )
    for count, *classes in answers:
        assert 4000 < count < 6000 and sorted(classes) == list(range(11))
