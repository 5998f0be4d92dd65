"""explorer.linker: several JavaScript modules as one, which says the same."""

import json
import re

import pytest

from explorer import assets, linker

MODULES = {
    "leaf": (
        "// A leaf.\n\nexport const PI = 3;\nexport function twice(x) {\n  return 2 * x;\n}\n"
        'const hidden = "export const no = 1";\n'
    ),
    "middle": (
        'import { PI, twice as double } from "./leaf.js";\n\nconst hidden = 7;\n'
        "export class Circle {\n  around = (r) => double(PI) * r + 0 * hidden;\n}\n"
    ),
    "entry": (
        'import { Circle } from "./middle.js";\nimport { twice } from "./leaf.js";\n'
        "export async function mount() {\n  return twice(new Circle().around(5));\n}\n"
    ),
}


def test_each_module_stands_once_after_those_that_it_imports():
    linked = linker.link("entry", MODULES | {"other": "export const unused = 1;\n"})
    places = [linked.index(f"const {name}_js = ") for name in ("leaf", "middle", "entry")]
    assert places == sorted(places)
    assert linked.count("const leaf_js = ") == 1 and "unused" not in linked
    assert linked.rstrip().endswith("export const { mount } = entry_js;")
    assert not re.search(r"^import ", linked, re.MULTILINE)


@pytest.mark.parametrize(
    "source",
    [
        'import * as all from "./leaf.js";\n',
        'import {\n  PI } from "./leaf.js";\n',
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


def test_all_pads_can_be_linked():
    for name in assets.MODULES:
        assert f"= {name[:-3]}_js;" in linker.link(name[:-3], assets.sources())


@pytest.mark.browser
def test_it_runs_as_the_modules_would(browser):
    page = browser.new_page()
    page.goto("about:blank")
    source = json.dumps(linker.link("entry", MODULES))
    run = f"import('data:text/javascript,' + encodeURIComponent({source})).then((m) => m.mount())"
    assert page.evaluate(run) == 60
    page.close()
