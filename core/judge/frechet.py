"""FID: how far the law of some pictures lies from that of real ones, as a named network sees them.

The network is the shipped classifier, its features what its last hidden layer says (64 numbers).
Figures of other networks, such as those of Inception-v3, are on another scale: FIDs are compared
within one network, and over as many pictures.
"""

from __future__ import annotations

import numpy as np

from core.judge import classifier
from core.measures.metrics import frechet_distance

NETWORK = "the shipped classifier's last hidden layer, 64 units"
_BATCH = 1000


def features(x: np.ndarray) -> np.ndarray:
    """What the network sees in images (count, 1, 28, 28), uint8 or floats that are clipped to
    [0, 1]: (count, 64) float64.

    Raises:
        ClassifierError: for images of another shape, or where no classifier ships.
    """
    import torch

    from core.latent.coding import to_tensor

    if x.ndim != 4 or x.shape[1:] != (1, 28, 28):
        raise classifier.ClassifierError(
            f"FID is taken of images of shape (count, 1, 28, 28); got {x.shape}."
        )
    seen = classifier.load().network[:-1]
    with torch.no_grad():
        parts = [
            seen(to_tensor(x[start : start + _BATCH]).clamp(0, 1))
            for start in range(0, len(x), _BATCH)
        ]
    return torch.cat(parts).double().numpy()


def fid(drawn: np.ndarray, real: np.ndarray) -> float:
    """Fréchet distance between Gaussians fitted to the features of images (Heusel et al., 2017).

    It is biased upwards, the more the fewer images there are: state both counts.
    """
    return frechet_distance(features(drawn), features(real))
