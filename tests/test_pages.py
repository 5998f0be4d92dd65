"""Every page's server side, with members in the stores that say nothing of themselves."""

import ast
import json
import re
from typing import final

import pytest
from streamlit.testing.v1 import AppTest
from torch import nn

import core.models as models
from core import data
from core.config import NetworkConfig, knob
from core.models.abilities import Corrupting
from core.models.deterministic import PlainPointAutoencoder
from core.models.networks import decoder, encoder
from core.models.priors import StandardNormal
from core.store import checkpoints, records
from core.training import loop, runner
from explorer import language, live, members, resources, state, symbols, workers
from explorer.language import LANGUAGES, Words
from explorer.views import beta, frame, noise
from tests import trials
from tests.digits import QUICK, REPOSITORY, data_of, small_config, teacher_of

PAGES = ("explore", "compare", "noise", "beta", "generate", "family", "train")


class TrialConfig(NetworkConfig):
    """A knob that no text file knows, with a choice that none knows."""

    gamma: float = knob(0.25, ge=0, le=10, label="Gamma", help="What gamma does.")


@final
class TrialAutoencoder(StandardNormal, PlainPointAutoencoder):
    """A point model of the plain one's size, which has no words anywhere."""

    name, title, Config = "trial", "Trial model", TrialConfig

    def __init__(self, config, signature):
        super().__init__(
            config,
            signature,
            encoder=encoder(config, signature, config.latent),
            decoder=decoder(config, signature, None),
            output=nn.Sigmoid(),
        )


@final
class TrialCleaner(Corrupting, PlainPointAutoencoder):
    """Corrupts without a knob for the noise or its level."""

    name, title, Config = "trial_cleaner", "Trial cleaner", TrialConfig

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


TRIALS = {kind.name: kind for kind in (TrialAutoencoder, TrialCleaner)}


