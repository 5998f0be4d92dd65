"""The house's rules for the pads' JavaScript, read off the source; the engine in plain Node."""

import json
import re
import subprocess
import tomllib
from graphlib import TopologicalSorter
from pathlib import PurePosixPath

import numpy as np
import pytest
from safetensors.numpy import save
from scipy.stats import beta

from core.measures import metrics
from core.store import records
from explorer import assets, downloads, linker
from explorer.serving import ENTRIES
from tests.digits import REPOSITORY

ROOMS = ("engine", "parts", "pages")  # each may use those before it, and itself
MOST_LINES = 450
DOM = re.compile(
    r"(?<![\w.$#])(?:document|window|navigator|localStorage|HTML\w*|Element|getComputedStyle"
    r"|requestAnimationFrame|cancelAnimationFrame|createImageBitmap|\w+Observer)\b"
)
COMMENT = re.compile(r"/\*.*?\*/|(?<!:)//[^\n]*", re.DOTALL)
EXPORTED = re.compile(r"^export (?:async )?function (\w+)\(|^  constructor\(", re.MULTILINE)

MODULES = assets.sources()
IMPORTS = {
    name: [of for of, _ in linker.imported(name, source)] for name, source in MODULES.items()
}


def page_of(name: str) -> str:
    """The page that a module of `pages` belongs to: itself, or the one that its folder names."""
    return PurePosixPath(name).parts[1]


def wrong_imports(name: str, imported: list[str]) -> list[str]:
    """Those of a module's imports that point up, or to another page."""
    room = name.partition("/")[0]

    def bad(of: str) -> bool:
        below = of.partition("/")[0]
        if ROOMS.index(below) > ROOMS.index(room):
            return True
        return below == "pages" and (page_of(of) != page_of(name) or of.count("/") == 1)

    return [of for of in imported if bad(of)]


def untyped(source: str) -> list[str]:
    """Exported functions, and constructors, that take something and don't say of what type."""
    found = []
    for match in EXPORTED.finditer(source):
        typed = source[: match.start()].rstrip().endswith("*/")
        takes = source[match.end()] != ")"
        if takes and not typed:
            found.append(match[1] or "constructor")
    return found


def test_every_module_is_in_a_room():
    assert {name.partition("/")[0] for name in MODULES} == set(ROOMS)
    assert not list(assets.PAD.glob("*.js")) and not list(assets.PAD.glob("*.css"))


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_down_and_pages_never_import_pages(name):
    assert not wrong_imports(name, IMPORTS[name])


def test_imports_make_no_circle():
    order = list(TopologicalSorter(IMPORTS).static_order())
    assert order.index("engine/network") < order.index("engine/run") < order.index("pages/explore")


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("engine/run", "parts/page"),
        ("parts/pad", "pages/explore"),
        ("pages/beta", "pages/explore"),
        ("pages/beta", "pages/explore/trust"),
        ("pages/explore/trust", "pages/explore"),
    ],
)
def test_the_rule_of_the_floors_bites(name, of):
    assert wrong_imports(name, [of, "engine/numbers"]) == [of]


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("engine/")])
def test_the_engine_knows_no_page(name):
    assert not DOM.findall(COMMENT.sub("", MODULES[name]))


def test_the_rule_of_the_engine_bites():
    assert all(DOM.search(MODULES[name]) for name in ("parts/page", "parts/chores", "parts/sheet"))
    assert not DOM.search(COMMENT.sub("", "/** document */ const x = 1; // window"))


def test_no_module_counts_the_folders_above_it():
    """Linked into a page's module, it has that module's address and not its own."""
    for name, source in MODULES.items():
        assert not re.search(r'URL\("\.\.?/[^)]*import\.meta\.url', source), name


def test_no_file_is_long():
    paths = [*assets.PAD.rglob("*.js"), *assets.PAD.rglob("*.css"), *assets.PAD.rglob("*.py")]
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    assert len(lines) > 60
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_every_page_is_a_module_that_mounts_a_pad_and_perhaps_a_sheet():
    pages = {name for name in MODULES if name.count("/") == 1 and name.startswith("pages/")}
    assert {entry.removesuffix(".js") for entry in ENTRIES.values()} <= pages
    for name in pages - {"pages/keeper"}:  # which shows nothing itself
        assert "export const mount = mounting(" in MODULES[name], name
        assert "parts/pad" in IMPORTS[name], name
    own = {f"pages/{page_of(name)}" for name in MODULES if name.startswith("pages/")}
    assert own == pages, "a folder of a page that is not"
    assert {f"pages/{path.stem}" for path in assets.PAD.glob("pages/*.css")} <= pages


