"""core.data.images, what it uses, and core.data.archives: people's own images, good and bad."""

import io
import random
import re
import stat
import struct
import unicodedata
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from core import data
from core.data import Bounds, DataError, archives, own_images
from core.data.pictures import SUFFIXES
from tests.samples import encoded, npz, some_images, zipped

# --- What is read -------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """Six images in the sub-folders a and b, and what lies about in real folders."""
    root = tmp_path / "own"
    for index, image in enumerate(some_images(6)):
        place = root / "ab"[index % 2]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{index}.png").write_bytes(encoded(image))
    (root / "notes.txt").write_text("not an image")
    (root / ".hidden").mkdir()
    (root / ".hidden" / "x.png").write_bytes(encoded(some_images(1)[0]))
    return root


def folder_zip(folder):
    return zipped(
        {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
    )


def test_folder_zip_and_bytes_agree(folder, tmp_path):
    content = folder_zip(folder)
    (tmp_path / "own.ZIP").write_bytes(content)
    from_folder = data.from_images(folder)
    assert from_folder.x.shape == (6, 1, 28, 28)
    assert from_folder.class_names == ("a", "b")
    assert from_folder.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert np.array_equal(from_folder.x[:, 0], some_images(6)[[0, 2, 4, 1, 3, 5]])
    assert from_folder.name == f"images:{folder}"
    assert from_folder.provenance.source == str(folder)
    assert from_folder.provenance.note == "1 file(s) that are not images were ignored."
    for other in (
        data.from_images(tmp_path / "own.ZIP"),
        data.from_images(content),
        data.load(f"images:{folder}", "all"),
    ):
        assert other.fingerprint == from_folder.fingerprint
    assert data.from_images(content).name == "images:upload"
    assert data.from_images(content, name="images:mine").name == "images:mine"


def test_images_outside_of_sub_folders_have_no_class(folder):
    (folder / "z.png").write_bytes(encoded(some_images(1)[0]))
    assert data.from_images(folder).labels.tolist() == [0, 0, 0, 1, 1, 1, -1]
    flat = zipped({f"{i}.png": encoded(image) for i, image in enumerate(some_images(3))})
    dataset = data.from_images(flat)
    assert (dataset.labels.tolist(), dataset.class_names) == ([-1] * 3, ())


def test_what_a_mac_leaves_in_a_zip_is_ignored():
    image = encoded(some_images(1)[0])
    names = ["c\\1.png", "c/2.png", "c/.DS_Store", "__MACOSX/c/._1.png", "c/._2.png"]
    dataset = data.from_images(zipped(dict.fromkeys(names, image)))
    assert (len(dataset), dataset.class_names) == (2, ("c",))
    assert dataset.provenance.note == "3 file(s) that are not images were ignored."


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_every_format(image_format):
    ramp = np.tile(np.arange(0, 252, 9, dtype=np.uint8), (28, 1))
    content = encoded(ramp, image_format)
    dataset = data.from_images(zipped({f"{i}.{image_format.lower()}": content for i in "ab"}))
    assert np.abs(dataset.x[0, 0].astype(int) - ramp).max() <= (8 if image_format == "WEBP" else 3)


def test_first_frame_of_an_animation():
    frames = [Image.fromarray(np.full((28, 28), level, np.uint8)) for level in (40, 200)]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (data.from_images(zipped({"1.gif": content, "2.gif": content})).x == 40).all()


def test_whole_image_is_fitted_and_padded():
    wide = np.full((10, 40), 200, np.uint8)
    files = {"wide.png": encoded(wide), "z.png": encoded(np.full((1, 3000), 9, np.uint8))}
    x = data.from_images(zipped(files), size=8).x[:, 0]
    assert x[0, 3:5].tolist() == [[200] * 8] * 2 and x[0, :3].max() == x[0, 5:].max() == 0
    assert np.count_nonzero(x[1]) == 8
    inverted = data.from_images(zipped(files), size=8, invert=True).x[:, 0]
    assert inverted[0, 3:5].tolist() == [[55] * 8] * 2 and inverted[0, :3].max() == 0


def test_modes_other_than_grey():
    ink = np.zeros((28, 28), np.uint8)
    ink[10:18, 10:18] = 255
    clear = np.zeros_like(ink)
    palette = Image.fromarray(ink).convert("P")
    palette.info["transparency"] = 0
    files = {
        "1 white ink on nothing.png": encoded(np.dstack([ink, ink, ink, ink])),
        "2 black ink on nothing.png": encoded(np.dstack([clear, clear, clear, ink])),
        "3 sixteen bits.png": encoded(ink.astype(np.uint16) * 257),
        "4 colour.png": encoded(np.dstack([ink, clear, clear])),
        "5 one bit.png": encoded(Image.fromarray(ink).convert("1")),
        "6 palette.png": encoded(palette),
        "7 turned.jpg": encoded(
            Image.fromarray(np.tile(np.arange(28, dtype=np.uint8) * 9, (28, 1))),
            "JPEG",
            exif=turned(),
        ),
    }
    x = data.from_images(zipped(files)).x[:, 0]
    assert np.array_equal(x[0], ink)
    assert np.array_equal(x[1], 255 - ink)
    assert np.array_equal(x[2], ink)
    assert (x[3, 14, 14], x[3, 0, 0]) == (76, 0)
    assert np.array_equal(x[4], ink)
    assert (x[5, 14, 14], x[5, 0, 0]) == (255, 0)
    assert x[6, 0].max() < 20 and x[6, -1].min() > 220


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def test_a_few_broken_files_are_skipped_and_counted(folder):
    whole = encoded(some_images(1)[0])
    (folder / "a" / "0 torn.png").write_bytes(whole[: len(whole) // 2])
    (folder / "a" / "0 text.jpg").write_text("no image")
    (folder / "b" / "0 tiff.png").write_bytes(encoded(some_images(1)[0], "TIFF"))
    for source in (folder, folder_zip(folder)):
        dataset = data.from_images(source)
        assert dataset.labels.tolist() == [0, 0, 0, 1, 1, 1]
        assert "3 of 9 image files could not be used" in dataset.provenance.note
        assert "a/0 text.jpg" in dataset.provenance.note


def test_a_damaged_member_is_skipped():
    files = {f"{i}.png": encoded(image) for i, image in enumerate(some_images(3))}
    content = bytearray(zipped(files, zipfile.ZIP_STORED))
    content[content.index(b"IDAT") + 50] ^= 255
    dataset = data.from_images(bytes(content))
    assert len(dataset) == 2
    assert "1 of 3 image files" in dataset.provenance.note and "0.png" in dataset.provenance.note


def test_links_are_not_followed_outside(folder, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.png").write_bytes(encoded(some_images(1, seed=9)[0]))
    (folder / "a" / "secret.png").symlink_to(outside / "secret.png")
    (folder / "c").symlink_to(outside)
    (folder / "b" / "inside.png").symlink_to(folder / "a" / "0.png")
    (folder / "b" / "loop.png").symlink_to(folder / "b" / "loop.png")
    dataset = data.from_images(folder)
    assert len(dataset) == 7 and dataset.class_names == ("a", "b")
    assert "2 link(s) were not followed" in dataset.provenance.note


def test_links_in_a_zip_are_not_followed():
    link = zipfile.ZipInfo("link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(link, "/etc/passwd")
        for index, image in enumerate(some_images(2)):
            archive.writestr(f"{index}.png", encoded(image))
    dataset = data.from_images(stream.getvalue())
    assert len(dataset) == 2 and dataset.provenance.note == "1 link(s) were not followed."


# --- Own images: as people pack them ------------------------------------------------------------


def packed_in(encoding, names):
    """A zip whose names are bytes of an encoding, without the flag that says UTF-8."""
    plain = {
        f"{i:03d}" + "x" * (len(name.encode(encoding)) - 3): name for i, name in enumerate(names)
    }
    content = zipped(dict.fromkeys(plain, encoded(some_images(1)[0])))
    for stand_in, name in plain.items():
        content = content.replace(stand_in.encode(), name.encode(encoding))
    return content


@pytest.mark.parametrize("encoding", ["cp949", "utf-8"])
@pytest.mark.parametrize(
    "classes",
    [("고양이", "강아지"), ("숫자 3", "일곱"), ("가", "나다라마바사"), ("한글③", "plain")],
)
def test_names_of_zips_made_in_korea(encoding, classes):
    names = [f"{name}/그림 {i}.png" for i in range(2) for name in classes]
    dataset = data.from_images(packed_in(encoding, names))
    assert set(dataset.class_names) == set(classes)
    assert len(dataset) == 4


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("cp437", "Müller"),
        ("cp437", "café"),
        ("cp437", "Æsir±ÿ"),
        ("utf-8", "Müller"),
        ("utf-8", "数字"),
        ("ascii", "plain"),
    ],
)
def test_other_names_stay_what_they_are(encoding, name):
    dataset = data.from_images(packed_in(encoding, [f"{name}/1.png", f"{name}/2.png"]))
    assert dataset.class_names == (name,)
    flagged = zipped(dict.fromkeys([f"{name}/1.png", f"{name}/2.png"], encoded(GREY[0])))
    assert data.from_images(flagged).class_names == (name,)


def test_names_in_pieces_are_put_together():
    """As macOS writes them."""
    pieces = unicodedata.normalize("NFD", "고양이")
    files = dict.fromkeys([f"{pieces}/1.png", f"{pieces}/2.png"], encoded(some_images(1)[0]))
    assert data.from_images(zipped(files)).class_names == ("고양이",)


def test_a_name_that_points_outside_once_it_is_read_right():
    with pytest.raises(DataError, match="points nowhere inside"):
        data.from_images(packed_in("cp949", ["../가나다.png", "b12.png"]))


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_the_bits_that_are_used_are_all_there_are(bits):
    ramp = np.tile(np.linspace(0, 2**bits - 1, 28).round().astype(np.uint16), (28, 1))
    dataset = data.from_images(zipped({f"{i}.png": encoded(ramp) for i in "ab"}))
    expected = np.linspace(0, 255, 28)
    assert np.abs(dataset.x[0, 0, 0] - expected).max() <= 2
    said = f"2 image(s) had 16 bits a pixel of which {bits} were used"
    assert (said in dataset.provenance.note) == (bits < 16)


@pytest.mark.parametrize("suffix", [".HEIC", ".tiff", ".Cr2"])
def test_kinds_that_are_not_read_are_named(tmp_path, suffix):
    only = {f"cat/{i}{suffix}": b"x" for i in range(3)}
    with pytest.raises(DataError, match=rf"3 image\(s\) of kinds .*{suffix.lower()}.*PNG, JPEG"):
        data.from_images(zipped(only))
    some = only | {f"cat/{i}.png": encoded(image) for i, image in enumerate(some_images(2))}
    note = data.from_images(zipped(some)).provenance.note
    assert f"3 image(s) of kinds that are not read were ignored ({suffix.lower()}; allowed" in note
    for name, content in some.items():
        (tmp_path / "own" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "own" / name).write_bytes(content)
    assert data.from_images(tmp_path / "own").provenance.note == note


def test_what_is_told_before_loading_is_what_loading_does(folder, tmp_path):
    (tmp_path / "train.csv").write_text("1,2")
    (tmp_path / "own.zip").write_bytes(folder_zip(folder))
    for path, here in (
        (folder, True),
        (tmp_path / "own.zip", True),
        (tmp_path / "train.csv", False),
        (tmp_path / "nowhere", False),
        (tmp_path / "nowhere.npz", False),
    ):
        told = data.describe(f"images:{path}")
        assert told.here is here and bool(told.provenance.note) is not here
        if not here:
            with pytest.raises(DataError) as refused:
                data.load(f"images:{path}", "all")
            assert "allowed are a folder, a .zip or a .npz" in str(refused.value)


# --- Own images: npz ----------------------------------------------------------------------------

GREY = some_images(5)


@pytest.mark.parametrize(
    "x",
    [
        GREY,
        GREY[:, None],
        GREY[..., None],
        np.repeat(GREY[..., None], 3, axis=3),
        np.asfortranarray(GREY),
        GREY / 255,
        (GREY / 255).astype(">f4"),
    ],
    ids=["grey", "channel first", "channel last", "rgb", "fortran", "float64", "big-endian"],
)
@pytest.mark.parametrize("names", [("x", "y"), ("images", "labels")])
def test_npz(x, names, tmp_path):
    file = tmp_path / "own.npz"
    np.savez_compressed(file, **dict(zip(names, (x, np.array([3, 7, 7, -1, 3])), strict=True)))
    dataset = data.from_images(file)
    assert np.array_equal(dataset.x[:, 0], GREY)
    assert (dataset.labels.tolist(), dataset.class_names) == ([0, 1, 1, -1, 0], ("3", "7"))
    assert data.from_images(file.read_bytes()).fingerprint == dataset.fingerprint


@pytest.mark.parametrize("names", [("X", "Y"), ("data", "target"), ("Images", "LABEL")])
def test_npz_with_other_names(names):
    arrays = dict(zip(names, (GREY, np.arange(5) % 2), strict=True))
    dataset = data.from_images(npz(**arrays, extra=np.zeros(3)))
    assert dataset.labels.tolist() == [0, 1, 0, 1, 0]
    assert dataset.provenance.note == "the array(s) extra were not used."


def test_a_rounding_error_is_no_other_unit():
    off = (GREY / 255).astype(np.float32) * np.float32(1 + 1e-6) - np.float32(1e-6)
    assert np.array_equal(data.from_images(npz(x=off)).x[:, 0], GREY)


@pytest.mark.parametrize(("low", "high"), [(0, 1.0001), (-0.0001, 1), (-1e-4, 1.00002)])
def test_what_is_beyond_a_limit_doesn_t_read_like_it(low, high):
    x = np.linspace(low, high, 2 * 784).reshape(2, 28, 28)
    with pytest.raises(DataError, match="spans") as refused:
        data.from_images(npz(x=x))
    least, most = map(float, re.findall(r"spans (\S+) to (\S+);", str(refused.value))[0])
    assert (least < 0) == (low < 0) and (most > 1) == (high > 1)


def test_npz_with_names_for_labels_or_none():
    named = data.from_images(npz(x=GREY, y=np.array(["cat", "dog", "cat", "ant", "dog"])))
    assert (named.labels.tolist(), named.class_names) == ([1, 2, 1, 0, 2], ("ant", "cat", "dog"))
    bare = data.from_images(npz(x=GREY), invert=True)
    assert (bare.labels.tolist(), bare.class_names) == ([-1] * 5, ())
    assert np.array_equal(bare.x[:, 0], 255 - GREY)


def test_npz_of_another_size_is_fitted():
    dataset = data.from_images(npz(x=np.full((2, 20, 10), 99, np.uint8)), size=16)
    assert dataset.x.shape == (2, 1, 16, 16)
    assert dataset.x[0, 0, :, 4:12].min() == 99 and dataset.x[0, 0, :, :4].max() == 0


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"z": GREY, "a": GREY}, "named a, z; one must be named x"),
        ({"x": GREY.astype(np.int64)}, "x in .* is int64; allowed are uint8"),
        ({"x": GREY > 9}, "is bool; allowed are uint8"),
        ({"x": GREY.astype(np.complex64)}, "is complex64; allowed"),
        ({"x": GREY.astype(np.float32)}, r"spans 0 to 255; allowed are floats in \[0, 1\]"),
        ({"x": GREY / -255.0}, "spans -1 to"),
        ({"x": np.full((3, 28, 28), np.nan)}, "NaN or infinity"),
        ({"x": np.full((3, 28, 28), np.inf, np.float16)}, "NaN or infinity"),
        ({"x": np.array([None, {}])}, "pickled Python objects, which are never loaded"),
        ({"x": np.zeros(3, [("a", "u1")])}, "has shape"),
        ({"x": np.uint8(3)}, "has shape"),
        ({"x": GREY[0]}, r"has shape \(28, 28\); allowed are \(count, height, width\)"),
        ({"x": np.zeros((3, 28, 28, 2), np.uint8)}, "1, 3 or 4"),
        ({"x": GREY[:1]}, "2 to 100,000 images"),
        ({"x": np.zeros((5, 0, 28), np.uint8)}, "at least 1×1"),
        ({"x": GREY, "y": np.arange(4)}, r"of shape \(5,\), one for each image"),
        ({"x": GREY, "y": np.arange(5.0)}, "is float64 .* integers or strings"),
        ({"x": GREY, "y": np.array([1, None, 2, 3, 4])}, "pickled Python objects"),
        ({"x": GREY, "y": np.array([0, 1, -2, 0, 0])}, "down to -2; allowed are 0 and above"),
    ],
)
def test_bad_npz(arrays, sentence):
    with pytest.raises(DataError, match=sentence):
        data.from_images(npz(**arrays))


