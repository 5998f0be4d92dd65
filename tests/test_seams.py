"""What the loop, the store and the scores do for each kind of member: opponents, phases, moving
averages, teachers, discrete codes and ratings. (What all have in common: test_contract.)"""

import numpy as np
import pytest
import torch

from core import models
from core.config import ConfigError
from core.latent import coding
from core.measures import losses
from core.models.signals import Batch, Condition, Signature
from core.store import checkpoints, loading, transfer
from core.training import loop, runner
from core.training.evaluate import evaluate
from core.training.loop import TrainingError
from core.training.maps import map_arrays
from core.training.step import Step
from tests.digits import (
    QUICK,
    built_model,
    data_of,
    kind_of,
    signature_of,
    small_config,
    small_data,
    teacher_of,
)

pytestmark = pytest.mark.usefixtures("on_trial")
CPU = torch.device("cpu")


def asked(name, epochs=4.0, teacher="", start="centred", **knobs):
    config = QUICK.model_copy(update={"epochs": epochs, "start": start})
    return checkpoints.Request(name, small_config(name, **knobs), data_of(name), config, teacher)


def built(request):
    return built_model(request.variant, request.config, request.data)


def batch_of(request, model, count=16):
    found = request.data
    observed = found.observed
    observed = None if observed is None else torch.from_numpy(observed[:count]).float()
    label = torch.from_numpy(found.labels[:count])
    return model.prepare(coding.to_tensor(found.x[:count]), label, observed)


def moved(model, before):
    """Names of what is no longer as it was."""
    return {name for name, t in model.state_dict().items() if not torch.equal(t, before[name])}


