"""Whose runs, own images and turns are whose: nobody changes another's or takes another's place."""

from __future__ import annotations

import os

import numpy as np
import pytest

from core.config import TrainConfig
from core.data import Dataset, Provenance
from core.store import checkpoints, image_sets, own_runs, rights, transfer
from core.store.checkpoints import RECORD, DataRecord, RunRecord
from core.store.own_runs import Keeping, ShelfError
from core.store.rights import MAKER, OWNER, THE_OWNER, Held, Person, surplus
from core.training import jobs
from core.training.limits import Limits

ANN, BEN = Person.visitor("visitor-ann"), Person.visitor("visitor-ben")
ALLOWED = Keeping(each=2, together=3)


@pytest.fixture
def made(tmp_path):
    """Makes small whole runs in a store: `made(maker, number)`, the later ones newer."""
    store = tmp_path / "runs"
    count = iter(range(10**6))

    def make(by, number=None):
        now = next(count)
        run_id = f"vae-k2-{now if number is None else number:010x}"
        data = DataRecord(
            name="mnist-5k",
            split="train",
            fingerprint="f",
            count=3,
            shape=(1, 28, 28),
            classes=10,
            kind="images",
        )
        record = RunRecord(
            software="0",
            id=run_id,
            variant="vae",
            config={"latent": 2},
            data=data,
            train=TrainConfig().model_dump(),
            status="complete",
            device="cpu",
            seconds=1.0,
            samples=3,
            capabilities={},
        )
        weights = {"w": np.zeros(3, np.float32)}
        run = checkpoints.save(store, record, {checkpoints.WEIGHTS: weights}, by.mark)
        os.utime(run.folder / RECORD, (1e9 + now, 1e9 + now))
        return run

    make.store = store
    return make


def there(store):
    return set(checkpoints.list_runs(store).runs)


# --- Marks ----------------------------------------------------------------------------------------


def test_a_mark_is_the_same_every_time_and_shows_no_name(made):
    assert ANN == Person.visitor("visitor-ann") != BEN and not ANN.owns
    run = made(ANN)
    assert (run.folder / MAKER).read_text() == ANN.mark and "ann" not in ANN.mark
    assert rights.maker_of(run.folder) == ANN.mark
    assert rights.maker_of(made(THE_OWNER).folder) == OWNER
    for odd in ("", "owner", "x" * 32, "0" * 31, "é"):
        (run.folder / MAKER).write_text(odd)
        assert rights.maker_of(run.folder) == OWNER, "what is torn or foreign is the owner's"


def test_a_mark_is_neither_in_the_record_nor_handed_over(made):
    run = made(ANN)
    archive = transfer.export_run(run)
    assert ANN.mark.encode() not in archive and MAKER.encode() not in archive
    assert ANN.mark not in (run.folder / RECORD).read_text()
    assert run.record.model_dump() == made(BEN, 0).record.model_dump(), "nor in its id"


def test_a_run_stays_whose_it_was_when_it_is_trained_anew(made):
    for first, then in ((ANN, BEN), (THE_OWNER, BEN), (ANN, THE_OWNER)):
        run = made(first, 77)
        assert rights.maker_of(made(then, 77).folder) == first.mark
        own_runs.delete(run)


# --- What one may -----------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["title", "keep", "let go", "delete"])
def test_only_who_made_it_and_the_owner_change_a_run(made, change):
    def do(run, who):
        if change == "delete":
            own_runs.delete(run, who)
        elif change == "title":
            own_runs.write_note(run, title="mine", by=who)
        else:
            own_runs.write_note(run, kept=change == "keep", by=who, allowed=ALLOWED)

    for of, others in ((ANN, (BEN,)), (THE_OWNER, (ANN, BEN))):
        run = made(of)
        own_runs.write_note(run, title="before", kept=change == "let go")
        before = own_runs.note(run)
        for other in others:
            assert not own_runs.may_change(run, other)
            with pytest.raises(ShelfError, match="somebody else's"):
                do(run, other)
        assert own_runs.note(run) == before and run.id in there(made.store)
        assert own_runs.may_change(run, of) and own_runs.may_change(run, THE_OWNER)
        do(run, of)
        assert own_runs.note(run) != before
        if change != "delete":
            do(run, THE_OWNER)


def test_what_ships_is_nobody_s_to_change(shipped):
    run = next(iter(shipped.values()))
    assert not own_runs.may_change(run, THE_OWNER) and not own_runs.may_change(run, ANN)


def test_a_run_that_was_taken_in_is_whose_who_brought_it(made):
    run = made(THE_OWNER)
    own_runs.give(run, ANN)
    assert own_runs.may_change(run, ANN) and not own_runs.may_change(run, BEN)
    own_runs.give(run, THE_OWNER)
    assert not own_runs.may_change(run, ANN)


# --- What one may keep --------------------------------------------------------------------------


def test_keeping_is_bounded_for_each_and_for_all(made):
    def keep(who):
        return own_runs.write_note(made(who), kept=True, by=who, allowed=ALLOWED)

    assert keep(ANN).kept and keep(ANN).kept
    with pytest.raises(ShelfError, match="You keep 2 runs, the most"):
        keep(ANN)
    assert keep(BEN).kept
    with pytest.raises(ShelfError, match="Visitors keep 3 runs here"):
        keep(BEN)
    for _ in range(5):
        assert keep(THE_OWNER).kept, "the owner is not bounded, nor does he bound others"
    first = next(run for run in checkpoints.list_runs(made.store).runs.values())
    own_runs.write_note(first, kept=False, by=ANN, allowed=ALLOWED)
    assert keep(BEN).kept


# --- What goes ----------------------------------------------------------------------------------