def npy_with(header):
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not a whole npy array"),
        (b"\x93NUMPY\x01\x00\xff", "not a whole npy array"),
        (b"\x93NUMPY\x03\x00" + bytes(200), "version"),
        (npy_with("{'descr': '|u1'"), "not a whole npy array"),
        (npy_with("(" * 115), "not a whole npy array"),
        (
            npy_with("{'descr': '|u1', 'fortran_order': False, 'shape': (9999999, 999, 999)}"),
            "declares 9,980,009,001,999 bytes of values and holds 0",
        ),
        (
            npy_with("{'descr': '|u1', 'fortran_order': False, 'shape': (-2, -3)}") + bytes(6),
            "whole",
        ),
    ],
)
def test_bad_npy_inside_an_npz(content, sentence):
    with pytest.raises(DataError, match=rf"(?s)x\.npy in the uploaded archive.*({sentence})"):
        data.from_images(zipped({"x.npy": content}))


def test_damaged_npz_member():
    content = bytearray(npz(x=GREY))
    content[1000] ^= 255
    with pytest.raises(DataError, match=r"x\.npy in .* cannot be read .*CRC"):
        data.from_images(bytes(content))


# --- Own images: what is refused ----------------------------------------------------------------


@pytest.mark.parametrize("size", [3, 257, -1])
def test_size_out_of_range(size):
    with pytest.raises(DataError, match="allowed are 4 to 256 pixels"):
        data.from_images(b"", size=size)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: None, "is not there; allowed are a folder"),
        (lambda path: path.write_text("text"), "a file of another kind; allowed are a folder"),
        (lambda path: path.mkdir(), "holds no image; allowed are PNG, JPEG, GIF, BMP, WEBP"),
    ],
)
def test_path_that_is_no_source(tmp_path, make, sentence):
    make(tmp_path / "thing")
    with pytest.raises(DataError, match=f"thing.*{sentence}"):
        data.from_images(tmp_path / "thing")


