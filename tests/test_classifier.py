"""core.judge: what is no digit, the training, and the shipped classifier."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from core import data
from core.__main__ import main
from core.judge import classifier, exposure, frechet
from core.judge.classifier import ClassifierError
from core.store import checkpoints
from tests.digits import real_mnist_root


@pytest.fixture(scope="module")
def digits():
    return data.load("mnist-5k", "all")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def batch(digits, count=256):
    x = torch.from_numpy(digits.x[:count]).float() / 255
    return x, torch.from_numpy(digits.labels[:count])


# --- What is no digit -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", exposure.KINDS)
def test_every_kind_is_seeded_pictures_in_range(name, digits):
    x, labels = batch(digits)
    maker = exposure.KINDS[name][0]
    made = maker(x, labels, generator())
    assert made.shape[1:] == (1, 28, 28) and 0 < len(made) <= len(x)
    assert made.min() >= 0 and torch.isfinite(made).all()
    assert torch.equal(made, maker(x, labels, generator()))
    assert not torch.equal(made[:100], maker(x, labels, generator(1))[:100])
    nearest = torch.cdist(made.flatten(1), x.flatten(1)).min(1).values
    assert (nearest > 1).float().mean() > 0.95, "most of them are digits as they came in"


def test_blends_are_of_two_classes():
    labels = torch.arange(400) % 10
    x = 2.0 ** -labels.float()[:, None, None, None].expand(-1, 1, 28, 28)
    made = exposure.blends(x, labels, generator())
    assert 0.85 < len(made) / 400 < 0.95  # one in ten meets its own class
    mixed = made[:, 0, 0, 0]
    values = 2.0 ** -np.arange(10.0)
    possible = np.zeros(len(made), bool)
    for one in values:
        for other in values[values != one]:
            low, high = sorted((0.35 * one + 0.65 * other, 0.65 * one + 0.35 * other))
            possible |= (mixed.numpy() >= low - 1e-6) & (mixed.numpy() <= high + 1e-6)
            possible |= (mixed.numpy() >= 0.6 * max(one, other)) & (mixed.numpy() <= 1)
    assert possible.all()


@pytest.mark.parametrize("size", [14, 7])
def test_shuffled_pieces_are_all_there(size, digits):
    x, labels = batch(digits, 50)
    made = exposure.shuffled(x, labels, generator(), size).numpy()

    def pieces(image):
        across = 28 // size
        cut = [
            image[0, r * size : (r + 1) * size, c * size : (c + 1) * size].tobytes()
            for r in range(across)
            for c in range(across)
        ]
        return sorted(cut)

    assert all(pieces(a) == pieces(b) for a, b in zip(made, x.numpy(), strict=True))
    assert (made != x.numpy()).any((1, 2, 3)).mean() > 0.9


def test_the_blur_is_scipy_s(digits):
    x = batch(digits, 5)[0]
    expected = np.stack(
        [gaussian_filter(one[0].numpy(), 2.0, mode="constant", truncate=2.5)[None] for one in x]
    )
    np.testing.assert_allclose(exposure.blurred(x, 2.0).numpy(), expected, atol=1e-5)


def test_changed_digits_stay_digits(digits):
    x, labels = batch(digits, 400)
    made = exposure.varied(x, generator())
    assert made.shape == x.shape and made.min() >= 0 and made.max() <= 1 + 1e-6
    assert not torch.equal(made, x)
    ink = made.sum((1, 2, 3)) / x.sum((1, 2, 3))
    assert 0.75 < ink.mean() < 1.1 and ink.min() > 0.4
    right = classifier.load().probabilities(made.numpy()).argmax(1) == labels.numpy()
    assert right.mean() > 0.95


# --- Training -------------------------------------------------------------------------------------


def test_a_seed_fixes_the_training(digits):
    def trained(seed):
        network = classifier.build(seed)
        steps = list(exposure.train(network, digits.subset(np.arange(256), "few"), 1, seed))
        return network.state_dict(), steps

    (first, steps), (second, again), (other, _) = trained(0), trained(0), trained(1)
    assert steps[-1].step == steps[-1].steps == 2 and steps[-1].samples == 256
    assert [s.terms for s in steps] == [s.terms for s in again]
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name])
        assert not torch.equal(tensor, other[name])
    # Before it has learnt anything every answer is near uniform: ln 10 nats, half of it weighted.
    assert steps[0].terms["digits"] == pytest.approx(np.log(10), abs=0.1)
    assert steps[0].terms["no_digits"] == pytest.approx(exposure.EXPOSED * np.log(10), abs=0.1)


@pytest.fixture(scope="module")
def small(digits, tmp_path_factory):
    """A classifier trained for seconds, on 900 digits and 100 for the threshold."""
    path = tmp_path_factory.mktemp("classifier") / "new" / "small.safetensors"
    splits = [digits.subset(part, "part") for part in np.split(np.arange(1800), [1000, 1400])]
    list(exposure.make(path, *splits, epochs=6))
    return path, splits


def test_what_is_written_is_what_was_measured(small):
    path, (trained_on, test, held_out) = small
    found = classifier.load(path)
    facts = found.facts
    assert facts.trained_count == 900 and facts.threshold_on.startswith("100 digits")
    assert facts.exposed_to == tuple(exposure.KINDS)
    right = found.probabilities(test.x).argmax(1) == test.labels
    assert facts.accuracy == pytest.approx(right.mean()) and facts.accuracy > 0.5
    assert facts.share_real == pytest.approx(found.confident(test.x).mean())
    assert facts.shares["real"] == pytest.approx(found.confident(held_out.x).mean())
    for name, images in exposure.references(held_out, facts.seed).items():
        assert facts.shares[name] == pytest.approx(found.confident(images).mean()), name
    assert facts.passing >= exposure.PASS
    aside = np.random.default_rng(0).permutation(1000)[:100]
    most = found.probabilities(trained_on.x[np.sort(aside)]).max(1)
    assert (most >= facts.threshold).mean() == pytest.approx(facts.passing)
    assert (most >= facts.threshold + 0.01).mean() < exposure.PASS, "the highest in hundredths"
    assert [p.name for p in path.parent.iterdir()] == [path.name], "nothing else is left there"


def test_probabilities_are_the_network_s_in_any_number(small, digits):
    found = classifier.load(small[0])
    x = digits.x[:1003]
    whole = found.probabilities(x)
    assert whole.shape == (1003, 10)
    np.testing.assert_allclose(whole.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(found.probabilities(x[1000:] / 255), whole[1000:], atol=1e-5)
    beyond = np.where(x[:9] > 99, 1.7, -0.4).astype(np.float32)
    clipped = np.where(x[:9] > 99, np.uint8(255), np.uint8(0))
    np.testing.assert_array_equal(found.probabilities(beyond), found.probabilities(clipped))
    assert found.probabilities(x[:0]).shape == (0, 10)
    with pytest.raises(ClassifierError, match=r"shape \(count, 1, 28, 28\); got \(3, 28, 28\)"):
        found.probabilities(np.zeros((3, 28, 28)))


# --- The shipped one ------------------------------------------------------------------------------


def test_the_shipped_classifier_knows_digits_and_what_is_none(digits):
    found = classifier.load()
    facts = found.facts
    assert classifier.file().stat().st_size <= 1_500_000
    assert facts.trained_on == "mnist/train-55k" and facts.trained_count == 52_500
    held_out = found.probabilities(digits.x)
    right = held_out.argmax(1) == digits.labels
    assert facts.accuracy_held_out == pytest.approx(right.mean(), abs=1e-4)
    assert right.mean() >= 0.985 and facts.accuracy >= 0.99
    shares = {"real": digits.x} | exposure.references(digits, facts.seed)
    assert set(shares) == set(facts.shares)
    for name, images in shares.items():
        assert facts.shares[name] == pytest.approx(found.confident(images).mean(), abs=2e-3), name
    assert facts.shares["real"] >= 0.97 and facts.share_real >= 0.97
    assert facts.shares["noise"] == 0 == facts.shares["mean"]
    assert max(facts.shares[name] for name in ("clouds", "crumbled")) < 0.05
    assert facts.shares["blend"] < 0.25


def test_the_shipped_classifier_on_the_official_test_set():
    test = data.load("mnist", "test", real_mnist_root())
    found = classifier.load()
    right = found.probabilities(test.x).argmax(1) == test.labels
    assert found.facts.accuracy == pytest.approx(right.mean(), abs=1e-4)
    assert found.facts.share_real == pytest.approx(found.confident(test.x).mean(), abs=1e-3)


def test_the_store_takes_no_offence_at_it():
    assert classifier.file().is_file()
    assert checkpoints.list_runs(checkpoints.shipped_store()).problems == ()


# --- Faults ---------------------------------------------------------------------------------------


def test_a_classifier_that_is_not_there_or_torn_is_one_sentence(tmp_path, small):
    missing = tmp_path / "none.safetensors"
    with pytest.raises(ClassifierError, match=r"There is no none.safetensors in .*; `python -m"):
        classifier.facts(missing)
    torn = tmp_path / "torn.safetensors"
    content = small[0].read_bytes()
    torn.write_bytes(content[: len(content) // 2])
    foreign = tmp_path / "foreign.safetensors"
    foreign.write_bytes((checkpoints.shipped_store() / "x").name.encode() * 100)
    for path in (torn, foreign):
        with pytest.raises(ClassifierError, match=f"{path.name} is torn or foreign"):
            classifier.load(path)


def test_the_command_refuses_in_one_sentence(capsys, tmp_path, monkeypatch):
    assert main(["classifier", "--epochs", "0"]) == 2
    assert capsys.readouterr().err == "Epochs must be above 0 and at most 1000; got 0.\n"
    monkeypatch.setenv("LATENT_EXPLORER_DATA", str(tmp_path))
    assert main(["classifier", "--to", str(tmp_path / "c.safetensors")]) == 2
    assert capsys.readouterr().err.startswith("mnist is not here: ")
    assert list(tmp_path.iterdir()) == []


def test_the_command_trains_and_says_what_came_of_it(capsys, tmp_path):
    real_mnist_root()
    path = tmp_path / "c.safetensors"
    assert main(["classifier", "--epochs", "0.01", "--to", str(path)]) == 0
    assert f"{path} answers " in capsys.readouterr().out
    assert classifier.facts(path).epochs == 0.01


def test_fid_is_small_between_real_digits_and_grows_with_what_is_done_to_them():
    x = data.load("mnist-5k", "all").x
    one, other = x[:1500], x[1500:3000]
    pattern = np.random.default_rng(0).random(other.shape)
    found = [frechet.fid(np.where(pattern < share, 0, other), one) for share in (0, 0.1, 0.3, 0.6)]
    assert found[0] < 5 and all(2 * a < b for a, b in pairwise(found)), found
    with pytest.raises(ClassifierError, match=r"got \(2, 784\)"):
        frechet.features(np.zeros((2, 784)))
