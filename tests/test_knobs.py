"""Configuration classes as widgets: both languages, one sentence for what can't be used."""

import pytest
from streamlit.testing.v1 import AppTest

from core.config import ConfigError, StoreConfig, TrainConfig
from core.models import VARIANTS
from explorer import knobs
from explorer.language import Words, texts

OTHERS = {"training": TrainConfig, "storing": StoreConfig}
KINDS = {name: VARIANTS[name].Config for name in VARIANTS} | OTHERS
EVERY = [(scope, knob) for scope, kind in KINDS.items() for knob in kind.knobs()]


def form(scope="vae", language="en"):
    from core.config import ConfigError, StoreConfig, TrainConfig
    from core.models import VARIANTS
    from explorer import knobs, state
    from explorer.language import Words

    words = Words(language)
    others = {"training": TrainConfig, "storing": StoreConfig}
    kind = others.get(scope) or VARIANTS[scope].Config
    asked = knobs.Asked(kind, scope, ("epochs",) if scope == "training" else None)
    asked.draw(words)
    knobs.fold(words, asked)
    try:
        state.leave("config", asked.checked(words))
    except ConfigError as error:
        state.leave("config", str(error))


def drawn(scope, language="en"):
    return AppTest.from_function(form, kwargs={"scope": scope, "language": language}).run()


def told(app):
    """The configuration that the form made, or the sentence that it said."""
    assert not app.exception
    return app.session_state["left"]["config"]


def widget(app, name):
    return next(w for w in all_widgets(app) if (w.key or "").endswith(f":{name}"))


def all_widgets(app):
    kinds = ("number_input", "selectbox", "text_input", "slider", "button_group", "toggle")
    return [w for kind in kinds for w in app.get(kind)]


# --- Words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("scope", "knob"), EVERY, ids=lambda v: getattr(v, "name", v))
def test_every_knob_has_its_words_in_both_languages(scope, knob):
    english, korean = Words("en"), Words("ko")
    assert knobs.label(english, knob, scope) == knob.label
    assert knobs.help_of(english, knob, scope) == knob.help
    assert knobs.help_of(korean, knob, scope) != knob.help
    for words in (english, korean):
        for choice in knob.choices:
            told = (f"option.{choice}" in words, f"option.{choice}.{scope}" in words)
            assert any(told) or choice in knobs.PROPER


def test_no_words_of_a_knob_that_is_not():
    there = {knob.name for _, knob in EVERY}
    for key in texts("en"):
        if key.startswith("knob."):
            _, name, *rest = key.split(".")
            assert name in there and (len(rest) == 1 or rest[0] in KINDS), key


@pytest.mark.parametrize("scope", KINDS)
def test_what_a_knob_acts_only_with_is_a_knob_beside_it(scope):
    found = {knob.name: knob for knob in KINDS[scope].knobs()}
    for knob in found.values():
        assert knob.when is None or knob.when[1] in found[knob.when[0]].choices
        assert knob.acts({}) and knob.when != (knob.name, knob.default)
    bound = {knob.name for knob in found.values() if knob.when}
    assert (bound >= {"hidden", "channels", "dense"}) == ("network" in found)
    assert ("sigma" in bound) == ("likelihood" in found)


# --- Widgets --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("scope", "language"), [*((s, "en") for s in KINDS), ("vae", "ko")])
def test_untouched_widgets_give_the_defaults(scope, language):
    app = drawn(scope, language)
    assert told(app) == KINDS[scope]()
    names = {w.key.rpartition(":")[2] for w in all_widgets(app)}
    usual = KINDS[scope]().model_dump()
    assert names == {knob.name for knob in KINDS[scope].knobs() if knob.acts(usual)}


def test_what_is_set_is_in_the_configuration():
    app = drawn("vae")
    widget(app, "latent").set_value(7)
    widget(app, "beta").set_value(0.25)
    widget(app, "hidden").set_value(" 64,  32 ")
    widget(app, "activation").set_value("tanh")
    app.run()
    config = told(app)
    assert (config.latent, config.beta, config.hidden) == (7, 0.25, (64, 32))
    assert config.activation == "tanh"


def test_a_knob_without_effect_is_out_of_sight_and_at_its_default():
    app = drawn("vae")
    widget(app, "hidden").set_value("64")
    app.run()
    widget(app, "network").set_value("conv")
    app.run()
    assert told(app) == VARIANTS["vae"].Config(network="conv")
    widget(app, "channels").set_value("8")
    widget(app, "network").set_value("mlp")
    app.run()
    assert told(app).hidden == (64,), "what was typed is lost"
    assert told(app).channels == (32, 64)


@pytest.mark.parametrize(
    ("scope", "name", "value", "english"),
    [
        ("vae", "latent", 0, "K must be between 1 and 784; got 0."),
        ("vae", "latent", 785, "K must be between 1 and 784; got 785."),
        ("vae", "beta", -1.0, "β must be between 0 and 100; got -1."),
        ("multirate_vae", "beta", 0.0, "β must be above 0 and at most 100; got 0."),
        ("vae", "hidden", "many", "Hidden units must be whole numbers, such as 256 128; got many."),
        ("training", "epochs", 0.0, "Epochs must be above 0 and at most 5000; got 0."),
        ("training", "seed", -1, "Seed must be between 0 and 2147483647; got -1."),
    ],
)
def test_what_cannot_be_used_gets_one_sentence_and_stays_as_typed(scope, name, value, english):
    app = drawn(scope)
    widget(app, name).set_value(value)
    app.run()
    assert told(app) == english
    assert widget(app, name).value == value


def test_the_sentence_is_in_the_page_s_language():
    app = drawn("vae", "ko")
    widget(app, "latent").set_value(0)
    app.run()
    assert told(app) == "K에 쓸 수 있는 값은 1에서 784 사이인데, 지금 값은 0입니다."


def test_a_choice_that_is_none():
    with pytest.raises(ConfigError, match="Network must be one of dense, convolutional; got ring."):
        knobs.checked(Words("en"), KINDS["vae"], {"network": "ring"}, "vae")


def test_knobs_that_differ_from_their_defaults():
    config = VARIANTS["vae"].Config(latent=9, beta=4, hidden=(8,))
    assert knobs.differing(type(config), config.model_dump(mode="json")) == {
        "beta": 4,
        "hidden": [8],
    }
