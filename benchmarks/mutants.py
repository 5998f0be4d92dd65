"""How many wrong changes of the code the tests notice: mutation testing of what gives the numbers.

Every mutant is one wrong change in the body of a function: a comparison, an operator, a number, a
reduction (a sum for a mean), a condition, a branch, an argument, a bound of a slice or a statement
left out. It is killed where a test that runs its line fails, or takes ten times as long. All is
collected once; each mutant is tried in a fork of that process, whose function gets its code.

`python -m benchmarks.mutants [PATH ...] [--sample N] [--seed S] [--list]`: by default all of
`TARGETS`, of each file at most N mutants, drawn by a seed. Prints a table, then what survived.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import gc
import importlib
import json
import os
import random
import runpy
import signal
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
TARGETS = (
    "core/measures/losses.py",
    "core/measures/metrics.py",
    "core/measures/noise.py",
    "core/measures/theory.py",
    "core/models/conditioned.py",
    "core/models/deterministic.py",
    "core/models/dial.py",
    "core/models/gaussian.py",
    "core/models/likelihoods.py",
    "core/models/linear.py",
    "core/models/basic.py",
    "core/models/denoising.py",
    "core/models/multilevel.py",
    "core/models/multirate.py",
    "core/models/networks.py",
    "core/models/pca.py",
    "core/models/priors.py",
    "core/models/signals.py",
    "core/models/stacked.py",
    "core/models/vae.py",
    "core/training/evaluate.py",
    "core/training/maps.py",
)
TESTS = (
    "tests/test_losses.py",
    "tests/test_metrics.py",
    "tests/test_noise.py",
    "tests/test_known_answers.py",
    "tests/test_multirate.py",
    "tests/test_evaluate.py",
    "tests/test_latent.py",
    "tests/test_contract.py",
    "tests/test_export.py",
    "tests/test_recipe.py",
)
SLOWEST = 20.0  # seconds, watched and on a busy machine; a test that takes longer is left out
ROOMS = ("core.", "tests.")
PATIENCE = 10.0  # a mutant is killed where its tests take so many times as long, and 20 s more

COMPARED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
REVERSED = {ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt}
CALCULATED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
CALLED = {
    "min": "max", "max": "min", "mean": "sum", "sum": "mean", "any": "all", "all": "any",
    "argmax": "argmin", "argmin": "argmax", "maximum": "minimum", "minimum": "maximum",
    "log": "exp", "exp": "log", "sqrt": "square", "square": "sqrt", "floor": "ceil",
    "zeros": "ones", "ones": "zeros", "log1p": "log", "std": "var", "var": "std",
}  # fmt: skip
DROPPED = ("clamp", "clip", "abs", "flip", "copy_", "square", "sigmoid", "exp", "log", "astype")


@dataclass(frozen=True)
class Mutant:
    """One wrong change: the lines on which tests meet it, what it is, and the changed source."""

    path: str
    line: int
    last: int
    function: str
    change: str
    source: str


# --- Making them ----------------------------------------------------------------------------------


def mutants_of(path: str) -> list[Mutant]:
    """All mutants of a file, in the order of its lines."""
    text = (ROOT / path).read_text(encoding="utf-8")
    tree = ast.parse(text)
    found = []
    for function, node in _functions(tree):
        for place in _inside(node):
            for change in _changes(place):
                found.append(_made(path, tree, function, node, place, change))
    return sorted(found, key=lambda mutant: mutant.line)


def _functions(tree: ast.AST, within: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            marks = {_named(decorator) for decorator in node.decorator_list}
            if not marks & {"overload", "abstractmethod"}:
                yield f"{within}{node.name}", node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{within}{node.name}.")


def _named(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _inside(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """What a function does: no annotations, no sentences of errors, no docstring."""
    waiting: list[ast.AST] = [*function.body, *function.args.defaults]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.Raise | ast.Assert):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        yield node
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list"):
                continue
            parts = value if isinstance(value, list) else [value]
            waiting += [part for part in parts if isinstance(part, ast.AST)]


Change = tuple[str, Callable[[ast.AST], ast.AST | None]]  # what it is; None leaves a statement out


def _changes(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Compare(ops=[op]) if type(op) in COMPARED:
            for table in (COMPARED, REVERSED):
                if type(op) in table:
                    yield _other("ops", [table[type(op)]()])
        case ast.BinOp(op=op) if type(op) in CALCULATED:
            yield _other("op", CALCULATED[type(op)]())
        case ast.AugAssign(op=op) if type(op) in CALCULATED:
            yield _other("op", CALCULATED[type(op)]())
        case ast.UnaryOp(op=ast.USub() | ast.Not()):
            yield "its sign is lost", lambda n: n.operand
        case ast.BoolOp(op=op):
            yield _other("op", ast.Or() if isinstance(op, ast.And) else ast.And())
        case ast.Constant(value=bool() as value):
            yield _other("value", not value)
        case ast.Constant(value=int() | float() as value):
            yield _other("value", value + 1)
            if isinstance(value, float) and value:
                yield _other("value", value / 2)
        case ast.If() | ast.IfExp():
            for value in (True, False):
                yield _other("test", ast.Constant(value))
        case ast.Slice(lower=lower, upper=upper):
            if lower is not None:
                yield _other("lower", None)
            if upper is not None:
                yield _other("upper", None)
        case ast.Call():
            yield from _calls(node)
        case ast.Expr(value=ast.Call()):
            yield "left out", lambda n: None


def _calls(node: ast.Call) -> Iterator[Change]:
    name = _named(node.func)
    if name in CALLED:
        field = "id" if isinstance(node.func, ast.Name) else "attr"

        def renamed(call: ast.Call) -> ast.AST:
            setattr(call.func, field, CALLED[name])
            return call

        yield f"{name} → {CALLED[name]}", renamed
    if name in DROPPED and isinstance(node.func, ast.Attribute):
        if isinstance(node.func.value, ast.Name) and node.func.value.id in ("np", "torch", "math"):
            if node.args:
                yield f"without {name}", lambda call: call.args[0]
        else:
            yield f"without {name}", lambda call: call.func.value
    for number, keyword in enumerate(node.keywords):

        def without(call: ast.Call, number: int = number) -> ast.AST:
            del call.keywords[number]
            return call

        value = keyword.value
        if keyword.arg and not (isinstance(value, ast.Constant) and isinstance(value.value, str)):
            yield f"without {keyword.arg}=", without


def _other(field: str, value: object) -> Change:
    def change(node: ast.AST) -> ast.AST:
        setattr(node, field, value)
        return node

    return field, change


def _made(
    path: str, tree: ast.AST, function: str, within: ast.FunctionDef, place: ast.AST, change: Change
) -> Mutant:
    what, apply = change
    before = ast.unparse(place)
    number = next(i for i, node in enumerate(ast.walk(tree)) if node is place)
    changed = copy.deepcopy(tree)
    target = next(node for i, node in enumerate(ast.walk(changed)) if i == number)
    after = apply(target)
    if after is None:
        after = ast.Pass()
    if after is not target:
        _replace(changed, target, after)
    ast.fix_missing_locations(changed)
    said = f"{before.splitlines()[0][:70]}  →  {ast.unparse(after).splitlines()[0][:70]}"
    first, last = _lines(within, place)
    return Mutant(path, first, last, function, said, ast.unparse(changed))


def _lines(function: ast.FunctionDef, place: ast.AST) -> tuple[int, int]:
    """The lines of the simple statement that something is in, else its own; of a default those of
    the function."""
    if any(place in ast.walk(default) for default in function.args.defaults):
        return function.body[0].lineno, function.body[-1].end_lineno or 0
    found = place
    for node in ast.walk(function):
        simple = isinstance(node, ast.stmt) and "body" not in node._fields
        if simple and any(place is one for one in ast.walk(node)):
            found = node
    if isinstance(place, ast.Slice):
        found = next(n for n in ast.walk(function) if place in ast.iter_child_nodes(n))
    return getattr(found, "lineno", 0), getattr(found, "end_lineno", 0)


def _replace(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    ast.copy_location(new, old)
    for node in ast.walk(tree):
        for field, value in ast.iter_fields(node):
            if value is old:
                setattr(node, field, new)
            elif isinstance(value, list):
                value[:] = [new if one is old else one for one in value]


# --- Trying them ----------------------------------------------------------------------------------


def put(mutant: Mutant) -> None:
    """Give the function in this process the mutant's code and defaults."""
    module = importlib.import_module(mutant.path.removesuffix(".py").replace("/", "."))
    with tempfile.NamedTemporaryFile("w", suffix=".py", encoding="utf-8") as file:
        file.write(mutant.source)
        file.flush()
        changed = types.SimpleNamespace(**runpy.run_path(file.name, run_name=module.__name__))
    old, new = (_function(space, mutant.function) for space in (module, changed))
    old.__code__, old.__defaults__ = new.__code__, new.__defaults__
    for kept in gc.get_objects():  # what was computed by the right code
        if type(kept).__name__ == "_lru_cache_wrapper" and kept.__module__.startswith(ROOMS):
            kept.cache_clear()


