"""Data sets: named ones, people's own images, and toys. Needs no torch."""

from core.data import known_factors
from core.data.archives import Bounds
from core.data.dataset import DataError, Dataset, Provenance
from core.data.images import from_images
from core.data.registry import (
    DRAWN,
    Description,
    data_root,
    describe,
    download,
    few_of,
    is_sheet,
    load,
    may_share,
    names,
    on_map_of,
    shown_of,
    test_of,
)

__all__ = [
    "DRAWN",
    "Bounds",
    "DataError",
    "Dataset",
    "Description",
    "Provenance",
    "data_root",
    "describe",
    "download",
    "few_of",
    "is_sheet",
    "from_images",
    "known_factors",
    "load",
    "may_share",
    "names",
    "on_map_of",
    "shown_of",
    "test_of",
]
