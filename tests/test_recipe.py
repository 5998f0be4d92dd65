"""How a training begins and at which rate it learns, whatever its length."""

import numpy as np
import pytest
import torch

from core import data, models
from core.config import TrainConfig
from core.models import VARIANTS, networks
from core.models.abilities import Centring, ClosedForm, Flowing
from core.models.signals import join
from core.store.checkpoints import Request
from core.training import loop, step
from core.training.evaluate import evaluate
from core.training.step import Resident, fitted
from tests.digits import built_model, cases, data_of, kind_of, small_config, small_digits

pytestmark = pytest.mark.usefixtures("on_trial")
CPU = torch.device("cpu")
CENTRED = [
    case
    for case in cases(["weighted_vae", "vamp_prior", "l1_ae", "deep_clustering", *VARIANTS])
    if issubclass(kind_of(case.values[0]), Centring)
    and not issubclass(kind_of(case.values[0]), ClosedForm | Flowing)  # test_flow has a flow's
]


# --- The start ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "changes"), CENTRED)
def test_a_centred_start_answers_the_mean_image(name, changes):
    digits = data_of(name)
    model = built_model(name, small_config(name, **changes), digits)
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    mean = Resident(digits, CPU).mean()
    np.testing.assert_allclose(mean, (digits.x / 255).mean(0), atol=1e-6)
    model.centre(mean)
    after = model.state_dict()
    moved = {key for key in before if not torch.equal(before[key], after[key])}
    assert moved and all(key.endswith("bias") for key in moved), "weights stay"
    with torch.no_grad():
        answer = model.mean(model.decode(join(model.encode(mean[None]))))[0]
    sigmoid = not isinstance(getattr(model, "output", None), torch.nn.Identity)
    wanted = mean.clamp(networks.LEAST, 1 - networks.LEAST) if sigmoid else mean
    if any(
        isinstance(layer, torch.nn.Conv2d) for layer in model.encoder
    ):  # one bias for all pixels of a channel
        off = (answer.logit() - wanted.logit()).mean() if sigmoid else (answer - wanted).mean()
        assert off.item() == pytest.approx(0, abs=1e-4)
    else:
        np.testing.assert_allclose(answer, wanted, atol=1e-5)
        assert len(moved) == 2
        first = next(layer for layer in model.encoder if isinstance(layer, torch.nn.Linear))
        seen = first(torch.from_numpy(digits.x / 255).float().flatten(1))
        assert seen.mean(0).abs().max() < 1e-4, "inputs are seen less their mean"


def test_a_density_s_start_answers_the_mean_image():
    digits = small_digits()
    model = built_model("vae", small_config("vae", likelihood="gaussian"), digits)
    mean = Resident(digits, CPU).mean()
    model.centre(mean)
    with torch.no_grad():
        np.testing.assert_allclose(model.reconstruct(mean[None])[0], mean, atol=1e-5)


@pytest.mark.parametrize("name", ["vae", "basic_ae", "linear_ae", "multirate_vae"])
def test_a_training_begins_as_its_start_says(name):
    digits = small_digits()
    config = small_config(name)

    def begun(start):
        model = built_model(name, config, digits)
        still = TrainConfig.checked({"epochs": 0.2, "batch_size": 20, "learning_rate": 1e-12})
        loop.drain(loop.train(model, digits, still.model_copy(update={"start": start}), CPU))
        return model.state_dict()

    expected = built_model(name, config, digits)
    for key, tensor in begun("plain").items():
        torch.testing.assert_close(tensor, expected.state_dict()[key], rtol=0, atol=1e-9)
    expected.centre(Resident(digits, CPU).mean())
    for key, tensor in begun("centred").items():
        torch.testing.assert_close(tensor, expected.state_dict()[key], rtol=0, atol=1e-9)


def test_ratings_have_no_mean_to_begin_from():
    ratings = data_of("auto_rec")
    model = built_model("auto_rec", kind_of("auto_rec").Config(), ratings)
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    still = TrainConfig.checked({"epochs": 0.2, "batch_size": 20, "learning_rate": 1e-12})
    loop.drain(loop.train(model, ratings, still, CPU))
    for key, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, before[key], rtol=0, atol=1e-9)


# --- The rate -------------------------------------------------------------------------------------


def test_the_fewer_steps_the_higher_a_fitted_rate_begins():
    usual = TrainConfig()
    assert usual.schedule == "fitted"
    peaks = [fitted(usual, steps).learning_rate for steps in (1, 20, 600, 2000, 9000, 26000, 10**7)]
    assert peaks == sorted(peaks, reverse=True)
    assert peaks[-3:] == [usual.learning_rate] * 3
    assert fitted(usual, 2250).learning_rate == pytest.approx(2 * usual.learning_rate)
    assert peaks[0] == step.MOST * usual.learning_rate
    for rate in (5e-3, 0.01, 0.3):
        found = fitted(usual.model_copy(update={"learning_rate": rate}), 100).learning_rate
        assert found == max(rate, step.HIGHEST), "none is raised beyond what most networks bear"