def test_what_is_exported_says_its_types():
    for name, source in MODULES.items():
        # A page's own pad is made by `mounting` alone, which says what it takes.
        page = name.startswith("pages/") and name.count("/") == 1
        assert set(untyped(source)) <= ({"constructor"} if page else set()), name
    assert untyped("export function f(x) {\n}\n") == ["f"]
    assert untyped("/** @param {number} x */\nexport function f(x) {\n}\n") == []
    for source in MODULES.values():
        assert "@ts-nocheck" not in source and "@ts-ignore" not in source


# What groups digits or names days by a language: the page's, and not the browser's, as one function
# knows it.
BY_LANGUAGE = re.compile(r"\bIntl\b|\btoLocale\w*")


def test_numbers_are_written_by_one_function_in_the_pages_language():
    found = {name: BY_LANGUAGE.findall(COMMENT.sub("", source)) for name, source in MODULES.items()}
    assert {name: words for name, words in found.items() if words} == {
        "parts/page": ["toLocaleString"]
    }
    assert BY_LANGUAGE.findall("new Intl.NumberFormat(); (5000).toLocaleString()") == [
        "Intl",
        "toLocaleString",
    ]


def test_the_tools_are_pinned_and_for_development_only():
    package = json.loads((REPOSITORY / "package.json").read_text(encoding="utf-8"))
    assert "dependencies" not in package and package["private"]
    for name, version in package["devDependencies"].items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
    ignored = (REPOSITORY / ".gitignore").read_text(encoding="utf-8").split()
    assert {"node_modules/", "package-lock.json"} <= set(ignored)


# --- In Node --------------------------------------------------------------------------------------


