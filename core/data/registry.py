"""Named data sets, and a person's own images, as uint8 arrays with labels, splits and provenance.

Importing this module costs numpy and the standard library: torchvision and Pillow are imported
where they are needed and nowhere else. Everything that is wrong with what a caller asked for, or
with a file, is a `DataError`. A source of data sets is one module and one line here.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import numpy as np

from core.data import images, known_factors, mnist_5k, torchvision_sets, toys
from core.data.dataset import DataError, Dataset, unknown
from core.data.fetching import OnProgress
from core.data.folders import data_root
from core.data.source import Description, Source
from core.data.strata import stratified

SOURCES: tuple[Source, ...] = (mnist_5k, torchvision_sets, known_factors, toys)


def names() -> tuple[str, ...]:
    """The named data sets; the first one and the last three need neither network nor data root."""
    return tuple(name for source in SOURCES for name in source.names())


def describe(name: str, root: str | os.PathLike[str] | None = None) -> Description:
    """Title, splits, counts and provenance of a data set, and whether it can be loaded now.

    Reads no images. Raises DataError for an unknown name.
    """
    return _source(name).describe(name, data_root(root))


def load(name: str, split: str = "train", root: str | os.PathLike[str] | None = None) -> Dataset:
    """A split of a named data set, or of own images under the name `images:<path>`.

    Raises DataError for an unknown name or split, for data that is not here yet, and for files
    that are torn or are not what their name says.
    """
    return _source(name).load(name, split, data_root(root))


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
    return _source(name).fetch(name, data_root(root), on_progress)


def _source(name: str) -> Source:
    if name.startswith(images.PREFIX):
        return images
    for source in SOURCES:
        if name in source.names():
            return source
    raise DataError(unknown("data set", name, (*names(), images.PREFIX + "<path>")))


def test_of(dataset: Dataset) -> Dataset | None:
    """The split by which a training on this one is scored, if there is one."""
    with contextlib.suppress(DataError):
        if "test" in describe(dataset.name).splits and dataset.split != "test":
            return load(dataset.name, "test")
    return None


SHEET = (mnist_5k.NAME, "all")  # the held-out digits that all models of MNIST's digits share
_SHOWN_ON_IT = (mnist_5k.NAME, "mnist", "qmnist")
DRAWN = ("images", (1, 28, 28))  # kind and shape of what maps and pads can show
MOST_SHOWN = 5_000
MOST_DRAWN = 2_000


def is_sheet(shown: Dataset) -> bool:
    """Whether these are the held-out digits that maps share."""
    return (shown.name, shown.split) == SHEET


def on_map_of(dataset: Dataset) -> Dataset | None:
    """What the map of a model of this data shows; None of data that no map can show.

    Of MNIST's digits these are 5,000 that all such models share. Of other data it is its test
    split, of which at most 5,000 are drawn by a seed, of each class its share; where nothing is
    held out, what the model was trained on.
    """
    if (dataset.kind, dataset.shape) != DRAWN:
        return None
    if dataset.name in _SHOWN_ON_IT:
        return load(*SHEET)
    return shown_of(test_of(dataset) or dataset)


def shown_of(held_out: Dataset) -> Dataset:
    """At most as many examples as a map shows, of each class its share; fewer of those that are
    drawn anew whenever they are shown."""
    most = MOST_SHOWN if held_out.factors is None else MOST_DRAWN
    if len(held_out) <= most:
        return held_out
    return held_out.subset(stratified(held_out.labels, most), held_out.split)


def few_of(shown: Dataset, count: int) -> tuple[np.ndarray, Dataset]:
    """`count` examples of a map that stand for all where all would take too long: their indices
    (ascending), and the examples.

    Of the 5,000 digits these are the last, mnist-5k's test split, which a training on its other
    part leaves held out; of other data a sample in which each class has its share.
    """
    if is_sheet(shown):
        index, split = np.arange(len(shown))[-count:], "test"
    else:
        index, split = stratified(shown.labels, count), shown.split
    return index, shown.subset(index, split)


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
