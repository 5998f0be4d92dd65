"""core.config: a knob is declared once, and refuses in one sentence what it does not allow."""

import json
from typing import Literal

import pytest
from pydantic import ValidationError

from core.config import (
    ConfigError,
    Knob,
    ModelConfig,
    NetworkConfig,
    Settings,
    TrainConfig,
    knob,
)
from tests.digits import bad_knobs


class Sample(Settings):
    """One knob of each kind that a range can be written in."""

    free: float = knob(1.0, label="Free", help="Any number.")
    least: int = knob(3, ge=2, label="Least", help="From two.")
    above: float = knob(0.5, gt=0, label="Above", help="Positive.")
    most: float = knob(0.5, le=7, label="Most", help="Up to seven.")
    yes: bool = knob(True, label="Yes", help="Or no.")
    choice: Literal["a", "b"] = knob("a", label="Choice", help="Of two.", advanced=True)
    widths: tuple[int, ...] = knob((1, 2), label="Widths", help="Several.")
    maybe: int | None = knob(None, ge=1, le=9, label="Maybe", help="Or none.")


def knobs(config: type[Settings]) -> dict[str, Knob]:
    return {found.name: found for found in config.knobs()}


@pytest.mark.parametrize("config", [ModelConfig, NetworkConfig, TrainConfig, Sample])
def test_json_and_back(config):
    settings = config()
    assert config.checked(json.loads(settings.model_dump_json())) == settings


def test_changed_values_survive_json():
    settings = TrainConfig(epochs=0.25, batch_size=7, seed=2**31 - 1)
    again = TrainConfig.checked(json.loads(settings.model_dump_json()))
    assert again == settings != TrainConfig()


@pytest.mark.parametrize(
    ("found", "value"),
    bad_knobs(TrainConfig) + bad_knobs(NetworkConfig),
    ids=lambda value: value.name if isinstance(value, Knob) else repr(value),
)
def test_bad_values(found, value):
    config = TrainConfig if found.name in TrainConfig.model_fields else NetworkConfig
    with pytest.raises(ConfigError) as caught:
        config.checked({found.name: value})
    sentence = str(caught.value)
    assert f"{found.label} ({found.name}) must be {found.allowed}; got" in sentence
    assert sentence.endswith(".") and "\n" not in sentence


def test_allowed_in_words():
    allowed = {name: found.allowed for name, found in knobs(Sample).items()}
    assert allowed == {
        "free": "of type float",
        "least": "at least 2",
        "above": "above 0",
        "most": "at most 7",
        "yes": "true or false",
        "choice": "one of a, b",
        "widths": "a list of whole numbers",
        "maybe": "between 1 and 9",
    }
    training = knobs(TrainConfig)
    assert training["epochs"].allowed == "above 0 and at most 5000"
    assert training["seed"].allowed == "between 0 and 2147483647"


def test_knobs_carry_their_declaration():
    found = knobs(Sample)
    assert list(found) == list(Sample.model_fields)
    assert (found["choice"].choices, found["choice"].advanced) == (("a", "b"), True)
    assert (found["least"].kind, found["least"].default, found["least"].help) == (
        int,
        3,
        "From two.",
    )
    assert found["maybe"].kind is int and found["above"].low_is_open
    assert found["widths"].kind is tuple and not found["widths"].advanced


def test_inherited_knobs_come_first():
    assert next(iter(knobs(NetworkConfig))) == "latent"


@pytest.mark.parametrize("values", [{"lattent": 2}, {"": 1}, {"latent": 2, "nonsense": None}])
def test_unknown_knob_names_the_knobs(values):
    with pytest.raises(ConfigError, match="is not a knob here; the knobs are latent") as caught:
        ModelConfig.checked(values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("values", [[1], "latent=2", 3])
def test_values_that_are_no_table(values):
    with pytest.raises(ConfigError, match="the knobs are latent"):
        ModelConfig.checked(values)


def test_settings_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        TrainConfig().epochs = 3


# --- What a record means that doesn't name a knob -------------------------------------------------


class Later(ModelConfig):
    """A knob whose default has changed, one that is new, and one that is as it always was."""

    changed: float = knob(5.0, label="Changed", help="Once 2.", ge=0, formerly=2.0)
    new: Literal["now", "then"] = knob("now", label="New", help="Once all was so.", formerly="then")
    widths: tuple[int, ...] = knob((3, 2), label="Widths", help="Once none.", formerly=())
    steady: int = knob(7, label="Steady", help="Always 7.")


def test_what_a_record_does_not_name_stood_as_it_formerly_did():
    then = Later.recorded({"steady": 8})
    assert (then.changed, then.new, then.widths, then.steady) == (2.0, "then", (), 8)
    assert Later.recorded({"changed": 5.0, "widths": [1]}).widths == (1,)
    assert (Later().changed, Later().new, Later().widths) == (5.0, "now", (3, 2))
    with pytest.raises(ConfigError, match=r"Changed \(changed\) must be at least 0; got -1"):
        Later.recorded({"changed": -1})


def test_what_makes_an_id_is_what_differs_from_how_things_formerly_were():
    assert Later.recorded({}).named() == {}
    assert Later().named() == {"changed": 5.0, "new": "now", "widths": [3, 2]}
    assert Later.checked({"changed": 2, "new": "then", "widths": [], "steady": 1}).named() == {
        "steady": 1
    }
    for one in (Later(), Later.recorded({}), Later.checked({"changed": 3.0})):
        assert Later.recorded(one.named()) == one
        assert Later.recorded(one.model_dump(mode="json")) == one
    assert TrainConfig.recorded({}).named() == {}


def test_a_record_of_any_age_has_one_meaning_and_one_name():
    """What older software wrote names fewer knobs, what newer wrote names them all."""
    older, newer = {"steady": 8}, {"steady": 8, "changed": 2.0, "new": "then", "widths": []}
    assert Later.recorded(older) == Later.recorded(newer)
    assert Later.recorded(older).named() == {"steady": 8}
