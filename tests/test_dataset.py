"""core.data.dataset: arrays with labels, and what is no data set."""

import hashlib

import numpy as np
import pytest

from core.data.dataset import DataError, Dataset, Provenance


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
        ({"x": np.zeros((3, 1, 2, 2))}, "images are uint8 or float32 with 4"),
        ({"x": np.full((3, 1, 2, 2), 1.00001, np.float32)}, "spans 1.00001 to 1.00001; floats"),
        ({"x": np.full((3, 1, 2, 2), np.nan, np.float32)}, "spans nan"),
        ({"x": np.zeros((3, 2, 2), np.uint8)}, "images are uint8 or float32 with 4"),
        ({"kind": "sequences"}, "sequences are uint8 or float32 with 5"),
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
