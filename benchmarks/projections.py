"""UMAP and t-SNE of 5,000 codes as a page has them, beside the bare library call in the same run.

`python -m benchmarks.projections`; six minutes. Ends with 1 where a limit is missed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np

from core.latent import projections
from core.latent.results import Subject
from core.store import checkpoints, result_files
from explorer import live
from tests import browser as chromium

ROUNDS = 3  # of each, in turn; the medians are compared
RATIO = 1.1
CACHED = 50.0  # ms
READS = 20

BARE = {
    "umap": (
        "from umap import UMAP\n"
        f"map = UMAP(n_neighbors={projections.NEIGHBOURS}, random_state=0, n_jobs=1)"
    ),
    "tsne": (
        "from sklearn.manifold import TSNE\n"
        f"map = TSNE(perplexity={projections.PERPLEXITY}, init='pca', random_state=0)"
    ),
}


def bare(kind: str, codes: Path) -> tuple[float, np.ndarray]:
    """Seconds of a process that imports the library and lays the codes out, and the points."""
    points = codes.with_name("points.npy")
    script = (
        f"import numpy\n{BARE[kind]}\n"
        f"numpy.save({str(points)!r}, map.fit_transform(numpy.load({str(codes)!r})))"
    )
    started = time.perf_counter()
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True)
    return time.perf_counter() - started, np.load(points)


def ask(app: chromium.Served, path: str, method: str = "GET") -> bytes:
    """An answer of the app's own routes."""
    headers = {live.HEADER: "benchmark-visitor"}
    request = urllib.request.Request(f"{app.url}/latent/{path}", method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


def page(app: chromium.Served, run: checkpoints.Run, kind: str) -> tuple[float, str]:
    """Seconds from asking until the result is there, as a page asks, and its file's name."""
    place = f"derive/{run.id}/{kind}"
    started = time.perf_counter()
    state = json.loads(ask(app, place, "POST"))
    while state["status"] in ("waiting", "working"):
        time.sleep(0.05)
        state = json.loads(ask(app, place))
    if state["status"] != "ready":
        raise RuntimeError(f"{kind} of {run.id}: {state}")
    return time.perf_counter() - started, state["file"]


def cached(app: chromium.Served, run: checkpoints.Run, kind: str) -> list[float]:
    """Milliseconds of asking for a result that is there and reading it, each time."""
    found = []
    for _ in range(READS):
        started = time.perf_counter()
        _, file = page(app, run, kind)
        ask(app, f"derived/{file}")
        found.append(1000 * (time.perf_counter() - started))
    return found


def copies(like: checkpoints.Run, store: Path, count: int) -> list[checkpoints.Run]:
    """Runs with the codes of a shipped one, each a little moved: nothing is kept of them."""
    tensors = {name: checkpoints.read_tensors(like, name) for name in like.record.files}
    codes = tensors[checkpoints.CODES]["codes"]
    made = []
    for number in range(count):
        tensors[checkpoints.CODES]["codes"] = codes + np.float16((number + 1) / 64)
        run_id = f"{like.record.variant}-k{like.record.latent}-{number:010x}"
        record = like.record.model_copy(update={"id": run_id})
        made.append(checkpoints.save(store, record, tensors))
    return made


def main() -> int:
    runs = checkpoints.list_runs(checkpoints.shipped_store()).runs.values()
    like = next(r for r in runs if r.record.variant == "stacked_ae" and r.record.latent == 16)
    missed = []
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LATENT_EXPLORER_RUNS"] = str(Path(folder) / "runs")
        with chromium.serve(Path(folder)) as app:
            fresh = copies(like, app.user_store, ROUNDS)
            for kind in BARE:
                ours, theirs = [], []
                for run in fresh:
                    codes = Path(folder) / "codes.npy"
                    np.save(codes, Subject(run).codes)
                    seconds, points = bare(kind, codes)
                    theirs.append(seconds)
                    seconds, file = page(app, run, kind)
                    ours.append(seconds)
                    kept = result_files.read(app.user_store / result_files.FOLDER / file)[0][
                        "points"
                    ]
                    if not np.array_equal(points, kept):
                        raise RuntimeError(f"{kind}: the page's map is not the library's.")
                reads = cached(app, fresh[0], kind)
                ratio = float(np.median(ours) / np.median(theirs))
                p95 = float(np.percentile(reads, 95))
                rows.append(
                    f"| {kind} | {np.median(theirs):.1f} | {np.median(ours):.1f} | {ratio:.2f}x "
                    f"| {RATIO}x | {np.median(reads):.1f} | {p95:.1f} | {CACHED:g} |"
                )
                if ratio > RATIO:
                    missed.append(f"{kind}, first time")
                if p95 > CACHED:
                    missed.append(f"{kind}, cached")
    print(
        f"5,000 codes of {like.id}, {ROUNDS} rounds of each in turn, every first time in a process "
        f"of its own with its imports; the points are the same. Cached: {READS} reads over http."
    )
    print()
    print(
        "| map | bare library, s | page, first time, s | ratio | limit "
        "| cached, median, ms | p95 | limit |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    print("\n".join(rows))
    print()
    print(f"Missed: {', '.join(missed)}." if missed else "Every limit is kept.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
