"""What a hundred kills cost: `python -m benchmarks.kills [KILLS] [SEED]`.

`core train`, a worker with its queue, and a server with its own worker are killed (SIGKILL) at
random moments and begun anew, each over a store of its own. After every kill the store is read: a
run that was finished must still be there, and none may be listed that is torn. At the end the queue
must have been worked off. Ends with 1 where anything was lost.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch

from core import __main__ as program
from core import data
from core.config import TrainConfig
from core.models import variant
from core.store import checkpoints, leftovers
from core.store.checkpoints import CheckpointError
from core.training import jobs, runner
from core.training import worker as training_worker
from core.training.limits import Limits

ROOT = Path(__file__).resolve().parents[1]
SHARES = {"core train": 0.4, "worker": 0.4, "server": 0.2}  # of the kills
KNOBS = {"hidden": (8,)}
TRAIN = {"epochs": 4.0, "batch_size": 400}
PATIENCE = 240.0  # seconds for what must come


@dataclass
class Tally:
    """What the kills of one kind of process came to."""

    kills: int = 0
    working: int = 0  # of these while a training was in work or being saved
    finished: set[str] = field(default_factory=set)  # ids of runs that were whole once
    lost: set[str] = field(default_factory=set)  # of these no longer there
    torn: set[str] = field(default_factory=set)  # sentences about what is no whole run
    given_up: int = 0  # by the queue after three deaths on the spot, and asked for again
    waiting: int = 0  # asked for and in the end not there
    left: int = 0  # files and folders in the store that a sweep leaves and that are nothing


def ask_for(store: Path, seed: int) -> str:
    """Put a small training into a store's queue; gives its id."""
    digits = data.load("mnist-5k", "train")
    config = variant("vae").Config.checked(KNOBS)
    how = TrainConfig.checked({**TRAIN, "seed": seed})
    asked = checkpoints.Request("vae", config, digits, how)
    request = jobs.JobRequest(
        id=asked.id,
        variant="vae",
        config=config.model_dump(mode="json"),
        data="mnist-5k",
        split="train",
        train=how.model_dump(mode="json"),
        samples=1000,
        expected=1.0,
    )
    jobs.submit(store, request, "visitor-kills", Limits(waiting=1000, queue=10_000))
    return asked.id


def look(store: Path, tally: Tally) -> None:
    """Read a store as a page does, and every file of every run in it."""
    listing = checkpoints.list_runs(store)
    tally.torn |= set(listing.problems)
    for run in listing.runs.values():
        try:
            for file in run.record.files:
                checkpoints.read_tensors(run, file)
        except CheckpointError as error:
            tally.torn.add(str(error))
    done = {run.id for run in listing.runs.values() if run.record.status == "complete"}
    tally.lost |= tally.finished - done
    tally.finished |= done


def begun(store: Path, main: Callable[[list[str]], Any], *argv: str) -> BaseProcess:
    """Begin a program in a process of its own, forked from this one, which has read its code: so
    that kills meet it at work and not while torch is being read."""
    held_open, _ = os.pipe()  # its other end stays here, as a worker's does with its server

    def child() -> None:
        nothing = os.open(os.devnull, os.O_WRONLY)
        for number, place in ((held_open, 0), (nothing, 1), (nothing, 2)):
            os.dup2(number, place)
        sys.stdin = open(0)  # noqa: SIM115
        os.environ["LATENT_EXPLORER_RUNS"] = str(store)
        os.setsid()
        torch.set_num_threads(1)
        os._exit(main(list(argv)) or 0)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    os.close(held_open)
    return process


def end(process: BaseProcess) -> bool:
    """Kill a process; whether it was alive."""
    alive = process.is_alive()
    process.kill()
    process.join(30)
    return alive


def moments(draw: random.Random, usual: float) -> Iterator[float]:
    """Moments in the life of a process that usually lives so many seconds: any of it."""
    while True:
        yield draw.uniform(0.0, 1.15 * usual)


def kill_trainer(store: Path, kills: int, draw: random.Random, tally: Tally) -> None:
    """Kill `core train`; what it trained is asked for again until it is there."""

    def command(seed: int) -> BaseProcess:
        flags = {**TRAIN, "hidden": 8, "seed": seed, "split": "train", "store": str(store)}
        told = [str(part) for name, value in flags.items() for part in (f"--{name}", value)]
        told = [part.replace("batch_size", "batch-size") for part in told]
        return begun(store, program.main, "train", "vae", *told)

    def whole(seed: int) -> float:
        began, process = time.monotonic(), command(seed)
        process.join(PATIENCE)
        if process.exitcode != 0:
            raise RuntimeError(f"core train ended with {process.exitcode}")
        return time.monotonic() - began

    usual = whole(10**6)
    look(store, tally)
    seed = 0
    for after in moments(draw, usual):
        process = command(seed)
        process.join(after)
        if end(process):
            tally.kills += 1
            tally.working += after > 0.2 * usual
        else:
            seed += 1  # it was there in time
        look(store, tally)
        seed += draw.random() < 0.3
        if tally.kills >= kills:
            break
    whole(seed)
    look(store, tally)


