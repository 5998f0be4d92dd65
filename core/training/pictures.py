"""What is shown of a model that no browser runs, drawn when its run is saved.

Each picture is the bytes of one greyscale PNG, tiles side by side with a line of one pixel between.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from core.data import Dataset
from core.data.strata import stratified
from core.latent import coding
from core.models.abilities import Conditional, Generative
from core.models.base import Autoencoder, Member

SAMPLES = 64
RECONSTRUCTED = 12
STEPS = 9  # of a traversal
DIMENSIONS = 8  # that are traversed, those that vary most
REACH = 2.0  # standard deviations of the codes to each side
STYLES = 6  # codes, or examples, that are shown under conditions
COMPLETIONS = 8  # of each example
SPREAD = 2000  # examples from which that is taken


def pictures(model: Member, examples: Dataset, seed: int = 0) -> dict[str, np.ndarray]:
    """Pictures by name, each the bytes of a PNG as uint8 (bytes,); none of ratings.

    `samples`: draws of the prior, eight in a row. `reconstructions`: examples above what the model
    makes of them. `traversals`: a row for each dimension of the code that varies most, through the
    mean code. Of a model that is told something, `conditions` or `completions` as well. Of
    sequences each tile is a row of frames, and `samples` are roll-outs.

    Args:
        examples: held-out ones, prepared as in training.
        seed: fixes the draws.
    """
    if examples.kind == "ratings":
        return {}
    sequences = examples.kind == "sequences"
    found: dict[str, np.ndarray] = {}
    if isinstance(model, Generative):
        x = coding.sample(model, SAMPLES // 8 if sequences else SAMPLES, seed)[1]
        found["samples"] = sheet(x, 1 if sequences else 8)
    if isinstance(model, Generative) and isinstance(model, Conditional) and not sequences:
        found |= _told(model, examples, seed)
    if isinstance(model, Autoencoder):
        few = _few(examples, RECONSTRUCTED)
        clean = coding.to_tensor(few.x).numpy()
        x_hat = coding.reconstruct(model, few.x, few.labels)
        if sequences:
            pairs = np.stack([clean, x_hat], 1).reshape(-1, *clean.shape[1:])
            found["reconstructions"] = sheet(pairs, 1)
        else:
            found["reconstructions"] = sheet(np.concatenate([clean, x_hat]), len(few))
        found["traversals"] = _traversals(model, examples, sequences)
    return found


def _told(model: Member, examples: Dataset, seed: int) -> dict[str, np.ndarray]:
    """Of a model that is told a label `conditions`: a row for each of some codes, a column for each
    class. Of one that is told a part of an image `completions`: a row for each of some examples,
    what is seen of it and then its completions at several codes."""
    found: dict[str, np.ndarray] = {}
    assert isinstance(model, Conditional)
    if "label" in model.takes:
        classes = model.signature.classes
        z = np.repeat(coding.sample(model, STYLES, seed)[0], classes, axis=0)
        labels = np.tile(np.arange(classes), STYLES)
        found["conditions"] = sheet(coding.decode(model, z, labels), classes)
    if "image" in model.takes:
        few = _few(examples, STYLES)
        drawn = coding.sample(model, COMPLETIONS * len(few), seed)[0]
        x = np.repeat(few.x, COMPLETIONS, axis=0)
        completed = coding.decode(model, drawn, x=x)
        told = model.told(coding.to_tensor(few.x), None)
        assert told.image is not None
        rows = completed.reshape(len(few), COMPLETIONS, *completed.shape[1:])
        rows = np.concatenate([told.image.numpy()[:, None], rows], axis=1)
        found["completions"] = sheet(rows.reshape(-1, *completed.shape[1:]), COMPLETIONS + 1)
    return found


def sheet(x: np.ndarray, columns: int) -> np.ndarray:
    """Examples as tiles, so many in a row: (count, channels, height, width), or (count, time,
    channels, height, width) whose frames stand side by side, in [0, 1] → bytes of a PNG."""
    grey = np.clip(np.nan_to_num(x), 0, 1).mean(axis=-3)  # channels to grey
    if grey.ndim == 4:
        grey = np.concatenate([*np.moveaxis(grey, 1, 0)], axis=-1)
    count, height, width = grey.shape
    rows = -(-count // columns)
    canvas = np.full((rows * (height + 1) + 1, columns * (width + 1) + 1), 0.5)
    for number, tile in enumerate(grey):
        top, left = divmod(number, columns)
        top, left = top * (height + 1) + 1, left * (width + 1) + 1
        canvas[top : top + height, left : left + width] = tile
    buffer = io.BytesIO()
    Image.fromarray((canvas * 255).round().astype(np.uint8)).save(buffer, "PNG")
    return np.frombuffer(buffer.getvalue(), np.uint8)


def _few(examples: Dataset, count: int) -> Dataset:
    """A sample in which each class has its share."""
    return examples.subset(stratified(examples.labels, count), "shown")


def _traversals(model: Autoencoder, examples: Dataset, sequences: bool) -> np.ndarray:
    some = _few(examples, SPREAD)
    codes = coding.encode(model, some.x, some.labels).mean
    centre, spread = codes.mean(0), codes.std(0)
    steps = np.linspace(-REACH, REACH, STEPS)
    rows = [
        coding.traverse(centre, k, centre[k] + steps * spread[k])
        for k in np.argsort(-spread)[:DIMENSIONS]
    ]
    z = np.concatenate(rows).astype(np.float32)
    x = coding.decode(model, z)
    if sequences:  # of each the middle frame
        x = x[:, x.shape[1] // 2]
    return sheet(x, STEPS)
