"""What every source of data sets offers: a source is a module with the functions of `Source`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.data.dataset import Dataset, Provenance
from core.data.fetching import OnProgress


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


class Source(Protocol):
    """A module of this room that knows some data sets. `name` is always one of its own."""

    def names(self) -> tuple[str, ...]:
        """The data sets that it has by name, in the order on screen."""

    def describe(self, name: str, root: Path) -> Description:
        """What there is to know of one before it is loaded; reads no images.

        Raises:
            DataError: for a name that can't be one.
        """

    def load(self, name: str, split: str, root: Path) -> Dataset:
        """A split of one.

        Raises:
            DataError: for an unknown split, for data that is not here, and for files that are torn
                or are not what their name says.
        """

    def fetch(self, name: str, root: Path, on_progress: OnProgress | None) -> Path:
        """Fetch what is missing of one; returns its folder.

        Raises:
            DataError: where there is nothing to fetch, or it can't be fetched.
        """
