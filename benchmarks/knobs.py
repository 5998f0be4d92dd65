"""A frame while β or the noise level is dragged, and a switch of K, in headless Chromium.

`python -m benchmarks.knobs`; a minute. Ends with 1 where a limit is missed. The gaps to networks
that were trained for one value each are `python -m benchmarks.gaps`.
"""

from __future__ import annotations

import sys
import tempfile
from math import pi, sin
from pathlib import Path

import numpy as np
from playwright.sync_api import BrowserContext, Locator, sync_playwright

from tests import browser as chromium

MOVES = 150
FRAME = 16.0  # ms, the 95th percentile of a frame
SWITCH = 150.0  # ms, the median of a switch of K
ROUNDS = 4
_PAD = """canvas => {
  const pad = canvas.getRootNode().latentPad;
  return RESULT;
}"""


def asked(visit: chromium.Visit, result: str):
    """What an expression of the page's pad gives."""
    return visit.output.evaluate(_PAD.replace("RESULT", result))


def drag(visit: chromium.Visit, slider: Locator) -> tuple[np.ndarray, int]:
    """Drag a slider to and fro: milliseconds of each frame, and messages to the server."""
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    mouse = visit.page.mouse
    mouse.move(box["x"] + 0.5 * box["width"], middle)
    mouse.down()
    asked(visit, "(pad.timings.length = 0)")
    before = len(visit.frames)
    for i in range(1, MOVES + 1):
        mouse.move(box["x"] + (0.5 + 0.45 * sin(6 * pi * i / MOVES)) * box["width"], middle)
    timings = np.array(asked(visit, "pad.timings"))
    sent = len(visit.frames) - before
    mouse.up()
    if len(timings) < 0.5 * MOVES:
        raise RuntimeError(f"Of {MOVES} moves only {len(timings)} were drawn.")
    return timings, sent


def knobs(context: BrowserContext, app: chromium.Served) -> list[tuple[str, np.ndarray, int]]:
    """Each continuous knob dragged on its own page."""
    found = []
    for k in (2, 16):
        visit = chromium.Visit.open(context.new_page(), app.link("beta_and_k", k=k))
        slider = visit.page.get_by_label("β", exact=True)
        found.append((f"β, K = {k}", *drag(visit, slider)))
        visit.page.close()
    visit = chromium.Visit.open(context.new_page(), app.link("noise"), None)
    visit.page.locator('.pad[aria-busy="false"]').first.wait_for()
    for noise in ("gaussian", "masking", "salt_and_pepper"):
        visit.page.locator(f'[data-noise="{noise}"]').click()
        visit.page.wait_for_timeout(500)
        found.append((f"level, {noise}", *drag(visit, visit.page.locator('[data-part="level"]'))))
    visit.page.close()
    return found


def switches(context: BrowserContext, app: chromium.Served) -> tuple[np.ndarray, int]:
    """Milliseconds from a click on a stop of K to its drawn digit, map and charts; messages."""
    visit = chromium.Visit.open(context.new_page(), app.link("beta_and_k"))
    chromium.wait_until(
        visit.page,
        "() => [...document.querySelectorAll('*')]"
        ".some((e) => e.shadowRoot?.latentPad?.bench?.prefetched)",
    )
    before = len(visit.frames)
    for _ in range(ROUNDS):
        for k in (4, 8, 16, 32, 2):
            visit.page.locator(f'[data-k="{k}"]').click()
            visit.page.wait_for_timeout(500)
    times = np.array(asked(visit, "pad.bench.switches"))
    sent = len(visit.frames) - before
    visit.page.close()
    return times, sent


def main() -> int:
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium.serve(Path(folder)) as app,
        sync_playwright() as playwright,
    ):
        browser = chromium.launch(playwright)
        context = browser.new_context(**chromium.DESKTOP)
        dragged = knobs(context, app)
        switched, sent = switches(context, app)
        version = browser.version
        browser.close()
    print(
        f"{MOVES} moves a knob, headless Chromium {version}; a frame is gates, encoding, decoding, "
        "5,000 points and all numbers and charts beside them."
    )
    print()
    print("| knob | frames | median, ms | p95, ms | limit, ms | messages to the server |")
    print("|---|--:|--:|--:|--:|--:|")
    kept = True
    for name, timings, messages in dragged:
        p95 = float(np.percentile(timings, 95))
        kept &= p95 <= FRAME and messages == 0
        median = np.median(timings)
        print(f"| {name} | {len(timings)} | {median:.1f} | {p95:.1f} | {FRAME:g} | {messages} |")
    median = float(np.median(switched))
    kept &= median <= SWITCH and sent == 0
    print(
        f"| a switch of K | {len(switched)} | {median:.1f} | {np.percentile(switched, 95):.1f} "
        f"| {SWITCH:g} (median) | {sent} |"
    )
    print()
    print("Every limit is kept." if kept else "A limit is missed.")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
