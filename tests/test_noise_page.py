"""What the page Noise keeps of core without importing torch, and the equation's framed terms."""

from __future__ import annotations

import numpy as np
import pytest

from core.measures import noise
from core.training import maps
from explorer import equations
from explorer.language import LANGUAGES, Words
from explorer.views import noise as page


def test_the_page_s_constants_are_core_s():
    assert (page.NOISES, page.LEVELS) == (noise.NOISES, noise.LEVELS)
    assert page.JUDGED == maps.JUDGED


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize(
    ("variant", "control", "framed"),
    [("multilevel_dae", "level", 2), ("vae", "beta", 1), ("multirate_vae", "beta", 1)],
)
def test_what_a_control_sets_is_framed_in_the_equation(code, variant, control, framed):
    words = Words(code)
    shown = equations.latex(words, variant, control)
    assert shown.count(r"\boxed") == framed
    assert shown.count("{") == shown.count("}") and "%(" not in shown
    assert r"\boxed" not in equations.latex(words, variant)


def test_every_part_that_can_be_framed_is_in_an_equation():
    whole = "".join(r"\\[4pt] &".join(lines) for lines in equations.EQUATIONS.values())
    for parts in equations.PARTS.values():
        assert all(part in whole for part in parts)


def test_what_the_toy_is_told_is_its_density_s():
    given = page.toy_data()
    clean, gauss = np.array(given["clean"]), np.array(given["gauss"])
    assert clean.shape == gauss.shape == (page.TOY_POINTS, 2)
    assert clean.min() > 0 and clean.max() < 1
    assert abs(gauss.mean()) < 4 / np.sqrt(gauss.size) and 0.85 < gauss.std() < 1.15
