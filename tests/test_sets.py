"""Own images from uploads, good and bad, and the sets that are kept of them."""

from __future__ import annotations

import io
import os
import pickle
import stat

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save

from core import data
from core.data import centring, own_images
from core.data.dataset import DataError, Dataset
from core.store import image_sets
from tests.samples import encoded, npz, zipped


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    """An empty user store."""
    monkeypatch.setenv("LATENT_EXPLORER_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return data.load("mnist-5k", "all").subset(np.arange(20), "some")


def refusal(files, **options) -> str:
    """The one sentence with which files are refused."""
    with pytest.raises(DataError) as caught:
        own_images.read(files, **options)
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence


# --- What is read -------------------------------------------------------------------------------


def test_digits_come_back_from_a_zip_with_folders(digits):
    members = {
        f"{label}/{i:02}.png": encoded(digits.x[i, 0]) for i, label in enumerate(digits.labels)
    }
    found = own_images.read([("mine.zip", zipped(members))])
    order = sorted(range(20), key=lambda i: (digits.labels[i], i))
    assert found.labels.tolist() == digits.labels[order].tolist()
    assert found.class_names == tuple("0123456789")
    assert np.abs(found.x.astype(int) - digits.x[order]).mean() < 0.5, "grey levels of 255"
    assert found.name == "mine.zip"


def test_folders_named_by_some_digits_are_those_digits(digits):
    members = {f"{c}/a.png": encoded(digits.x[c, 0]) for c in (3, 7)} | {
        "b.png": encoded(digits.x[1, 0])
    }
    found = own_images.read([("mine.zip", zipped(members))])
    assert found.labels.tolist() == [3, 7, -1]
    assert found.class_names == tuple("0123456789")
    other = own_images.read(
        [("mine.zip", zipped({"cat/a.png": members["3/a.png"], "7/b.png": members["7/a.png"]}))]
    )
    assert (other.labels.tolist(), other.class_names) == ([0, 1], ("7", "cat"))


def test_an_npz_with_labels_and_loose_files(digits):
    found = own_images.read([("mine.npz", npz(x=digits.x[:, 0], y=digits.labels))])
    assert found.labels.tolist() == digits.labels.tolist()
    floats = own_images.read([("mine.npz", npz(x=digits.x[:, 0] / 255, y=digits.labels))])
    assert np.array_equal(floats.x, found.x)
    files = [(f"IMG {i % 2}.png", encoded(digits.x[i, 0])) for i in range(4)]
    loose = own_images.read(files)
    assert loose.class_names == ()
    assert sorted(map(bytes, loose.x)) == sorted(map(bytes, found.x[:4])), "none is lost"
    assert loose.name == "IMG 0.png +3"


def test_one_image_is_a_set(digits):
    found = own_images.read([("one.png", encoded(digits.x[3, 0]))])
    assert len(found) == 1 and found.name == "one.png" and found.labels.tolist() == [-1]
    assert len(image_sets.open_set(image_sets.keep(found))) == 1


def test_dark_ink_on_paper_is_turned_by_itself_or_by_the_switch(digits):
    bright = np.pad(digits.x[3, 0], 20)
    on_paper = [("scan.png", encoded(255 - bright))]
    expected = centring.centre(bright)
    for ink in ("auto", "dark"):
        assert np.array_equal(own_images.read(on_paper, ink).x[0, 0], expected)
    on_slate = [("board.png", encoded(bright))]
    for ink in ("auto", "bright"):
        assert np.array_equal(own_images.read(on_slate, ink).x[0, 0], expected)
    wrong = refusal(on_slate, ink="dark")
    assert "blank" in wrong, "white paper without darker ink"


@pytest.mark.parametrize("paper", [130, 180, 220])
def test_a_photograph_without_ink_is_fitted_in_whole(paper):
    """What is brighter than a bright edge is no ink, and no reason to say that nothing is there."""
    photo = np.full((56, 56), paper, np.uint8)
    photo[20:30, 10:40] = 255
    found = own_images.read([("photo.png", encoded(photo))])
    assert "1 image(s) had no ink that stands out from the edge" in found.provenance.note
    whole = own_images.read([("photo.png", encoded(photo))], "bright", centred=False)
    assert np.array_equal(found.x, whole.x)
    assert own_images.read([("photo.npz", npz(x=photo[None]))]).provenance.note == (
        found.provenance.note
    )
    photo[5:9, 5:9] = 0
    assert "no ink" not in own_images.read([("photo.png", encoded(photo))]).provenance.note


def test_without_centring_the_whole_image_is_fitted(digits):
    field = np.zeros((56, 56), np.uint8)
    field[28:, 28:] = digits.x[3, 0]
    found = own_images.read([("corner.png", encoded(field))], centred=False).x[0, 0]
    assert not found[:13].any() and found[14:, 14:].any()
    assert np.array_equal(
        own_images.read([("corner.png", encoded(field))]).x[0, 0], centring.centre(field)
    )


def test_what_was_done_to_the_images_is_said(digits):
    ink = np.pad(digits.x[3, 0], 4)
    clear = np.zeros_like(ink)
    frames = [Image.fromarray(np.pad(digits.x[i, 0], 4)) for i in (3, 4)]
    members = {
        "1.png": encoded(np.dstack([ink, ink, ink])),
        "2.png": encoded(np.dstack([clear, clear, clear, ink])),
        "3.gif": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "4.png": b"text, renamed",
        "notes.txt": b"hello",
    }
    found = own_images.read([("mine.zip", zipped(members))])
    note = found.provenance.note
    for said in (
        "1 of 4 image files could not be used",
        "1 file(s) that are not images",
        "stored in colour",
        "transparent parts",
        "1 image(s) were animations, of which the first picture was taken",
    ):
        assert said in note, said
    assert len(found) == 3
    # All three are the same digit: grey of colour, black ink on nothing, the first picture.
    for image in found.x[:, 0]:
        assert np.abs(image.astype(int) - digits.x[3, 0]).mean() < 8


def test_of_too_many_images_some_of_every_class_are_taken(digits, monkeypatch):
    monkeypatch.setattr(own_images, "MOST_IMAGES", 6)
    members = {f"{i % 3}/{i:02}.png": encoded(digits.x[i, 0]) for i in range(18)}
    found = own_images.read([("mine.zip", zipped(members))])
    assert found.labels.tolist() == [0, 0, 1, 1, 2, 2]
    note = found.provenance.note
    assert "of 18 images 6, the most allowed, were taken, of each class its share" in note
    arrays = own_images.read([("mine.npz", npz(x=digits.x[:18, 0], y=np.arange(18) // 6))])
    assert arrays.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert "of 18 images 6" in arrays.provenance.note


def test_identical_images_and_one_class(digits):
    one = encoded(digits.x[5, 0])
    found = own_images.read([("mine.zip", zipped({f"5/{i}.png": one for i in range(4)}))])
    assert len(found) == 4 and len(np.unique(found.x, axis=0)) == 1
    assert found.labels.tolist() == [5] * 4


# --- What is refused ----------------------------------------------------------------------------


def test_nothing_and_mixtures():
    assert "no file" in refusal([])
    image = ("a.png", encoded(np.eye(28, dtype=np.uint8) * 255))
    assert "a.zip is one of 2 files" in refusal([image, ("a.zip", zipped({}))])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("renamed.png", b"this is text", "not PNG, JPEG, GIF, BMP or WEBP"),
        ("empty.png", b"", "not PNG, JPEG, GIF, BMP or WEBP"),
        ("torn.png", encoded(np.eye(64, dtype=np.uint8) * 255)[:60], "can be read"),
        ("white.png", encoded(np.full((50, 50), 255, np.uint8)), "blank"),
        ("bad.zip", b"PK no zip", "not a whole zip archive"),
        ("empty.zip", zipped({}), "holds no image"),
        ("texts.zip", zipped({"a.txt": b"hello"}), "holds no image"),
        ("up.zip", zipped({"../a.png": b"x"}), "points nowhere inside"),
        ("bomb.zip", zipped({"a.png": bytes(30_000_000)}), "to 1"),
        ("pickle.npz", zipped({"x.npy": pickle.dumps([1])}), "not a whole npy array"),
        ("flat.npz", npz(x=np.zeros((3, 784), np.uint8)), "shape (3, 784)"),
        ("none.npz", npz(x=np.zeros((0, 28, 28), np.uint8)), "shape (0, 28, 28)"),
        ("no_size.npz", npz(x=np.zeros((3, 0, 0), np.uint8)), "shape (3, 0, 0)"),
        ("nan.npz", npz(x=np.full((3, 28, 28), np.nan)), "NaN or infinity"),
        ("infinite.npz", npz(x=np.full((3, 28, 28), np.inf)), "NaN or infinity"),
        ("wide.npz", npz(x=np.full((3, 28, 28), 7.5)), "spans 7.5 to 7.5"),
        ("blank.npz", npz(x=np.zeros((3, 28, 28), np.uint8)), "blank"),
        ("other.npz", npz(z=np.zeros((3, 28, 28), np.uint8)), "arrays named z"),
    ],
)
def test_what_cannot_be_read_gets_one_sentence_with_its_name(name, content, said):
    sentence = refusal([(name, content)])
    assert said in sentence and name in sentence


def test_an_object_array_is_never_unpickled():
    stream = io.BytesIO()
    np.savez(stream, x=np.array([{"a": 1}], object))
    assert "pickled Python objects, which are never loaded" in refusal(
        [("mine.npz", stream.getvalue())]
    )


def test_a_picture_with_far_too_many_pixels_is_not_decoded():
    bomb = encoded(Image.new("1", (20_000, 20_000)))
    assert len(bomb) < 100_000
    assert "pixels" in refusal([("bomb.png", bomb)])


def test_too_many_bytes_and_too_many_classes(digits):
    assert "allowed are up to" in refusal(
        [("a.png", bytes(40)), ("b.png", bytes(40))], bounds=own_images.Bounds(archive_bytes=50)
    )
    x = np.repeat(digits.x[:1, 0], 300, 0)
    assert "300 classes" in refusal([("mine.npz", npz(x=x, y=np.arange(300)))])


# --- What is kept -------------------------------------------------------------------------------


def test_a_set_is_kept_by_content_and_comes_back(digits, store):
    set_id = image_sets.keep(digits)
    assert image_sets.SET_ID.fullmatch(set_id) and image_sets.keep(digits) == set_id
    opened = image_sets.open_set(set_id)
    assert np.array_equal(opened.x, digits.x) and np.array_equal(opened.labels, digits.labels)
    assert opened.class_names == digits.class_names
    files = list((store / image_sets.FOLDER).iterdir())
    assert [file.name for file in files] == [f"set-{set_id}.safetensors"]
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o644
    other = image_sets.keep(digits.subset(np.arange(5), "some"))
    assert other != set_id
    kept = image_sets.list_sets()
    assert {one.id: one.count for one in kept} == {set_id: 20, other: 5}
    assert kept[0].classes == 5 and kept[1].classes == 10 and kept[0].name == "mnist-5k"


def test_the_set_that_was_not_opened_for_longest_goes(digits, monkeypatch, store):
    monkeypatch.setattr(image_sets, "MOST_SETS", 3)
    ids = []
    for i in range(3):
        ids.append(image_sets.keep(digits.subset(np.arange(i + 1), "some")))
        path = store / image_sets.FOLDER / f"set-{ids[i]}.safetensors"
        os.utime(path, (1_000_000 + i, 1_000_000 + i))
    image_sets.open_set(ids[0])
    last = image_sets.keep(digits)
    assert {one.id for one in image_sets.list_sets()} == {ids[0], ids[2], last}
    with pytest.raises(DataError, match="there is no set"):
        image_sets.open_set(ids[1])


@pytest.mark.parametrize(
    "name",
    ["", "../../etc/passwd", "x" * 24, "0" * 23, "0" * 25, "0" * 24, "A" * 24, "0" * 24 + "\n"],
)
def test_an_id_that_is_none_touches_no_file(name):
    with pytest.raises(DataError, match="there is no set of images"):
        image_sets.open_set(name)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"torn",
        save({"x": np.zeros((2, 1, 28, 28), np.uint8)}),
        save({"x": np.zeros((2, 1, 28, 28), np.uint8)}, {"_": "{}"}),
        save({"x": np.zeros((2, 1, 9, 9), np.uint8), "labels": np.full(2, -1)}),
        save({"x": np.zeros((2, 784), np.float32), "labels": np.full(2, -1)}),
        save({"x": np.zeros((2, 1, 28, 28), np.uint8), "labels": np.full(2, 77)}),
    ],
)
def test_a_damaged_file_gets_one_sentence_and_is_not_listed_as_another(digits, store, content):
    good = image_sets.keep(digits)
    bad = "0" * 24
    path = store / image_sets.FOLDER / f"set-{bad}.safetensors"
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged; upload it again."):
        image_sets.open_set(bad)
    assert [one.id for one in image_sets.list_sets() if one.count == 20] == [good]
    assert bad not in {one.id for one in image_sets.list_sets()}


def test_only_28_by_28_and_only_so_many_are_kept(digits, monkeypatch):
    wide = Dataset("w", "all", np.zeros((2, 1, 30, 28), np.uint8), *unlabelled(2))
    with pytest.raises(DataError, match="allowed are 1 to 5,000"):
        image_sets.keep(wide)
    with pytest.raises(DataError, match="allowed are 1 to 5,000"):
        image_sets.keep(Dataset("n", "all", np.zeros((0, 1, 28, 28), np.uint8), *unlabelled(0)))
    monkeypatch.setattr(own_images, "MOST_IMAGES", 19)
    with pytest.raises(DataError, match="allowed are 1 to 19"):
        image_sets.keep(digits)


def unlabelled(count: int):
    return np.full(count, -1), (), data.Provenance("made here", "MIT")
