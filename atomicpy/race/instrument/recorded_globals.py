"""Which globals of a module are recorded: those that may be bound while another thread runs.

The top of a module binds most of its globals once: imports, functions, classes, a lock, a cache. That happens before
every access in a thread that is started later. A global can have a race only if a function uses it, and if it is bound
again, or bound after a statement that may start a thread, or stored from outside (`module.name = …`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from atomicpy.race.instrument.analysis import FUNCTIONS, Analysis

# Methods that may start a thread, or run a function in another one.
STARTERS = frozenset(
    {
        "apply",
        "apply_async",
        "call_soon_threadsafe",
        "go",
        "imap",
        "imap_unordered",
        "map",
        "run",
        "run_coroutine_threadsafe",
        "run_in_executor",
        "starmap",
        "start",
        "start_joinable_thread",
        "start_new_thread",
        "submit",
        "to_thread",
    }
)


def recorded_globals(tree: ast.Module, analysis: Analysis) -> frozenset[str]:
    """The globals of this module whose loads and stores are recorded."""
    module = analysis.module
    end = _first_effect(tree, analysis)
    constants = _constants(tree)
    found: set[str] = set()
    for name in {*module.bound, *analysis.global_writes}:
        if name.startswith(("@", "__")):  # names of pytest and of the import system
            continue
        if name not in analysis.shared_globals and name not in analysis.loaded_attributes:
            continue  # only the body of the module uses it, which runs in one thread
        if (
            name in analysis.global_writes
            or name in analysis.stored_attributes
            # Other modules may set a number or a flag: `config.DEBUG = True`.
            or name in constants
            or any((place.line, place.column) >= end for place in module.bound[name])
        ):
            found.add(name)
    return frozenset(found)


def library_names(analysis: Analysis) -> frozenset[str]:
    """Names that are bound only to parts of the standard library, whose attributes are not recorded."""
    return frozenset(analysis.bound_by_import - analysis.bound_otherwise)


def _constants(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for statement in _statements(tree.body):
        if isinstance(statement, (ast.Assign, ast.AnnAssign)):
            value = statement.value.operand if isinstance(statement.value, ast.UnaryOp) else statement.value
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            if isinstance(value, ast.Constant):
                found.update(target.id for target in targets if isinstance(target, ast.Name))
    return found


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that the body of the module runs itself, outside of functions and classes."""
    for statement in body:
        yield statement
        if not isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
            for field in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(statement, field, []))
            for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
                yield from _statements(part.body)


def _first_effect(tree: ast.Module, analysis: Analysis) -> tuple[int, int]:
    """The place of the first statement or call that may start a thread. Of a loop or `with` it is the header."""
    starters = {
        statement.name
        for statement in _statements(tree.body)
        if isinstance(statement, (*FUNCTIONS, ast.ClassDef)) and any(map(_starts, ast.walk(statement)))
    }
    library = library_names(analysis)
    for statement in _statements(tree.body):
        if isinstance(statement, FUNCTIONS):
            parts: list[ast.AST] = [*statement.decorator_list]
        elif isinstance(statement, ast.ClassDef):
            # Its body runs at once, but nearly all calls in it make descriptors.
            parts = [*statement.decorator_list]
        elif isinstance(statement, (ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith)):
            if any(isinstance(node, ast.Call) for node in ast.walk(statement)):
                return statement.lineno, statement.col_offset
            continue
        elif isinstance(statement, (ast.If, ast.Try, ast.Match)) or type(statement).__name__ == "TryStar":
            parts = [getattr(statement, "test", None) or getattr(statement, "subject", None) or ast.Pass()]
        elif isinstance(statement, ast.Expr) and _is_effect(statement.value, library):
            return statement.lineno, statement.col_offset
        else:
            parts = [statement]
        for part in parts:
            if isinstance(part, ast.Name) and part.id in starters:  # a decorator
                return part.lineno, part.col_offset
            for node in ast.walk(part):
                if _starts(node) or (
                    isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in starters
                ):
                    return node.lineno, node.col_offset  # type: ignore[attr-defined]
    return (1 << 60, 0)


def _starts(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)
    return (name in STARTERS and name != "map") or (name == "map" and isinstance(function, ast.Attribute))


def _is_effect(value: ast.expr, library: frozenset[str]) -> bool:
    """Whether a bare expression may start a thread: it awaits, or calls anything outside the standard library."""
    calls = [node for node in ast.walk(value) if isinstance(node, (ast.Call, ast.Await))]
    for call in calls:
        if isinstance(call, ast.Await) or _starts(call):
            return True
        base = call.func
        while isinstance(base, ast.Attribute):
            base = base.value
        if not (isinstance(base, ast.Name) and base.id in library):
            return True
    return False
