"""Links of earlier versions: ids that runs had name them still."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

NAMES = {"vae-k2-00000000aa": "vae-k2-00000000bb", "pca-k2-00000000aa": "pca-k2-00000000bb"}


def page(names):
    from explorer import state

    state.rename(names)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"run": "vae-k2-00000000aa"}, {"run": "vae-k2-00000000bb"}),
        (
            {"models": "vae,vae-k2-00000000aa,pca-k2-00000000aa", "k": "2"},
            {"models": "vae,vae-k2-00000000bb,pca-k2-00000000bb", "k": "2"},
        ),
        (
            {"beside": "vae-k2-00000000cc", "lang": "ko"},
            {"beside": "vae-k2-00000000cc", "lang": "ko"},
        ),
    ],
)
def test_a_link_says_today_s_name(said, expected):
    visit = AppTest.from_function(page, kwargs={"names": NAMES})
    for name, value in said.items():
        visit.query_params[name] = value
    visit.run()
    assert not visit.exception
    found = {name: visit.query_params[name] for name in visit.query_params}
    assert {name: v[0] if isinstance(v, list) else v for name, v in found.items()} == expected
