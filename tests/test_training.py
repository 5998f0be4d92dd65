"""The one loop. What is interrupted keeps its work, what diverges its last good."""

import math

import numpy as np
import pytest
import torch

from core import models
from core.config import ConfigError, TrainConfig
from core.latent import coding
from core.models import VARIANTS
from core.store import checkpoints, loading
from core.training import continuation, loop, runner, step
from tests.digits import QUICK, signature_of, small_config, small_data, small_digits

CPU = torch.device("cpu")


def asked(variant="stacked_ae", config=QUICK, count=100, **knobs):
    return checkpoints.Request(variant, small_config(variant, **knobs), small_digits(count), config)


def changed(**values):
    return TrainConfig.checked({**QUICK.model_dump(), **values})


def weights(model):
    return {name: t.clone() for name, t in model.state_dict().items()}


def finished(request, **options):
    model = models.build(
        request.variant, request.config, signature_of(request.data), request.train.seed
    )
    reports = list(loop.train(model, request.data, request.train, CPU, **options))
    return model, reports


# --- A training from end to end -----------------------------------------------------------------


def test_complete_run(tmp_path):
    request = asked("vae", changed(epochs=6))
    held_out, digits = small_digits(40, 100), small_digits(50, 140)
    reports = list(runner.run(request, tmp_path, test=held_out, on_map=digits, device=CPU))
    assert [r.step for r in reports] == list(range(1, 31))
    assert [r.samples for r in reports] == [20 * r.step for r in reports]
    listing = checkpoints.list_runs(tmp_path)
    assert not listing.problems and list(listing.runs) == [request.id]
    record = listing.runs[request.id].record
    assert (record.status, record.variant, record.device) == ("complete", "vae", "cpu")
    assert record.samples == 600 and record.seconds > 0
    assert record.data.fingerprint == request.data.fingerprint
    assert record.data.shape == (1, 12, 12) and record.data.count == 100
    assert TrainConfig.checked(record.train) == request.train
    assert VARIANTS["vae"].Config.checked(record.config) == request.config
    assert record.capabilities["has_posterior"] and record.capabilities["kinds"] == ["images"]

    assert len(record.history) == 30
    for entry, report in zip(record.history, reports, strict=True):
        assert set(entry) == {"step", "samples", "reconstruction", "kl"}
        assert entry["step"] == report.step
        assert entry["kl"] == pytest.approx(report.terms["kl"], rel=1e-5)

    assert set(record.metrics) == {"small/100-140", "small/140-190"}
    for scores in record.metrics.values():
        assert {"squared_error", "squared_error_mean_image", "rate", "elbo_binary"} < set(scores)
    first, second = record.metrics.values()
    assert first != second

    arrays = checkpoints.read_tensors(listing.runs[request.id], checkpoints.CODES)
    model = loading.load_model(listing.runs[request.id])
    assert arrays["codes"].shape == (50, 3) and arrays["plane_basis"].shape == (2, 3)
    np.testing.assert_allclose(arrays["codes"], coding.encode(model, digits.x).mean, rtol=1e-3)
    error = ((digits.x / 255 - coding.reconstruct(model, digits.x)) ** 2).sum((1, 2, 3))
    np.testing.assert_allclose(arrays["squared_error"], error, rtol=2e-3)


def test_request_has_one_id_on_every_machine():
    ids = {
        asked().id,
        asked(latent=4).id,
        asked("vae").id,
        asked(count=99).id,
        asked(config=changed(seed=1)).id,
    }
    assert len(ids) == 5 and asked().id in ids
    assert asked(latent=4).id.startswith("stacked_ae-k4-")


def test_closed_form_is_one_step(tmp_path):
    request = asked("pca")
    (report,) = runner.run(request, tmp_path, on_map=small_digits(30, 100))
    assert (report.step, report.steps, report.samples) == (1, 1, 100)
    record = checkpoints.open_run(tmp_path / request.id).record
    assert record.status == "complete" and record.capabilities["closed_form"]


