"""How far each dimension of a code holds one of the data's known factors, and each factor lies in
one dimension. Every score is 1 at best; what a useless code has is 0 but for the sample's noise.

Codes are (count, K) numbers, factors (count, F) whole levels. scikit-learn is imported where it is
asked.
"""

from __future__ import annotations

import numpy as np

BINS = 20  # of equal width, into which a code's numbers fall
TREES, SEED = 60, 0
REGULAR = 0.01  # C of the support vector machine that SAP asks


def mutual_information(codes: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """I(zⱼ; v_f) in nats between numbers in 20 bins of equal width and levels: (K, F).

    Of the sample's joint counts, so that independent ones have about (bins − 1)(levels − 1) / 2n.
    """
    binned = np.stack([_binned(column) for column in codes.T], 1)
    return np.array([[_joint(z, v) for v in factors.T] for z in binned.T])


def entropies(factors: np.ndarray) -> np.ndarray:
    """Entropy of each factor in nats, of the sample's counts: (F,)."""
    return np.array([_joint(v, v) for v in factors.T])


def information_gap(information: np.ndarray, entropy: np.ndarray) -> float:
    """MIG (Chen et al., 2018): of each factor what its best dimension knows more than the second
    best, as a share of its entropy; the mean over factors. Beside one dimension stands one that
    knows nothing."""
    ranked = np.sort(np.vstack([np.zeros_like(information[:1]), information]), 0)
    return float(((ranked[-1] - ranked[-2]) / entropy).mean())


def mig(codes: np.ndarray, factors: np.ndarray) -> float:
    """`information_gap` of a code."""
    return information_gap(mutual_information(codes, factors), entropies(factors))


def sap(
    codes: np.ndarray, factors: np.ndarray, categorical: tuple[int, ...] = (), seed: int = SEED
) -> float:
    """SAP (Kumar et al., 2018): how much better one dimension tells a factor than the second best,
    linearly; the mean over factors.

    Of a factor with an order this is the square of the correlation, on all; of one without
    (`categorical`, their indices) the share of held-out levels that a linear support vector machine
    gets right from this dimension alone, above always answering the commonest.
    """
    gaps = []
    for f, levels in enumerate(factors.T):
        told = _classified(codes, levels, seed) if f in categorical else _squares(codes, levels)
        ranked = np.sort(np.append(told, 0.0))
        gaps.append(ranked[-1] - ranked[-2])
    return float(np.mean(gaps))


def dci(codes: np.ndarray, factors: np.ndarray, seed: int = SEED) -> tuple[float, float, float]:
    """Disentanglement, completeness and informativeness (Eastwood & Williams, 2018) by a random
    forest for each factor.

    The first: how far a dimension is important for one factor only, dimensions weighed by their
    importance; the second: how far a factor has one important dimension, the mean over factors; the
    third: the share of held-out levels that the forests tell, above always answering the commonest,
    the mean over factors.
    """
    importance, told = importances(codes, factors, seed)
    return *shares(importance), told


def importances(
    codes: np.ndarray, factors: np.ndarray, seed: int = SEED
) -> tuple[np.ndarray, float]:
    """How important each dimension is to a forest that tells a factor, (K, F), columns of sum 1;
    and what the forests tell of held-out levels (see `dci`)."""
    from sklearn.ensemble import RandomForestClassifier

    train, test = _halves(len(codes), seed)
    columns, told = [], []
    for levels in factors.T:
        forest = RandomForestClassifier(
            TREES, min_samples_leaf=3, random_state=seed, max_features=None
        ).fit(codes[train], levels[train])
        columns.append(forest.feature_importances_)
        right = (forest.predict(codes[test]) == levels[test]).mean()
        told.append(_above_chance(right, levels[test]))
    return np.stack(columns, 1), float(np.mean(told))


def shares(importance: np.ndarray) -> tuple[float, float]:
    """Disentanglement and completeness of importances (K, F); see `dci`."""
    total = importance.sum()
    rows = importance.sum(1)
    one = (rows * (1 - _evenness(importance))).sum() / total
    return float(one), float((1 - _evenness(importance.T)).mean())


def _evenness(parts: np.ndarray) -> np.ndarray:
    """Entropy of each row as a share of the most that it could be: (rows,)."""
    share = parts / np.maximum(parts.sum(1, keepdims=True), 1e-12)
    logs = np.log(np.where(share > 0, share, 1))
    even: np.ndarray = -(share * logs).sum(1) / np.log(max(parts.shape[1], 2))
    return even


def _binned(numbers: np.ndarray) -> np.ndarray:
    low, high = float(numbers.min()), float(numbers.max())
    if high <= low:
        return np.zeros(len(numbers), np.int64)
    place = (numbers - low) / (high - low) * BINS
    return np.minimum(place.astype(np.int64), BINS - 1)


def _joint(one: np.ndarray, other: np.ndarray) -> float:
    """Mutual information in nats of two columns of whole numbers; of one with itself its
    entropy."""
    counts = np.zeros((int(one.max()) + 1, int(other.max()) + 1))
    np.add.at(counts, (one, other), 1)
    joint = counts / len(one)
    apart = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    seen = joint > 0
    return float((joint[seen] * np.log(joint[seen] / apart[seen])).sum())


def _squares(codes: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Square of each dimension's correlation with the levels: (K,); 0 of one that never changes."""
    off = codes - codes.mean(0)
    apart = levels - levels.mean()
    scale = (off**2).sum(0) * (apart**2).sum()
    squares: np.ndarray = (off * apart[:, None]).sum(0) ** 2 / np.maximum(scale, 1e-12)
    return squares


def _classified(codes: np.ndarray, levels: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.svm import LinearSVC

    train, test = _halves(len(codes), seed)
    told = []
    for column in codes.T:
        column = ((column - column.mean()) / max(float(column.std()), 1e-12))[:, None]
        machine = LinearSVC(C=REGULAR, class_weight="balanced", random_state=seed)
        right = machine.fit(column[train], levels[train]).predict(column[test]) == levels[test]
        told.append(_above_chance(right.mean(), levels[test]))
    return np.maximum(told, 0)


def _above_chance(right: float, levels: np.ndarray) -> float:
    chance = np.bincount(levels).max() / len(levels)
    return float((right - chance) / (1 - chance))


def _halves(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(seed).permutation(count)
    return order[: count // 2], order[count // 2 :]
