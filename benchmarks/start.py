"""From `streamlit run` to the first decoded digit on screen, against an empty Streamlit page; and
how long a page's first visit takes, Train's beside another's.

`python -m benchmarks.start [--rounds 5]`; five minutes. Both are started the same way, in turns,
each in a fresh browser context with an empty cache. Ends with 1 where the limit is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import socket
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests import browser as chromium

LIMIT = 1.4
HEAVY = ("torch", "umap", "sklearn", "scipy", "pandas", "plotly", "torchvision", "pyarrow")
EMPTY = 'import streamlit as st\n\nst.write("ready")\n'
APP = chromium.REPOSITORY / "explorer" / "app.py"
# Looked for at every frame: what Playwright waits for by itself it looks for every half second.
DIGIT = """() => [...document.querySelectorAll("*")].some((element) =>
  element.shadowRoot?.querySelector('canvas[role=img][aria-label^="decoded digit"]'))"""
PAD = """() => [...document.querySelectorAll("*")].some((element) =>
  element.shadowRoot?.querySelector('.pad[aria-busy="false"]'))"""
FORM = """() => [...document.querySelectorAll('.stMain [class*="st-key-train"] button')].some(
  (button) => !button.disabled && button.dataset.testid === "stBaseButton-primary")"""
VISITS = {  # of what the first visit is measured, and what has to be on screen
    "PCA vs AE: its map": ("pca_vs_ae", PAD),
    "Train: a run's film": ("train", PAD),
    "Train: the form and its button": ("train", FORM),
}
WAITS = (0.0, 12.0)  # seconds since the server listens, at which somebody opens the page
READY = "() => document.querySelector('.stMain')?.textContent.includes('ready')"


@dataclass(frozen=True)
class Start:
    """One start; seconds from the command."""

    listening: float  # the server takes connections
    committed: float  # the browser has the page's first byte
    drawn: float  # what was waited for is on screen
    imported: frozenset[str]  # heavy packages that the server had imported by then


def start(browser: Browser, folder: Path, script: Path, sign: str, trace: bool = False) -> Start:
    """Start a server and open its page; stops the server again."""
    log = folder / "server.log"
    interpreter = ("-X", "importtime") if trace else ()
    began = time.perf_counter()
    with chromium.streamlit(
        script, log, *interpreter, LATENT_EXPLORER_RUNS=str(folder / "runs")
    ) as port:
        context = browser.new_context(**chromium.DESKTOP)
        page = context.new_page()
        page.set_default_timeout(1000 * chromium.PATIENCE)
        wait_for_port(port, log)
        listening = time.perf_counter() - began
        page.goto(f"http://127.0.0.1:{port}/", wait_until="commit")
        committed = time.perf_counter() - began
        chromium.wait_until(page, sign)
        drawn = time.perf_counter() - began
        imported = re.findall(r"^import time:.*\|\s+(\w+)$", log.read_text(), re.MULTILINE)
        context.close()
    return Start(listening, committed, drawn, frozenset(imported) & frozenset(HEAVY))


def first_visit(browser: Browser, folder: Path, address: str, sign: str, wait: float) -> float:
    """Seconds from opening a page to its sign, in a new server that nobody has asked for a page."""
    log = folder / "server.log"
    with chromium.streamlit(APP, log, LATENT_EXPLORER_RUNS=str(folder / "runs")) as port:
        context = browser.new_context(**chromium.DESKTOP)
        page = context.new_page()
        page.set_default_timeout(1000 * chromium.PATIENCE)
        wait_for_port(port, log)
        time.sleep(wait)
        began = time.perf_counter()
        page.goto(f"http://127.0.0.1:{port}/{address}", wait_until="commit")
        chromium.wait_until(page, sign)
        took = time.perf_counter() - began
        context.close()
    return took


def wait_for_port(port: int, log: Path) -> None:
    """Return as soon as something listens."""
    end = time.monotonic() + chromium.PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.01)
    raise RuntimeError(f"Nothing listens:\n{log.read_text()[-2000:]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    found: dict[str, list[Start]] = {"empty page": [], "Latent Explorer": []}
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        empty = folder / "empty.py"
        empty.write_text(EMPTY)
        what = {"empty page": (empty, READY), "Latent Explorer": (APP, DIGIT)}
        browser = chromium.launch(playwright)
        for script, sign in what.values():  # once unmeasured, so that both are in the disk's cache
            start(browser, folder, script, sign)
        for _ in range(rounds):
            for key, (script, sign) in what.items():
                found[key].append(start(browser, folder, script, sign))
        visits = {
            (key, wait): [first_visit(browser, folder, *one, wait) for _ in range(rounds)]
            for key, one in VISITS.items()
            for wait in WAITS
        }
        traced = {key: start(browser, folder, *one, trace=True) for key, one in what.items()}
        browser.close()
    print(f"Medians of {rounds} starts each, in turns; seconds from `streamlit run`.")
    print()
    print("| | server listens | page committed | drawn | spread | heavy imports by then |")
    print("|---|--:|--:|--:|--:|---|")
    medians = {}
    for key, starts in found.items():
        listening, committed, drawn = (
            statistics.median(getattr(one, field) for one in starts)
            for field in ("listening", "committed", "drawn")
        )
        medians[key] = drawn
        spread = f"{min(s.drawn for s in starts):.2f}–{max(s.drawn for s in starts):.2f}"
        heavy = ", ".join(sorted(traced[key].imported)) or "none"
        print(f"| {key} | {listening:.2f} | {committed:.2f} | {drawn:.2f} | {spread} | {heavy} |")
    ratio = medians["Latent Explorer"] / medians["empty page"]
    print()
    print(f"Ratio {ratio:.2f}x, limit {LIMIT}x: {'kept' if ratio <= LIMIT else 'missed'}.")
    print()
    print("A page's first visit in a new server, seconds from opening it; medians.")
    print()
    heads = [f"{wait:.0f} s after it listens" for wait in WAITS]
    print(f"| | {' | '.join(heads)} |")
    print("|---|--:|--:|")
    for key in VISITS:
        cells = [f"{statistics.median(visits[key, wait]):.2f}" for wait in WAITS]
        print(f"| {key} | {' | '.join(cells)} |")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