def test_reports_about_two_hundred_times():
    _, reports = finished(asked("linear_ae", changed(epochs=9.5, batch_size=2)))
    assert 190 <= len(reports) <= 240
    assert reports[-1].step == reports[-1].steps == 475


def test_terms_are_means_since_the_last_report():
    still = changed(epochs=8, batch_size=2, learning_rate=1e-12, start="plain")
    request = asked("linear_ae", still)
    _, reports = finished(request)
    assert reports[0].steps == 400 and len(reports) == 200, "each report stands for two steps"
    model = models.build("linear_ae", request.config, signature_of(request.data))
    x = coding.to_tensor(request.data.x)
    error = (model.reconstruct(x) - x).square().sum((1, 2, 3)).mean().item()
    assert np.mean([r.loss for r in reports]) == pytest.approx(error, rel=1e-4)


def test_every_example_is_seen_once_an_epoch():
    """With one example a step and no learning, an epoch's losses are the examples' own."""
    still = changed(epochs=2, batch_size=1, learning_rate=1e-12, start="plain")
    request = asked("linear_ae", still, count=50)
    model, reports = finished(request)
    x = coding.to_tensor(request.data.x)
    each = (model.reconstruct(x) - x).square().sum((1, 2, 3)).detach().numpy()
    losses = np.array([r.loss for r in reports])
    assert len(losses) == 100
    for epoch in (losses[:50], losses[50:]):
        np.testing.assert_allclose(np.sort(epoch), np.sort(each), rtol=1e-4)
    assert not np.allclose(losses[:50], losses[50:])


@pytest.mark.parametrize(
    ("epochs", "batch_size", "steps"), [(0.5, 20, 2), (1e-6, 20, 1), (3, 5000, 3), (0.75, 100, 1)]
)
def test_parts_of_an_epoch_and_large_batches(epochs, batch_size, steps):
    _, reports = finished(asked("linear_ae", changed(epochs=epochs, batch_size=batch_size)))
    assert reports[-1].step == reports[-1].steps == steps
    assert reports[-1].samples == steps * min(batch_size, 100)


def test_schedules_of_the_learning_rate():
    config = TrainConfig(learning_rate=0.1, schedule="cosine", warmup=0.1)
    rates = [step.rate_at(p, config) for p in np.linspace(0, 1, 101)]
    assert rates[0] < 0.01 and rates[-1] == pytest.approx(0)
    assert 0.09 < max(rates) <= 0.1 and 5 <= int(np.argmax(rates)) <= 15
    constant = TrainConfig(learning_rate=0.1, schedule="constant", warmup=0)
    assert {step.rate_at(p, constant) for p in (0, 0.5, 1)} == {0.1}


