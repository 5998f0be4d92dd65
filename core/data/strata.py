"""Samples in which every class has its share, whatever order the data come in.

Data that go round their classes, or that are sorted by them, lose classes to a slice or to every
n-th example; what is drawn here loses none. `stratified` of the pads' `engine/numbers.js` does the
same with a generator of its own.
"""

from __future__ import annotations

import numpy as np


def stratified(labels: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """Indices of `count` examples, drawn by a seed, ascending: all of them where there are fewer.

    Of each label there are as many as its share of all, to within one. Each label is put in a
    random order and spread over [0, 1), one in each of its equal parts; the first `count` of all
    of these are taken.

    Args:
        labels: (count of all,) of any kind; one and the same label everywhere asks for a plain
            random sample.
    """
    if count >= len(labels):
        return np.arange(len(labels))
    generator = np.random.default_rng(seed)
    place = np.empty(len(labels))
    for label in np.unique(labels):
        here = generator.permutation(np.flatnonzero(labels == label))
        place[here] = (np.arange(len(here)) + generator.random(len(here))) / len(here)
    return np.sort(np.argsort(place, kind="stable")[:count])
