"""A captured step trains as the eager one does: on the CPU with a graph's stand-in, and on CUDA."""

import numpy as np
import pytest
import torch

from core.config import TrainConfig
from core.measures import losses
from core.models.abilities import ClosedForm, Taught
from core.training import capture, loop, step
from tests.digits import EVERY, built_model, data_of, kind_of, small_config, teacher_of
from tests.graphs import HostWaits, TapeRecorder

pytestmark = pytest.mark.usefixtures("on_trial")
CPU = torch.device("cpu")
# 34 steps of 20 out of 100 examples, so orders end within steps of two batches; reports each step.
CONFIG = TrainConfig(epochs=6.8, batch_size=20, learning_rate=3e-3, warmup=0.2, schedule="cosine")
CAPTURED = [
    name
    for name in EVERY
    if kind_of(name).capabilities.capturable and not issubclass(kind_of(name), ClosedForm)
]


@pytest.fixture
def taped(monkeypatch):
    """Captures on the CPU, with a graph's stand-in."""

    class Recorder(TapeRecorder):
        warmed = played = 0

    monkeypatch.setattr(loop, "can_capture", lambda device: True)
    monkeypatch.setattr(loop, "Recorder", Recorder)
    return Recorder


def trained(name, device=CPU, config=CONFIG, resume=None, stop=None, **options):
    """The model, its reports, and what is kept of it at the report `stop`, where it then ends."""
    found = data_of(name)
    model = built_model(name, small_config(name), found, config.seed)
    if isinstance(model, Taught):
        model.listen(teacher_of(found).to(device))
    reports, state = [], None
    for report in loop.train(model, found, config, device, resume, **options):
        reports.append(report)
        if report.step == stop:
            state = {key: tensor.cpu().clone() for key, tensor in report.state().items()}
            break
    return model, reports, state


def alike(one, other, rtol=1e-3, atol=2e-4):
    """Two trainings agree in what they reported and in what they learned."""
    (model, reports, _), (model_2, reports_2, _) = one, other
    assert [r.step for r in reports] == [r.step for r in reports_2]
    for report, report_2 in zip(reports, reports_2, strict=True):
        assert report.terms == pytest.approx(report_2.terms, rel=rtol, abs=1e-4), report.step
    theirs = model_2.state_dict()
    for key, tensor in model.state_dict().items():
        np.testing.assert_allclose(
            tensor.cpu(), theirs[key].cpu(), rtol=rtol, atol=atol, err_msg=key
        )


@pytest.mark.parametrize("name", CAPTURED)
def test_captured_trains_as_eager(taped, name):
    captured = trained(name)
    phases = len(kind_of(name).phases(captured[0])) if kind_of(name).capabilities.phased else 1
    assert taped.warmed == phases * capture.WARMUP
    assert taped.warmed + taped.played == captured[1][-1].steps == 34
    alike(captured, trained(name, capture=False))
    assert taped.warmed + taped.played == 34


@pytest.mark.parametrize("name", ["vae", "gan", "book_ae", "deep_clustering"])
@pytest.mark.parametrize("stop", [2, 17, 20])
def test_captured_goes_on_where_it_was_stopped(taped, name, stop):
    whole, cut = trained(name), trained(name, stop=stop)
    rest = trained(name, resume=cut[2])
    alike((whole[0], whole[1][stop:], None), rest, rtol=1e-4, atol=1e-5)
    assert taped.played


def test_eager_goes_on_where_captured_was_stopped_and_the_other_way_round(taped):
    whole = trained("gan")
    for first, second in ((True, False), (False, True)):
        cut = trained("gan", stop=15, capture=first)
        rest = trained("gan", resume=cut[2], capture=second)
        alike((whole[0], whole[1][15:], None), rest)


class Noting:
    """A step that notes what it is given, by operations of torch, as a replay runs no Python."""

    def __init__(self, draws, count, generator):
        self.draws = draws
        self.generator = generator
        self.resident = step.Resident(data_of("vae", count), CPU)
        self.at = torch.zeros(1, dtype=torch.long)
        self.examples = torch.full((60, draws, 20), -1)
        self.places = torch.zeros(60)

    def __call__(self, index, progress):
        self.examples.index_copy_(0, self.at, index[None])
        self.places.index_copy_(0, self.at, progress[None])
        self.at += 1