def _function(space: object, name: str) -> types.FunctionType:
    for part in name.split("."):
        space = space.__dict__[part] if isinstance(space, type) else getattr(space, part)
    while not isinstance(space, types.FunctionType):
        inner = getattr(space, "fget", None) or getattr(space, "__func__", None)
        space = inner or space.__wrapped__
    while "__wrapped__" in vars(space):  # as `torch.no_grad()` leaves it
        space = space.__wrapped__
    return space


class Trial:
    """A pytest plugin that runs the collected tests as it likes."""

    def __init__(self, mutants: list[Mutant], on_result: Callable[[Mutant, str], None]) -> None:
        self.mutants = mutants
        self.on_result = on_result

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """See which tests run which lines, then try each mutant on those that run its own."""
        paths = {str(ROOT / mutant.path) for mutant in self.mutants}
        watched = _in_a_fork(lambda: _watched(session.items, paths), 3600)
        seen = [({tuple(line) for line in lines}, *rest) for lines, *rest in watched]
        wrong = [session.items[i].nodeid for i, (_, passed, _) in enumerate(seen) if not passed]
        if wrong:
            print(f"Left out, since they fail by themselves: {', '.join(wrong)}", file=sys.stderr)
        for mutant in self.mutants:
            path = str(ROOT / mutant.path)
            at = {(path, line) for line in range(mutant.line, mutant.last + 1)}
            able = sorted(
                (seconds, i)
                for i, (lines, passed, seconds) in enumerate(seen)
                if passed and at & lines and seconds < SLOWEST
            )
            if not able:
                self.on_result(mutant, "no test runs it")
                continue
            chosen = [session.items[i] for _, i in able]
            limit = 20 + PATIENCE * sum(seconds for seconds, _ in able)
            found = _in_a_fork(lambda m=mutant, c=chosen: _survives(m, c), limit)
            told = {True: "survived", False: "killed", None: "killed, broken off"}
            self.on_result(mutant, told[found])
        return True


