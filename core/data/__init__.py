"""Data sets: named ones, people's own images, and toys. Needs no torch."""

from core.data.archives import Bounds
from core.data.dataset import DataError, Dataset, Provenance
from core.data.images import from_images
from core.data.registry import (
    Description,
    data_root,
    describe,
    download,
    few_of,
    load,
    may_share,
    names,
    on_map_of,
    test_of,
)

__all__ = [
    "Bounds",
    "DataError",
    "Dataset",
    "Description",
    "Provenance",
    "data_root",
    "describe",
    "download",
    "few_of",
    "from_images",
    "load",
    "may_share",
    "names",
    "on_map_of",
    "test_of",
]