@pytest.mark.parametrize("draws", [1, 3, 7])
def test_captured_steps_get_the_examples_of_eager_ones(draws):
    """Over the ends of epochs; seven batches of 20 are more than one epoch of 90."""
    noting = Noting(draws, 90, torch.Generator().manual_seed(3))
    captured = capture.Captured(noting, TapeRecorder(CPU, noting.generator), 60, 10, 20)
    order, generator = torch.empty(0, dtype=torch.long), torch.Generator().manual_seed(3)
    expected = []
    for number in range(50):
        captured()
        while len(order) < draws * 20:
            order = torch.cat([order, torch.randperm(90, generator=generator)])
        expected.append(order[: draws * 20].reshape(draws, 20))
        order = order[draws * 20 :]
        if number % 7 == 0:
            assert torch.equal(captured.remaining(), order)
    assert torch.equal(noting.examples[:50], torch.stack(expected))
    np.testing.assert_allclose(noting.places[:50], np.arange(10, 60) / 60, rtol=1e-6)


@pytest.mark.parametrize("schedule", ["cosine", "constant"])
@pytest.mark.parametrize("warmup", [0.0, 0.2])
def test_learning_rate_on_a_device_is_that_of_the_host(schedule, warmup):
    config = TrainConfig(learning_rate=0.1, schedule=schedule, warmup=warmup)
    places = np.linspace(0, 1, 41)
    host = [step.rate_at(float(place), config) for place in places]
    device = [float(step.rate_at(torch.tensor(place).float(), config)) for place in places]
    np.testing.assert_allclose(device, host, rtol=1e-5, atol=1e-8)


def test_a_static_learner_keeps_its_rate_and_its_gradients_where_they_are():
    """Also behind a restore."""
    weight = torch.nn.Parameter(torch.ones(3))
    learner = step.Learner([weight], CONFIG, CPU, static=True, share=0.5)
    learner.learn(weight.square().sum(), 0.1)
    gradient, slots = weight.grad.data_ptr(), {k: t.clone() for k, t in learner.slots()}
    places = [tensor.data_ptr() for _, tensor in learner.slots()]
    rate = learner.rate
    learner.restore(slots)
    before = weight.detach().clone()
    learner.learn(weight.square().sum(), torch.tensor(0.0))
    assert torch.equal(weight, before), "a rate of nothing moves nothing"
    learner.learn(weight.square().sum(), torch.tensor(0.2))
    assert not torch.equal(weight, before) and weight.grad.data_ptr() == gradient
    assert [tensor.data_ptr() for _, tensor in learner.slots()] == places
    assert learner.rate is rate
    assert float(learner.rate) == pytest.approx(0.1)


def test_the_stand_in_refuses_what_waits_for_the_device(taped, monkeypatch):
    plain = losses.squared_error
    monkeypatch.setattr(
        losses, "squared_error", lambda *a: plain(*a) * (1.0 if float(a[0].detach().sum()) else 2.0)
    )
    with pytest.raises(HostWaits):
        trained("stacked_ae")


def test_what_says_that_it_is_eager_is_not_captured(taped):
    reports = trained("vae_gan")[1]
    assert reports[-1].step == 34 and taped.warmed == taped.played == 0


# --- On a GPU -----------------------------------------------------------------------------------


@pytest.fixture
def exact():
    """Matrix products in full precision, so that only the order of sums differs."""
    before = torch.get_float32_matmul_precision()
    yield torch.device("cuda")
    torch.set_float32_matmul_precision(before)


@pytest.mark.gpu
@pytest.mark.parametrize("name", [n for n in EVERY if not issubclass(kind_of(n), ClosedForm)])
def test_captured_trains_as_eager_on_cuda(exact, name, monkeypatch):
    """Those that say why they can't be captured train all the same."""
    monkeypatch.setattr(torch, "set_float32_matmul_precision", lambda precision: None)
    replays = []
    record = capture.Recorder.record

    def counted(self, work):
        replay = record(self, work)
        return lambda: (replays.append(1), replay())

    monkeypatch.setattr(capture.Recorder, "record", counted)
    captured, eager = (trained(name, exact, capture=wanted) for wanted in (True, False))
    assert bool(replays) == kind_of(name).capabilities.capturable
    alike(captured, eager, rtol=2e-2, atol=5e-3)


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["vae", "multirate_vae", "denoising_ae", "gan", "deep_clustering"])
@pytest.mark.parametrize("stop", [2, 17])
def test_captured_goes_on_where_it_was_stopped_on_cuda(exact, name, stop, monkeypatch):
    monkeypatch.setattr(torch, "set_float32_matmul_precision", lambda precision: None)
    whole, cut = trained(name, exact), trained(name, exact, stop=stop)
    rest = trained(name, exact, resume=cut[2])
    alike((whole[0], whole[1][stop:], None), rest, rtol=2e-2, atol=5e-3)
