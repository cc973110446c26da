"""Rewriting of expressions: a call of the engine is inserted before every load, and the load itself stays."""

from __future__ import annotations

import ast
import io
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from atomicpy.race.instrument import syntax
from atomicpy.race.instrument.analysis import COMPREHENSIONS, Analysis
from atomicpy.race.instrument.recorded_globals import library_names, recorded_globals
from atomicpy.race.instrument.scopes import Scope, outwards
from atomicpy.race.instrument.syntax import LOAD, STORE, call, constant

# Methods that change the set of keys of a dict or set. Those of lists and deques pass objects between threads: putting
# an object in happens before taking it out.
MUTATORS = frozenset(
    {
        "add",
        "append",
        "appendleft",
        "clear",
        "difference_update",
        "discard",
        "extend",
        "extendleft",
        "insert",
        "intersection_update",
        "pop",
        "popitem",
        "popleft",
        "remove",
        "setdefault",
        "symmetric_difference_update",
        "update",
    }
)

# Methods of built-in types. A call of one is not recorded if the module stores no attribute of that name.
_OF_TYPES = (
    *(list, dict, set, frozenset, str, bytes, bytearray, int, float, tuple, deque),
    *(io.TextIOWrapper, io.BufferedRandom, type(threading.Lock()), threading.Thread),
    *(threading.Event, threading.Condition, threading.Semaphore, threading.Barrier),
)
KNOWN_METHODS = frozenset(name for each in _OF_TYPES for name in dir(each) if not name.startswith("_")) - MUTATORS

# Expressions that make a new object, which no other thread has.
FRESH = (ast.Constant, ast.JoinedStr, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Lambda, *COMPREHENSIONS)
# Functions whose results have no locations, or are iterated in C.
FRESH_CALLS = frozenset(
    {"range", "enumerate", "zip", "map", "filter", "reversed", "sorted", "list", "tuple", "dict", "set", "iter"}
)
BY_NAME = frozenset({"getattr", "setattr", "hasattr", "delattr"})