def test_zip_path_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match="cannot be read .No such file"):
        data.from_images(tmp_path / "nowhere.zip")
    with pytest.raises(DataError, match="cannot be read .File name too long"):
        data.from_images("long" * 200 + ".zip")
    with pytest.raises(DataError, match="gone is not there"):
        data.from_images("~nobody-of-this-name/gone")


GOOD = {f"{i}.png": encoded(image) for i, image in enumerate(some_images(3))}
GOOD_ZIP = zipped(GOOD)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not a whole zip archive"),
        (b"not a zip", "not a whole zip archive"),
        (GOOD_ZIP[:-30], "not a whole zip archive"),
        (GOOD_ZIP[: len(GOOD_ZIP) // 2], "not a whole zip archive"),
        (zipped({}), "holds no image"),
        (zipped({"readme.txt": b"x"}), "holds no image"),
        (zipped({"1.png": GOOD["1.png"]}), r"only 1 image\(s\) that can be read; .* at least 2"),
        (zipped({"1.png": b"x", "2.png": b"y"}), "no image.* first .* '1.png': not PNG"),
        (zipped({**GOOD, "../4.png": b"x"}), r"'\.\./4\.png', which points nowhere inside"),
        (zipped({**GOOD, "a/../../4.txt": b"x"}), "points nowhere inside"),
        (zipped({**GOOD, "/etc/4.png": b"x"}), "points nowhere inside"),
        (zipped({**GOOD, "C:\\4.png": b"x"}), "points nowhere inside"),
        (zipped({**GOOD, "a\\..\\..\\4.png": b"x"}), "points nowhere inside"),
        (zipped({**GOOD, "\\\\host\\4.png": b"x"}), "points nowhere inside"),
        (zipped({**GOOD, "X": b"x"}).replace(b"X", b"\0"), "named '', which points nowhere"),
        (zipped({**GOOD, "4.png": bytes(3 * archives.MIB)}), r"packed [\d,]+ to 1; .* 200 to 1"),
        (zipped(GOOD, zipfile.ZIP_BZIP2), "method 12; allowed are stored"),
        (zipped(GOOD, zipfile.ZIP_LZMA), "method 14; allowed are stored"),
    ],
)
def test_bad_zip(content, sentence):
    with pytest.raises(DataError, match=sentence):
        data.from_images(content)