def _survives(mutant: Mutant, items: list[pytest.Item]) -> bool:
    put(mutant)
    return all(_passes(item) for item in items)


def _passes(item: pytest.Item) -> bool:
    from _pytest.runner import runtestprotocol

    return all(not report.failed for report in runtestprotocol(item, log=False, nextitem=None))


def _watched(
    items: list[pytest.Item], paths: set[str]
) -> list[tuple[list[tuple[str, int]], bool, float]]:
    """Of each test the lines of some files that it runs, whether it passes, and its seconds."""
    found = []
    for item in items:
        lines: set[tuple[str, int]] = set()

        def local(frame: types.FrameType, event: str, _: object, lines: set = lines) -> object:
            lines.add((frame.f_code.co_filename, frame.f_lineno))
            return local

        def enter(frame: types.FrameType, event: str, _: object, local: object = local) -> object:
            return local if frame.f_code.co_filename in paths else None

        sys.settrace(enter)
        began = time.perf_counter()
        passed = _passes(item)
        sys.settrace(None)
        found.append((sorted(lines), passed, time.perf_counter() - began))
    return found


def _in_a_fork(work: Callable[[], Any], limit: float) -> Any:
    """What `work` returns in a process of its own; None where it breaks off or takes too long."""
    with tempfile.NamedTemporaryFile() as kept:
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                quiet = os.open(os.devnull, os.O_WRONLY)
                os.dup2(quiet, 1), os.dup2(quiet, 2)
                signal.alarm(int(limit) + 1)
                Path(kept.name).write_text(json.dumps(work()))
            os._exit(0)
        os.waitpid(child, 0)
        content = Path(kept.name).read_text()
    return json.loads(content) if content else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", default=list(TARGETS), help="files of core")
    parser.add_argument("--sample", type=int, default=10**6, help="at most so many of each file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tests", nargs="*", default=list(TESTS), help="files of tests")
    parser.add_argument("--list", action="store_true", help="show all mutants and try none")
    asked = parser.parse_args()
    chosen: list[Mutant] = []
    for path in asked.paths:
        found = mutants_of(path)
        draw = random.Random(asked.seed)
        chosen += [
            found[i] for i in sorted(draw.sample(range(len(found)), min(asked.sample, len(found))))
        ]
    if asked.list:
        for mutant in chosen:
            print(f"{mutant.path}:{mutant.line} {mutant.change}")
        return 0
    import torch

    torch.set_num_threads(1)
    counts: dict[str, list[int]] = {path: [0, 0, 0] for path in asked.paths}
    survivors: list[str] = []

    def note(mutant: Mutant, result: str) -> None:
        counts[mutant.path][0] += 1
        counts[mutant.path][1] += result.startswith("killed")
        counts[mutant.path][2] += result == "killed, broken off"
        if not result.startswith("killed"):
            survivors.append(f"{mutant.path}:{mutant.line}  {mutant.change}  ({result})")
            print(survivors[-1], file=sys.stderr, flush=True)

    quiet = ["-q", "-p", "no:cacheprovider", "-n0", "-W", "error"]
    pytest.main([*quiet, *asked.tests], plugins=[Trial(chosen, note)])
    print("\n| file | mutants | killed | of these broken off | share |\n|---|--:|--:|--:|--:|")
    rows = [(path, *count) for path, count in counts.items() if count[0]]
    rows.append(("all", *(sum(row[i] for row in rows) for i in (1, 2, 3))))
    for path, all_, killed, broken in rows:
        print(f"| {path} | {all_} | {killed} | {broken} | {killed / max(1, all_):.1%} |")
    print("\nSurvived:\n" if survivors else "\nNone survived.")
    for survivor in survivors:
        print(f"- {survivor}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
