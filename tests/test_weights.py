"""How weights are written: what int8 by row costs, and what stays as it is."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import save as to_bytes

from core.store import arrays, weights
from core.store.weights import LEAST, SCALE, pack, rounded, unpack

WIDE = np.random.default_rng(0).normal(size=(64, 256)).astype(np.float32)
KINDS = {
    "wide": WIDE,
    "kernel": WIDE.reshape(64, 16, 4, 4),
    "narrow": WIDE[:8],
    "bias": WIDE.ravel()[: 2 * LEAST],
    "gain": np.float32(0.7) * np.ones(()),
    "steps": np.array(2**40),
    "index": np.arange(2 * LEAST).reshape(2, LEAST),
    "mask": np.array([True, False]),
}
STORED = {
    "float32": dict.fromkeys(("wide", "kernel", "narrow", "bias"), "float32") | {"gain": "float64"},
    "float16": dict.fromkeys(("wide", "kernel", "narrow", "bias", "gain"), "float16"),
    "int8": {"wide": "int8", "kernel": "int8", "narrow": "float16", "bias": "float16"}
    | {"gain": "float16", "wide.scale": "float16", "kernel.scale": "float16"},
}


@pytest.mark.parametrize("stored_as", STORED)
def test_what_is_stored_as_what(stored_as, tmp_path):
    packed = pack(KINDS, stored_as)
    whole = {"steps": "int64", "index": "int64", "mask": "bool"}
    assert {name: array.dtype.name for name, array in packed.items()} == STORED[stored_as] | whole
    (tmp_path / "file").write_bytes(to_bytes({k: np.asarray(a) for k, a in packed.items()}))
    header = arrays.header(tmp_path / "file")
    assert arrays.shapes(header) == {name: array.shape for name, array in KINDS.items()}
    back = unpack(packed)
    assert list(back) == list(KINDS)
    for name, array in KINDS.items():
        assert back[name].shape == array.shape
        if array.dtype.kind != "f":
            assert back[name].dtype == array.dtype and np.array_equal(back[name], array)
    same = rounded(KINDS, stored_as)
    assert all(same[name].dtype == array.dtype for name, array in KINDS.items())
    assert np.array_equal(same["wide"], back["wide"])
    assert np.array_equal(same["wide"], WIDE) == (stored_as == "float32")


def test_no_entry_is_off_by_more_than_half_a_step_of_its_row():
    spread = WIDE * np.logspace(-7, 4, len(WIDE), dtype=np.float32)[:, None]
    packed = pack({"a": spread}, "int8")
    step = packed["a.scale"].astype(np.float64)[:, None]
    assert step.shape == (64, 1) and packed["a"].shape == spread.shape
    off = np.abs(unpack(packed)["a"] - spread.astype(np.float64))
    assert (off <= step * 0.5 * (1 + 1e-6)).all()
    assert (step[24:, 0] < 1.01 * np.abs(spread[24:]).max(1) / 127).all(), "no step is too wide"
    assert np.abs(packed["a"]).max() == 127


def test_what_comes_back_is_exactly_the_product_and_stays_it_when_packed_again():
    packed = pack({"a": WIDE}, "int8")
    exact = packed["a"].astype(np.float64) * packed["a.scale"].astype(np.float64)[:, None]
    assert np.array_equal(unpack(packed)["a"].astype(np.float64), exact)
    again = pack(unpack(packed), "int8")
    assert np.array_equal(again["a"], packed["a"])
    assert np.array_equal(again["a.scale"], packed["a.scale"])


def test_rows_of_zeros_and_numbers_beyond_the_format():
    zeros = np.zeros_like(WIDE)
    assert not rounded({"a": zeros}, "int8")["a"].any()
    half = np.where(np.arange(64)[:, None] % 2, WIDE, 0).astype(np.float32)
    assert not rounded({"a": half}, "int8")["a"][::2].any()
    huge = WIDE * np.float32(1e8)
    for stored_as in ("float16", "int8"):
        assert np.array_equal(rounded({"a": huge, "b": huge[0]}, stored_as)["a"], huge)
        assert np.array_equal(rounded({"a": huge, "b": huge[0]}, stored_as)["b"], huge[0])
    torn = WIDE.copy()
    torn[3, 4] = np.nan
    found = rounded({"a": torn}, "int8")["a"]
    assert np.isnan(found[3, 4]) and np.isfinite(np.delete(found, 3, 0)).all()


def test_int8_takes_half_of_half_precision():
    def size(stored_as):
        return sum(array.nbytes for array in pack({"a": WIDE}, stored_as).values())

    assert size("float32") == 2 * size("float16")
    assert size("int8") < 0.52 * size("float16")


@pytest.mark.parametrize(
    "scale",
    [np.ones(63, np.float16), np.ones((64, 1), np.float16), np.full(64, np.inf, np.float16)],
    ids=["short", "a column", "infinite"],
)
def test_scales_that_are_none_are_refused(scale):
    packed = pack({"a": WIDE}, "int8") | {"a.scale": scale}
    with pytest.raises(ValueError, match=r"a\.scale is not one finite number for each row of a"):
        unpack(packed)


def test_a_tensor_of_whole_numbers_or_one_that_is_called_scale_stays_itself():
    given = {
        "index": np.arange(-3, 3, dtype=np.int8),
        "norm.scale": np.ones(3, np.float16),
        "a": WIDE,
        "b.scale": WIDE,
    }
    back = unpack(pack(given, "int8"))
    assert set(back) == set(given)
    assert back["index"].dtype == np.int8 and back["norm.scale"].shape == (3,)
    assert np.allclose(back["b.scale"], WIDE, atol=0.02)
    assert SCALE == ".scale" and weights.WIDTH["int8"] == 1
