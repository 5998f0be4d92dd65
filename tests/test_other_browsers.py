"""The app in Firefox and in WebKit, whose engine is Safari's: each page opens, a map is dragged, a
digit drawn, a file saved, and Back goes back. `make browsers`; not a part of the other tests' run.
"""

import math
import statistics
import time
from dataclasses import dataclass
from typing import Any

import pytest

from explorer.serving import ENTRIES
from tests import driving
from tests.browser import NoBrowserError
from tests.conftest import missing
from tests.driving import PATIENCE, Actions, Driven

pytestmark = pytest.mark.others

HOVER = 33.0  # ms, two frames: the 95th percentile from a hand's event to the drawn digit
GROUND = 15.0  # seconds until all decoded places of a map are there
MOVES = 120

# What each piece of JavaScript may use: the document and all that stands in its pads.
FIND = """
  const all = (selector, root = document) => [
    ...root.querySelectorAll(selector),
    ...[...root.querySelectorAll("*")].flatMap((element) =>
      element.shadowRoot ? all(selector, element.shadowRoot) : []),
  ];
  const one = (selector) => all(selector)[0];
  const shown = (selector) => all(selector).find((element) => element.getClientRects().length);
  const pad = () => one(".map-view").getRootNode().latentPad;
  const words = (element) => element.getAttribute("aria-label");
  const ink = (canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let sum = 0;
    for (let i = 0; i < data.length; i += 4) sum += (i + 1) % 97 * data[i];
    return sum;
  };
"""


@dataclass
class Hand:
    """A hand at one browser on the app."""

    browser: Driven
    url: str

    def see(self, expression: str, *given: Any) -> Any:
        """The value of an expression of what `FIND` finds and of `given`."""
        return self.browser.run(f"{FIND} return ({expression});", *given)

    def wait(self, expression: str, *given: Any) -> Any:
        """The value of an expression as soon as there is one."""
        return self.browser.run(
            f"""{FIND} const end = performance.now() + {1000 * PATIENCE};
            for (;;) {{
              const found = ({expression});
              if (found) return found;
              if (performance.now() > end) throw new Error("never " + {expression!r});
              await new Promise((next) => setTimeout(next, 50));
            }}""",
            *given,
        )

    def open(self, page: str, **parameters: str) -> None:
        asked = "&".join(f"{name}={value}" for name, value in ({"lang": "en"} | parameters).items())
        self.browser.open(f"{self.url}/{page}?{asked}")
        self.settled()

    def settled(self) -> None:
        """Until the page's pads have all that they asked for."""
        self.wait(
            """all(".pad").length && !one('.pad[aria-busy="true"]') && shown(".pad canvas")
            && !document.documentElement.dataset.hasOwnProperty("arriving")"""
        )

    def click(self, selector: str) -> None:
        x, y = self.wait(
            """await (async () => {
              const found = shown(given[0]);
              found?.scrollIntoView({ block: "center" });
              const middle = () => {
                const box = found?.getBoundingClientRect();
                const { x, y, width, height } = box ?? {};
                return width && [x + width / 2, y + height / 2].map(Math.round);
              };
              const first = middle();
              await new Promise((next) => setTimeout(next, 150));
              return first && String(first) === String(middle()) && first; // it stands still
            })()""",
            selector,
        )
        self.browser.hand([move(x, y), {"type": "pointerDown", "button": 0}, UP])

    def box(self, selector: str) -> list[float]:
        return self.see(
            """(() => {
              const found = shown(given[0]);
              found.scrollIntoView({ block: "center" });
              const { x, y, width, height } = found.getBoundingClientRect();
              return [x, y, width, height];
            })()""",
            selector,
        )


UP = {"type": "pointerUp", "button": 0}
DOWN = {"type": "pointerDown", "button": 0}
MAP = '.map-view canvas[tabindex="0"]'
OUTPUT = 'canvas[data-part="output"]'


def move(x: float, y: float) -> dict[str, Any]:
    return {"type": "pointerMove", "x": round(x), "y": round(y), "duration": 0}


def rosette(box: list[float], count: int) -> Actions:
    """Moves over the middle of a box."""
    x, y, width, height = box
    found = []
    for i in range(count):
        turn = 2 * math.pi * i / count
        reach = 0.1 + 0.25 * abs(math.sin(2.5 * turn))
        found.append(
            move(
                x + width * (0.5 + reach * math.cos(turn)),
                y + height * (0.5 + reach * math.sin(turn)),
            )
        )
    return found


@pytest.fixture(scope="module", params=driving.BROWSERS)
def hand(request, app, tmp_path_factory):
    try:
        with driving.BROWSERS[request.param](tmp_path_factory.mktemp(request.param)) as browser:
            print(f"\n{browser.name}")
            yield Hand(browser, app.url)
    except NoBrowserError as error:
        missing(str(error))


@pytest.fixture(autouse=True)
def quiet(hand):
    """No test leaves an error in the console."""
    before = len(hand.browser.errors) if hand.browser.errors else 0
    yield
    assert hand.browser.errors[before:] == []