class Expressions:
    """Rewrites expressions in place. Each method returns the node that replaces its argument."""

    def __init__(self, tree: ast.Module, analysis: Analysis, ignored: frozenset[int]) -> None:
        self.scope = analysis.module
        self.scopes = analysis.scopes
        self.ignored = ignored
        self.globals = recorded_globals(tree, analysis)
        self.library = library_names(analysis)
        self.known_globals = {*analysis.module.bound, *analysis.global_writes}
        self.stored = analysis.stored_attributes
        methods = KNOWN_METHODS | analysis.methods
        self.methods = frozenset() if analysis.any_attribute_stored else methods - analysis.stored_attributes
        self.expressions: dict[type, Callable[..., Any]] = {
            ast.Name: self.name,
            ast.Attribute: self.attribute,
            ast.Subscript: self.subscript,
            ast.Call: self.call,
            ast.NamedExpr: self.named,
            ast.Lambda: self.function_expression,
            ast.Constant: self.unchanged,
            ast.Load: self.unchanged,
            **dict.fromkeys(COMPREHENSIONS, self.comprehension),
        }

    # -- walking -----------------------------------------------------------------------------------------------

    def expr(self, node: Any) -> Any:
        method = self.expressions.get(type(node))
        return method(node) if method is not None else self.parts(node)

    def parts(self, node: Any) -> Any:
        for field in node._fields:
            value = getattr(node, field, None)
            if isinstance(value, list):
                self.each(value)
            elif isinstance(value, ast.AST) and value._fields:
                setattr(node, field, self.expr(value))
        return node

    def each(self, values: list[Any]) -> None:
        for index, value in enumerate(values):
            if isinstance(value, ast.AST):  # a dict display has None for `**`
                values[index] = self.expr(value)

    def unchanged(self, node: Any) -> Any:
        return node

    # -- what a name means -------------------------------------------------------------------------------------

    def meaning(self, name: str, scope: Scope | None = None) -> str | Scope | None:
        """What a mangled name means: "global", or the scope that owns the variable; None if it is not recorded."""
        scope = scope or self.scope
        if name in scope.decided:
            return scope.decided[name]
        owner = scope.resolve(name)
        found: str | Scope | None = None
        if owner is None:
            found = "global" if name in self.globals else None
        elif (
            name in owner.captures
            and owner.can_own()
            and owner.changes_while_shared(name)
            and not any(each.shows_locals for each in outwards(scope, owner))
        ):
            found = owner
        scope.decided[name] = found
        return found

    def is_stable(self, node: ast.Name, value: ast.expr) -> bool:
        """Whether the name must mean the same object before and after the value is evaluated."""
        name = self.scope.mangle(node.id)
        owner = self.scope.resolve(name)
        if owner is None:
            return name in self.known_globals and name not in self.globals
        if owner.kind not in ("function", "lambda"):
            return False
        if owner is not self.scope:
            return not owner.changes_while_shared(name)
        return name not in owner.inner_writes and not any(
            isinstance(each, ast.NamedExpr) and each.target.id == node.id for each in ast.walk(value)
        )

    def read(self, node: ast.Name, meaning: str | Scope) -> ast.Call:
        name = self.scope.mangle(node.id)
        if isinstance(meaning, Scope):
            scope = syntax.name(scope_variable(meaning), node)
            return call("_race_var_read__", [node, scope, constant(name, node)], node)
        return call("_race_global_read__", [node, constant(name, node)], node)

    def write(self, name: str, meaning: str | Scope, at: Any) -> ast.Call:
        if isinstance(meaning, Scope):
            return call("_race_var_write__", [syntax.name(scope_variable(meaning), at), constant(name, at)], at)
        return call("_race_global_write__", [constant(name, at)], at)

    # -- loads -------------------------------------------------------------------------------------------------

    def name(self, node: ast.Name) -> ast.expr:
        meaning = self.meaning(self.scope.mangle(node.id))
        return node if meaning is None or node.lineno in self.ignored else self.read(node, meaning)

    def has_locations(self, value: ast.expr) -> bool:
        """Whether attributes of the value are locations."""
        if isinstance(value, FRESH):
            return False
        if isinstance(value, ast.Call):  # super() inspects its caller's frame
            return not (isinstance(value.func, ast.Name) and value.func.id == "super")
        return not (isinstance(value, ast.Name) and self.scope.mangle(value.id) in self.library)

    def attribute(self, node: ast.Attribute) -> ast.expr:
        at = syntax.attribute_spot(node)
        name = self.scope.mangle(node.attr)
        special = name.startswith("__") and name.endswith("__")
        recorded = at.lineno not in self.ignored and (
            (self.has_locations(node.value) and not special)
            or (name in self.stored and isinstance(node.value, ast.Name))
        )
        node.value = self.expr(node.value)
        if recorded:
            node.value = call("_race_read__", [node.value, constant(name, at)], at)
        return node

    def subscript(self, node: ast.Subscript) -> ast.expr:
        recorded = not isinstance(node.value, FRESH) and self.is_item(node)
        self.parts(node)
        return call("_race_get__", [node.value, node.slice], node) if recorded else node

    def is_item(self, node: ast.Subscript) -> bool:
        """Whether it is one item. A slice is a copy, and is not recorded."""
        key = node.slice
        if isinstance(key, ast.Tuple):
            return node.lineno not in self.ignored and not any(isinstance(each, ast.Slice) for each in key.elts)
        return not isinstance(key, ast.Slice) and node.lineno not in self.ignored

    def call(self, node: ast.Call) -> ast.expr:
        function = node.func
        if isinstance(function, ast.Attribute):
            if function.attr in MUTATORS and self.has_locations(function.value):
                at = syntax.attribute_spot(function)
                function.value = self.expr(function.value)
                if at.lineno not in self.ignored:
                    node.func = call("_race_method__", [function.value, constant(function.attr, at)], at)
            elif self.scope.mangle(function.attr) in self.methods:
                function.value = self.expr(function.value)
            else:
                node.func = self.attribute(function)
        else:
            node.func = self.expr(function)
        self.each(node.args)
        self.each(node.keywords)
        if (
            isinstance(function, ast.Name)
            and function.id in BY_NAME
            and self.is_builtin(function.id)
            and len(node.args) > 1
            and not any(isinstance(each, ast.Starred) for each in node.args[:2])
            and node.lineno not in self.ignored
        ):
            node.args[0] = call("_race_attr__", [node.args[0]], node)
        return node

    def is_builtin(self, name: str) -> bool:
        return self.scope.resolve(name) is None and name not in self.known_globals

    def named(self, node: ast.NamedExpr) -> ast.expr:
        node.value = self.expr(node.value)
        owner = self.scope
        while owner.kind in ("comprehension", "generator") and owner.parent:
            owner = owner.parent
        name = owner.mangle(node.target.id)
        meaning = self.meaning(name, self.scope)
        if meaning is None or node.lineno in self.ignored:
            return node
        # (x := value, record)[0]
        both = ast.Tuple([node, self.write(name, meaning, node.target)], LOAD)
        first = ast.Subscript(both, constant(0, node), LOAD)
        syntax.place(both, node)
        syntax.place(first, node)
        return first

    # -- scopes --------------------------------------------------------------------------------------------------

    def defaults(self, arguments: ast.arguments) -> None:
        self.each(arguments.defaults)
        self.each(arguments.kw_defaults)

    def function_expression(self, node: ast.Lambda) -> ast.expr:
        self.defaults(node.args)
        outer, self.scope = self.scope, self.scopes[id(node)]
        node.body = self.expr(node.body)
        self.scope = outer
        return node

    def iterable(self, node: ast.expr) -> ast.expr:
        """The iterable of a `for`: a dict, set or list is read during the iteration."""
        fresh = isinstance(node, FRESH) or (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in FRESH_CALLS
            and self.is_builtin(node.func.id)
        )
        recorded = not fresh and node.lineno not in self.ignored
        new = self.expr(node)
        return call("_race_iter__", [new], node) if recorded else new

    def comprehension(self, node: Any) -> Any:
        first = node.generators[0]
        first.iter = self.iterable(first.iter) if not first.is_async else self.expr(first.iter)
        outer, self.scope = self.scope, self.scopes[id(node)]
        scope = self.scope
        for number, clause in enumerate(node.generators):
            if number:
                clause.iter = self.iterable(clause.iter) if not clause.is_async else self.expr(clause.iter)
            stores: list[ast.Name] = []
            clause.target = self.target(clause.target, stores)
            self.each(clause.ifs)
            clause.ifs[:0] = self.records(stores)
        for field in ("key", "value", "elt"):
            part = getattr(node, field, None)
            if part is not None:
                setattr(node, field, self.expr(part))
        if self.owns(scope):
            # for scope, target in zip(repeat(a new scope), iterable)
            at = first.iter
            scopes = call("_race_repeat__", [call("_race_scope__", [], at)], at)
            first.iter = call("_race_zip__", [scopes, at], at)
            pair = ast.Tuple([syntax.name(scope_variable(scope), at, STORE), first.target], STORE)
            syntax.place(pair, first.target)
            first.target = pair
        self.scope = outer
        return node

    def records(self, stores: list[ast.Name]) -> list[ast.expr]:
        """Conditions for a comprehension that are always true and record that its variables are bound."""
        found: list[ast.expr] = []
        for target in stores:
            name = self.scope.mangle(target.id)
            meaning = self.meaning(name)
            if meaning is not None and target.lineno not in self.ignored:
                condition = ast.UnaryOp(ast.Not(), self.write(name, meaning, target))
                syntax.place(condition, target)
                found.append(condition)
        return found

    def owns(self, scope: Scope) -> bool:
        """Whether the scope needs an object that identifies it, because one of its variables is recorded."""
        return scope.can_own() and any(map(scope.changes_while_shared, scope.captures))

    # -- stores ----------------------------------------------------------------------------------------------------

    def target(self, node: Any, stores: list[ast.Name]) -> Any:
        """Rewrite a target of a store or `del`. Names are added to `stores`, to be recorded after the statement."""
        if isinstance(node, ast.Name):
            stores.append(node)
        elif isinstance(node, ast.Attribute):
            at = syntax.attribute_spot(node)
            recorded = self.has_locations(node.value) or isinstance(node.value, ast.Name)
            node.value = self.expr(node.value)
            if recorded and at.lineno not in self.ignored:
                node.value = call("_race_write__", [node.value, constant(self.scope.mangle(node.attr), at)], at)
        elif isinstance(node, ast.Subscript):
            recorded = self.is_item(node)
            self.parts(node)
            if recorded:
                node.value = call("_race_item__", [node.value], node)
        elif isinstance(node, ast.Starred):
            node.value = self.target(node.value, stores)
        else:  # a tuple or list of targets
            for index, each in enumerate(node.elts):
                node.elts[index] = self.target(each, stores)
        return node


def scope_variable(scope: Scope) -> str:
    """The variable for the object that identifies a scope. Inner functions capture it with the scope's variables."""
    return f"_race_scope_{scope.depth}__"
