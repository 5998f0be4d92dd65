"""Small images and archives that several tests build."""

import gzip
import io
import struct
import zipfile

import numpy as np
from PIL import Image

from core.data import torchvision_sets

IDX_CODES = {"uint8": 8, "int8": 9, "int16": 11, "int32": 12, "float32": 13, "float64": 14}


def idx_bytes(array):
    header = struct.pack(
        f">HBB{array.ndim}I", 0, IDX_CODES[array.dtype.name], array.ndim, *array.shape
    )
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def some_images(count=6, height=28, width=28, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width), dtype=np.uint8)


def encoded(image, image_format="PNG", **options):
    stream = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(
        stream, image_format, **options
    )
    return stream.getvalue()


def zipped(members, compression=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def npz(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def write_set(name, root, packed=False):
    """A tiny data set in torchvision's layout; the images and the labels as they are stored."""
    source = torchvision_sets.SETS[name]
    raw = root / source.folder / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    images = some_images(4)
    labels = np.array([0, 1, 2, 3], np.uint8) + np.uint8(source.first_label)
    stored = (
        np.pad(labels[:, None].astype(np.int32), ((0, 0), (0, 7))) if name == "qmnist" else labels
    )
    for images_file, labels_file in source.files.values():
        for file, array in ((images_file, images), (labels_file, stored)):
            content = idx_bytes(array)
            if packed:
                (raw / f"{file}.gz").write_bytes(gzip.compress(content))
            else:
                (raw / file).write_bytes(content)
    return images, labels


def left_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())
