"""Work that may wait keeps its share of the time however slow a browser's frames are: the pads'
modules in Node, on a clock that only they and the frames move."""

import pytest

from tests.test_pads import in_node

STEPS = 1300  # of a millisecond each

# A page's event loop: frames at their times, each of which holds the page for `paint`, and timers.
LOOP = """
  import { Chores } from "./parts/chores.js";
  import { handMoves, inSlices } from "./engine/slices.js";
  const later = globalThis.setImmediate;
  let clock = 0;
  let timers = [], frames = [], ids = 0;
  Object.defineProperty(globalThis, "performance", { value: { now: () => clock } });
  Object.assign(globalThis, {
    setTimeout: (call, after = 0) => {
      timers.push({ at: clock + Math.max(1, after), call, id: ++ids });
      return ids;
    },
    clearTimeout: (id) => { timers = timers.filter((timer) => timer.id !== id); },
    requestAnimationFrame: (call) => { frames.push({ call, id: ++ids }); return ids; },
    cancelAnimationFrame: (id) => { frames = frames.filter((frame) => frame.id !== id); },
  });
  // Milliseconds until `begin(step, end)` has done all its steps; 100 s where it never does.
  async function take({ period, paint, hand = false }, begin) {
    let done = 0, ended = false, next = clock + period;
    const began = clock;
    if (hand) handMoves();
    let turn = 0, longest = 0, drawn = 0;
    begin(() => { clock++; turn++; return ++done < STEPS; }, () => { ended = true; });
    while (done < STEPS && clock - began < 100000) {
      await new Promise((go) => later(go));
      if (done === STEPS) break;
      longest = Math.max(longest, turn);
      turn = 0;
      const timer = timers.sort((a, b) => a.at - b.at)[0];
      if (!timer || next <= Math.max(clock, timer.at)) {
        clock = Math.max(clock, next);
        while (next <= clock) next += period; // one that is missed is not made up for
        if (hand) handMoves();
        const now = frames;
        frames = [];
        for (const { call } of now) call(clock);
        clock += paint;
        drawn++;
      } else {
        clock = Math.max(clock, timer.at);
        timers.shift();
        timer.call();
      }
    }
    return { took: clock - began, longest, rate: (1000 * drawn) / (clock - began) };
  }
  const chore = (step) => { new Chores().set("all", step); };
  const slices = (step) => inSlices(STEPS, step);
"""


def in_a_page(node: str, period: float, paint: float, work: str, hand: bool = False) -> dict:
    """How long the work took and its longest turn, in ms, and the frames in a second."""
    script = f"""{LOOP.replace("STEPS", str(STEPS))}
      const page = {{ period: {period}, paint: {paint}, hand: {str(hand).lower()} }};
      const answer = await take(page, {work});"""
    return in_node(node, script)


@pytest.mark.parametrize("work", ["chore", "slices"])
@pytest.mark.parametrize(
    ("period", "paint", "most"),
    [
        (1000 / 60, 2, 3.0),
        (200, 2, 3.0),  # five frames a second, and the page idle in between
        (200, 180, 13.0),  # and the page held by its drawing
        (1e9, 0, 3.0),  # no frame at all
    ],
)
def test_work_takes_about_twice_its_time_at_any_rate_of_frames(node, work, period, paint, most):
    found = in_a_page(node, period, paint, work)
    assert found["took"] < 1000 * most, (
        "a few milliseconds a frame would take 32 s at five a second"
    )
    assert found["longest"] <= 51


@pytest.mark.parametrize("work", ["chore", "slices"])
def test_a_hand_that_moves_keeps_its_frames(node, work):
    quick = in_a_page(node, 1000 / 60, 4, work, hand=True)
    assert quick["rate"] > 55 and quick["longest"] <= 9
    slow = in_a_page(node, 200, 150, work, hand=True)
    assert slow["rate"] > 4.5 and slow["longest"] <= 9


def test_a_chore_that_fails_ends_alone(node):
    script = f"""{LOOP.replace("STEPS", "3")}
      const chores = new Chores();
      const did = [];
      chores.set("bad", () => {{ throw new Error("bad"); }});
      chores.set("good", () => did.push("good") < 3);
      for (let i = 0; i < 6; i++) {{
        clock = timers[0]?.at ?? clock;
        try {{ timers.shift()?.call(); }} catch (error) {{ did.push(error.message); }}
      }}
      const answer = did;"""
    assert in_node(node, script) == ["bad", "good", "good"]
