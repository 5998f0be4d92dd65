"""core.data.idx: MNIST's file format, whole and broken."""

import gzip
import struct

import numpy as np
import pytest

from core.data import DataError, idx
from tests.samples import IDX_CODES, idx_bytes, some_images


@pytest.mark.parametrize("dtype", IDX_CODES)
def test_idx_types_come_in_native_order(tmp_path, dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    (tmp_path / "values").write_bytes(idx_bytes(array))
    read = idx.read(tmp_path / "values")
    assert read.dtype == np.dtype(dtype) and np.array_equal(read, array)


WHOLE_IDX = idx_bytes(some_images(2))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not an idx file: it begins with nothing"),
        (b"\x89PNG" + bytes(99), "not an idx file: it begins with 89504e47"),
        (b"\0\0\x0a\x01" + bytes(8), "not an idx file"),
        (b"\0\0\x08\x05" + bytes(99), "1 to 4 dimensions"),
        (WHOLE_IDX[:9], "truncated within its header"),
        (WHOLE_IDX[:-1], "truncated: 1,567 of 1,568 bytes"),
        (WHOLE_IDX + b"\0", "more than the 1,568 bytes"),
        (struct.pack(">HBBII", 0, 8, 2, 2**31, 2**31), "declares 4,611,686,018,427,387,904 bytes"),
    ],
)
@pytest.mark.parametrize("packed", [False, True], ids=["raw", "gz"])
def test_bad_idx(tmp_path, content, sentence, packed):
    file = tmp_path / ("values.gz" if packed else "values")
    file.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(DataError, match=sentence) as raised:
        idx.read(tmp_path / "values")
    assert str(file) in str(raised.value)


@pytest.mark.parametrize(
    "content",
    [
        b"no gzip at all",
        gzip.compress(WHOLE_IDX)[:-20],
        gzip.compress(WHOLE_IDX)[:200] + bytes(30) + gzip.compress(WHOLE_IDX)[230:],
    ],
    ids=["not gzip", "torn", "damaged"],
)
def test_bad_gzip(tmp_path, content):
    (tmp_path / "values.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"values\.gz"):
        idx.read(tmp_path / "values")


def test_idx_that_is_missing(tmp_path):
    with pytest.raises(DataError, match=r"values does not exist, nor does values\.gz"):
        idx.read(tmp_path / "values")


def test_a_whole_gz_stands_in_for_a_torn_raw_file(tmp_path):
    (tmp_path / "values").write_bytes(WHOLE_IDX[:100])
    (tmp_path / "values.gz").write_bytes(gzip.compress(WHOLE_IDX))
    assert np.array_equal(idx.read(tmp_path / "values"), some_images(2))
