"""explorer.linker: several JavaScript modules as one, which says the same."""

import json
import re

import pytest

from explorer import assets, linker

MODULES = {
    "engine/leaf": (
        "// A leaf.\n\nexport const PI = 3;\nexport function twice(x) {\n  return 2 * x;\n}\n"
        'const hidden = "export const no = 1";\n'
    ),
    "parts/middle": (
        'import { PI, twice as double } from "../engine/leaf.js";\n\nconst hidden = 7;\n'
        "export class Circle {\n  around = (r) => double(PI) * r + 0 * hidden;\n}\n"
    ),
    "pages/entry": (
        'import { Circle } from "../parts/middle.js";\nimport { twice } from "../engine/leaf.js";\n'
        "export async function mount() {\n  return twice(new Circle().around(5));\n}\n"
    ),
}
NAMES = ("engine$leaf", "parts$middle", "pages$entry")


def test_each_module_stands_once_after_those_that_it_imports():
    linked = linker.link("pages/entry", MODULES | {"pages/other": "export const unused = 1;\n"})
    places = [linked.index(f"const {name}_js = ") for name in NAMES]
    assert places == sorted(places)
    assert linked.count("const engine$leaf_js = ") == 1 and "unused" not in linked
    assert linked.rstrip().endswith("export const { mount } = pages$entry_js;")
    assert not re.search(r"^import ", linked, re.MULTILINE)


@pytest.mark.parametrize(
    "source",
    [
        'import * as all from "./engine/leaf.js";\n',
        'import {\n  PI } from "./engine/leaf.js";\n',
        "export default 1;\n",
        "export { PI };\n",
        "export let counted = 0;\n",
    ],
)
def test_other_forms_are_refused(source):
    with pytest.raises(ValueError, match="odd.js can't be linked"):
        linker.link("odd", MODULES | {"odd": source})


def test_modules_that_import_each_other_are_refused():
    circle = {
        "a": 'import { b } from "./b.js";\nexport const a = 1;\n',
        "b": 'import { a } from "./a.js";\nexport const b = 1;\n',
    }
    with pytest.raises(ValueError, match="cycle"):
        linker.link("a", circle)


def test_names_in_two_folders_are_two_modules():
    sources = {
        "a/one": "export const x = 1;\n",
        "b/one": 'import { x } from "../a/one.js";\nexport const y = x;\n',
        "a_b": 'import { y } from "./b/one.js";\nexport const z = y;\n',
        "a/b": 'import { z } from "../a_b.js";\nexport const last = z;\n',
    }
    linked = linker.link("a/b", sources)
    for constant in ("a$one", "b$one", "a_b", "a$b"):
        assert linked.count(f"const {constant}_js = (") == 1


@pytest.mark.parametrize("of", ["./none", "../none", "../../none", "./engine/leaf/none"])
def test_a_module_that_is_not_there_is_named(of):
    source = f'import {{ x }} from "{of}.js";\nexport const y = x;\n'
    with pytest.raises(ValueError, match="pages/odd.js imports .*none.js, which is not there"):
        linker.link("pages/odd", MODULES | {"pages/odd": source})


def test_types_are_left_out_and_comments_in_texts_are_not():
    source = (
        "/**\n * @param {number} x\n */\nexport function same(x) {\n"
        '  /** @type {string} */\n  const text = "/** kept */";\n  return text + x;\n}\n'
    )
    linked = linker.link("a", {"a": source})
    assert "@" not in linked and '"/** kept */"' in linked and "function same(x)" in linked


def test_all_pads_can_be_linked():
    for name in assets.MODULES:
        constant = name.removesuffix(".js").replace("/", "$")
        assert f"= {constant}_js;" in linker.link(name.removesuffix(".js"), assets.sources())


@pytest.mark.browser
def test_it_runs_as_the_modules_would(browser):
    page = browser.new_page()
    page.goto("about:blank")
    source = json.dumps(linker.link("pages/entry", MODULES))
    run = f"import('data:text/javascript,' + encodeURIComponent({source})).then((m) => m.mount())"
    assert page.evaluate(run) == 60
    page.close()
