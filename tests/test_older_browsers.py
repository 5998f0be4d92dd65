"""Which browsers are new enough, read off the source: the README promises no older ones."""

import re
from pathlib import Path

import pytest
import streamlit

from explorer import assets
from tests.digits import REPOSITORY

BROWSERS = ("Chrome", "Firefox", "Safari")
COMMENT = re.compile(r"/\*.*?\*/|(?<![:\w\"'`])//[^\n]*", re.DOTALL)
STREAMLIT = Path(streamlit.__file__).parent / "static" / "static" / "js"

# What browsers came to know late, and the first versions of `BROWSERS` that know it, by MDN's
# tables of compatibility: whoever begins to use one of these moves the README's sentence.
SCRIPT = {
    r"\?\?=|\|\|=|&&=": (85, 79, 14.0),
    r"\.replaceAll\(": (85, 77, 13.1),
    r"(?m)^\s+(?:async )?\*?#\w+\(": (84, 90, 15.0),  # private methods
    r"\.at\(": (92, 90, 15.4),
    r"\bfindLast(?:Index)?\(": (97, 104, 15.4),
    r"\bObject\.hasOwn\(": (93, 92, 15.4),
    r"\bstructuredClone\(": (98, 94, 15.4),
    r"\bstatic ?\{": (94, 93, 16.4),
    r"\(\?<[=!]": (62, 78, 16.4),
    r"\.(?:toSorted|toReversed|toSpliced|with)\(": (110, 115, 16.0),
    r"\b(?:Des?|C)ompressionStream\b": (103, 113, 16.4),
    r"\bOffscreenCanvas\b": (69, 105, 16.4),
    r"\.roundRect\(": (99, 112, 16.0),
    r"\bAbortSignal\.timeout\(": (124, 100, 16.0),
    r"\bAbortSignal\.any\(": (116, 124, 17.4),
    r"/[dgimsuy]*v[dgimsuy]*\.(?:test|exec)\(": (112, 116, 17.0),
    r"\b(?:Object|Map)\.groupBy\(": (117, 119, 17.4),
    r"\bPromise\.withResolvers\b": (119, 121, 17.4),
    r"\bPromise\.try\(": (128, 134, 18.2),
    r"\bArray\.fromAsync\(": (121, 115, 16.4),
    r"\bURL\.canParse\(": (120, 115, 17.0),
    r"\bURL\.parse\(": (126, 126, 18.0),
    r"\.(?:union|intersection|symmetricDifference|isSubsetOf|isDisjointFrom)\(": (122, 127, 17.0),
    r"\b(?:show|hide|toggle)Popover\(|\bpopover=": (114, 125, 17.0),
    r"\bwith \{ type:": (123, 138, 17.2),
    r"\bFloat16Array\b": (135, 129, 18.2),
    r"\bimport\.meta\.resolve\(": (105, 106, 16.4),
    r"\bcheckVisibility\(": (105, 106, 17.4),
}
SHEET = {
    r"\binset:": (87, 66, 14.1),
    r":is\(": (88, 78, 14.0),
    r":not\([^()]*,": (88, 84, 9.0),
    r"\baspect-ratio:": (88, 89, 15.0),
    r"\baccent-color:": (93, 92, 15.4),
    r":focus-visible": (86, 85, 15.4),
    r"\d(?:d|s|l)v[hwib]\b": (108, 101, 15.4),
    r"@layer\b": (99, 97, 15.4),
    r"@container\b|\bcontainer(?:-type)?:|\dcq[whib]\b": (105, 110, 16.0),
    r"\bsubgrid\b": (117, 71, 16.0),
    r"\bcolor-mix\(": (111, 113, 16.2),
    r"\bokl(?:ch|ab)\(": (111, 113, 15.4),
    r"@media[^{]*\(\s*(?:width|height)\s*[<>]": (104, 63, 16.4),
    r"@property\b": (85, 128, 16.4),
    r"&": (120, 117, 17.2),  # nested rules
    r"\blight-dark\(": (123, 120, 17.5),
    r"\btext-wrap(?:-style)?:": (114, 121, 17.5),
    r"@starting-style\b": (117, 129, 17.5),
    r"@scope\b": (118, 146, 17.4),
    r"\banchor-name:|\bposition-area:": (125, 147, 26.0),
    r"\bfield-sizing:": (123, 152, 26.2),
    r"\bcontent-visibility:": (85, 125, 18.0),
}
# Of Streamlit's own first file what it does not go without; more it asks for before it uses it.
STREAMLITS = [r"\bObject\.hasOwn\(", r"\bstatic ?\{", r"\.(?:toSorted|toReversed|toSpliced|with)\("]