@pytest.mark.parametrize("steps", [3, 600, 100_000])
def test_a_fitted_rate_is_a_cosine_from_there(steps):
    usual = TrainConfig()
    config = fitted(usual, steps)
    assert config.schedule == "cosine"
    assert usual.warmup <= config.warmup <= 0.2
    assert config.warmup * steps >= min(step.RISE, steps / 5) - 1e-6
    rates = [step.rate_at(number / steps, config) for number in range(steps)][
        :: max(1, steps // 50)
    ]
    assert max(rates) <= config.learning_rate
    assert rates[0] < rates[len(rates) // 3] > rates[-1]
    kept = {"schedule", "learning_rate", "warmup"}
    assert config.model_dump(exclude=kept) == usual.model_dump(exclude=kept)
    assert fitted(usual.model_copy(update={"warmup": 0.0}), steps).warmup == 0


@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_a_rate_that_is_not_fitted_is_what_it_says(schedule):
    config = TrainConfig.checked({"schedule": schedule, "learning_rate": 3e-3})
    for steps in (1, 600, 10**6):
        assert fitted(config, steps) is config


@pytest.mark.parametrize("steps", [4, 40])
def test_a_training_learns_at_the_rate_that_fits_its_steps(monkeypatch, steps):
    seen = []
    plain = step.Learner.learn

    def learn(self, loss, rate):
        seen.append(rate)
        plain(self, loss, rate)

    monkeypatch.setattr(step.Learner, "learn", learn)
    digits = small_digits()
    config = TrainConfig.checked({"epochs": steps / 5, "batch_size": 20})
    model = built_model("linear_ae", small_config("linear_ae"), digits)
    loop.drain(loop.train(model, digits, config, CPU))
    expected = [step.rate_at(number / steps, fitted(config, steps)) for number in range(steps)]
    assert seen == pytest.approx(expected)


def test_records_of_runs_from_before_mean_what_they_meant():
    """What a default was stays what it was: a cosine from where the knob stands, a plain start."""
    then = TrainConfig.recorded({"epochs": 20.0, "batch_size": 128})
    assert (then.schedule, then.start, then.learning_rate) == ("cosine", "plain", 2e-3)
    assert TrainConfig().named() == {"schedule": "fitted", "start": "centred"}
    request, older = (
        Request("vae", small_config("vae"), small_digits(), config)
        for config in (TrainConfig(), then)
    )
    assert not set(request.names) & set(older.names), "neither answers for the other"
    solved = TrainConfig().solved()
    assert solved == TrainConfig.recorded({}) and solved.named() == {}
    assert TrainConfig.checked({"epochs": 3}).solved().named() == {"epochs": 3}


# --- A code of sigmoids ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def held_in():
    return data.load("mnist-5k", "train")


def coded(digits, **training):
    """Scores of a Basic AE after eight epochs of 4,000 digits, and its codes of the held-out."""
    kind = VARIANTS["basic_ae"]
    model = models.build("basic_ae", kind.Config(), models.signature_of(digits))
    config = TrainConfig.checked({"epochs": 8, **training})
    loop.drain(loop.train(model, digits, config, CPU))
    x = data.load("mnist-5k", "test").x
    with torch.no_grad():
        codes = model.eval().encode(torch.from_numpy(x / 255).float())[0].z
    return evaluate(model, x), codes


def test_a_code_of_sigmoids_learns_by_default(held_in):
    """From a plain start each unit of the code is driven to 1, where it learns no more: with all
    of them together the dark pixels are answered soonest."""
    scores, codes = coded(held_in)
    assert scores["squared_error"] < 0.55 * scores["squared_error_mean_image"]
    assert codes.std(0).min() > 0.2 and 0.3 < codes.mean() < 0.7
    plain, stuck = coded(held_in, start="plain", schedule="cosine")
    assert plain["squared_error"] > 0.85 * plain["squared_error_mean_image"]
    assert stuck.std(0).median() < 0.1 and stuck.mean() > 0.75


def test_of_few_steps_more_is_learned_at_a_fitted_rate(held_in):
    fitted_error = coded(held_in)[0]["squared_error"]
    for schedule in ("cosine", "constant"):
        assert fitted_error < 0.95 * coded(held_in, schedule=schedule)[0]["squared_error"]


# --- What is told of runs -------------------------------------------------------------------------


def test_a_run_of_today_is_told_from_an_older_one_by_what_was_chosen():
    from explorer.views import frame

    older = TrainConfig.recorded({"epochs": 60.0}).model_dump(mode="json")
    del older["start"]  # as records of then are
    today = TrainConfig.checked({"epochs": 20}).model_dump(mode="json")
    assert not {"schedule", "start"} & frame._chosen(today, older).keys()
    assert frame._chosen(today, older)["epochs"] == 20
    steady = TrainConfig.checked({"schedule": "constant"}).model_dump(mode="json")
    assert frame._chosen(steady, older)["schedule"] == "constant"
    assert frame._chosen(today, steady)["schedule"] == "fitted"


def test_the_comparison_of_two_runs_says_how_the_older_one_began():
    from core.store import checkpoints
    from explorer.language import Words
    from explorer.views import train_beside

    listing = checkpoints.list_runs(checkpoints.shipped_store())
    old = next(run for run in listing.runs.values() if "start" not in run.record.train)
    words = Words("en")
    told = train_beside._all_knobs(words, (old, old))
    assert told["Start"] == ["plain", "plain"] and told["Schedule"] == ["cosine", "cosine"]