def kept(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


# --- Opponents ----------------------------------------------------------------------------------


def test_every_opponent_learns_and_its_terms_stand_apart():
    request = asked("vae_gan")
    model = built(request)
    before = kept(model)
    reports = list(loop.train(model, request.data, request.train, CPU))
    theirs = {name for name in before if name.startswith(("critic.", "judge."))}
    assert moved(model, before) >= theirs - {"critic.3.bias"}  # which a difference never moves
    for report in reports:
        own = {"reconstruction", "kl", "fooling", "code"}
        assert set(report.terms) == own | {
            "adversary/critic/distance",
            "adversary/critic/penalty",
            "adversary/judge/codes",
        }
        assert report.loss == pytest.approx(sum(report.terms[name] for name in own))


def test_the_model_s_optimiser_never_touches_the_opponents():
    """The objective's gradient runs through the opponents; those that learn nothing stay put."""
    request = asked("vae_gan", silent=True, weight=10.0)
    model = built(request)
    before = kept(model)
    loop.drain(loop.train(model, request.data, request.train, CPU))
    still = set(before) - moved(model, before)
    assert still == {name for name in before if name.startswith(("critic.", "judge."))}


def test_an_opponent_s_optimiser_never_touches_the_model(monkeypatch):
    """Without a say and without errors to learn from, only the opponents move."""
    request = asked(
        "vae_gan", start="plain", weight=0.0
    )  # where nothing moves before the first step
    model, kind = built(request), kind_of("vae_gan")
    plain = kind.loss_terms
    silenced = lambda *a: {name: 0.0 * term for name, term in plain(*a).items()}  # noqa: E731
    monkeypatch.setattr(kind, "loss_terms", silenced)
    before = kept(model)
    loop.drain(loop.train(model, request.data, request.train, CPU))
    assert {name.partition(".")[0] for name in moved(model, before)} == {"critic", "judge"}


def test_several_steps_of_an_opponent_take_fresh_batches(monkeypatch):
    request = asked("vae_gan", epochs=1.0)
    model, seen = built(request), []
    usual = Step.__call__

    def watched(self, index, progress):
        seen.append(index)
        usual(self, index, progress)

    monkeypatch.setattr(Step, "__call__", watched)
    loop.drain(loop.train(model, request.data, request.train, CPU))
    assert [tuple(index.shape) for index in seen] == [(4, 20)] * 5  # two, one, and the model's own
    assert len(seen[0].unique()) == 80, "all four batches are of different images"
    drawn = torch.cat([index.flatten() for index in seen])[:400]
    counts = torch.bincount(drawn, minlength=100)
    assert (counts == 4).all(), "each image as often as any other"


def test_an_opponent_has_a_learning_rate_and_betas_of_its_own():
    request = asked("vae_gan")
    model = built(request)
    resident = loop.Resident(request.data, CPU)
    step = Step(model, resident, request.train, torch.Generator().manual_seed(0))
    assert step.rivals["critic"].betas == (0.0, 0.9)
    assert step.rivals["judge"].betas == (0.9, 0.999)
    index = torch.arange(80).reshape(4, 20)
    step(index, 0.5)
    own, critic, judge = (
        learner.rate for learner in (step.learner, step.rivals["critic"], step.rivals["judge"])
    )
    assert critic == pytest.approx(0.5 * own) and judge == own


# --- Phases, averages, teachers -----------------------------------------------------------------


def test_each_phase_moves_its_own_parts_and_enters_once():
    request = asked("two_step_ae", epochs=10.0)  # 50 steps: 15, 15, 20
    model = built(request)
    before, parts = kept(model), {}
    for report in loop.train(model, request.data, request.train, CPU):
        if report.step in (14, 30, 50):
            names = moved(model, before) - {"entered"}
            parts[report.step] = {name.partition(".")[0] for name in names}
            before = kept(model)
    assert parts[14] == {"outer"} and parts[50] == {"outer", "inner"}
    assert parts[30] == {"outer", "inner"}, "the last step of the first phase, then the second"
    assert int(model.entered) == 3


def test_entering_a_phase_looks_at_the_data():
    request = asked("deep_clustering")
    model = built(request)
    loop.drain(loop.train(model, request.data, request.train, CPU))
    codes = coding.encode(model, request.data.x).mean
    near = np.linalg.norm(codes[:, None] - model.centres.numpy()[None], axis=2)
    assert model.centres.any() and len(np.unique(near.argmin(1))) > 1


def test_moving_averages_of_decay_zero_are_one_step_of_k_means():
    request = asked("book_ae", epochs=0.05, decay=0.0)
    model = built(request)
    before = kept(model)
    (report,) = loop.train(model, request.data, request.train, CPU)
    assert report.step == 1 and int(model.steps) == 1
    order = torch.randperm(100, generator=torch.Generator().manual_seed(0))[:20]
    fresh = built(request)
    fresh.load_state_dict(before)
    (level,) = fresh.encode(coding.to_tensor(request.data.x)[order])
    points = level.point.detach().unflatten(1, (4, -1)).flatten(0, 1)
    for entry, now in enumerate(model.entries):
        mine = points[level.index.flatten() == entry]
        if len(mine):
            assert torch.allclose(now, mine.mean(0), atol=1e-5)


def test_a_taught_variant_wants_its_teacher(tmp_path):
    request = asked("feature_vae", teacher="f" * 16)
    with pytest.raises(TrainingError, match="learns from another network, and none was given"):
        loop.drain(runner.run(request, tmp_path, device=CPU))
    teacher = teacher_of(request.data)
    frozen = {name: t.clone() for name, t in teacher.state_dict().items()}
    reports = list(runner.run(request, tmp_path, device=CPU, teacher=teacher))
    assert "features" in reports[-1].terms
    assert all(torch.equal(t, frozen[name]) for name, t in teacher.state_dict().items())
    run = checkpoints.open_run(tmp_path / request.id)
    assert not any("teacher" in name for name in checkpoints.read_tensors(run, checkpoints.WEIGHTS))
    assert coding.decode(loading.load_model(run), np.zeros((1, 3))).shape == (1, 1, 12, 12)
    again = transfer.import_run(transfer.export_run(run), tmp_path / "other")
    assert again.id == run.id and again.record.teacher == "f" * 16
    ids = {asked("feature_vae", teacher=name).id for name in ("", "a", "b")}
    assert len(ids) == 3, "who teaches is a part of what is asked for"


# --- Discrete codes, widths, ratings, sequences -------------------------------------------------


def test_gradients_go_straight_through_a_quantised_code():
    request = asked("book_ae")
    model = built(request)
    batch = batch_of(request, model)
    output = model(batch)
    (level,) = output.levels
    level.point.retain_grad()
    level.z.retain_grad()
    losses.squared_error(model.mean(output.logits), batch.target).backward()
    assert torch.equal(level.point.grad, level.z.grad) and level.z.grad.abs().sum() > 0


def test_whole_numbers_and_scalars_are_stored_as_they_are(tmp_path):
    request = asked("book_ae")
    model = built(request)
    last = loop.drain(loop.train(model, request.data, request.train, CPU))
    run = runner.save(model, request, tmp_path, last, [])
    loaded = loading.load_model(run)
    assert int(loaded.steps) == last.step and loaded.steps.shape == ()
    assert checkpoints.read_tensors(run, checkpoints.WEIGHTS)["steps"].dtype == np.int64


def test_a_code_may_be_as_wide_as_the_image():
    request = asked("flow")
    model = built(request)
    loop.drain(loop.train(model, request.data, request.train, CPU))
    x = coding.to_tensor(request.data.x).numpy()
    codes = coding.encode(model, request.data.x).mean
    assert codes.shape == (100, 144) and model.width == 144
    np.testing.assert_allclose(coding.decode(model, codes), x, atol=1e-5)


@pytest.mark.parametrize("name", ["sequence_ae", "auto_rec"])
def test_only_its_own_kind_of_data(name):
    request = asked(name)
    with pytest.raises(ConfigError, match=f"works on {request.data.kind}, not on images"):
        models.build(name, request.config, signature_of(small_data("images")))


def test_unobserved_ratings_teach_nothing_and_are_no_error():
    request = asked("auto_rec")
    found = request.data
    other = found.x + np.where(found.observed, 0, 7).astype(np.float32)
    model = built(request)
    batch = batch_of(request, model)
    output = model(batch)
    output.logits.retain_grad()
    sum(model.loss_terms(batch, output, None).values()).backward()
    assert torch.equal(output.logits.grad != 0, batch.observed.bool())
    target = torch.from_numpy(other[:16])
    same = Batch(batch.input, target, batch.condition, batch.observed)
    assert model.loss_terms(same, output, None)["reconstruction"].item() == pytest.approx(
        model.loss_terms(batch, output, None)["reconstruction"].item()
    )
    x_hat = coding.reconstruct(model, found.x)
    off = np.where(found.observed, x_hat - found.x, 0)
    error = map_arrays(model, found)["squared_error"]
    np.testing.assert_allclose(error, (off**2).sum(1), rtol=2e-3)
    scores = evaluate(model, found.x, observed=found.observed)
    known = found.x[found.observed]
    assert scores["rmse"] == pytest.approx(np.sqrt((off[found.observed] ** 2).mean()))
    assert scores["rmse_constant"] == pytest.approx(known.std())


def test_sequences_have_scores_per_frame():
    request = asked("sequence_ae")
    scores = evaluate(built(request), request.data.x)
    frames = request.data.x.shape[1]
    for name in ("squared_error", "squared_error_mean_image"):
        assert scores[f"{name}_frame"] == pytest.approx(scores[name] / frames)


def test_a_seen_quadrant_is_the_only_thing_told():
    model = built(asked("guessing_vae"))
    x = torch.rand(300, 1, 12, 12)
    told = model.told(x, None, torch.Generator().manual_seed(0))
    assert torch.equal(told.image, x * told.seen)
    shown = told.seen[:, 0, [0, 0, -1, -1], [0, -1, 0, -1]]  # the corners
    assert (shown.sum(1) == 1).all() and (shown.mean(0) > 0.15).all()
    assert (told.seen.mean((1, 2, 3)) == 0.25).all()
    first = model.told(x, None).seen
    assert first[:, :, :6, :6].all() and first.sum() == 300 * 36


def test_a_variant_without_labels_says_so():
    with pytest.raises(ConfigError, match="needs data with labels"):
        models.build("labelled_vae", small_config("labelled_vae"), Signature((1, 12, 12), 0))


def test_what_nobody_is_told_stays_empty():
    model = built_model("vae", small_config("vae"), small_data("images"))
    assert model.condition(torch.zeros(2, 1, 12, 12), torch.zeros(2)) == Condition()
