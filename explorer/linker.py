"""A pad's module and all that it imports as one file, so that a browser asks once for what would
be twenty files, and a class of thirty does not ask for six hundred.

The modules are plain JavaScript and run as they are. Linking only puts each into a function of its
own, after those that it imports.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from graphlib import TopologicalSorter

_IMPORT = re.compile(r'^import \{ ([^}]+) \} from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) (\w+))", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def link(entry: str, sources: Mapping[str, str]) -> str:
    """One module with the exports of `entry`.

    Args:
        entry: name of a module, without its ending.
        sources: all modules by name. Each imports by lines of the form
            `import { a, b as c } from "./name.js";` and exports functions, classes and constants
            where they are declared.

    Raises:
        ValueError: for another form of import or export, or modules that import each other.
    """
    needs: dict[str, list[tuple[str, str]]] = {}
    queue = [entry]
    while queue:
        name = queue.pop()
        if name not in needs:
            needs[name] = [(of, names) for names, of in _IMPORT.findall(sources[name])]
            queue += [of for of, _ in needs[name]]
    order = TopologicalSorter({name: [of for of, _ in found] for name, found in needs.items()})
    linked = [_as_function(name, sources[name], needs[name]) for name in order.static_order()]
    return "\n".join([*linked, f"export const {{ {_exports(sources[entry])} }} = {entry}_js;\n"])


def _as_function(name: str, source: str, needs: list[tuple[str, str]]) -> str:
    body = _EXPORT.sub("", _IMPORT.sub("", source))
    other = _OTHER.search(body)
    if other:
        raise ValueError(f"{name}.js can't be linked: {other[0]!r}")
    given = [f"const {{ {names.replace(' as ', ': ')} }} = {of}_js;" for of, names in needs]
    back = f"return {{ {_exports(source)} }};"
    return "\n".join([f"const {name}_js = (() => {{", *given, body + back, "})();"])


def _exports(source: str) -> str:
    return ", ".join(_EXPORT.findall(source))
