"""The shape of the project, read from its source: imports point towards the Pi."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("edge", "trainer", "convert", "deploy", "monitor")
# Who may import whom. convert reads what the trainer wrote; all stand on the edge.
ALLOWED = {
    "edge": {"edge"},
    "trainer": {"trainer", "edge"},
    "convert": {"convert", "trainer", "edge"},
    "deploy": {"deploy", "edge"},
    "monitor": {"monitor", "edge"},
}
# What serves in production owns the format: a store is read by the monitor's own reader, and by nothing else.
# Likewise its token: `deploy` makes one for a Pi that gets only the hash.
DOORS = {"trainer": {"monitor.reader"}, "deploy": {"monitor.access.token"}}
HEAVY = {"tensorflow", "keras", "pandas", "sklearn", "matplotlib", "scipy"}


def modules() -> dict[str, Path]:
    """Every module of ours by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


def imports(path: Path, at_start_only: bool = False) -> set[str]:
    """Dotted names that a file imports, everywhere or only when it is imported itself."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if at_start_only else list(ast.walk(tree))
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def may_import(package: str, other: str) -> bool:
    doors = DOORS.get(package, set())
    return other.split(".")[0] in ALLOWED[package] or any(
        f"{other}.".startswith(f"{door}.") for door in doors
    )


def test_every_arrow_points_towards_the_pi() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, path in modules().items()
        for other in imports(path)
        if other.split(".")[0] in PACKAGES and not may_import(name.split(".")[0], other)
    ]
    assert not wrong


def test_nothing_imports_itself_round_a_circle() -> None:
    ours = modules()
    graph = {name: {o for o in imports(path, at_start_only=True) if o in ours} for name, path in ours.items()}
    done: set[str] = set()

    def walk(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way[way.index(name) :], name))
        if name not in done:
            for other in graph[name] - {name}:
                walk(other, (*way, name))
            done.add(name)

    for name in graph:
        walk(name, ())


@pytest.mark.parametrize("package", ["edge", "monitor", "deploy"])
def test_what_runs_in_production_imports_nothing_heavy(package: str) -> None:
    heavy = [
        f"{name} imports {other}"
        for name, path in modules().items()
        if name.split(".")[0] == package
        for other in imports(path)
        if other.split(".")[0] in HEAVY
    ]
    assert not heavy


def test_a_running_edge_has_loaded_nothing_heavy() -> None:
    # what the source cannot tell: what our dependencies bring along
    names = ", ".join(name for name in modules() if name.startswith("edge") and not name.endswith("__main__"))
    names = ", ".join(n for n in names.split(", ") if n != "edge.sources.dht")
    code = f"import sys, {names}; print(sorted(set(sys.modules) & {HEAVY!r}))"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