@pytest.mark.parametrize("page", ENTRIES)
def test_each_page_opens(hand, page):
    began = time.monotonic()
    hand.open(page)
    print(f"{page or 'explore'}: {time.monotonic() - began:.1f} s")
    assert hand.see("one('h1').innerText.length") > 4
    assert hand.see("all('.failed, .stException').length") == 0
    assert hand.see("all('.pad canvas').some((canvas) => canvas.width > 20 && ink(canvas) > 0)")
    assert hand.see("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_hand_over_the_map_changes_the_digit_at_once(hand):
    hand.open("explore")
    box = hand.box(MAP)
    hand.browser.hand([move(box[0] + 0.5 * box[2], box[1] + 0.5 * box[3])])
    before = hand.see(f"[words(one('{OUTPUT}')), ink(one('{OUTPUT}'))]")
    hand.see("pad().timings.length = 0")
    for part in chunks(rosette(box, MOVES), 20):
        hand.browser.hand(part)
    times = hand.see("pad().timings")
    after = hand.see(f"[words(one('{OUTPUT}')), ink(one('{OUTPUT}'))]")
    assert after[0].startswith("decoded digit") and after[0] != before[0] and after[1] != before[1]
    assert len(times) > MOVES / 3
    p95 = statistics.quantiles(times, n=20)[-1]
    print(f"hover: median {statistics.median(times):.1f} ms, p95 {p95:.1f} ms of {len(times)}")
    assert p95 < HOVER


def test_a_drag_is_in_the_link_and_back_goes_back_to_it(hand):
    hand.open("explore")
    box = hand.box(MAP)
    start, *rest = rosette(box, 20)
    hand.browser.hand([start, DOWN, *rest, UP])
    z = hand.wait("new URLSearchParams(location.search).get('z')")
    label = hand.see(f"words(one('{OUTPUT}'))")
    hand.click('[data-testid="stTopNavLink"][href*="noise"]')
    hand.wait("location.pathname.endsWith('/noise')")
    hand.settled()
    hand.browser.back()
    hand.wait("!location.pathname.endsWith('/noise')")
    hand.wait(f"one('{OUTPUT}') && words(one('{OUTPUT}')) === given[0]", label)
    assert hand.see("new URLSearchParams(location.search).get('z')") == z


def test_what_is_drawn_is_encoded(hand):
    hand.open("explore")
    hand.click('[data-input="draw"]')
    box = hand.box(".sketch canvas")
    before = hand.see(f"words(one('{OUTPUT}'))")
    at = [(0.3 + 0.02 * i, 0.25) for i in range(21)]
    at += [(0.7 - 0.012 * i, 0.25 + 0.025 * i) for i in range(21)]
    places = [move(box[0] + x * box[2], box[1] + y * box[3]) for x, y in at]
    hand.browser.hand([places[0], DOWN, *places[1:], UP])
    hand.wait(f"words(one('{OUTPUT}')) !== given[0]", before)
    times = hand.see("pad().drawing.sketch.timings")
    print(f"pen: median {statistics.median(times):.1f} ms, most {max(times):.1f} ms")
    assert ink_of(hand, OUTPUT) > 0


def ink_of(hand: Hand, selector: str) -> float:
    return hand.see(f"ink(one('{selector}'))")


@pytest.mark.parametrize(("label", "start"), [("digit", b"\x89PNG"), ("codes", b"\xef\xbb\xbf")])
def test_a_file_is_saved(hand, label, start):
    hand.open("explore")
    there = set(hand.browser.downloads.iterdir())
    hand.click(".saves .opens")
    number = {"digit": 1, "codes": 4}[label]
    hand.click(f".saves .menu > button:nth-of-type({number})")
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        new = [path for path in set(hand.browser.downloads.iterdir()) - there if whole(path)]
        if new:
            break
        time.sleep(0.1)
    (saved,) = new
    print(f"saved {saved.name}: {saved.stat().st_size:,} bytes")
    assert saved.read_bytes().startswith(start) and label in saved.name


def whole(path) -> bool:
    return path.suffix in (".png", ".csv") and path.stat().st_size > 0


def test_decoded_places_come_however_slow_the_frames_are(hand):
    hand.open("explore", layers="none")
    frames = hand.browser.run(
        """let count = 0;
        const end = performance.now() + 1000;
        return new Promise((done) => {
          const step = () => {
            count++;
            if (performance.now() < end) requestAnimationFrame(step);
            else done(count);
          };
          requestAnimationFrame(step);
        });"""
    )
    began = time.monotonic()
    hand.see("one('[data-layer=\"backdrop\"]').click()")
    ground = "pad().tools.backdrop"
    hand.wait(f"{ground}.order && {ground}.done === {ground}.order.length")
    took = time.monotonic() - began
    print(f"decoded places: {took:.1f} s at {frames} frames a second")
    assert took < GROUND


def chunks(actions: Actions, size: int) -> list[Actions]:
    return [actions[i : i + size] for i in range(0, len(actions), size)]
