"""Results kept by content: the name knows all that they depend on, and a torn one is none."""

import numpy as np
import pytest

from core.store import result_files

CODES = np.arange(12, dtype=np.float32).reshape(6, 2)


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.setenv("LATENT_EXPLORER_RUNS", str(tmp_path))
    return tmp_path / result_files.FOLDER


def test_a_name_is_of_content_and_settings():
    name = result_files.file_name("umap", {"codes": CODES}, {"seed": 0})
    assert result_files.NAME.fullmatch(name) and name.startswith("umap-")
    assert name == result_files.file_name("umap", {"codes": CODES.copy()}, {"seed": 0})
    others = {
        result_files.file_name("umap", {"codes": CODES}, {"seed": 1}),
        result_files.file_name("umap", {"codes": CODES + 1}, {"seed": 0}),
        result_files.file_name("umap", {"codes": CODES.reshape(3, 4)}, {"seed": 0}),
        result_files.file_name("umap", {"codes": CODES.astype(np.float64)}, {"seed": 0}),
        result_files.file_name("umap", {"images": CODES}, {"seed": 0}),
        result_files.file_name("tsne", {"codes": CODES}, {"seed": 0}),
    }
    assert name not in others and len(others) == 6


def test_what_is_written_is_found_and_read(own):
    name = result_files.file_name("umap", {"codes": CODES}, {})
    assert result_files.find(name) is None
    result_files.write(own, name, {"points": CODES}, {"trustworthiness": 0.9})
    arrays, notes = result_files.read(result_files.find(name))
    np.testing.assert_array_equal(arrays["points"], CODES)
    assert notes == {"trustworthiness": 0.9}
    assert [path.name for path in own.iterdir()] == [name]


@pytest.mark.parametrize("content", [b"", b"torn", b"\xff" * 100])
def test_a_torn_file_is_none(own, content):
    name = result_files.file_name("umap", {"codes": CODES}, {})
    result_files.write(own, name, {"points": CODES}, {})
    (own / name).write_bytes(content)
    assert result_files.read(own / name) is None
    assert result_files.read(own / "gone") is None


def test_no_name_from_outside_reaches_another_file(own):
    own.mkdir(parents=True)
    (own.parent / "secret").write_text("x")
    for name in ("../secret", "secret", "umap-../../x.safetensors", ""):
        assert result_files.find(name) is None


def test_a_full_disk_leaves_nothing_behind(own, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(result_files.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        result_files.write(
            own, result_files.file_name("umap", {"codes": CODES}, {}), {"points": CODES}, {}
        )
    assert list(own.iterdir()) == []