def test_loading_what_was_not_drawn_leaves_the_random_state_alone(tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    models.build("stacked_ae", small_config("stacked_ae"), signature_of(small_digits()), seed=9)
    assert torch.equal(torch.rand(3), expected)


# --- Interrupted --------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["close", "KeyboardInterrupt", "RuntimeError"])
def test_interrupted_training_keeps_its_work(tmp_path, how):
    request = asked(config=changed(epochs=6))
    training = runner.run(request, tmp_path, test=small_digits(30, 100), device=CPU)
    for _ in range(7):
        last = next(training)
    if how == "close":
        training.close()
    else:
        error = {"KeyboardInterrupt": KeyboardInterrupt, "RuntimeError": RuntimeError}[how]
        with pytest.raises(error):
            training.throw(error("stopped by the test"))
    found = checkpoints.open_run(tmp_path / request.id)
    assert found.record.status == "stopped"
    assert found.record.samples == last.samples == 140
    assert len(found.record.history) == 7 and "small/100-130" in found.record.metrics
    loaded = loading.load_model(found)
    reference = models.build("stacked_ae", request.config, signature_of(request.data))
    taken = loop.train(reference, request.data, request.train, CPU)
    for _ in range(7):
        next(taken)
    for name, tensor in reference.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name


def test_stopped_before_the_first_report_leaves_nothing(tmp_path):
    training = runner.run(asked(), tmp_path, device=CPU)
    training.close()
    assert checkpoints.list_runs(tmp_path).runs == {}


def test_stopped_training_never_replaces_a_complete_one(tmp_path):
    request = asked(config=changed(epochs=2))
    loop.drain(runner.run(request, tmp_path, device=CPU))
    before = (tmp_path / request.id / checkpoints.RECORD).read_bytes()
    again = runner.run(request, tmp_path, device=CPU)
    next(again)
    again.close()
    assert (tmp_path / request.id / checkpoints.RECORD).read_bytes() == before


def test_complete_training_replaces_a_stopped_one(tmp_path):
    request = asked(config=changed(epochs=2))
    stopped = runner.run(request, tmp_path, device=CPU)
    next(stopped)
    stopped.close()
    assert checkpoints.open_run(tmp_path / request.id).record.status == "stopped"
    loop.drain(runner.run(request, tmp_path, device=CPU))
    assert checkpoints.open_run(tmp_path / request.id).record.status == "complete"


# --- What can't be trained ----------------------------------------------------------------------


def poisoned(at, monkeypatch, what):
    """From a step on, the loss or only its gradient is no longer a number."""
    kind, calls = VARIANTS["linear_ae"], []
    plain = kind.loss_terms

    def loss_terms(self, batch, output, progress):
        terms = plain(self, batch, output, progress)
        calls.append(progress)
        if len(calls) >= at:
            bad = (output.logits - output.logits.detach()).sum()  # zero, with a gradient
            terms["reconstruction"] = terms["reconstruction"] + (
                bad * float("nan") if what == "loss" else bad.sqrt()
            )
        return terms

    monkeypatch.setattr(kind, "loss_terms", loss_terms)


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_diverging_training_keeps_the_last_good_weights(tmp_path, monkeypatch, what):
    request = asked("linear_ae", changed(epochs=4))
    poisoned(8, monkeypatch, what)
    reference = models.build("linear_ae", request.config, signature_of(request.data))
    reports = []
    sentence = r"^Training diverged at step 8 of 20 \(.* is no longer a finite number\); "
    with pytest.raises(loop.TrainingError, match=sentence + "try a learning rate below 0.003"):
        for report in loop.train(reference, request.data, request.train, CPU):
            good = weights(reference)
            reports.append(report)
    assert len(reports) == 7
    assert all(torch.isfinite(t).all() for t in good.values())
    for name, tensor in reference.state_dict().items():
        assert torch.equal(tensor, good[name])


def test_diverging_run_is_kept_as_stopped(tmp_path, monkeypatch):
    poisoned(8, monkeypatch, "gradient")
    request = asked("linear_ae", changed(epochs=4))
    with pytest.raises(loop.TrainingError, match="diverged"):
        loop.drain(runner.run(request, tmp_path, test=small_digits(20, 100), device=CPU))
    found = checkpoints.open_run(tmp_path / request.id)
    assert found.record.status == "stopped" and found.record.samples == 140
    for tensor in checkpoints.read_tensors(found, checkpoints.WEIGHTS).values():
        assert np.isfinite(tensor).all()
    for scores in found.record.metrics.values():
        assert all(map(math.isfinite, scores.values()))
    loading.load_model(found)


def test_learning_rate_beyond_all_measure(tmp_path):
    """With nothing planted: a Gaussian likelihood of tiny σ at the largest learning rate."""
    config = changed(epochs=40, learning_rate=1.0, schedule="constant", warmup=0.0)
    request = asked("vae", config, likelihood="gaussian", sigma=1e-20, activation="relu")
    with pytest.raises(loop.TrainingError, match="try a learning rate below 1.$"):
        loop.drain(runner.run(request, tmp_path, device=CPU))
    for run in checkpoints.list_runs(tmp_path).runs.values():
        for tensor in checkpoints.read_tensors(run, checkpoints.WEIGHTS).values():
            assert np.isfinite(tensor).all()


def test_scores_that_are_no_numbers_are_left_out(tmp_path):
    """Weights may be finite and so large that their scores are not; the run stays readable."""
    request = asked("linear_ae")
    model, reports = finished(request)
    with torch.no_grad():
        model.encoder[1].weight.fill_(1e30)
        model.decoder[0].weight.fill_(1e30)
    runner.save(model, request, tmp_path, reports[-1], [], test=small_digits(20, 100))
    record = checkpoints.open_run(tmp_path / request.id).record
    assert set(record.metrics["small/100-120"]) == {"squared_error_mean_image"}


def test_nothing_to_train_on():
    empty = small_digits().subset([], "none")
    request = checkpoints.Request("linear_ae", small_config("linear_ae"), empty, QUICK)
    for variant in ("linear_ae", "pca"):
        model = models.build(variant, small_config(variant), signature_of(empty))
        with pytest.raises(loop.TrainingError, match="nothing to train on: small has no examples"):
            next(loop.train(model, request.data, request.train, CPU))


@pytest.mark.parametrize("kind", ["sequences", "ratings"])
def test_data_of_another_kind(tmp_path, kind):
    found = small_data(kind)
    request = checkpoints.Request("stacked_ae", small_config("stacked_ae"), found, QUICK)
    with pytest.raises(ConfigError, match=f"Stacked AE works on images, not on {kind}"):
        next(runner.run(request, tmp_path))
    assert not list(tmp_path.iterdir())


def test_full_disk_at_the_end_of_a_training(tmp_path, monkeypatch):
    def refuse(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "_write", refuse)
    with pytest.raises(checkpoints.CheckpointError, match="No space left on device"):
        loop.drain(runner.run(asked("linear_ae"), tmp_path, device=CPU))
    assert not list(tmp_path.iterdir())


def test_run_of_a_variant_that_is_unknown_here(tmp_path):
    request = asked("linear_ae")
    loop.drain(runner.run(request, tmp_path, device=CPU))
    found = checkpoints.open_run(tmp_path / request.id)
    newer = found.record.model_copy(update={"variant": "unheard_of"})
    with pytest.raises(ConfigError, match="no variant 'unheard_of'"):
        loading.load_model(checkpoints.Run(found.folder, newer))
    knobs = {**found.record.config, "unheard": 1}
    with pytest.raises(ConfigError, match="unheard is not a knob"):
        loading.load_model(
            checkpoints.Run(found.folder, found.record.model_copy(update={"config": knobs}))
        )


# --- On a GPU -----------------------------------------------------------------------------------


@pytest.mark.gpu
def test_cuda_trainings_agree_and_decode_like_the_cpu(tmp_path):
    cuda = torch.device("cuda")
    losses, models = [], []
    for _ in range(2):
        request = asked("vae", changed(epochs=10))
        model = models.build("vae", request.config, signature_of(request.data))
        losses.append([r.loss for r in loop.train(model, request.data, request.train, cuda)])
        models.append(model)
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-2)
    assert losses[0][-1] < losses[0][0]
    assert next(models[0].parameters()).device.type == "cuda"
    x = small_digits().x
    on_gpu = coding.encode(models[0], x).mean, coding.reconstruct(models[0], x)
    models[0].to("cpu")
    np.testing.assert_allclose(coding.encode(models[0], x).mean, on_gpu[0], atol=1e-2)
    np.testing.assert_allclose(coding.reconstruct(models[0], x), on_gpu[1], atol=1e-2)


