"""The variants' cards and the sizes of their models, for a server without torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from core.config import ConfigError, ModelConfig, TrainConfig
from core.models import VARIANTS, cards
from core.models.signals import Signature
from core.store.schema import DataRecord
from core.training import catalogue as process
from core.training import estimate
from explorer import catalogue
from explorer.catalogue import Catalogue
from tests.digits import REPOSITORY

DIGITS = DataRecord(
    name="mnist-5k",
    split="train",
    fingerprint="",
    count=4000,
    shape=(1, 28, 28),
    classes=10,
    kind="images",
)


@pytest.fixture(autouse=True)
def without_torch(monkeypatch, tmp_path):
    """As in a server, which has not loaded torch; and a cache folder of its own."""
    monkeypatch.setattr(Catalogue, "alone", property(lambda self: self.failures >= 3))
    monkeypatch.setattr(catalogue.folders, "cache", lambda: tmp_path / "cache")


@pytest.fixture
def speaking():
    """Catalogues whose process is a small program."""
    made = []

    def speak(program: str) -> Catalogue:
        made.append(Catalogue((sys.executable, "-c", program)))
        return made[-1]

    yield speak
    for one in made:
        one.close()


def soon(look, seconds=30.0):
    """What `look` gives, once it is not None."""
    end = time.monotonic() + seconds
    while (found := look()) is None:
        assert time.monotonic() < end, "never"
        time.sleep(0.01)
    return found


TELLS = "import json, sys; print({cards!r}, flush=True)\n"
COUNTS = (
    "for line in sys.stdin:\n"
    "    asked = json.loads(line)\n"
    "    print(json.dumps({'parameters': 100 * asked['config']['latent']}), flush=True)\n"
)


# --- Cards --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VARIANTS)
def test_a_card_says_what_the_class_says(name):
    card = cards.read(json.loads(json.dumps(cards.written())))[name]
    kind = VARIANTS[name]
    assert card.title == kind.title and card.Config.knobs() == kind.Config.knobs()
    assert card.capabilities["has_posterior"] == kind.capabilities.has_posterior
    assert card.capabilities["closed_form"] == kind.capabilities.closed_form
    assert issubclass(card.Config, ModelConfig)
    assert card.Config().model_dump() == kind.Config().model_dump()
    changed = {"latent": 5, **({"hidden": [9, 8]} if "hidden" in kind.Config.model_fields else {})}
    one, other = card.Config.checked(changed), kind.Config.checked(changed)
    assert one.model_dump(mode="json") == other.model_dump(mode="json")
    assert one.named() == other.named()
    for config in (card.Config, kind.Config):
        with pytest.raises(
            ConfigError, match=r"K \(latent\) must be between 1 and (64|784|1024); got 0"
        ):
            config.checked({"latent": 0})


def test_a_card_knows_the_size_of_the_usual_model():
    card = cards.read(json.loads(json.dumps(cards.written())))["linear_ae"]
    config = card.Config()
    assert card.sized(config, cards.USUAL) == 2 * 784 * 2 + 784 + 2
    assert card.sized(config, ((1, 8, 8), 10, "images")) is None
    assert card.sized(card.Config.checked({"latent": 3}), cards.USUAL) is None


def test_cards_are_in_the_registry_s_order():
    assert list(cards.read(json.loads(json.dumps(cards.written())))) == list(VARIANTS)


# --- The process --------------------------------------------------------------------------------


def test_an_answer_is_the_size_or_what_is_wrong():
    asked = {"variant": "vae", "config": {"latent": 3}, "shape": [1, 28, 28], "classes": 10}
    config = VARIANTS["vae"].Config.checked({"latent": 3})
    size = estimate.parameters("vae", config, Signature())
    answer = json.loads(json.dumps(process.answer(asked | {"kind": "images"})))
    found = estimate.read_footprint(answer)
    assert (found.parameters, found.numbers) == (size, 784) and found.state == 4 * size
    assert estimate.read_footprint({"parameters": size}).numbers == 0
    told = process.answer(asked | {"kind": "images", "config": {"latent": 0}})
    assert "must be" in told["refusal"]["template"]


def test_cards_are_kept_for_the_next_server(speaking):
    told = TELLS.format(cards=json.dumps(cards.written()))
    first = speaking(told + COUNTS)
    assert set(soon(first.cards)) == set(VARIANTS)
    (file,) = soon(lambda: list(catalogue._file().parent.glob("*.json")) or None)
    silent = speaking("import time; time.sleep(60)")
    assert set(silent.cards()) == set(VARIANTS) and silent.process is None
    file.write_text("{")
    assert speaking("import time; time.sleep(60)").cards() is None, "a torn file is no card"


def test_sizes_are_asked_once_and_kept(speaking):
    one = speaking(TELLS.format(cards=json.dumps(cards.written())) + COUNTS)
    config = soon(one.cards)["vae"].Config
    for latent in (3, 4, 3):
        wanted = config.checked({"latent": latent})
        assert soon(lambda w=wanted: one.parameters("vae", w, DIGITS)) == 100 * latent
    assert len(one.sizes) == 2


def test_a_refusal_is_raised_as_it_was(speaking):
    refusal = ConfigError("{model} works on {kinds} alone.", model="VAE", kinds="images")
    line = json.dumps({"refusal": refusal.as_json()})
    refuses = f"for _ in sys.stdin: print({line!r}, flush=True)"
    one = speaking(TELLS.format(cards=json.dumps(cards.written())) + refuses)
    config = soon(one.cards)["vae"].Config.checked({"latent": 7})
    with pytest.raises(ConfigError, match="VAE works on images alone."):
        soon(lambda: one.parameters("vae", config, DIGITS))


def test_a_process_that_dies_is_started_anew(speaking):
    one = speaking(TELLS.format(cards=json.dumps(cards.written())) + "sys.stdin.readline()")
    config = soon(one.cards)["vae"].Config.checked({"latent": 7})
    assert one.parameters("vae", config, DIGITS) is None
    soon(lambda: one.process is None or None)
    one.command = (sys.executable, "-c", TELLS.format(cards=json.dumps(cards.written())) + COUNTS)
    assert soon(lambda: one.parameters("vae", config, DIGITS)) == 700


def test_where_no_process_tells_anything_the_server_reads_the_classes(speaking):
    one = speaking("raise SystemExit(1)")
    found = soon(one.cards)
    assert one.failures == 3 and found["vae"].Config is VARIANTS["vae"].Config
    config = found["linear_ae"].Config()
    assert one.parameters("linear_ae", config, DIGITS) == 2 * 784 * 2 + 784 + 2
    nowhere = Catalogue(("/nowhere/python",))
    assert nowhere.cards() is None and soon(nowhere.cards)


def test_cost_needs_no_model():
    found = estimate.cost("pca", ModelConfig(), TrainConfig(), 4000, 784, closed_form=True)
    assert (found.samples, found.parameters, found.seconds) == (4000, 784, 1.0)


def test_the_train_page_is_drawn_whole_without_torch(tmp_path):
    program = """