def patched_members(content, offset_in_entry, packed):
    """Each entry of the central directory with other bytes at an offset."""
    changed, position = bytearray(content), content.find(b"PK\x01\x02")
    while position >= 0:
        start = position + offset_in_entry
        changed[start : start + len(packed)] = packed
        position = content.find(b"PK\x01\x02", position + 1)
    return bytes(changed)


def test_encrypted_zip():
    with pytest.raises(DataError, match=r"0\.png in .* is encrypted; allowed are archives without"):
        data.from_images(patched_members(GOOD_ZIP, 8, b"\x01"))


def test_zip_that_lies_about_its_sizes():
    """What is read never exceeds what was declared, whatever unpacking would give."""
    bomb = zipped({f"{i}.png": bytes(20 * archives.MIB) for i in range(3)})
    with pytest.raises(DataError, match="no image.*first that could not be read is '0.png'"):
        data.from_images(patched_members(bomb, 24, struct.pack("<I", 1000)))
    with pytest.raises(DataError, match="no image.*'0.png': "):
        data.from_images(patched_members(GOOD_ZIP, 24, struct.pack("<I", 100_000)))


def test_declared_total_is_bounded():
    huge = patched_members(GOOD_ZIP, 24, struct.pack("<I", 1_000_000))
    with pytest.raises(DataError, match="declares 3,000,000 bytes when unpacked; .* 2,000,000"):
        data.from_images(huge, bounds=Bounds(decoded_bytes=2_000_000))


