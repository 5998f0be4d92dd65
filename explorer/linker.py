"""A pad's module and all that it imports as one file, so that a browser asks once for what would
be forty files, and a class of thirty does not ask for twelve hundred.

The modules are plain JavaScript and run as they are. Linking only puts each into a function of its
own, after those that it imports, and leaves out its types, which stand in comments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from graphlib import TopologicalSorter
from posixpath import dirname, join, normpath

_IMPORT = re.compile(r'^import \{ ([^}]+) \} from "(\.\.?/[\w./]*\w)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) (\w+))", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_TYPES = re.compile(r"^ */\*\*(?:(?!\*/).)*\*/\n", re.MULTILINE | re.DOTALL)


def imported(name: str, source: str) -> list[tuple[str, str]]:
    """What a module imports: of which module, and what names, as they are written.

    Args:
        name: of the module, such as `pages/explore`; imports are relative to its folder.
        source: its text.
    """
    found = _IMPORT.findall(source)
    return [(normpath(join(dirname(name), of)), names) for names, of in found]


def link(entry: str, sources: Mapping[str, str]) -> str:
    """One module with the exports of `entry`.

    Args:
        entry: name of a module: its path below the pads' folder, without its ending.
        sources: all modules by name. Each imports by lines of the form
            `import { a, b as c } from "../room/name.js";` and exports functions, classes and
            constants where they are declared.

    Raises:
        ValueError: for another form of import or export, a module that is not there, or modules
            that import each other.
    """
    needs: dict[str, list[tuple[str, str]]] = {}
    queue = [(entry, entry)]
    while queue:
        name, asks = queue.pop()
        if name not in sources:
            raise ValueError(f"{asks}.js imports {name}.js, which is not there")
        if name not in needs:
            needs[name] = imported(name, sources[name])
            queue += [(of, name) for of, _ in needs[name]]
    order = TopologicalSorter({name: [of for of, _ in found] for name, found in needs.items()})
    linked = [_as_function(name, sources[name], needs[name]) for name in order.static_order()]
    exports = _exports(sources[entry])
    return "\n".join([*linked, f"export const {{ {exports} }} = {_constant(entry)};\n"])


def _as_function(name: str, source: str, needs: list[tuple[str, str]]) -> str:
    body = _TYPES.sub("", _EXPORT.sub("", _IMPORT.sub("", source)))
    other = _OTHER.search(body)
    if other:
        raise ValueError(f"{name}.js can't be linked: {other[0]!r}")
    given = [f"const {{ {names.replace(' as ', ': ')} }} = {_constant(of)};" for of, names in needs]
    back = f"return {{ {_exports(source)} }};"
    return "\n".join([f"const {_constant(name)} = (() => {{", *given, body + back, "})();"])


def _constant(name: str) -> str:
    """What holds a module's exports; no module's own name can have a dollar."""
    return f"{name.replace('/', '$')}_js"


def _exports(source: str) -> str:
    return ", ".join(_EXPORT.findall(source))