@pytest.mark.gpu
@pytest.mark.parametrize("variant", list(VARIANTS))
def test_every_variant_trains_on_cuda_and_loads_on_the_cpu(tmp_path, variant):
    request = asked(variant)
    loop.drain(runner.run(request, tmp_path, test=small_digits(30, 100)))
    found = checkpoints.open_run(tmp_path / request.id)
    assert found.record.device.startswith("cuda") and found.record.status == "complete"
    assert next(loading.load_model(found).parameters()).device.type == "cpu"


def test_what_breaks_off_between_two_reports_leaves_the_weights_of_the_last_one(monkeypatch):
    dataset = small_data("images")
    model = models.build("stacked_ae", small_config("stacked_ae"), models.signature_of(dataset))
    steps = loop.train(model, dataset, QUICK.model_copy(update={"epochs": 400.0}))
    next(steps)
    reported = {name: t.clone() for name, t in model.state_dict().items()}
    calls = iter(range(100))
    usual = step.Step.__call__

    def interrupted(*arguments):
        if next(calls) == 3:
            raise KeyboardInterrupt
        usual(*arguments)

    monkeypatch.setattr(step.Step, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        next(steps)
    assert next(calls) == 4
    assert all(torch.equal(reported[name], t) for name, t in model.state_dict().items())


# --- Going on after the process was killed ------------------------------------------------------


@pytest.mark.parametrize("name", ["vae", "multirate_vae", "denoising_ae"])
def test_a_training_that_goes_on_ends_where_it_would_have(name):
    request = asked(name)

    def model():
        return models.build(name, request.config, signature_of(request.data), request.train.seed)

    whole, cut, again = model(), model(), model()
    reports = list(loop.train(whole, request.data, request.train, CPU))
    for progress in loop.train(cut, request.data, request.train, CPU):
        if progress.step == reports[6].step:
            state = {key: tensor.clone() for key, tensor in progress.state().items()}
            break
    rest = list(loop.train(again, request.data, request.train, CPU, state))
    assert [r.step for r in rest] == [r.step for r in reports[7:]]
    assert [r.terms for r in rest] == [r.terms for r in reports[7:]]
    assert rest[-1].seconds > float(state["seconds"])
    for key, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(again)[key]), key