def test_two_hundred_of_one_visitor_take_nobody_s_place(made):
    others = {made(BEN).id for _ in range(3)} | {made(THE_OWNER).id for _ in range(4)}
    others.add(made(Person.visitor("visitor-cy")).id)
    own_runs.write_note(checkpoints.open_run(made.store / min(others)), kept=True)
    flood = [made(ANN).id for _ in range(40)]
    gone = own_runs.tidy(made.store, 20)
    assert set(gone) <= set(flood) and others <= there(made.store)
    assert gone == flood[: len(gone)], "the oldest first"
    assert made(BEN).id in there(made.store)
    assert set(own_runs.tidy(made.store, 20)) <= set(flood)


def test_what_is_kept_makes_no_new_run_go(made):
    for who in (ANN, BEN):
        for _ in range(4):
            own_runs.write_note(made(who), kept=True)
    new = [made(who).id for who in (ANN, BEN)]
    assert own_runs.tidy(made.store, 2) == [] and set(new) <= there(made.store)


def test_the_owner_s_runs_stay(made):
    mine = {made(THE_OWNER).id for _ in range(9)}
    made(ANN)
    own_runs.tidy(made.store, 1)
    assert mine <= there(made.store)


@pytest.mark.parametrize("seed", range(5))
def test_who_holds_most_lets_go_of_the_oldest(seed):
    draw = np.random.default_rng(seed)
    held = [
        Held(f"thing-{draw.integers(30)}", f"visitor-{draw.integers(4)}", float(i))
        for i in draw.permutation(60)
    ]
    held = list({(one.thing, one.by): one for one in held}.values())
    for most in (0, 1, 7, 29, 100):
        gone = surplus(held, most)
        rest = [one for one in held if one not in gone]
        things = {one.thing for one in held}
        assert len({one.thing for one in rest}) == min(most, len(things))
        for one in gone:  # each was the oldest of one of those who held most at the time
            later = gone[gone.index(one) :]
            then = [*rest, *later]
            counts = {by: sum(two.by == by for two in then) for by in {two.by for two in then}}
            assert counts[one.by] == max(counts.values())
            assert one.since == min(two.since for two in then if two.by == one.by)


# --- Who asked ----------------------------------------------------------------------------------


def test_a_job_is_whose_who_asked_first_and_still_wants_it(tmp_path):
    request = jobs.JobRequest(
        id="vae-k2-00000000aa",
        variant="vae",
        config={"latent": 2},
        data="mnist-5k",
        split="train",
        train={},
        samples=1,
        expected=1.0,
    )
    folder = tmp_path / jobs.QUEUE / request.id
    for visitor, owner in (("visitor-ben", False), ("visitor-ann", False), ("the-owner", True)):
        jobs.submit(tmp_path, request, visitor, Limits(), owner)
    for path in folder.glob("askers/*"):  # as if there had been seconds between them
        at = {"visitor-ben": 1e9, "visitor-ann": 1e9 + 5, "the-owner": 1e9 + 9}[path.name]
        os.utime(path, (at, at))
    assert jobs.maker(folder) == BEN.mark
    jobs.submit(tmp_path, request, "visitor-ben", Limits())
    assert jobs.maker(folder) == BEN.mark, "asking again gives no place up"
    jobs.stop(tmp_path, request.id, "visitor-ben")
    assert jobs.maker(folder) == ANN.mark
    jobs.stop(tmp_path, request.id, "visitor-ann")
    assert jobs.maker(folder) == OWNER
    assert jobs.find(tmp_path, request.id).request.bounded, "as it was asked for first"
    assert jobs.maker(tmp_path / "nothing") is None


# --- Own images ---------------------------------------------------------------------------------


@pytest.fixture
def bring(tmp_path, monkeypatch):
    """Keeps a set of own images of so much ink for somebody."""
    monkeypatch.setenv("LATENT_EXPLORER_RUNS", str(tmp_path))
    count = iter(range(10**6))

    def keep(ink, by):
        x = np.full((1, 1, 28, 28), ink, np.uint8)
        labels = np.full(1, -1, np.int64)
        set_id = image_sets.keep(Dataset("some", "all", x, labels, (), Provenance("", "")), by)
        now = 1e9 + next(count)
        os.utime(tmp_path / ".sets" / f"set-{set_id}.safetensors", (now, now))
        return set_id

    return keep


def kept_by(who):
    return {one.id for one in image_sets.list_sets() if who.mark in one.holders}


def test_sets_are_whose_who_brought_them(bring):
    mine, ours, owners = bring(1, ANN), bring(2, ANN), bring(3, THE_OWNER)
    assert bring(2, BEN) == ours and bring(3, BEN) == owners
    assert kept_by(ANN) == {mine, ours} and kept_by(BEN) == {ours, owners}
    assert kept_by(THE_OWNER) == {owners}, "who brings it later takes nothing away"
    assert len(image_sets.open_set(mine)) == 1, "whoever knows the id opens it"


def test_fifty_uploads_of_one_visitor_take_nobody_s_place(bring, monkeypatch):
    monkeypatch.setattr(image_sets, "MOST_SETS", 6)
    theirs = {bring(1, BEN), bring(2, BEN)}
    mine, shared = bring(3, THE_OWNER), bring(4, BEN)
    flood = [bring(ink, ANN) for ink in (4, *range(10, 30))]
    assert flood[0] == shared
    assert kept_by(BEN) == theirs | {shared} and kept_by(THE_OWNER) == {mine}
    assert kept_by(ANN) == set(flood[-3:])
    assert {one.id for one in image_sets.list_sets()} == theirs | {shared, mine, *flood[-3:]}
    holders = image_sets.folder() / image_sets.HOLDERS
    assert {path.name for path in holders.iterdir()} == theirs | {shared, *flood[-3:]}