import sys, time
from streamlit.testing.v1 import AppTest
from explorer import catalogue, live, state
state.visitor, live.is_owner = lambda: "a" * 24, lambda address: True  # there is no browser
end = time.monotonic() + 120
while catalogue.all_cards() is None:
    assert time.monotonic() < end
    time.sleep(0.05)
def page():
    from explorer.views import train
    train.show()
shown = AppTest.from_function(page, default_timeout=120).run()
(button,) = [one for one in shown.button if one.key == "train:go"]
from core.store.schema import DataRecord
data = DataRecord(name="a", split="b", fingerprint="", count=9, shape=(1, 28, 28), classes=10,
                  kind="images")
config = catalogue.all_cards()["linear_ae"].Config(latent=3)  # a size that no card tells
while (size := catalogue.footprint("linear_ae", config, data)) is None:
    assert time.monotonic() < end
    time.sleep(0.05)
print(len(shown.exception), button.disabled, len(shown.number_input) > 2, size.parameters,
      "torch" in sys.modules)
catalogue.close()
"""
    file = tmp_path / "page.py"  # whose source can be read again, as a string's can't
    file.write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(file)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        env={
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "XDG_CACHE_HOME": str(tmp_path),
            "LATENT_EXPLORER_RUNS": str(tmp_path / "runs"),
        },
    )
    assert done.stdout.split() == ["0", "False", "True", str(2 * 784 * 3 + 784 + 3), "False"]
