"""A scope of a module: what a name means in it, and which of its variables can have a race.

Scopes are those of Python's symbol table. A comprehension is a scope here even if the compiler inlines it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple


class Place(NamedTuple):
    """A position in a scope, with the loops around it: code in a loop may run again after code that follows it."""

    line: int
    column: int
    loops: tuple[int, ...]

    def may_follow(self, other: Place) -> bool:
        """Whether this place can be passed after the other has been."""
        return (self.line, self.column) > (other.line, other.column) or any(loop in self.loops for loop in other.loops)


class Scope:
    """One scope: the names it binds and declares, and its variables that inner functions capture."""

    __slots__ = (
        "bound",
        "captures",
        "decided",
        "depth",
        "globals",
        "inner_writes",
        "kind",
        "loops",
        "loops_around",
        "node",
        "nonlocals",
        "owned",
        "parent",
        "private",
        "shows_locals",
    )

    def __init__(self, kind: str, node: ast.AST, parent: Scope | None, private: str) -> None:
        self.kind = kind  # module, class, function, lambda, comprehension, generator, type
        self.node = node
        self.parent = parent
        self.private = private  # the name of the enclosing class, for names like __x
        self.depth: int = parent.depth + 1 if parent else 0
        self.loops: tuple[int, ...] = ()  # the loops around the statement that the analysis is at
        self.loops_around: tuple[int, ...] = (*parent.loops_around, *parent.loops) if parent else ()
        self.bound: dict[str, list[Place]] = {}
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()
        self.captures: dict[str, list[Place]] = {}  # per variable: where functions that use it are made
        self.inner_writes: set[str] = set()
        self.shows_locals = False
        self.decided: dict[str, str | Scope | None] = {}  # a cache of the rewriter
        self.owned: dict[str, bool] = {}

    def mangle(self, name: str) -> str:
        """The name as the compiler mangles it: `__x` within a class C is `_C__x`."""
        if not self.private or not name.startswith("__") or name.endswith("__") or "." in name:
            return name
        owner = self.private.lstrip("_")
        return f"_{owner}{name}" if owner else name

    def resolve(self, name: str) -> Scope | None:
        """The scope that a mangled name belongs to, as seen from here; None for a global."""
        if name in self.globals:
            return None
        if name in self.bound and name not in self.nonlocals:
            return self if self.parent else None
        scope = self.parent
        while scope and scope.parent:
            if scope.kind != "class":
                if name in scope.globals:
                    return None
                if name in scope.bound and name not in scope.nonlocals:
                    return scope
            scope = scope.parent
        return None

    def changes_while_shared(self, name: str) -> bool:
        """Whether a variable of this scope may be bound after a function that captures it has been made.

        Only then can it have a race. A binding before that happens before every call of the function, because
        another thread gets the function after it is made.
        """
        known = self.owned.get(name)
        if known is None:
            captures = self.captures.get(name, ())
            known = name in self.inner_writes or any(
                bound.may_follow(capture) for bound in self.bound[name] for capture in captures
            )
            self.owned[name] = known
        return known

    def can_own(self) -> bool:
        """Whether the rewriter may add a variable to this scope: no `locals()` of the program may show it."""
        if self.shows_locals:
            return False
        if self.kind == "function":
            return True
        generators = getattr(self.node, "generators", ())  # a comprehension
        return bool(generators) and not any(clause.is_async for clause in generators)


def outwards(scope: Scope, owner: Scope) -> Iterator[Scope]:
    """The scopes from this one outwards to the owner, without the owner."""
    each: Scope | None = scope
    while each is not None and each is not owner:
        yield each
        each = each.parent
