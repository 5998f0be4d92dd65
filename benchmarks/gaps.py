"""One network for every β, or for every noise level, beside networks trained for one value of it.

`python -m benchmarks.gaps`; two minutes. Reads the shipped runs; ends with 1 where a gap is above
its limit.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from core import data
from core.store import checkpoints, loading, records
from core.store.checkpoints import Run
from core.training.evaluate import rate_distortion

LIMIT = 1.0  # percent of the objective by which the one network may be worse


def beta_gaps(runs: Sequence[Run]) -> tuple[list[str], list[str]]:
    """Rows of the table over β, and what missed the limit."""
    held_out = data.load("mnist-5k", "all")
    rows, missed = [], []
    for run in runs:
        dial = records.dial_of(run)
        if not dial or dial["knob"] != "beta":
            continue
        model = None
        for beta, other in records.dedicated(run, runs).items():
            model = model or loading.load_model(run)
            stored, own = records.objective_gap(run, other), records.trade_of(other)
            scores = rate_distortion(model, held_out.x, dial=beta)
            rate, distortion = scores["rate"], scores["cross_entropy_grey"]
            exact = records.Gap(beta, distortion + beta * rate, own.objective)
            rows.append(
                f"| {run.record.latent} | {beta:g} | {distortion:.2f} | {rate:.2f} "
                f"| {exact.here:.2f} | {own.distortion:.2f} | {own.rate:.2f} | {own.objective:.2f} "
                f"| {exact.percent:+.2f} % | {stored.percent:+.2f} % |"
            )
            if exact.percent > LIMIT:
                missed.append(f"K = {run.record.latent}, β = {beta:g}")
    return rows, missed


def level_gaps(runs: Sequence[Run]) -> tuple[list[str], list[str]]:
    """Rows of the table over noise levels, and what missed the limit."""
    rows, missed = [], []
    for run in runs:
        dial = records.dial_of(run)
        if not dial or dial["knob"] != "level":
            continue
        for gap in records.noise_gaps(run, runs):
            noise = run.record.config["noise"]
            rows.append(
                f"| {noise} | {run.record.latent} | {gap.value:g} | {gap.here:.2f} "
                f"| {gap.dedicated:.2f} | {gap.percent:+.2f} % |"
            )
            if gap.percent > LIMIT:
                missed.append(f"{noise}, level {gap.value:g}")
    return rows, missed


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=checkpoints.shipped_store())
    runs = sorted(
        checkpoints.list_runs(parser.parse_args(argv).store).runs.values(),
        key=lambda run: (run.record.variant, run.record.latent, run.id),
    )
    rows, missed = beta_gaps(runs)
    print("Multi-rate VAE beside VAEs of the same layers trained for one β. Nats per image, mean")
    print(
        "over the 5,000 held-out digits, one draw of z; distortion D is the cross-entropy of grey"
    )
    print("pixels. The last column is what the page shows, between the stored knots.")
    print()
    print("| K | β | D | rate R | D + βR | D alone | R alone | D + βR alone | gap | by knots |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    print("\n".join(rows))
    print()
    more, also = level_gaps(runs)
    print(
        "Level-conditional denoising AE beside DAEs of the same layers trained at one level of the"
    )
    print("same noise. Squared error per image against the clean digit, on mnist-5k's test split.")
    print()
    print("| noise | K | level | one network | alone | gap |")
    print("|---|--:|--:|--:|--:|--:|")
    print("\n".join(more))
    print()
    missed += also
    if missed:
        print(f"Worse by more than {LIMIT:g} %: {'; '.join(missed)}.")
    else:
        print(f"No gap is above {LIMIT:g} %.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