@pytest.fixture
def registered(monkeypatch):
    """The variants of this file, by one line each as any other, and without a text file."""
    for name, kind in TRIALS.items():
        monkeypatch.setitem(models._CLASSES, name, f"{__name__}.{kind.__name__}")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A user's store with a run of each, and their ids. By size and data, as far as their records
    tell, they could stand on the Noise page."""
    store = tmp_path_factory.mktemp("runs")
    digits = data.load("mnist-5k", "all")
    ids = {}
    with pytest.MonkeyPatch.context() as patch:
        for name, kind in TRIALS.items():
            patch.setitem(models._CLASSES, name, f"{__name__}.{kind.__name__}")
            config = kind.Config.checked({"latent": 16, "hidden": (256, 128), "gamma": 0.5})
            request = checkpoints.Request(
                name, config, digits, QUICK.model_copy(update={"epochs": 0.02})
            )
            loop.drain(runner.run(request, store, on_map=digits))
            ids[name] = request.id
            path = store / request.id / checkpoints.RECORD
            record = json.loads(path.read_text(encoding="utf-8"))
            record["data"] |= {"name": "mnist", "split": "train-55k"}
            path.write_text(json.dumps(record), encoding="utf-8")
    return store, ids


@pytest.fixture
def visit(trained, monkeypatch):
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


@pytest.mark.parametrize("page", PAGES)
def test_no_page_falls_over_a_member_that_is_not_known_here(visit, page):
    """Its runs were made by a newer release, or its file is gone."""
    assert not set(TRIALS) & set(models.VARIANTS)
    app = visit(page)
    assert not app.error
    legend = small_print(app)
    for equation in app.latex:
        for name in symbols.used(equation.value):
            assert f"${symbols.SYMBOLS[name][0]}$" in legend, (name, equation.value)


def test_the_sheet_knows_pickers_by_how_their_keys_begin(visit):
    """Streamlit makes classes of keys; a picker's key has its page too, so that two pages' pickers
    never share an answer."""
    sheet = (REPOSITORY / "explorer" / "pad" / "pages" / "keeper.css").read_text("utf-8")
    keys = {}
    for page in ("explore", "compare", "generate"):
        app = visit(page)
        pickers = [*app.selectbox, *app.multiselect, *app.get("button_group")]
        keys[page] = {one.key for one in pickers if one.key and one.key.startswith("widget:")}
    classes = {re.sub(r"[^\w-]", "-", f"st-key-{key}") for key in set().union(*keys.values())}
    for named in set(re.findall(r"st-key-widget-[a-z]+-?", sheet)):
        assert any(name.startswith(named) for name in classes), named
    assert all("widget:lang" in key for key in keys["explore"] & keys["generate"])


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_no_page_falls_over_a_member_without_texts(visit, page, code):
    app = visit(page, code)
    assert not app.error, [error.value for error in app.error]
    assert "trial" not in small_print(app), "only its own page says so"


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("page", ["explore", "generate"])
@pytest.mark.parametrize("name", TRIALS)
def test_its_own_page_shows_its_class_s_title_and_says_what_is_missing(visit, page, code, name):
    app = visit(page, code, model=name, k="16")
    (picker,) = [box for box in app.selectbox if box.label == Words(code)("picker.model")]
    assert picker.value == name and TRIALS[name].title in picker.options
    assert Words(code)("family.none", path=f"`explorer/family/{name}.toml`") in small_print(app)


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("code", LANGUAGES)
def test_it_can_be_asked_for_with_its_declared_words(visit, code):
    app = visit("train", code, model="trial")
    (gamma,) = [box for box in app.number_input if box.key == "knob:trial:gamma"]
    assert (gamma.label, gamma.help) == ("Gamma", "What gamma does.")
    (seed,) = [box for box in app.number_input if box.key == "knob:training:seed"]
    assert seed.label == Words(code)("knob.seed.label")
    assert "`explorer/family/trial.toml`" in small_print(app)
    assert any(button.key == "train:go" and not button.disabled for button in app.button)


@pytest.mark.usefixtures("registered")
def test_two_of_its_runs_can_be_compared(visit, trained):
    ids = trained[1]
    app = visit("train", run=ids["trial"], beside=ids["trial_cleaner"])
    said = "\n".join(text.value for text in app.markdown)
    assert "Trial model" in said and "Trial cleaner" in said


@pytest.mark.usefixtures("registered")
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


# --- Who stands where ---------------------------------------------------------------------------


def picks(runs, monkeypatch):
    """Ids of the runs that pages take of these without being asked."""
    monkeypatch.setattr(frame, "showable_runs", lambda: runs)
    bench = noise._Bench()
    stops = beta.stops(runs)
    taken = {
        "usual": records.by_role(runs, "usual")[0],
        "plain": bench.plain,
        "theory": records.by_role(runs, "theory")[0],
        "one beta": beta.one_beta(runs, next(iter(stops.values()))),
        **bench.dedicated,
        **bench.conditional,
        **stops,
        **dict(enumerate((*beta.pair(runs), *beta.annealed(runs).values()), 100)),
    }
    return {name: run.id for name, run in taken.items()}


@pytest.mark.usefixtures("registered")
def test_another_member_takes_nobody_s_place(trained, shipped, monkeypatch):
    """Not even one of the same size and data that stands first; the shipped ones are declared."""
    runs = list(shipped.values())
    before = picks(runs, monkeypatch)
    assert before["usual"].startswith("vae-k") and before["plain"].startswith("stacked_ae-k16-")
    assert sum(isinstance(name, tuple) for name in before) == 12
    own = list(checkpoints.list_runs(trained[0]).runs.values())
    bare = [
        checkpoints.Run(run.folder, run.record.model_copy(update={"roles": ()})) for run in runs
    ]
    undeclared = picks([*own, *bare], monkeypatch)
    assert {undeclared["usual"], undeclared["plain"]} == {trained[1]["trial"]}
    assert picks([*own, *runs], monkeypatch) == before


def test_no_view_names_a_variant():
    """Pages ask what a run can do and what it was declared for; `pca` is also a way to project."""
    for path in (REPOSITORY / "explorer").glob("**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = isinstance(node, ast.Constant) and node.value in models.VARIANTS
            assert not named or (path.name, node.value) == ("compare.py", "pca"), path.name
    for path in (REPOSITORY / "explorer" / "pad").glob("**/*.js"):
        strings = set(re.findall(r"[\"'`]([a-z_]+)[\"'`]", path.read_text(encoding="utf-8")))
        assert not strings & (set(models.VARIANTS) - {"pca"}), path.name


# --- Members that no browser runs ----------------------------------------------------------------

STILL = ("gan", "book_ae", "two_level_vae", "labelled_vae", "guessing_vae", "pixel_vae", "flow")


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """A user's store with a run of each of some trial variants that no browser runs."""
    store = tmp_path_factory.mktemp("still")
    digits = data.load("mnist-5k", "all")
    few = digits.subset(list(range(20)), "few")
    with pytest.MonkeyPatch.context() as patch:
        for name in STILL:
            patch.setitem(models._CLASSES, name, f"tests.trials.{trials.CLASSES[name]}")
            config = trials.trial(name).Config.checked({"latent": 4})
            how = QUICK.model_copy(update={"epochs": 0.02})
            request = checkpoints.Request(name, config, digits.subset(range(1000), "part"), how)
            assert not trials.trial(name).capabilities.in_browser
            on_map = digits if name in ("gan", "book_ae") else None
            loop.drain(runner.run(request, store, test=few, on_map=on_map))
    return store


