"""Bring a grey image into the frame of MNIST's digits, as they were brought there.

NIST's digits were fitted with their proportions into a box of 20×20 pixels, in grey levels that
anti-aliasing gave, and moved so that their centre of mass lies at the centre of 28×28 pixels
(LeCun, Bottou, Bengio and Haffner, 1998). Measured on mnist-5k: the longer side is 20 pixels, and
the centre of mass, a mean of pixel indices weighted by ink, lies within half a pixel of (14, 14).
"""

from __future__ import annotations

import numpy as np

from core.data.dataset import DataError

SIDE = 28  # pixels, of the image
BOX = 20  # pixels, longer side of the digit
CENTRE = 14  # index of the pixel that the centre of mass is moved to
LARGEST = 5.0  # times that a digit is enlarged at most, so that a speck stays one
FAINTEST = 24  # grey levels between ground and ink, below which an image is blank
EDGE = 0.03  # share of the full ink from which a pixel counts as part of the digit


def ground_of(image: np.ndarray) -> int:
    """Grey level of the paper: the median of the outermost ring of pixels of (height, width)."""
    ring = np.concatenate([image[0], image[-1], image[1:-1, 0], image[1:-1, -1]])
    return int(np.median(ring))


def is_dark_ink(image: np.ndarray) -> bool:
    """Whether the ink is darker than the paper: whether the paper's level is 128 or above."""
    return ground_of(image) >= 128


def centre(image: np.ndarray, whole_pixels: bool = True) -> np.ndarray:
    """The digit in an image, as MNIST would hold it.

    The paper's level becomes 0 and the strongest ink 255. What has 3 % of the full ink, and where
    the paper is noisy eight times the upper quartile of its outermost ring (5 standard deviations
    of Gaussian noise), is the digit and is fitted into the box. The box stays inside the image,
    even where the centre of mass then isn't at the centre.

    Args:
        image: (height, width) uint8, ink brighter than paper.
        whole_pixels: move by whole pixels, as MNIST did, so that a digit of MNIST comes back as it
            was; else the centre of mass lies at the very centre.

    Returns:
        (28, 28) uint8.

    Raises:
        DataError: an image of another shape or type, or one without ink.
    """
    from PIL import Image

    if image.dtype != np.uint8 or image.ndim != 2 or not image.size:
        raise DataError(
            "an image is {type} of shape {shape}; "
            "allowed are uint8 grey levels of shape (height, width), at least 1×1 pixels.",
            type=image.dtype,
            shape=image.shape,
        )
    ground = ground_of(image)
    if int(image.max()) - ground < FAINTEST:
        raise DataError(
            "the image is blank: its ink differs from its paper by {ink} grey levels, and at "
            "least {least} of 255 are needed.",
            ink=image.max() - ground,
            least=FAINTEST,
        )
    ink = np.clip(image.astype(np.float32) - ground, 0, None)
    ink *= 255 / ink.max()
    ring = np.concatenate([ink[0], ink[-1], ink[1:-1, 0], ink[1:-1, -1]])
    is_ink = ink >= max(255 * EDGE, min(8 * float(np.percentile(ring, 75)), 128.0))
    rows, columns = np.flatnonzero(is_ink.any(1)), np.flatnonzero(is_ink.any(0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    digit = ink[top:bottom, left:right]
    height, width = digit.shape
    scale = min(BOX / max(height, width), LARGEST)
    # The source's square that becomes the whole image, by its upper left corner in source pixels.
    mass = digit.sum()
    down = float((digit.sum(1) * (np.arange(height) + 0.5)).sum() / mass) * scale
    across = float((digit.sum(0) * (np.arange(width) + 0.5)).sum() / mass) * scale
    offsets = [CENTRE + 0.5 - down, CENTRE + 0.5 - across]
    if whole_pixels:
        offsets = [float(np.rint(offset)) for offset in offsets]
    rooms = [SIDE - height * scale, SIDE - width * scale]
    offsets = [min(max(o, 0.0), room) for o, room in zip(offsets, rooms, strict=True)]
    margin = int(np.ceil(SIDE / scale)) + 1  # Pillow takes no box that reaches over the edge
    padded = np.pad(np.rint(digit).astype(np.uint8), margin)
    y, x = (margin - offset / scale for offset in offsets)
    square = (x, y, x + SIDE / scale, y + SIDE / scale)
    fitted = Image.fromarray(padded).resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=square)
    return np.asarray(fitted)
