"""The sets that torchvision knows how to fetch, in its layout on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.data import idx, mnist_5k
from core.data.dataset import DataError, Dataset, Provenance, unknown
from core.data.fetching import OnProgress, fetch_set
from core.data.mnist_5k import DIGITS, MNIST_LICENCE
from core.data.source import Description


@dataclass(frozen=True)
class Set:
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


CLASSIC_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
_CLASSIC_COUNTS = {"train": 60_000, "test": 10_000}
_EMNIST_LICENCE = "none stated; made from NIST Special Database 19, a work of the US government"

SETS = {
    "mnist": Set(
        title="MNIST handwritten digits",
        folder="MNIST",
        counts={**_CLASSIC_COUNTS, "train-55k": 55_000},
        files={**CLASSIC_FILES, "train-55k": CLASSIC_FILES["train"]},
        class_names=DIGITS,
        provenance=Provenance(
            "http://yann.lecun.com/exdb/mnist/ (LeCun, Cortes and Burges, 1998)",
            MNIST_LICENCE,
            "train-55k is the training set without the 5,000 digits of mnist-5k.",
        ),
        download_megabytes=12,
    ),
    "fashion-mnist": Set(
        title="Fashion-MNIST clothes",
        folder="FashionMNIST",
        counts=_CLASSIC_COUNTS,
        files=CLASSIC_FILES,
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
    "kmnist": Set(
        title="Kuzushiji-MNIST cursive Japanese characters",
        folder="KMNIST",
        counts=_CLASSIC_COUNTS,
        files=CLASSIC_FILES,
        class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        provenance=Provenance(
            "http://codh.rois.ac.jp/kmnist/ (Clanuwat et al., 2018)", "CC BY-SA 4.0"
        ),
        download_megabytes=21,
    ),
    "qmnist": Set(
        title="QMNIST, MNIST rebuilt with 60,000 test digits",
        folder="QMNIST",
        counts={"train": 60_000, "test": 60_000},
        files=_train_and_test("qmnist-{split}", labels="idx2-int"),
        class_names=DIGITS,
        provenance=Provenance(
            "https://github.com/facebookresearch/qmnist (Yadav and Bottou, 2019)",
            "BSD-3-Clause",
            "Its training set rebuilds MNIST's, so the digits of mnist-5k are among it.",
        ),
        download_megabytes=21,
    ),
    "emnist-letters": Set(
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
    "emnist-digits": Set(
        title="EMNIST handwritten digits",
        folder="EMNIST",
        counts={"train": 240_000, "test": 40_000},
        files=_train_and_test("emnist-digits-{split}"),
        class_names=DIGITS,
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
    """The sets of this source; each has to be fetched once."""
    return tuple(SETS)


def describe(name: str, root: Path) -> Description:
    """See `core.data.source.Source`."""
    found = SETS[name]
    raw = root / found.folder / "raw"
    files = {file for pair in found.files.values() for file in pair}
    return Description(
        name,
        found.title,
        tuple(found.counts),
        dict(found.counts),
        found.provenance,
        here=all(idx.is_here(raw / file) for file in files),
        download_megabytes=found.download_megabytes,
    )


def load(name: str, split: str, root: Path) -> Dataset:
    """See `core.data.source.Source`."""
    found = SETS[name]
    if split not in found.counts:
        raise DataError(unknown(f"split of {name}", split, tuple(found.counts)))
    dataset = _read(name, found, split, root)
    return _without_mnist_5k(dataset) if split == "train-55k" else dataset


def fetch(name: str, root: Path, on_progress: OnProgress | None) -> Path:
    """See `core.data.source.Source`: all sets that share the folder are fetched as one."""
    folder = SETS[name].folder
    raw = root / folder / "raw"
    files = {
        file
        for one in SETS.values()
        if one.folder == folder
        for pair in one.files.values()
        for file in pair
    }
    fetch_set(name, folder, sorted(files), raw, on_progress)
    return raw


def _read(name: str, found: Set, split: str, root: Path) -> Dataset:
    raw = root / found.folder / "raw"
    images_file, labels_file = (raw / file for file in found.files[split])
    for file in (images_file, labels_file):
        if not idx.existing(file):
            raise DataError(
                "{name} is not here: {file} (or .gz) does not exist; download it first (about "
                "{size} MB), or use {offline}, which needs no download.",
                name=name,
                file=file,
                size=found.download_megabytes,
                offline=mnist_5k.NAME,
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
    if found.transposed:
        images = np.ascontiguousarray(images.transpose(0, 2, 1))
    return Dataset(
        name,
        split,
        images[:, None],
        labels.astype(np.int64) - found.first_label,
        found.class_names,
        found.provenance,
    )


def _without_mnist_5k(dataset: Dataset) -> Dataset:
    """MNIST's training set less every image whose bytes are those of an image of mnist-5k."""
    held_out = {image.tobytes() for image in mnist_5k.digits().x}
    keep = np.array([image.tobytes() not in held_out for image in dataset.x])
    if keep.sum() != SETS["mnist"].counts["train-55k"]:
        raise DataError(
            "{count:,} images of this MNIST training set are in mnist-5k, where 5,000 must be; "
            "one of the two is not the original, so delete and download mnist anew.",
            count=len(keep) - keep.sum(),
        )
    return dataset.subset(keep, "train-55k")