def test_what_is_kept_is_used_once_and_only_for_the_same_run(tmp_path, monkeypatch):
    monkeypatch.setattr(continuation.Keeper, "EVERY", 0.0)
    request, kept = asked("vae"), tmp_path / "kept"
    training = runner.run(request, tmp_path / "other", kept=kept)
    for _ in range(5):
        stopped_at = next(training).step
    file = kept / continuation.Keeper.NAME
    state, history = continuation.Keeper(kept, request.id).found()
    assert int(state["step"]) == stopped_at and len(history) == 5
    assert continuation.Keeper(kept, "vae-k2-0123456789").found() == (None, [])
    assert continuation.Keeper(None, request.id).found() == (None, [])
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    assert continuation.Keeper(kept, request.id).found() == (None, [])
    file.write_bytes(content)
    steps = [progress.step for progress in runner.run(request, tmp_path / "store", kept=kept)]
    assert steps[0] == stopped_at + 1
    (run,) = checkpoints.list_runs(tmp_path / "store").runs.values()
    assert [entry["step"] for entry in run.record.history] == list(range(1, steps[-1] + 1))
    assert not kept.exists()
    training.close()


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_a_learner_moves_as_torch_s_own_class_does(decay):
    """Bit for bit, also where it goes on from what another one remembered."""
    config = TrainConfig.checked({"weight_decay": decay})
    start = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    untouched = torch.nn.Parameter(torch.ones(2))

    def fresh() -> step.Learner:
        return step.Learner([ours, untouched], config, torch.device("cpu"), betas=(0.8, 0.99))

    learner = fresh()
    reference = torch.optim.AdamW([theirs], betas=(0.8, 0.99), weight_decay=decay, fused=True)
    for number in range(6):
        if number == 3:
            kept = {name: slot.clone() for name, slot in learner.slots()}
            learner = step.Learner(
                [ours, untouched], config, torch.device("cpu"), betas=(0.8, 0.99)
            )
            learner.restore(kept)
        rate = 0.1 / (number + 1)
        learner.learn((ours**3).sum(), rate)
        reference.param_groups[0]["lr"] = rate
        reference.zero_grad()
        (theirs**3).sum().backward()
        reference.step()
        assert torch.equal(ours, theirs)
    assert torch.equal(untouched, torch.ones(2))