def in_node(node: str, script: str) -> object:
    """What a script's `answer` is, run as a module in the pads' folder."""
    program = f"{script}\nconsole.log(JSON.stringify(answer));"
    done = subprocess.run(
        [node, "--input-type=module", "-e", program],
        cwd=assets.PAD, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_engine_loads_without_a_browser(node):
    names = sorted(name for name in MODULES if name.startswith("engine/"))
    found = in_node(
        node,
        f"""
        const answer = {{}};
        for (const name of {json.dumps(names)}) {{
          answer[name] = Object.keys(await import(`./${{name}}.js`));
        }}""",
    )
    assert list(found) == names
    assert {"readTensors", "halfFloats"} <= set(found["engine/safetensors"])


def test_digits_are_grouped_by_the_pages_language_and_not_the_browsers(node):
    script = """
      import { grouped } from "./parts/page.js";
      globalThis.document = { documentElement: { lang: "" } };
      const answer = ["", "en", "ko", "de", "fr"].map((lang) => {
        document.documentElement.lang = lang;
        return grouped(1234567.4);
      });"""
    english = "1,234,567"
    assert in_node(node, script) == [english, english, english, "1.234.567", "1\u202f234\u202f567"]


def test_weights_stored_as_int8_run_as_the_floats_they_stand_for(node):
    generator = np.random.default_rng(3)
    stored = generator.integers(-127, 127, (4, 6), dtype=np.int8)
    scales = generator.uniform(0.001, 0.02, 4).astype(np.float16)
    bias = generator.normal(size=4).astype(np.float32)
    x = generator.normal(size=6).astype(np.float32)
    file = save({"0.weight": stored, "0.weight.scale": scales, "0.bias": bias})
    found = in_node(
        node,
        f"""
        import {{ Network }} from "./engine/network.js";
        import {{ readTensors }} from "./engine/safetensors.js";
        const tensors = readTensors(Uint8Array.from({list(file)}).buffer);
        const layers = [{{ op: "linear", weight: "0.weight", bias: "0.bias" }}, {{ op: "tanh" }}];
        const network = new Network(layers, tensors, [6]);
        const answer = Array.from(network.run(Float32Array.from({x.tolist()})));""",
    )
    weight = stored.astype(np.float32) * scales.astype(np.float32)[:, None]
    np.testing.assert_allclose(found, np.tanh(weight @ x + bias), atol=1e-6)


def test_what_was_scored_between_knots_is_the_same_here_and_on_the_server(node):
    generator = np.random.default_rng(5)
    knots, values = np.sort(generator.normal(size=12)), generator.normal(size=12)
    places = [knots[0], knots[7], *generator.uniform(knots[0], knots[-1], 20), knots[-1]]
    found = in_node(
        node,
        f"""
        import {{ cubic }} from "./engine/knots.js";
        const values = {values.tolist()};
        const answer = {np.array(places).tolist()}.map((place) => {{
          const {{ first, weights }} = cubic({knots.tolist()}, place);
          return weights.reduce((sum, weight, i) => sum + weight * values[first + i], 0);
        }});""",
    )
    wanted = [records._between(knots, values, place) for place in places]
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


def test_a_dimension_is_active_by_one_rule_here_and_on_the_server(node):
    """No module counts by a bound of its own."""
    kl = [0, 0.04999, 0.05, 0.05001, 2.5]
    found = in_node(
        node,
        f"""
        import {{ active, LEAST_NATS }} from "./engine/knots.js";
        const answer = [active({kl}), LEAST_NATS];""",
    )
    assert found == [[2, 3, 4], metrics.LEAST_NATS]
    assert metrics.active_dimensions(np.array(kl)) == 3
    bound = re.compile(rf"(?<![\d.]){metrics.LEAST_NATS}(?!\d)")
    there = {name for name, source in MODULES.items() if bound.search(COMMENT.sub("", source))}
    assert "engine/knots" in there
    for name in there - {"engine/knots"}:
        assert not re.search(r"\bkl\b|nats", MODULES[name], re.IGNORECASE), name


# A stand-in for a run whose plane is a matrix: `rows` are the map's two numbers for each z.
RUN = """
    const turned = { rotation: [0.8, 0.6, -0.6, 0.8], scale: 1, shift: [0, 0] };
    const still = { rotation: [1, 0, 0, 1], scale: 1, shift: [0, 0] };
    const runOf = (rows, alignment = still, offset = [0, 0]) => ({
      latent: rows[0].length, alignment, low: rows[0].map(() => -1), high: rows[0].map(() => 3),
      codes: new Float32Array(rows[0].length * 2), count: 2,
      toMap: (z) => rows.map((row, a) => offset[a] + row.reduce((sum, v, k) => sum + v * z[k], 0)),
      toLatent: () => null, extent: () => null,
    });"""


def test_a_maps_axes_are_named_only_for_what_they_are(node):
    found = in_node(
        node,
        f"""
        import {{
          axesLayout, neighbourLayout, planeAxes, turnedLayout,
        }} from "./engine/layouts.js";
        import {{ axisNames, roomFor }} from "./parts/map_axes.js";
        {RUN}
        const code = runOf([[1, 0], [0, 1]]);
        const wide = runOf([[0.5, 0.5, 0.7], [0.7, -0.7, 0]]);
        const text = {{ axis_component: "PC {{k}}" }};
        const all = {{
          code: planeAxes(code), plane: planeAxes(wide),
          mirrored: planeAxes(runOf([[1, 0], [0, -1]])),
          moved: planeAxes(runOf([[1, 0], [0, 1]], still, [0, 2])),
          swapped: planeAxes(runOf([[0, 1], [1, 0]])), one: planeAxes(runOf([[1], [0]])),
          aligned: planeAxes({{ ...wide, alignment: turned }}),
          smaller: planeAxes({{ ...wide, alignment: {{ ...still, scale: 0.5 }} }}),
          turned: turnedLayout(code).axes,
          two: axesLayout(runOf([Array(16).fill(1), Array(16).fill(0)]), 10, 2).axes,
          umap: neighbourLayout(code, "umap", new Float32Array(4)).axes,
        }};
        const answer = Object.fromEntries(Object.entries(all).map(([name, axes]) =>
          [name, axes && [axisNames(axes, text), roomFor(axes, 2).left > 0]]));""",
    )
    nothing = dict.fromkeys(("mirrored", "moved", "swapped", "aligned", "smaller"))
    assert found == nothing | {
        "code": [["z₁", "z₂"], True],
        "one": [["z₁"], True],
        "plane": [["PC 1", "PC 2"], True],
        "turned": [["PC 1", "PC 2"], True],
        "two": [["z₁₁", "z₃"], True],
        "umap": [["UMAP 1", "UMAP 2"], False],
    }


@pytest.mark.parametrize("unit", [0.37, 41.0, 9000.0])
@pytest.mark.parametrize("letters", [1, 1.25])
def test_an_axis_number_stands_where_it_is_meant(node, unit, letters):
    found = in_node(
        node,
        f"""
        import {{ marksOf, roomFor }} from "./parts/map_axes.js";
        const unit = {unit}, width = 503, height = 361, centre = [3.3 / unit, -70 / unit];
        const room = roomFor({{ of: "z", which: [0, 1] }}, {letters});
        const view = {{
          room, width, height, letters: {letters},
          toMap: (left, top) => [centre[0] + (left - 250) / unit, centre[1] - (top - 170) / unit],
          toScreen: ([x, y]) => [250 + (x - centre[0]) * unit, 170 - (y - centre[1]) * unit],
        }};
        const {{ x, y }} = marksOf(view);
        const answer = {{
          room, x: x.map((mark) => [mark.at, view.toMap(mark.at, 0)[0], mark.label]),
          y: y.map((mark) => [mark.at, view.toMap(0, mark.at)[1], mark.label]),
        }};""",
    )
    limits = {"x": (found["room"]["left"], 503), "y": (0, 361 - found["room"]["foot"])}
    for axis, (low, high) in limits.items():
        places = sorted(at for at, _, _ in found[axis])
        assert len(places) >= 2, axis
        assert all(low < at < high for at in places)
        assert min(np.diff(places)) >= 25 * letters, "numbers run into each other"
        for _, value, label in found[axis]:
            assert float(label.replace("−", "-")) == pytest.approx(value, abs=1e-6 / unit)


def test_a_slider_says_which_way_it_leads(node):
    found = in_node(
        node,
        f"""
        import {{ waysOf }} from "./engine/layouts.js";
        {RUN}
        const run = runOf([[1, 0, 0, -3], [0, 2, 0, 3]]);
        const answer = [waysOf({{ linear: true, toMap: run.toMap }}, run),
          waysOf({{ linear: false, toMap: run.toMap }}, run)];""",
    )
    right, up, nowhere, aslant = found[0]
    assert (right["angle"], up["angle"]) == (0, pytest.approx(np.pi / 2))
    assert aslant == {"angle": pytest.approx(0.75 * np.pi), "share": 1}
    longest = 3 * np.sqrt(2)
    assert [right["share"], up["share"]] == pytest.approx([1 / longest, 2 / longest])
    assert nowhere["share"] == 0
    assert found[1] is None, "where places stand for digits no step leads anywhere"


def test_a_bound_is_a_mean_over_groups_with_its_error(node):
    weights = np.random.default_rng(7).normal(-90, 3, 600)
    found = in_node(
        node,
        f"""
        import {{ bound }} from "./engine/ledger.js";
        const answer = [1, 5, 50].map((k) => bound({weights.tolist()}, k));""",
    )
    for k, told in zip((1, 5, 50), found, strict=True):
        groups = np.log(np.exp(weights.reshape(-1, k) + 90).mean(1)) - 90
        assert told["mean"] == pytest.approx(groups.mean(), abs=1e-9)
        assert told["spread"] == pytest.approx(groups.std(ddof=1), abs=1e-9)
        assert told["error"] == pytest.approx(groups.std(ddof=1) / np.sqrt(600 / k), abs=1e-9)


def test_the_share_of_pixels_that_is_told_is_the_one_that_was_replaced(node):
    found = in_node(
        node,
        """
        import { CORRUPTIONS, pattern, realised } from "./engine/noise.js";
        const clean = new Float32Array(784).fill(0.5);
        const answer = [];
        for (const kind of ["masking", "salt_and_pepper"]) {
          for (const [seed, level] of [[1, 0.3], [2, 0.3], [3, 0.05], [4, 0.95], [5, 0], [6, 1]]) {
            const noise = pattern(seed, 784);
            const corrupted = Array.from(CORRUPTIONS[kind](clean, level, noise));
            answer.push([realised(kind, level, noise), corrupted, level]);
          }
        }""",
    )
    for told, corrupted, level in found:
        corrupted = np.array(corrupted)
        assert told["all"] == pytest.approx((corrupted != 0.5).mean())
        assert told["zeros"] == pytest.approx((corrupted == 0).mean())
        assert told["ones"] == pytest.approx((corrupted == 1).mean())
        assert abs(told["all"] - level) <= 4 * np.sqrt(level * (1 - level) / 784)
    assert any(told["all"] != level for told, _, level in found[:4]), "a probability, no share"


def test_none_of_many_is_no_certainty(node):
    found = in_node(
        node,
        """
        import { standardError } from "./engine/numbers.js";
        const given = [[0.3, 100], [0, 1000], [1, 1000], [0, 5]];
        const answer = given.map((one) => standardError(...one));""",
    )
    assert found[0] == pytest.approx(np.sqrt(0.3 * 0.7 / 100))
    for error, (called, count) in zip(found[1:], [(0, 1000), (1000, 1000), (0, 5)], strict=True):
        assert error == pytest.approx(beta(called + 1, count - called + 1).std())


def test_an_axis_of_a_term_cuts_off_a_steep_fall_and_no_peak(node):
    found = in_node(
        node,
        """
        import { rangeOf } from "./engine/histories.js";
        const of = (...curves) =>
          rangeOf(curves.map((values) => values.map((kl) => ({ kl }))), "kl");
        const late = Array.from({ length: 100 }, (_, i) => 130 + 20 * Math.exp(-i / 20));
        const answer = [
          of([350, 200, ...late]),
          of([1, 9, 12, 11, 10, 9, 8.5, 8, 7.5, 7, 6.5, 6, 5.5, 5]),
          of([22, 10, 6, 5, 5.2, 5.5, 5.8, 6.1, 6.4, 6.6, 6.8, 6.9]),
          of([350, 200, ...late], [5, 500, 5]),
          of([]), of([NaN]), of([7, 7]),
        ];""",
    )
    (_, fall), (low, peak), (_, early), (_, two), none, nan, flat = found
    assert 140 < fall < 200, "what a loss falls from at first leaves no room for the rest"
    assert low < 1 and peak > 12 and early > 22 and two > 500
    assert none == nan == [0, 1] and flat[0] < 7 < flat[1]


@pytest.mark.parametrize(
    ("page", "reach", "expected", "alone"),
    [
        ("http://localhost:8501/train?x=1", "http://10.0.0.5:8501/", "http://10.0.0.5:8501", False),
        ("http://127.0.0.1:99/train", "http://[fd00::5]:8501/", "http://[fd00::5]:8501", False),
        ("http://[::1]:8501/train", "https://name:8443/", "https://name:8443", False),
        ("http://localhost:8501/train", "", "http://localhost:8501", True),
        ("http://192.168.1.9:85/train", "http://10.0.0.5:85/", "http://192.168.1.9:85", False),
        ("https://class.example/demo/train", "", "https://class.example", False),
        ("http://localhost.example/train", "", "http://localhost.example", False),
    ],
)
def test_a_link_for_others_names_a_machine_that_they_reach(node, page, reach, expected, alone):
    found = in_node(
        node,
        f"""
        import {{ forOthers }} from "./engine/links.js";
        const answer = forOthers("?run=a-b&lang=ko", {json.dumps(page)}, {json.dumps(reach)});""",
    )
    path = page.partition("?")[0].split("/", 3)[3]
    assert found == {"href": f"{expected}/{path}?run=a-b&lang=ko", "alone": alone}


# --- Slides ---------------------------------------------------------------------------------------


def test_a_slide_has_its_title_its_picture_and_its_legend_below_one_another(node):
    """Nothing leaves the slide or lies over another; digits' pixels grow by a whole number."""
    slides = in_node(
        node,
        """
        import { plan } from "./parts/slide.js";
        const measure = (words, size) => 0.5 * size * words.length;
        const items = Array.from({ length: 12 }, () => ({ words: "a class", lead: 1 }));
        items.push({ words: "many words ".repeat(20).trim(), lead: 0 });
        const answer = [480, 960, 1920].flatMap((width) => [
          plan({ width, ratio: 0.8, title: "A title of some words ".repeat(6), items, measure }),
          plan({ width, ratio: 1, title: "", whole: 28, items: [], measure }),
        ]);""",
    )
    for full, bare in zip(slides[::2], slides[1::2], strict=True):
        width, picture = full["width"], full["picture"]
        assert 1 < len(full["lines"]) <= 4 and not bare["lines"]
        for line in full["lines"]:
            assert 0.5 * full["head"] * len(line["words"]) <= width - 2 * line["x"]
        assert full["lines"][-1]["y"] < picture["y"]
        assert picture["height"] == pytest.approx(0.8 * picture["width"], abs=1)
        places = [(item["x"], item["y"]) for item in full["items"]]
        assert len(set(places)) == 13 and min(y for _, y in places) > sum(
            (picture["y"], picture["height"])
        )
        assert len(full["items"][-1]["rows"]) > 1
        last = full["items"][-1]["y"] + 1.3 * full["small"] * (len(full["items"][-1]["rows"]) - 1)
        assert last < full["height"]
        for item in full["items"]:
            long = max(0.5 * full["small"] * len(row) for row in item["rows"])
            assert item["x"] + long <= width
        assert bare["picture"]["width"] % 28 == 0 and bare["picture"]["width"] > 0.8 * width


def test_a_film_that_is_too_long_keeps_its_time_by_fewer_frames(node):
    chosen = in_node(
        node,
        """
        import { chosenFrames } from "./parts/film.js";
        const size = { width: 480, height: 292, milliseconds: 100 };
        const answer = [20, 80, 2000].map((frames) =>
          chosenFrames({ frames, back: true, ...size }));
        """,
    )
    assert chosen[0] == {"indexes": list(range(20)), "milliseconds": 100}
    assert chosen[1] == {"indexes": list(range(80)), "milliseconds": 100}
    many = chosen[2]["indexes"]
    assert (many[0], many[-1]) == (0, 1999) and many == sorted(set(many))
    count = len(many)
    assert 80 < count <= 12 * 2**20 / (480 * 292) and 2 * count <= downloads.MOST_FRAMES
    assert chosen[2]["milliseconds"] * (count - 1) == pytest.approx(100 * 1999, rel=0.02)


def test_the_browser_keeps_the_server_s_bounds_and_colours(node):
    found = in_node(
        node,
        """
        import * as most from "./parts/downloads.js";
        import { SIDES } from "./parts/theme.js";
        const answer = [most, SIDES];""",
    )
    for name in ("LARGEST_SIDE", "MOST_FRAMES", "MOST_PIXELS", "LARGEST_FRAME"):
        assert found[0][name] == getattr(downloads, name)
    theme = tomllib.loads((REPOSITORY / ".streamlit" / "config.toml").read_text())["theme"]
    names = {
        "paper": "backgroundColor",
        "ink": "textColor",
        "accent": "primaryColor",
        "panel": "secondaryBackgroundColor",
    }
    for side, colours in found[1].items():
        assert colours == {name: theme[side][key] for name, key in names.items()}


def test_a_film_s_colours_stand_for_all_that_it_shows(node):
    """Few colours stay as they are; of many each is near its own, a rare one too."""
    few, rare, far = in_node(
        node,
        """
        import { Palette } from "./engine/palette.js";
        const frame = (colours) => Uint8ClampedArray.from(colours.flatMap((c) => [...c, 255]));
        const some = [[18, 21, 31], [143, 168, 255], [255, 255, 255], [0, 0, 0]];
        const few = new Palette();
        few.see(frame(some));
        few.choose();
        const many = Array.from({ length: 40000 }, (_, i) =>
          [i % 256, (i >> 3) % 256, (7 * i) % 64]);
        many.push([255, 0, 255]);
        const all = new Palette();
        all.see(frame(many));
        all.choose();
        const told = Array.from(all.index(frame(many)), (index) => all.colours[index]);
        const off = many.map((colour, i) => Math.hypot(...colour.map((v, c) => v - told[i][c])));
        const answer = [
          Array.from(few.index(frame(some)), (index) => few.colours[index]),
          told.at(-1),
          [all.colours.length, off.reduce((a, b) => a + b) / off.length, Math.max(...off)],
        ];""",
    )
    assert few == [[18, 21, 31], [143, 168, 255], [255, 255, 255], [0, 0, 0]]
    assert np.abs(np.subtract(rare, [255, 0, 255])).max() < 8
    assert far[0] == 256 and far[1] < 12 and far[2] < 60
