"""explorer/pad/engine/drawn.js: a drawing in a link opens as it was drawn, or is refused."""

from __future__ import annotations

import json

import numpy as np

from tests.test_pads import in_node

IMPORTS = """
  import { LONGEST, pack, unpack } from "./engine/drawn.js";
  import { centred } from "./engine/strokes.js";
  let seed = 7;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const walk = (count, pen) => {
    let [x, y] = [random(), random()];
    const stays = (v) => Math.min(1, Math.max(0, v + 0.03 * (random() - 0.5)));
    return Array.from({ length: count }, () => {
      [x, y] = [stays(x), stays(y)];
      return { x, y, pressure: pen ? random() : 0.5 };
    });
  };
"""


def test_a_drawing_comes_back_as_it_was_drawn(node):
    found = in_node(
        node,
        f"""{IMPORTS}
        const answer = [];
        for (const [strokes, count, pen] of [[1, 1, false], [2, 90, false], [5, 40, true]]) {{
          const drawn = Array.from({{ length: strokes }}, () => walk(count, pen));
          const text = pack(drawn);
          const back = unpack(text);
          const [before, after] = [centred(drawn), centred(back)];
          answer.push({{
            text, counts: back.map((stroke) => stroke.length),
            apart: Array.from(before, (v, i) => Math.abs(v - after[i])),
          }});
        }}""",
    )
    assert [one["counts"] for one in found] == [[1], [90, 90], [40] * 5]
    apart = np.array([one["apart"] for one in found])
    assert apart.mean(1).max() < 0.01 and (apart > 0.1).mean(1).max() < 0.01, "at edges alone"
    assert len(found[1]["text"]) < 800


def test_a_drawing_that_is_long_is_thinned_until_it_fits(node):
    found = in_node(
        node,
        f"""{IMPORTS}
        const drawn = [walk(9000, true), walk(5000, false)];
        const text = pack(drawn);
        const back = unpack(text);
        const end = back[1].at(-1), meant = drawn[1].at(-1);
        const answer = [text.length <= LONGEST, back.length, back.flat().length > 500,
          Math.hypot(end.x - meant.x, end.y - meant.y) < 0.003, unpack("A".repeat(6001))];""",
    )
    assert found == [True, 2, True, True, None]


def test_what_is_torn_is_refused_and_nothing_is_thrown(node):
    wrong = ["", "A", "AQ", "????", "AgEAAAA", "%00", "AQ==", "_____w", "AQEBAQE", "é"]
    found = in_node(
        node,
        f"""{IMPORTS}
        const good = pack([walk(30, false)]);
        const answer = {{ wrong: {json.dumps(wrong)}.map(unpack), torn: 0, odd: 0 }};
        for (let i = 1; i < good.length; i++) if (unpack(good.slice(0, i)) !== null) answer.torn++;
        const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        for (let i = 0; i < 3000; i++) {{
          const text = "AQ" + Array.from({{ length: 1 + 60 * random() }}, () =>
            letters[Math.floor(64 * random())]).join("");
          const fine = ({{ x, y, pressure }}) => [x, y, pressure].every((v) => v >= 0 && v <= 1);
          if (!(unpack(text) ?? []).flat().every(fine)) answer.odd++;
        }}""",
    )
    assert found["wrong"] == [None] * len(wrong)
    assert found["odd"] == 0 and found["torn"] <= 1
