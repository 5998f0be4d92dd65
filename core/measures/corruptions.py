"""Which corruptions there are and where models are compared; `core.measures.noise` has the
functions, which need torch."""

from __future__ import annotations

NOISES = ("gaussian", "salt_and_pepper", "masking")
LEVELS = (0.1, 0.3, 0.5, 0.7)  # at which models are compared
JUDGED = 1000  # examples of a map on which noises are tried: see `core.data.few_of`
