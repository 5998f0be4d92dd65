"""The house's rules, read off the source: imports point down only, and what no file may contain."""

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import core.models as models
from tests.digits import REPOSITORY

SCREEN = {"streamlit", "plotly"}
LEAVES = {place.rpartition(".")[0] for place in models._CLASSES.values()}


@cache
def sources() -> dict[str, ast.Module]:
    """Every module of core and explorer by name, parsed."""
    found = {}
    for path in sorted([*REPOSITORY.glob("core/**/*.py"), *REPOSITORY.glob("explorer/**/*.py")]):
        parts = path.relative_to(REPOSITORY).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def nodes(tree: ast.AST):
    """All nodes but those under `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(tree):
        if not for_types_only(child):
            yield child
            yield from nodes(child)


def imported(tree: ast.AST, everywhere: bool = True) -> set[str]:
    """Names of the modules that a source imports; of its own house, the very module."""
    found = set()
    for node in nodes(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno} imports by dots"
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = inner & set(sources())
            found |= modules | ({node.module} if len(modules) < len(node.names) else set())
    return found


def of(prefix: str) -> list[str]:
    return [name for name in sources() if name == prefix or name.startswith(f"{prefix}.")]


def tops(name: str) -> set[str]:
    return {found.partition(".")[0] for found in imported(sources()[name])}


def house(name: str) -> set[str]:
    return {found for found in imported(sources()[name]) if found in sources()}


def test_the_reader_of_imports_sees_what_there_is():
    assert {"core.models.vae", "core.training.loop", "explorer.views.explore"} <= set(sources())
    assert {"core.models.gaussian", "core.models.priors"} <= house("core.models.vae")
    assert "core.training.runner" in house("core.training.bank")
    assert "torch" in tops("core.training.loop")
    tree = ast.parse("def f():\n    import torch\nif TYPE_CHECKING:\n    import plotly")
    assert imported(tree) == {"torch"} and imported(tree, everywhere=False) == set()


# --- Imports point down only --------------------------------------------------------------------

# Each room may use those after it, and none before.
FLOORS = (
    "core.__main__",
    "core.commands",
    "core.estimators",
    "core.judge",
    "core.training",
    "core.latent",
    "core.store",
    "core.export",
    "core.models",
    "core.data",
    "core.measures",
    "core.config",
    "core.paths",
    "core.refusal",
)


def floor(name: str) -> int:
    """The floor of a module of core; its package itself, which holds the version, is the lowest."""
    if name == "core":
        return len(FLOORS)
    return next(i for i, room in enumerate(FLOORS) if f"{name}.".startswith(f"{room}."))


def test_imports_make_no_circle():
    graph = {name: house(name) - {name} for name in sources() if name != "core"}
    order = list(TopologicalSorter(graph).static_order())
    assert order.index("core.config") < order.index("core.models.base")
    assert order.index("core.models.base") < order.index("core.training.loop")


@pytest.mark.parametrize("name", of("core"))
def test_core_knows_no_screen(name):
    assert not tops(name) & (SCREEN | {"explorer", "tests", "benchmarks"})


@pytest.mark.parametrize("name", [name for name in of("core") if name != "core"])
def test_rooms_use_only_those_below(name):
    above = {found for found in house(name) if floor(found) < floor(name)}
    assert not above, f"{name} uses {above}"


def test_every_file_of_core_is_in_a_room():
    assert {floor(name) for name in of("core")} <= set(range(len(FLOORS) + 1))


def test_measures_are_pure():
    for name in of("core.measures"):
        assert not house(name) - set(of("core.measures")), name


def test_data_needs_no_torch():
    for name in of("core.data"):
        heavy = {"torch", "torchvision", "PIL", "mlxtend", "pandas"}
        assert not heavy & imported(sources()[name], everywhere=False), name


@pytest.mark.parametrize("name", sorted(LEAVES))
def test_variants_never_import_variants(name):
    assert not house(name) & (LEAVES - {name})


@pytest.mark.parametrize("name", sorted(set(of("core.models")) - LEAVES))
def test_what_variants_share_imports_no_variant(name):
    assert not house(name) & LEAVES


@pytest.mark.parametrize("name", of("explorer.figures") + of("explorer.theme"))
def test_figures_are_pure(name):
    assert "streamlit" not in tops(name)
    assert not house(name) - {"explorer.theme", "explorer.figures", "explorer", "core.data.strata"}


@pytest.mark.parametrize("name", of("explorer"))
def test_only_the_entry_imports_pages(name):
    pages = {found for found in house(name) if found.startswith("explorer.views.")}
    if not name.startswith("explorer.views"):
        assert not pages or name == "explorer.main"
    else:
        other = {"explorer.main", "explorer.app"}
        assert not house(name) & other


# --- What stands in one file only ---------------------------------------------------------------


def attributes(tree: ast.AST) -> set[str]:
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize("name", of("explorer"))
def test_session_state_is_spelled_in_one_file(name):
    spelled = {
        node.value if isinstance(node, ast.Constant) else getattr(node, "attr", None)
        for node in ast.walk(sources()[name])
    }
    assert ("session_state" in spelled) <= (name == "explorer.state")
    assert ("query_params" in spelled) <= (name == "explorer.state")


@pytest.mark.parametrize("name", of("explorer"))
def test_streamlit_s_caches_are_used_in_one_file(name):
    caches = {"cache_data", "cache_resource"} & attributes(sources()[name])
    assert not caches or name == "explorer.resources"


# --- What stands in no file ---------------------------------------------------------------------


def all_files() -> list[Path]:
    folders = ("core", "explorer", "benchmarks", "tests")
    return sorted(path for folder in folders for path in (REPOSITORY / folder).glob("**/*.py"))


def forbidden(tree: ast.AST, may_pickle: bool = False) -> list[str]:
    """What a source holds that none may."""
    found = []
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            found.append(f"{line}: a bare except")
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            found.append(f"{line}: a star import")
        if isinstance(node, ast.Import | ast.ImportFrom) and not may_pickle:
            named = {alias.name.partition(".")[0] for alias in node.names}
            named.add((getattr(node, "module", "") or "").partition(".")[0])
            if named & {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}:
                found.append(f"{line}: a pickle")
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("torch.load", "torch.save"):
            found.append(f"{line}: {ast.unparse(node.func)}")
        if isinstance(node, ast.Call) and any(
            keyword.arg == "allow_pickle" and ast.unparse(keyword.value) != "False"
            for keyword in node.keywords
        ):
            found.append(f"{line}: allow_pickle")
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in (
            "hasattr",
            "eval",
            "exec",
        ):
            found.append(f"{line}: {node.func.id}")
    return found


def test_no_pickle_no_star_no_bare_except():
    wrong = {}
    for path in all_files():
        in_tests = path.parent.name == "tests"
        found = forbidden(ast.parse(path.read_text(encoding="utf-8")), may_pickle=in_tests)
        if found:
            wrong[str(path.relative_to(REPOSITORY))] = found
    assert wrong == {}


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    pass\nexcept:\n    pass",
        "from torch import *",
        "import pickle",
        "from pickle import loads",
        "torch.load(path)",
        "np.load(path, allow_pickle=True)",
        "hasattr(model, 'prior')",
    ],
)
def test_the_rules_bite(source):
    assert len(forbidden(ast.parse(source))) == 1


LONGEST = {"core": 400, "explorer": 420}  # lines; what is longer holds more than one thing


def test_no_file_is_long():
    lengths = {
        path: len(path.read_text(encoding="utf-8").splitlines())
        for folder in LONGEST
        for path in (REPOSITORY / folder).glob("**/*.py")
    }
    assert len(lengths) > 80 and max(lengths.values()) > 200
    for path, length in lengths.items():
        inside = path.relative_to(REPOSITORY)
        assert length <= LONGEST[inside.parts[0]], f"{inside} has {length} lines"


def test_names_of_files():
    for path in all_files():
        assert path.stem not in ("utils", "helpers", "misc", "common"), path
        assert (
            path.stem == "__main__"
            or path.parent.name == "tests"
            or (path.stem not in sys.stdlib_module_names)
        ), f"{path} is named like a module of the standard library"
    assert not (REPOSITORY / "explorer" / "pages").exists()


# --- What the first paint waits for -------------------------------------------------------------

HEAVY = ("torch", "torchvision", "umap", "numba", "sklearn", "scipy", "matplotlib", "mlxtend")


def loaded_by(*names: str) -> set[str]:
    asked = {*HEAVY, "pandas", "plotly", "onnx"}
    program = f"import sys, {', '.join(names)}\nprint(*({asked} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_first_page_loads_nothing_heavy():
    ours = loaded_by(
        "explorer.assets",
        "explorer.state",
        "explorer.resources",
        "explorer.language",
        "explorer.members",
        "core.models",
        "core.models.cards",
        "core.training.estimate",
        "explorer.catalogue",
        "core.store.checkpoints",
        "core.latent.projections",
        "core.measures.metrics",
    )
    assert not ours & set(HEAVY)
    assert ours <= loaded_by("streamlit"), "more than streamlit itself loads"


def test_what_stands_before_every_page_reads_little():
    """It is read before the server answers at all; the rest while the browser opens the page."""
    program = "import sys, explorer.guard, explorer.uploads, explorer.serving\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    ours = {name for name in done.stdout.split() if name.startswith(("explorer.", "core."))}
    light = {"addresses", "guard", "hosts", "serving", "uploads"}
    assert ours == {"core.refusal", *(f"explorer.{name}" for name in light)}


def test_bodies_of_requests_are_read_in_one_file():
    """Where they wait for their permit, and have a bound in size and time."""
    readers = {"body", "form", "json", "stream", "receive", "_receive"}
    for name in of("explorer"):
        found = {
            node.attr
            for node in ast.walk(sources()[name])
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "request"
        }
        assert not found & readers, f"{name} reads a body"


def test_core_alone_loads_no_screen_and_a_training_no_compiler():
    """torch's own optimiser classes import its compiler, which takes a process seconds."""
    program = (
        "import sys, core.training.bank, core.export.programs\n"
        "from core.training import worker\nworker.warm()\nprint(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    modules = {name.partition(".")[0] for name in loaded}
    assert "torch" in modules and not modules & (SCREEN | {"explorer"})
    assert "torch._dynamo" not in loaded
