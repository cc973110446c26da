"""The layers of the package and its C core: imports, cimports and includes point downwards, and never in a circle.

A layer that is missing here is an error, so a new folder has to be placed. Imports inside functions count too.
"""

import ast
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]

# From top to bottom. A folder uses the layers below its own. Folders of one layer do not use each other.
LAYERS = (
    "atomicpy/__main__",
    "atomicpy/commands/demo atomicpy/commands/timeline",
    "atomicpy/commands",
    "atomicpy/race",  # the command, the plugin of pytest
    "atomicpy/race/run",
    "atomicpy/race/happens_before atomicpy/race/instrument atomicpy/race/report",
    "atomicpy/race/engine atomicpy/race/ownership",
    "atomicpy/__init__",  # the public names
    "atomicpy/channel atomicpy/map atomicpy/task",
    "atomicpy/sync",
    "atomicpy/atomic",
    "atomicpy/_runtime",
    "src/ap_core",  # the table of the functions of the core
    "src/channel src/task",
    "src/counter src/sync",
    "src/park src/race",
    "src/ap_atomic",  # the public header
    "src/atomic",
    "src/platform",
)
PLACES = {place: height for height, layer in enumerate(LAYERS) for place in layer.split()}
# Outside of their own folders these use public names only. The commands also link the clock, the detector its own part
# of the C core.
USERS = {
    "atomicpy/commands": ("atomicpy/__init__", "src/ap_atomic", "src/platform/ap_clock"),
    "atomicpy/race": ("atomicpy/__init__", "src/ap_atomic", "src/race"),
}
SUFFIXES = (".py", ".pyx", ".pxd", ".h", ".c")
IMPORT = re.compile(r"^[ \t]*from[ \t]+(atomicpy[\w.]*)[ \t]+c?import[ \t]+(\([^)]*\)|.*)", re.MULTILINE)
PLAIN_IMPORT = re.compile(r"^[ \t]*c?import[ \t]+(atomicpy[\w.]*)", re.MULTILINE)
INCLUDE = re.compile(r'^[ \t]*(?:#[ \t]*include|cdef extern from)[ \t]+"([^"]+)"', re.MULTILINE)


def is_in(node: str, place: str) -> bool:
    return node == place or node.startswith(f"{place}/")


def name_of(file: Path) -> str:
    """A .pyx and its .pxd have one name. A header and its C file have two: the C file includes, and is not included."""
    return file.relative_to(ROOT).with_suffix(".c" if file.suffix == ".c" else "").as_posix()


def module(name: str) -> str:
    """The name of the file that a dotted name imports; "" if it imports no module."""
    path = ROOT / name.replace(".", "/")
    if any(path.with_suffix(suffix).is_file() for suffix in SUFFIXES):
        return path.relative_to(ROOT).as_posix()
    return name_of(path / "__init__.py") if path.is_dir() else ""


def imported(file: Path, text: str) -> Iterator[tuple[str, list[str]]]:
    """Each import of the package: the module, and the names that come from it."""
    if file.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                yield from ((alias.name, []) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{file}: a relative import"
                yield node.module or "", [alias.name for alias in node.names]
    else:
        yield from ((name, re.findall(r"\w+", names)) for name, names in IMPORT.findall(text))
        yield from ((name, []) for name in PLAIN_IMPORT.findall(text))


def used(file: Path) -> Iterator[str]:
    """The names of the files that a file imports, cimports or includes."""
    text = file.read_text(encoding="utf-8")
    if file.suffix not in (".h", ".c"):
        for name, parts in imported(file, text):
            if name.partition(".")[0] == "atomicpy":
                found = [module(f"{name}.{part}") or module(name) for part in parts] or [module(name)]
                assert all(found), f"{file}: there is no {name}"
                yield from found
    for name in [] if file.suffix == ".py" else INCLUDE.findall(text):
        for folder in (file.parent, ROOT / "src", ROOT / "atomicpy"):
            if (folder / name).is_file():
                yield name_of((folder / name).resolve())
                break


def graph() -> dict[str, set[str]]:
    uses: dict[str, set[str]] = {}
    for folder in ("atomicpy", "src"):
        for file in (ROOT / folder).rglob("*"):
            if file.suffix in SUFFIXES:
                uses.setdefault(name_of(file), set()).update(used(file))
    return {name: others - {name} for name, others in uses.items()}


def place_of(name: str) -> str:
    places = [place for place in PLACES if is_in(name.removesuffix(".c"), place)]
    assert places, f"{name} is in no layer"
    return max(places, key=len)


def test_imports_and_includes_point_downwards() -> None:
    wrong, count = [], 0
    for name, others in sorted(graph().items()):
        for other in sorted(others):
            count += 1
            place, other_place = place_of(name), place_of(other)
            if place != other_place and PLACES[place] >= PLACES[other_place]:
                wrong.append(f"{name} uses {other}, which is not below it")
            for user, public in USERS.items():
                if is_in(name, user) and not any(is_in(other, allowed) for allowed in (user, *public)):
                    wrong.append(f"{name} uses {other}, which is not public")
    assert count > 150
    assert not wrong, "\n".join(wrong)


def test_there_are_no_circles() -> None:
    try:
        graphlib.TopologicalSorter(graph()).prepare()
    except graphlib.CycleError as error:
        raise AssertionError(" -> ".join(error.args[1])) from None


def test_one_extension_links_the_parking_lot() -> None:
    """Two copies of the parking lot would be two tables of waiters, and two handlers of fork()."""
    [table] = [
        node.value
        for node in ast.parse((ROOT / "setup.py").read_text("utf-8")).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "EXTENSIONS"
    ]
    assert isinstance(table, ast.Dict)
    linked = {ast.literal_eval(key): ast.unparse(value) for key, value in zip(table.keys, table.values, strict=True)}
    assert [name for name, files in linked.items() if "CORE" in files] == ["atomicpy._runtime.core"]
    assert [name for name, files in linked.items() if "src/" in files] == [], "a file of the core, linked by its name"