@pytest.mark.parametrize(
    ("bounds", "sentence"),
    [
        (Bounds(files=2), "3 files; allowed are up to 2|more than 2 files"),
        (Bounds(archive_bytes=900), "allowed are up to 900"),
        (Bounds(file_bytes=500), "500"),
        (Bounds(decoded_bytes=2000), "2,000|2,352"),
        (Bounds(image_pixels=700), r"\.png': 784 pixels; allowed for one image are up to 700"),
        (Bounds(pixels_in_all=1600), "more than 1,600 pixels"),
        (Bounds(fewest_images=4), r"only 3 image\(s\).* at least 4"),
        (Bounds(classes=1), "2 classes; allowed are up to 1"),
    ],
    ids=lambda value: "" if isinstance(value, str) else None,
)
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_bounds(tmp_path, bounds, sentence, packed):
    members = {("p/" if name < "1" else "q/") + name: image for name, image in GOOD.items()}
    for name, image in members.items():
        (tmp_path / "own" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "own" / name).write_bytes(image)
    source = zipped(members) if packed else tmp_path / "own"
    assert data.from_images(source).classes == 2
    with pytest.raises(DataError, match=sentence):
        data.from_images(source, bounds=bounds)


def test_entries_are_counted_before_they_are_listed(monkeypatch):
    def never(*arguments):
        pytest.fail("the archive was opened")

    monkeypatch.setattr(zipfile, "ZipFile", never)
    with pytest.raises(DataError, match="lists more than 2 entries"):
        data.from_images(GOOD_ZIP, bounds=Bounds(archive_entries=2))