@pytest.mark.usefixtures("on_trial")
@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("name", STILL)
def test_what_no_browser_runs_is_shown_by_its_pictures(visit, still, monkeypatch, name, code):
    monkeypatch.setenv("LATENT_EXPLORER_RUNS", str(still))
    words = Words(code)
    app = visit("explore", code, model=name, k="4")
    assert not app.error and words("album.still") in [info.value for info in app.info]
    kind = trials.trial(name)
    titles = {text.value.removeprefix("## ") for text in app.markdown}
    assert (words("album.samples") in titles) == kind.capabilities.has_prior
    assert (words("album.conditions") in titles) == (name == "labelled_vae")
    assert (words("album.completions") in titles) == (name == "guessing_vae")
    said = " ".join(text.value for text in app.markdown)
    assert (words("explore.discrete") in said) == kind.capabilities.discrete
    assert (words("explore.levels", widths="4 + 4") in said) == (name == "two_level_vae")
    assert (words("album.reconstructions") in titles) == kind.capabilities.has_encoder
    assert (words("album.map") in titles) == (name == "book_ae")
    pictures = resources.pictures(frame.showable_runs(live=False)[-1])
    assert all(content.startswith(b"\x89PNG") for content in pictures.values())
    made = visit("generate", code, model=name, k="4")
    assert not made.error and words("album.still") in [info.value for info in made.info]


@pytest.fixture(scope="module")
def every_trial(still):
    """The same store with a run of every other trial variant, of small data."""
    with pytest.MonkeyPatch.context() as patch:
        for name in sorted(set(trials.CLASSES) - set(STILL)):
            patch.setitem(models._CLASSES, name, f"tests.trials.{trials.CLASSES[name]}")
            kind = trials.trial(name)
            found = data_of(name)
            digits = data.load("mnist-5k", "all").subset(range(100), "part")
            made_of = digits if kind.kinds == ("images",) else found
            taught = kind.capabilities.taught
            how = QUICK.model_copy(update={"epochs": 0.2})
            config = small_config(name, latent=4, **({"hidden": (8,)} if taught else {}))
            teacher = teacher_of(made_of) if taught else None
            request = checkpoints.Request(name, config, made_of, how, "t" if taught else "")
            on_map = data.load("mnist-5k", "all") if kind.kinds == ("images",) else found
            training = runner.run(request, still, test=made_of, on_map=on_map, teacher=teacher)
            loop.drain(training)
    assert len(checkpoints.list_runs(still).runs) == len(trials.CLASSES)
    return still


@pytest.mark.usefixtures("on_trial")
@pytest.mark.parametrize("page", PAGES)
def test_no_page_falls_over_members_of_any_kind(visit, every_trial, monkeypatch, page):
    still = every_trial
    monkeypatch.setenv("LATENT_EXPLORER_RUNS", str(still))
    app = visit(page)
    assert not app.error
    if page in ("explore", "generate"):
        already = STILL if page == "generate" else ()  # opened by the test of their pictures
        for name in set(trials.CLASSES) - set(already):
            one = visit(page, model=name, k="4")
            (picker,) = [b for b in one.selectbox if b.label == Words("en")("picker.model")]
            shown = name not in ("auto_rec",)  # of ratings there is nothing to see
            assert not one.error and (picker.value == name) == shown, name
    if page == "train":
        run = next(run for run in checkpoints.list_runs(still).runs if run.startswith("book_ae"))
        shown = visit(page, run=run)
        assert not shown.error and Words("en")("album.still") in [i.value for i in shown.info]