def kill_workers(
    store: Path,
    kills: int,
    draw: random.Random,
    tally: Tally,
    start: Callable[[Path], BaseProcess],
    usual: float,
) -> None:
    """Kill what works a queue off; what is asked for must come in the end."""
    asked: list[str] = []
    for number in range(kills):
        again(store, asked, tally)
        while len(jobs.jobs(store)) < 2:
            asked.append(ask_for(store, len(asked)))
        began = time.time()
        process = start(store)
        time.sleep(draw.uniform(0.0, usual))
        if number % 3:  # surely at work
            wait_for(lambda began=began: at_work(store, began))
            time.sleep(draw.uniform(0.0, usual / 3))
        tally.working += at_work(store, began)
        end(process)
        tally.kills += 1
        look(store, tally)
    again(store, asked, tally)
    process = start(store)
    try:
        wait_for(lambda: not jobs.jobs(store), False)
    finally:
        end(process)
    look(store, tally)
    tally.waiting = len(set(asked) - tally.finished)


def at_work(store: Path, since: float) -> bool:
    """Whether a worker that began then has a training in hand: its beat is fresh."""
    for job in jobs.jobs(store):
        with contextlib.suppress(OSError):
            if (job.folder / jobs.BEAT).stat().st_mtime > since:
                return True
    return False


def again(store: Path, asked: list[str], tally: Tally) -> None:
    """Ask again for what was given up, because its worker was killed too often before it had come
    any further."""
    for job in jobs.jobs(store):
        if job.status == "failed":
            ask_for(store, asked.index(job.id))
            tally.given_up += 1


def wait_for(holds: Callable[[], bool], must: bool = True) -> None:
    """Wait until something holds, for as long as there is patience."""
    until = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > until:
            if must:
                raise RuntimeError("a worker does not begin")
            return
        time.sleep(0.01)


def worker(store: Path) -> BaseProcess:
    """A worker over a store."""
    return begun(store, training_worker.main, "--store", str(store), "--nice", "0")


def server(store: Path) -> BaseProcess:
    """A server, whose worker comes at once, since nobody opens a page here."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def main(argv: list[str]) -> None:
        program = (
            "import explorer.serving as serving; serving.WORKERS_AFTER = 0.1; "
            "from streamlit.web.cli import main; main()"
        )
        os.environ |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-c", program, *argv])

    told = ("--server.port", str(port), "--server.address", "127.0.0.1")
    return begun(store, main, "run", "explorer/app.py", "--server.headless", "true", *told)


def run(kills: int = 100, seed: int = 0) -> Iterator[tuple[str, Tally]]:
    """Kill; gives by kind of process what came of it."""
    # What a process reads when it begins, so that every fork of this one has it.
    assert runner and data.load("mnist-5k", "train")
    for kind, share in SHARES.items():
        if share * kills < 1:
            continue
        draw = random.Random(f"{seed} {kind}")
        tally = Tally()
        count = round(share * kills)
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder) / "runs"
            store.mkdir()
            if kind == "core train":
                kill_trainer(store, count, draw, tally)
            elif kind == "worker":
                kill_workers(store, count, draw, tally, worker, 3.0)
            else:
                kill_workers(store, count, draw, tally, server, 8.0)
            leftovers.sweep(store, older=-1.0)
            tally.left = len([path for path in store.iterdir() if path.name != jobs.QUEUE])
            tally.left -= len(checkpoints.list_runs(store).runs)
            tally.left += len(list((store / jobs.QUEUE).glob(".[ng]*")))
        yield kind, tally


def main(argv: list[str]) -> int:
    """Kill, print the table, and say by the exit status whether anything was lost."""
    began = time.monotonic()
    print("| process | kills | at work | finished | lost | torn | given up | waiting | left over |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    wrong: list[str] = []
    kills = 0
    for kind, tally in run(*map(int, argv)):
        numbers = (tally.kills, tally.working, len(tally.finished), len(tally.lost))
        numbers += (len(tally.torn), tally.given_up, tally.waiting, tally.left)
        print(f"| {kind} | {' | '.join(map(str, numbers))} |", flush=True)
        kills += tally.kills
        wrong += [*sorted(tally.lost), *sorted(tally.torn)]
        wrong += [f"{kind}: {n}" for n in (tally.waiting, tally.left) if n]
    print(f"\n{kills} kills in {time.monotonic() - began:,.0f} s.")
    print(*wrong, sep="\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