@pytest.mark.parametrize(
    ("bounds", "sentence"),
    [
        (Bounds(files=4), "5 images; allowed are up to 4"),
        (Bounds(image_pixels=700), "784 pixels; allowed are up to 700"),
        (Bounds(classes=4), "5 classes; allowed are up to 4"),
        (Bounds(decoded_bytes=4000), "declares .* when unpacked; allowed are up to 4,000"),
    ],
)
def test_bounds_of_an_npz(bounds, sentence):
    with pytest.raises(DataError, match=sentence):
        data.from_images(npz(x=GREY, y=np.arange(5)), bounds=bounds)


def test_output_size_is_bounded():
    with pytest.raises(DataError, match="are 196,608 bytes; .* choose a smaller size"):
        data.from_images(GOOD_ZIP, size=256, bounds=Bounds(decoded_bytes=100_000))


@pytest.mark.parametrize("side", [9_000, 20_000])
def test_decompression_bomb_is_an_error_before_decoding(side):
    """A small PNG whose header claims a huge picture."""
    image = bytearray(encoded(some_images(1)[0]))
    image[16:24] = struct.pack(">II", side, side)
    image[29:33] = struct.pack(">I", zlib.crc32(image[12:29]))
    bomb = {"bomb.png": bytes(image)}
    with pytest.raises(DataError, match=r"bomb\.png': .* pixels; allowed .* 64,000,000"):
        data.from_images(zipped(bomb))
    found = data.from_images(zipped({**bomb, **GOOD}))
    assert len(found) == len(GOOD) and "1 of 4 image files could not" in found.provenance.note


# --- Images that are broken ---------------------------------------------------------------------


