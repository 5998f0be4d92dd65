"""Every page's server side, with members in the stores that say nothing of themselves."""

import sys
from typing import final

import pytest
from streamlit.testing.v1 import AppTest
from torch import nn

import core.models as models
from core import data
from core.config import NetworkConfig, knob
from core.models.base import Capabilities
from core.models.deterministic import PlainPointAutoencoder, PointAutoencoder
from core.models.networks import decoder, encoder
from core.store import checkpoints
from core.training import loop, runner
from explorer import language, live, members, state, workers
from explorer.language import LANGUAGES, Words
from tests.digits import QUICK

PAGES = ("explore", "compare", "noise", "beta", "generate", "train")


class TrialConfig(NetworkConfig):
    """A knob that no text file knows, with a choice that none knows."""

    gamma: float = knob(0.25, ge=0, le=10, label="Gamma", help="What gamma does.")


@final
class TrialAutoencoder(PlainPointAutoencoder):
    """A point model of the plain one's size, which has no words anywhere."""

    name, title, Config = "trial", "Trial model", TrialConfig
    capabilities = Capabilities(has_prior=True)

    def __init__(self, config, signature):
        super().__init__(
            config,
            signature,
            encoder=encoder(config, signature, config.latent),
            decoder=decoder(config, signature, None),
            output=nn.Sigmoid(),
        )


@final
class TrialCleaner(PointAutoencoder):
    """Corrupts without a knob for the noise or its level."""

    name, title, Config = "trial_cleaner", "Trial cleaner", TrialConfig
    capabilities = Capabilities(corrupts=True)

    def __init__(self, config, signature):
        super().__init__(
            config,
            signature,
            encoder=encoder(config, signature, config.latent),
            decoder=decoder(config, signature, None),
            output=nn.Sigmoid(),
        )

    def corrupt(self, x, condition, generator):
        return 0.5 * x

    def penalties(self, batch, output, progress):
        return {}


TRIALS = {kind.name: kind for kind in (TrialAutoencoder, TrialCleaner)}


@pytest.fixture
def registered(monkeypatch):
    """The variants of this file, by one line each as any other, and without a text file."""
    monkeypatch.setitem(sys.modules, "core.models.test_pages", sys.modules[__name__])
    for name, kind in TRIALS.items():
        monkeypatch.setitem(models._CLASSES, name, f"test_pages.{kind.__name__}")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A user's store with a run of each, of the networks' size on the Noise page, and their ids."""
    store = tmp_path_factory.mktemp("runs")
    digits = data.load("mnist-5k", "all")
    ids = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "core.models.test_pages", sys.modules[__name__])
        for name, kind in TRIALS.items():
            patch.setitem(models._CLASSES, name, f"test_pages.{kind.__name__}")
            config = kind.Config.checked({"latent": 16, "hidden": (256, 128), "gamma": 0.5})
            request = checkpoints.Request(
                name, config, digits, QUICK.model_copy(update={"epochs": 0.02})
            )
            loop.drain(runner.run(request, store, on_map=digits))
            ids[name] = request.id
    return store, ids


@pytest.fixture
def visit(registered, trained, monkeypatch):
    """Draws a page's server side: `visit(page, language, **link)`; nothing is trained."""
    monkeypatch.setenv("LATENT_EXPLORER_RUNS", str(trained[0]))
    monkeypatch.setattr(workers, "ensure", lambda: None)
    monkeypatch.setattr(state, "visitor", lambda: "0" * 24)
    monkeypatch.setattr(live, "is_owner", lambda address: True)

    def go(page, code="en", **link):
        app = AppTest.from_function(draw, kwargs={"page": page}, default_timeout=60)
        for name, value in {"lang": code, **link}.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception, app.exception[0].stack_trace
        return app

    return go


def draw(page):
    import importlib

    importlib.import_module(f"explorer.views.{page}").show()


def small_print(app) -> str:
    return "\n".join(caption.value for caption in app.caption)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_no_page_falls_over_a_member_without_texts(visit, page, code):
    app = visit(page, code)
    assert not app.error, [error.value for error in app.error]
    assert "trial" not in small_print(app), "only its own page says so"


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("page", ["explore", "generate"])
@pytest.mark.parametrize("name", TRIALS)
def test_its_own_page_shows_its_class_s_title_and_says_what_is_missing(visit, page, code, name):
    app = visit(page, code, model=name, k="16")
    (picker,) = [box for box in app.selectbox if box.label == Words(code)("picker.model")]
    assert picker.value == name and TRIALS[name].title in picker.options
    assert Words(code)("family.none", path=f"`explorer/family/{name}.toml`") in small_print(app)


@pytest.mark.parametrize("code", LANGUAGES)
def test_it_can_be_asked_for_with_its_declared_words(visit, code):
    app = visit("train", code, model="trial")
    (gamma,) = [box for box in app.number_input if box.key == "knob:trial:gamma"]
    assert (gamma.label, gamma.help) == ("Gamma", "What gamma does.")
    (seed,) = [box for box in app.number_input if box.key == "knob:training:seed"]
    assert seed.label == Words(code)("knob.seed.label")
    assert "`explorer/family/trial.toml`" in small_print(app)
    assert any(button.key == "train:go" and not button.disabled for button in app.button)


def test_two_of_its_runs_can_be_compared(visit, trained):
    ids = trained[1]
    app = visit("train", run=ids["trial"], beside=ids["trial_cleaner"])
    said = "\n".join(text.value for text in app.markdown)
    assert "Trial model" in said and "Trial cleaner" in said


def test_a_file_that_lacks_korean_speaks_english(visit, tmp_path, monkeypatch):
    family = tmp_path / "family"
    family.mkdir()
    for path in language.FAMILY.glob("*.toml"):
        (family / path.name).write_bytes(path.read_bytes())
    told = '[en]\ntitle = "Trial"\nsentence = "It tries."\nassumption = "Assumes little."\n'
    (family / "trial.toml").write_text(f"equation = ['z = x']\n{told}", encoding="utf-8")
    monkeypatch.setattr(language, "FAMILY", family)
    app = visit("explore", "ko", model="trial", k="16")
    assert "It tries. Assumes little." in [text.value for text in app.markdown]
    assert "z = x" in app.latex[0].value
    assert "`ko.title`" in small_print(app) and "`en.title`" not in small_print(app)
    assert members.title(Words("ko"), "trial") == "Trial"
