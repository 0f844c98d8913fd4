"""The house rules that a machine can check: floors, lazy imports, slugs, sizes."""

import ast
from pathlib import Path

import pytest

import varinf

ROOT = Path(varinf.__file__).parent
TESTS = Path(__file__).parent

FLOORS = {
    "_kernels": 0,
    "_arrays": 1,
    "_text": 1,
    "_config": 1,
    "_progress": 1,
    "_aggregate": 1,
    "_pool": 1,
    "_pytree": 1,
    "_sandwich": 1,
    "estimate": 1,
    "_answers": 1,
    "objectives": 1,
    "datasets": 1,
    "families": 2,
    "divergences": 3,
    "diagnostics": 3,
    "optimisers": 3,
    "evidence": 4,
    "information": 4,
    "tradeoffs": 4,
    "_lens": 4,
    "models": 5,
    "inference": 6,
    "autoencoders": 6,
    "interop": 7,
    "page": 7,
    "_pictures": 7,
    "plots": 8,
    "cli": 9,
    "__main__": 9,
    "__init__": 10,
}
ROOMS = ("autoencoders", "diagnostics", "divergences", "evidence", "families", "inference", "information", "interop")
ROOMS += ("models", "tradeoffs")
LAZY = ("matplotlib", "sklearn", "torch", "jax", "pymc", "pytensor", "arviz", "scipy.stats", "scipy.optimize", "tqdm")
MODULES = sorted(path for path in ROOT.rglob("*.py"))


def slug(path):
    """The room of a module: its first folder under varinf/, or its own name."""
    return path.relative_to(ROOT).with_suffix("").parts[0]


def imports(tree, top_level_only=False):
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_come_from_lower_floors(path):
    here = slug(path)
    assert here in FLOORS, f"{here} has no floor: give it one in this test and in the design"
    tree = ast.parse(path.read_text())
    at_the_top = set(imports(tree, top_level_only=True))
    for name in imports(tree):
        parts = name.split(".")
        if parts[0] != "varinf" or len(parts) < 2:
            continue
        there = parts[1]
        if there not in FLOORS or there == here:
            continue
        if there in ("interop", "plots") and name not in at_the_top:  # inside the function that needs them
            continue
        # Floor 1 is one room: its modules may use each other without cycles.
        assert FLOORS[there] <= FLOORS[here], f"{path.name} on floor {FLOORS[here]} imports {name} from {FLOORS[there]}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_heavy_packages_are_imported_on_use(path):
    if slug(path) == "interop":  # imported on use as a whole
        return
    for name in imports(ast.parse(path.read_text()), top_level_only=True):
        assert not any(name == heavy or name.startswith(heavy + ".") for heavy in LAZY), f"{path.name} imports {name}"


def test_import_graph_has_no_cycles():
    """At module level; an import inside a function breaks a cycle on purpose."""
    modules = {".".join(("varinf", *path.relative_to(ROOT).with_suffix("").parts)): path for path in MODULES}
    graph = {
        name: {target for target in imports(ast.parse(path.read_text()), top_level_only=True) if target in modules}
        for name, path in modules.items()
    }
    done, active = set(), []

    def visit(name):
        assert name not in active, f"cycle: {' -> '.join([*active[active.index(name) :], name])}"
        if name in done:
            return
        active.append(name)
        for target in graph[name]:
            visit(target)
        active.pop()
        done.add(name)

    for name in graph:
        visit(name)


def test_modules_stay_small():
    """Docstrings do not count: how much an interface has to say is no reason to split what does it."""
    for path in MODULES:
        source = path.read_text()
        lines = len(source.splitlines()) - sum(map(lines_of_docstring, ast.walk(ast.parse(source))))
        assert lines <= 270, f"{path.relative_to(ROOT)} has {lines} lines besides its docstrings: split it"


def lines_of_docstring(node):
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) or ast.get_docstring(node) is None:
        return 0
    return node.body[0].end_lineno - node.body[0].lineno + 1


def test_subpackages_hold_a_docstring_and_nothing_else():
    for path in ROOT.glob("*/__init__.py"):
        if slug(path) in ("_kernels", "models"):  # the chooser; the namespace vi.models
            continue
        body = ast.parse(path.read_text()).body
        assert len(body) == 1, f"{path.relative_to(ROOT)}: a docstring and nothing else"
        assert isinstance(body[0], ast.Expr)


def test_public_names_are_grouped_and_real():
    assert len(set(varinf.__all__)) == len(varinf.__all__)
    for name in varinf.__all__:
        assert hasattr(varinf, name), name
        thing = getattr(varinf, name)
        assert thing.__doc__, f"varinf.{name} has no docstring"


def test_each_idea_has_its_test():
    """varinf/evidence/iwelbo.py is proved in tests/evidence/test_iwelbo.py, by the same name."""
    for room in ROOMS:
        for path in (ROOT / room).glob("[!_]*.py"):
            twin = TESTS / room / f"test_{path.stem}.py"
            assert twin.exists(), f"varinf/{room}/{path.name} has no tests/{twin.relative_to(TESTS)}"