def sealed(png):
    """A PNG whose chunks have the checksums of what is in them now."""
    found, place = bytearray(png), 8
    while place + 12 <= len(found):
        end = place + 8 + int.from_bytes(found[place : place + 4], "big")
        if end + 4 > len(found):
            break
        found[end : end + 4] = struct.pack(">I", zlib.crc32(found[place + 4 : end]))
        place = end + 4
    return bytes(found)


def without_chunk(png, name):
    place = png.index(name) - 4
    return png[:place] + png[place + 12 + int.from_bytes(png[place : place + 4], "big") :]


def test_a_palette_type_without_its_palette_ends_nothing():
    """Pillow asserts that there is one."""
    coloured = Image.fromarray(some_images(1)[0]).quantize(4)
    broken = without_chunk(encoded(coloured), b"PLTE")
    found = data.from_images(zipped({"a.png": broken, **GOOD, "b.png": encoded(coloured)}))
    assert len(found) == len(GOOD) + 1
    assert "could not be used and were skipped, the first being 'a.png': " in found.provenance.note


def harmed(rng, content, is_png):
    """Image bytes cut off, with bits flipped, with extreme bytes at their beginning, with a gap,
    or with something in between."""
    found = bytearray(content)
    at = rng.randrange(len(found))
    kind = rng.randrange(5)
    if kind == 0:
        del found[at:]
    elif kind == 1:
        for _ in range(rng.randrange(1, 12)):
            found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
    elif kind == 2:
        for _ in range(rng.randrange(1, 6)):
            found[rng.randrange(min(80, len(found)))] = rng.choice((0, 127, 128, 255))
    elif kind == 3:
        del found[at : at + rng.randrange(1, 40)]
    else:
        found[at:at] = rng.randbytes(rng.randrange(1, 20))
    return sealed(bytes(found)) if is_png and rng.random() < 0.7 else bytes(found)


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".tiff"])
def test_an_image_broken_in_any_way_is_left_out_and_the_others_come(suffix):
    rng = random.Random(suffix)
    colours = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 30, 3), np.uint8))
    kind = {".jpg": "JPEG"}.get(suffix, suffix[1:].upper())
    whole = [encoded(colours, kind), encoded(colours.convert("L"), kind)]
    if suffix in (".png", ".gif", ".bmp", ".tiff"):
        whole += [encoded(colours.quantize(16), kind), encoded(colours.convert("1"), kind)]
    bad = {
        f"{i}{suffix if suffix in SUFFIXES else '.png'}": harmed(
            rng, rng.choice(whole), suffix == ".png"
        )
        for i in range(60)
    }
    try:
        found = own_images.read([("all.zip", zipped({**bad, "good.png": encoded(GREY[0])}))])
    except DataError as error:
        pytest.fail(f"one broken image ended the upload: {error}")
    assert 1 <= len(found) <= len(bad) + 1
    assert "could not be used" in found.provenance.note
    if suffix == ".tiff":
        assert len(found) == 1, "a TIFF is none of the kinds that are read"


def test_folder_that_is_a_device_in_disguise(tmp_path):
    (tmp_path / "null.zip").symlink_to("/dev/null")
    with pytest.raises(DataError, match="not a plain file"):
        data.from_images(tmp_path / "null.zip")


# --- Own images: splits -------------------------------------------------------------------------


def test_own_splits_are_80_to_20_and_independent_of_order():
    images = some_images(50)
    train, test = (data.from_images(npz(x=images), split=split) for split in ("train", "test"))
    assert (len(train), len(test), train.split, test.split) == (40, 10, "train", "test")
    backwards = data.from_images(npz(x=images[::-1]), split="test")
    assert {image.tobytes() for image in backwards.x} == {image.tobytes() for image in test.x}
    both = {image.tobytes() for image in np.concatenate([train.x, test.x])}
    assert both == {image.tobytes() for image in images}


def test_copies_of_an_image_stay_together():
    doubled = npz(x=np.concatenate([GREY, GREY]))
    train, test = (data.from_images(doubled, split=split) for split in ("train", "test"))
    assert (len(train), len(test)) == (8, 2)
    assert not {image.tobytes() for image in train.x} & {image.tobytes() for image in test.x}


def test_two_images_are_enough_to_split_and_copies_are_not():
    assert len(data.from_images(npz(x=GREY[:2]), split="test")) == 1
    with pytest.raises(DataError, match="are the same; to split them, at least 2 must differ"):
        data.from_images(npz(x=GREY[[0, 0, 0]]), split="train")
