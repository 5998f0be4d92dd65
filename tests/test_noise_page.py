"""What the page Noise tells its toy."""

from __future__ import annotations

import numpy as np

from explorer.views import noise as page


def test_what_the_toy_is_told_is_its_density_s():
    given = page.toy_data()
    clean, gauss = np.array(given["clean"]), np.array(given["gauss"])
    assert clean.shape == gauss.shape == (page.TOY_POINTS, 2)
    assert clean.min() > 0 and clean.max() < 1
    assert abs(gauss.mean()) < 4 / np.sqrt(gauss.size) and 0.85 < gauss.std() < 1.15
