"""One picture: decoded, upright, grey, and of the size that is wanted.

Pillow is imported where it is needed and nowhere else.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from core.data.archives import Bounds, UnreadableFileError
from core.data.dataset import reason

if TYPE_CHECKING:
    from PIL import Image

# Kinds of images that people have and that are not read.
OTHER_SUFFIXES = (
    *(".heic", ".heif", ".avif", ".tif", ".tiff", ".svg", ".jxl", ".jp2", ".psd", ".pdf"),
    *(".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw"),
)
SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp")
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")

COLOUR = "stored in colour were turned into grey levels"
_TRANSPARENT = "had transparent parts, which became white or black, whichever is not the ink's"
_DEEP = "had 16 bits a pixel of which {bits} were used, which were taken for all there are"
_MOVING = "were animations, of which the first picture was taken"


def decode(content: bytes, detail: int, bounds: Bounds) -> tuple[Image.Image, int, list[str]]:
    """An upright grey image (mode L), still of its own size, how many pixels it has, and what was
    done to it. A JPEG far larger than `detail` pixels a side is read at a fraction of its size.

    Raises:
        UnreadableFileError: whatever is wrong with this one image, in one sentence.
    """
    from PIL import Image, ImageOps

    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
        pixels = image.width * image.height
        if pixels <= bounds.image_pixels:
            changed = {
                COLOUR: image.mode in ("RGB", "RGBA", "RGBX", "RGBa", "P", "PA", "CMYK", "YCbCr"),
                _TRANSPARENT: image.has_transparency_data,
                _MOVING: getattr(image, "n_frames", 1) > 1,
            }
            changes = [change for change, is_so in changed.items() if is_so]
            if image.mode.startswith("I") and (bits := bits_of(image)) < 16:
                changes.append(_DEEP.format(bits=bits))
            image.draft("L", (detail, detail))
            grey = grey_levels(ImageOps.exif_transpose(image))
            return grey, pixels, changes
    except Image.UnidentifiedImageError as error:
        raise UnreadableFileError(
            "not {formats} or WEBP", formats=", ".join(FORMATS[:-1])
        ) from error
    except Image.DecompressionBombError as error:
        raise UnreadableFileError(
            "far too many pixels; allowed for one image are up to {most:,}",
            most=bounds.image_pixels,
        ) from error
    except Exception as error:  # each reader of Pillow has its own for a broken file
        raise UnreadableFileError(
            "{reason}", reason=reason(error) or type(error).__name__
        ) from error
    raise UnreadableFileError(
        "{pixels:,} pixels; allowed for one image are up to {most:,}",
        pixels=pixels,
        most=bounds.image_pixels,
    )


def bits_of(image: Image.Image) -> int:
    """How many bits a pixel of an image of more than 8 has in truth: cameras and scanners store 10,
    12 or 14 of them in 16, so that the brightest of all is far from 65,535."""
    brightest = int(np.asarray(image).max(initial=0))
    return next(bits for bits in (8, 10, 12, 14, 16, 32) if brightest < 2**bits)


def grey_levels(image: Image.Image) -> Image.Image:
    """Grey levels of an image of any mode; what is transparent becomes the ink's opposite."""
    from PIL import Image

    if image.mode.startswith("I"):
        # Sixteen bits: convert("L") would clip all above 255.
        levels = np.clip(np.asarray(image, np.int64), 0, 65_535)
        full = 2 ** min(bits_of(image), 16) - 1
        return Image.fromarray((levels * 255 // full).astype(np.uint8))
    if not image.has_transparency_data:
        return image.convert("L")
    ink, alpha = image.convert("RGBA").convert("LA").split()
    weights = np.asarray(alpha, np.float32)
    mean = float((np.asarray(ink, np.float32) * weights).sum() / max(float(weights.sum()), 1.0))
    ground = Image.new("L", ink.size, 255 if mean < 128 else 0)
    ground.paste(ink, mask=alpha)
    return ground


def fitted(grey: Image.Image, size: int, invert: bool) -> np.ndarray:
    """(size, size) uint8: the whole image in its proportions, centred, with 0 around it."""
    from PIL import Image

    if grey.size != (size, size):
        scale = size / max(grey.size)
        width, height = (max(1, round(side * scale)) for side in grey.size)
        grey = grey.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0)
    inner = np.asarray(grey)  # (height, width)
    top, left = (size - inner.shape[0]) // 2, (size - inner.shape[1]) // 2
    padded = np.zeros((size, size), np.uint8)
    padded[top : top + inner.shape[0], left : left + inner.shape[1]] = (
        255 - inner if invert else inner
    )
    return padded