# The rules that may ask for `:has()` (Firefox 121): without them something stands less well, and
# nothing is lost or told twice.
MAY_HAVE = {
    ".compare .head h2:has(+ .save)",
    ':has(> [class*="st-key-said-narrow"]), :has(> .st-key-look)',
    ':has(> [class*="st-key-said-wide"])',
    ':has(> [class*="st-key-said-"][class*="-mouse"])',
    ':has(> [class*="st-key-said-"][class*="-touch"])',
    '.stMainBlockContainer > .stVerticalBlock > :has([class*="st-key-said-"])',
    ".stHorizontalBlock:has(.st-key-train-go) > .stColumn:last-child",
    ".stHorizontalBlock:has(.st-key-own)",
    ".stHorizontalBlock:has(.st-key-own) > .stColumn",
    ".stHorizontalBlock:has(.st-key-own) > .stColumn:last-child",
    ".stColumn:has(.st-key-above), .stColumn:has(.st-key-equation)",
    '.st-key-bar > :not([class*="st-key-widget-lang"]):has(.stSkeleton)',
}


def sheets() -> dict[str, str]:
    return {
        path.relative_to(assets.PAD).as_posix(): COMMENT.sub("", path.read_text(encoding="utf-8"))
        for path in sorted(assets.PAD.rglob("*.css"))
    }


def rules(sheet: str) -> list[tuple[str, str]]:
    """Selectors and declarations of a sheet's rules, those inside of `@media` too."""
    found = re.findall(r"(?<![^{};])([^{};@]+)\{([^{}]*)\}", sheet)
    return [(" ".join(selectors.split()), inside.strip()) for selectors, inside in found]


def needed(source: str, table: dict[str, tuple[float, ...]]) -> list[tuple[float, ...]]:
    return [versions for word, versions in table.items() if re.search(word, source)]


def promised() -> list[float]:
    """The versions that the README's sentence names."""
    readme = " ".join((REPOSITORY / "README.md").read_text(encoding="utf-8").split())
    found = re.search(r"Chrome and Edge (\d+), Firefox (\d+) and Safari ([\d.]+)", readme)
    assert found, "the README says which browsers it takes"
    return [float(version) for version in found.groups()]


def test_no_rule_needs_what_firefox_got_last():
    """One selector that a browser doesn't know takes its whole rule away."""
    found = {}
    for name, sheet in sheets().items():
        found |= {selectors: name for selectors, _ in rules(sheet) if ":has(" in selectors}
    assert found.keys() == MAY_HAVE
    for selectors in found:
        for one in re.split(r",\s*(?![^(\[]*[)\]])", selectors):
            assert ":has(" in one, f"{one!r} would be lost with its neighbour"


def test_what_is_hidden_by_has_is_hidden_without_it():
    for name, sheet in sheets().items():
        blocks = [*re.findall(r"@media[^{]*\{((?:[^{}]*\{[^{}]*\})*)\s*\}", sheet)]
        blocks.append(re.sub(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*\s*\}", "", sheet))
        for block in blocks:
            plain = {
                (one.strip(), inside)
                for selectors, inside in rules(block)
                for one in selectors.split(",")
            }
            for selectors, inside in rules(block):
                if ":has(" not in selectors or "display" not in inside:
                    continue
                for key in re.findall(r":has\((?:> )?(\.[\w-]+)\)", selectors):
                    assert (key, inside) in plain, f"{name}: {key} alone is not {inside}"


def test_no_program_asks_for_it_either():
    for name, source in assets.sources().items():
        assert ":has(" not in COMMENT.sub("", source), name
    for path in (REPOSITORY / "explorer").rglob("*.py"):
        assert ":has(" not in path.read_text(encoding="utf-8"), path.name


def test_the_readme_promises_no_browser_that_is_too_old():
    versions = [needed(without_comments(source), SCRIPT) for source in assets.sources().values()]
    versions += [needed(sheet, SHEET) for sheet in sheets().values()]
    (first,) = re.findall(
        r'src="\./static/js/(index\.[\w-]+\.js)"',
        (STREAMLIT.parents[1] / "index.html").read_text(encoding="utf-8"),
    )
    bundle = (STREAMLIT / first).read_text(encoding="utf-8")
    versions.append(needed(bundle, {word: SCRIPT[word] for word in STREAMLITS}))
    oldest = [max(column) for column in zip(*sum(versions, []), strict=True)]
    told = zip(BROWSERS, oldest, promised(), strict=True)
    assert [name for name, least, said in told if said < least] == []


def without_comments(source: str) -> str:
    return COMMENT.sub("", source)


@pytest.mark.parametrize(
    ("source", "table", "version"),
    [
        ("const last = all.toSorted().at(-1);", SCRIPT, (110, 115, 16.0)),
        ("Object.groupBy(all, of)", SCRIPT, (117, 119, 17.4)),
        ("a { color: color-mix(in srgb, red, blue); }", SHEET, (111, 113, 16.2)),
        ("a { & b { inset: 0 } }", SHEET, (120, 117, 17.2)),
        ("@media (width < 640px) { a {} }", SHEET, (104, 63, 16.4)),
    ],
)
def test_the_tables_bite(source, table, version):
    assert version in needed(source, table)


def test_a_rule_is_read_whole():
    sheet = "a, b:has(c) {d: e}\n@media (max-width: 1px) {\n  f {display: none; g: h}\n}"
    assert rules(sheet) == [("a, b:has(c)", "d: e"), ("f", "display: none; g: h")]
