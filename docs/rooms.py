"""The README's diagram of rooms and floors, drawn from the imports: `python -m docs.rooms`.

An arrow means "uses". What follows from other arrows is left out, so that the floors can be seen;
imports for type checkers alone count for nothing. The one dotted arrow is no import: the server
hands the pads to the browser as files.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
BEGIN, END = "<!-- rooms -->", "<!-- /rooms -->"
PAD = Path("explorer/pad")

# Files that stand in no folder of their own, and the room that they are drawn in.
ENTRY = "explorer/main.py, app.py"
BESIDE = "explorer/*.py"
COMMANDS = "core/commands/"
LEAVES = "core/config.py, paths.py, refusal.py"
SERVED = "explorer/pad/pages/"


def room_of(file: Path) -> str | None:
    """The room of a source, given by its path from the root; None for what stands in none."""
    parts = file.parts
    if file.suffix == ".js":
        inside = file.relative_to(PAD).parts
        return f"{PAD.as_posix()}/{inside[0]}/" if len(inside) > 1 else f"{PAD.as_posix()}/"
    if parts[0] == "explorer":
        if file.name in ("main.py", "app.py"):
            return ENTRY
        return f"explorer/{parts[1]}/" if parts[1:-1] and parts[1] != "pad" else BESIDE
    if parts == ("core", "__init__.py"):
        return None
    if parts == ("core", "__main__.py"):
        return COMMANDS
    return f"core/{parts[1]}/" if len(parts) > 2 else LEAVES


def sources() -> list[Path]:
    """Every Python file of core and explorer and every module of the pads, from the root."""
    found = [*ROOT.glob("core/**/*.py"), *ROOT.glob("explorer/**/*.py")]
    return sorted(path.relative_to(ROOT) for path in [*found, *(ROOT / PAD).glob("**/*.js")])


def imported(file: Path, there: set[Path]) -> set[Path]:
    """The sources that one imports, wherever in it."""
    text = (ROOT / file).read_text(encoding="utf-8")
    if file.suffix == ".js":
        named = re.findall(r"""^(?:import|export)\b[^;]*?from\s+["'](\.[^"']+)["']""", text, re.M)
        return {Path(_flat(file.parent / name)) for name in named} & there
    return {path for name in _modules(ast.parse(text)) for path in _paths(name) if path in there}


def _flat(path: Path) -> str:
    """The path without `..`, for a comparison by name."""
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def _modules(tree: ast.AST) -> Iterable[str]:
    """Names of the modules, and of what may be modules, that a source imports at run time."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        yield from _modules(node)


def _paths(module: str) -> tuple[Path, Path]:
    path = Path(*module.split("."))
    return path.with_suffix(".py"), path / "__init__.py"


def uses() -> dict[str, set[str]]:
    """For each room, the other rooms that it uses."""
    there = set(sources())
    found: dict[str, set[str]] = {}
    for file in there:
        room = room_of(file)
        if room is None:
            continue
        others = {room_of(other) for other in imported(file, there)} - {room, None}
        found.setdefault(room, set()).update(other for other in others if other)
    return found


def floors(used: dict[str, set[str]]) -> dict[str, int]:
    """For each room, how far it stands above the lowest: one more than the highest it uses.

    Raises:
        ValueError: naming rooms that use each other in a circle.
    """
    found: dict[str, int] = {}
    while len(found) < len(used):
        ready = [room for room in used if room not in found and used[room] <= set(found)]
        if not ready:
            raise ValueError(f"These use each other in a circle: {sorted(set(used) - set(found))}.")
        found |= {room: 1 + max((found[r] for r in used[room]), default=-1) for room in ready}
    return found


def reduced(used: dict[str, set[str]]) -> dict[str, set[str]]:
    """The same without what follows: where a uses b and b uses c, a's use of c isn't drawn."""
    reach: dict[str, set[str]] = {}
    for room in sorted(used, key=floors(used).__getitem__):
        reach[room] = set().union(used[room], *(reach[other] for other in used[room]))
    return {
        room: {one for one in others if not any(one in reach[o] for o in others if o != one)}
        for room, others in used.items()
    }


def diagram() -> str:
    """The diagram in Mermaid's words."""
    used = uses()
    height = floors(used)
    rooms = sorted(used, key=lambda room: (-height[room], room))
    name = {room: f"r{number}" for number, room in enumerate(rooms)}
    lines = ["```mermaid", "flowchart TD"]
    for house in ("explorer", "core"):
        lines.append(f"  subgraph {house}")
        lines += [f'    {name[r]}["{r}"]' for r in rooms if r.startswith(f"{house}/")]
        lines.append("  end")
    drawn = reduced(used)
    lines += [
        f"  {name[room]} --> {name[other]}"
        for room in rooms
        for other in rooms
        if other in drawn[room]
    ]
    lines.append(f"  {name[BESIDE]} -. serves .-> {name[SERVED]}")
    return "\n".join([*lines, "```"])


def shown(readme: str) -> str:
    """The README with the diagram of today.

    Raises:
        ValueError: where the marks between which it stands are missing.
    """
    before, opened, rest = readme.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not opened or not closed:
        raise ValueError(f"README.md must hold {BEGIN} and {END}.")
    return f"{before}{BEGIN}\n{diagram()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(shown(README.read_text(encoding="utf-8")), encoding="utf-8")
