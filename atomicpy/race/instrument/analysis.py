"""One pass over the tree of a module before it is rewritten: its scopes, the names that they bind and use.

Annotations, `type` statements and type parameters are not read, because they are evaluated lazily or not at all.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from atomicpy.race.instrument.scopes import Place, Scope, outwards

# A function that calls one of these may see its local variables. The rewriter adds no variable to such a function.
SHOWS_LOCALS = frozenset({"locals", "vars", "dir", "eval", "exec"})
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Analysis:
    """The scopes of a module, by the identity of the node that opens each."""

    def __init__(self, tree: ast.Module) -> None:
        self.module = Scope("module", tree, None, "")
        self.scopes: dict[int, Scope] = {id(tree): self.module}
        self.stored_attributes: set[str] = set()  # names that the module stores in some object
        self.methods: set[str] = set()  # names that the module's classes define as functions
        self.loaded_attributes: set[str] = set()
        self.any_attribute_stored = False  # by setattr with a name that is not a literal
        self.global_writes: set[str] = set()  # names that functions declare global and bind
        self.bound_by_import: set[str] = set()  # names of modules of the standard library, or of parts of them
        self.bound_otherwise: set[str] = set()
        self.shared_globals: set[str] = set()  # globals that functions use
        self.uses: list[tuple[Scope, str]] = []
        self.deepest = 0
        self._depth = 0
        self._loop = 0
        self._end: tuple[int, int] | None = None
        self._scope = self.module
        self._table: dict[type, Callable[[Any], None]] = {
            ast.Lambda: self._lambda,
            ast.ClassDef: self._classdef,
            ast.While: self._while,
            ast.Assign: self._assign,
            ast.AnnAssign: self._annassign,
            ast.AugAssign: self._augassign,
            ast.NamedExpr: self._namedexpr,
            ast.ExceptHandler: self._excepthandler,
            ast.Global: self._global,
            ast.Nonlocal: self._nonlocal,
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.Call: self._call,
            **dict.fromkeys(FUNCTIONS, self._function),
            **dict.fromkeys(COMPREHENSIONS, self._comprehension),
            **dict.fromkeys((ast.For, ast.AsyncFor), self._for),
            **dict.fromkeys((ast.Import, ast.ImportFrom), self._import),
            **dict.fromkeys((ast.MatchAs, ast.MatchStar, ast.MatchMapping), self._pattern),
        }
        if hasattr(ast, "TypeAlias"):
            self._table[ast.TypeAlias] = self._typealias
        self._each(tree.body)
        self._find_captures()

    # -- walking ---------------------------------------------------------------------------------------------

    def _visit(self, node: ast.AST) -> None:
        self._depth += 1
        if self._depth > self.deepest:
            self.deepest = self._depth
        method = self._table.get(type(node))
        if method is not None:
            method(node)
        else:
            self._fields(node)
        self._depth -= 1

    def _fields(self, node: ast.AST) -> None:
        for field in node._fields:
            value = getattr(node, field, None)
            if isinstance(value, list):
                self._each(value)
            elif isinstance(value, ast.AST) and value._fields:
                self._visit(value)

    def _each(self, nodes: Iterable[Any]) -> None:
        for node in nodes:
            if isinstance(node, ast.AST):  # a dict display has None for `**`
                self._visit(node)

    def _open(self, kind: str, node: ast.AST, private: str | None = None) -> Scope:
        scope = Scope(kind, node, self._scope, self._scope.private if private is None else private)
        if kind != "type":
            self.scopes[id(node)] = scope
        self._scope = scope
        return scope

    def _close(self, scope: Scope) -> None:
        assert scope.parent is not None
        self._scope = scope.parent

    def _bind(self, name: str, line: int, column: int, imported: bool = False) -> None:
        scope = self._scope
        name = scope.mangle(name)
        scope.bound.setdefault(name, []).append(Place(line, column, scope.loops))
        self.uses.append((scope, name))  # the owner is resolved at the end, when all declarations are read
        if not imported:
            self.bound_otherwise.add(name)

    # -- statements that bind ----------------------------------------------------------------------------------

    def _function(self, node: Any) -> None:
        scope = self._scope
        self._each(node.decorator_list)
        self._defaults(node.args)
        # No code has the function before the name is bound to it, so its own use of the name comes after that.
        self._bind(node.name, node.lineno, node.col_offset)
        if scope.kind == "class":
            self.methods.add(node.name)
        types = self._type_parameters(node)
        inner = self._open("function", node)
        self._parameters(node.args)
        self._each(node.body)
        self._close(inner)
        if types:
            self._close(types)

    def _lambda(self, node: ast.Lambda) -> None:
        self._defaults(node.args)
        inner = self._open("lambda", node)
        self._parameters(node.args)
        self._visit(node.body)
        self._close(inner)

    def _defaults(self, arguments: ast.arguments) -> None:
        self._each(arguments.defaults)
        self._each(arguments.kw_defaults)

    def _parameters(self, arguments: ast.arguments) -> None:
        for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg):
            if each is not None:
                self._bind(each.arg, 0, 0)  # before anything in the body

    def _type_parameters(self, node: Any) -> Scope | None:
        parameters = getattr(node, "type_params", None)
        if not parameters:
            return None
        scope = self._open("type", node)
        for each in parameters:
            self._bind(each.name, 0, 0)
        return scope

    def _classdef(self, node: ast.ClassDef) -> None:
        self._each(node.decorator_list)
        self._bind(node.name, node.lineno, node.col_offset)  # as with a function
        types = self._type_parameters(node)
        self._each(node.bases)
        self._each(node.keywords)
        inner = self._open("class", node, node.name)
        self._each(node.body)
        self._close(inner)
        if types:
            self._close(types)

    def _for(self, node: Any) -> None:
        self._visit(node.iter)
        scope = self._scope
        outer = scope.loops
        self._loop += 1
        scope.loops = (*outer, self._loop)
        self._visit(node.target)
        self._each(node.body)
        scope.loops = outer
        self._each(node.orelse)

    def _while(self, node: ast.While) -> None:
        scope = self._scope
        outer = scope.loops
        self._loop += 1
        scope.loops = (*outer, self._loop)
        self._visit(node.test)
        self._each(node.body)
        scope.loops = outer
        self._each(node.orelse)

    def _comprehension(self, node: Any) -> None:
        first = node.generators[0]
        self._visit(first.iter)  # in the enclosing scope
        inner = self._open("generator" if isinstance(node, ast.GeneratorExp) else "comprehension", node)
        for number, clause in enumerate(node.generators):
            if number:
                self._visit(clause.iter)
            self._loop += 1
            inner.loops = (*inner.loops, self._loop)
            self._visit(clause.target)
            self._each(clause.ifs)
        for field in ("key", "value", "elt"):
            part = getattr(node, field, None)
            if part is not None:
                self._visit(part)
        self._close(inner)

    def _assign(self, node: ast.Assign) -> None:
        self._visit(node.value)
        self._store(node, node.targets)

    def _store(self, node: ast.stmt, targets: Sequence[ast.expr]) -> None:
        # The value is evaluated first, so the store has the position of the end of the statement.
        self._end = (node.end_lineno or 0, node.end_col_offset or 0)
        self._each(targets)
        self._end = None

    def _annassign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._visit(node.value)
            self._store(node, [node.target])
        elif isinstance(node.target, ast.Name):
            # A declaration makes the name local and stores nothing.
            name = self._scope.mangle(node.target.id)
            self._scope.bound.setdefault(name, [])
            self.bound_otherwise.add(name)

    def _augassign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._use(node.target)
        self._visit(node.value)
        self._store(node, [node.target])

    def _namedexpr(self, node: ast.NamedExpr) -> None:
        self._visit(node.value)
        scope = self._scope
        while scope.kind in ("comprehension", "generator") and scope.parent:
            scope = scope.parent
        # A comprehension around it is a loop, in addition to the loops of the scope.
        loops = scope.loops if scope is self._scope else (*scope.loops, *self._scope.loops)
        name = scope.mangle(node.target.id)
        scope.bound.setdefault(name, []).append(Place(node.end_lineno or 0, node.end_col_offset or 0, loops))
        self.uses.append((scope, name))
        self.uses.append((self._scope, name))
        self.bound_otherwise.add(name)

    def _excepthandler(self, node: ast.ExceptHandler) -> None:
        if node.type is not None:
            self._visit(node.type)
        if node.name:
            self._bind(node.name, node.lineno, node.col_offset)
        self._each(node.body)

    def _import(self, node: Any) -> None:
        for each in node.names:
            if each.name != "*":
                source = each.name if isinstance(node, ast.Import) else "." * node.level + (node.module or "")
                library = source.split(".")[0] in sys.stdlib_module_names
                name = each.asname or each.name.split(".")[0]
                self._bind(name, node.end_lineno, node.end_col_offset, imported=library)
                if library:
                    self.bound_by_import.add(self._scope.mangle(name))

    def _pattern(self, node: Any) -> None:
        name = node.rest if isinstance(node, ast.MatchMapping) else node.name
        if name:
            self._bind(name, node.end_lineno, node.end_col_offset)
        self._fields(node)

    def _global(self, node: ast.Global) -> None:
        self._scope.globals.update(map(self._scope.mangle, node.names))

    def _nonlocal(self, node: ast.Nonlocal) -> None:
        self._scope.nonlocals.update(map(self._scope.mangle, node.names))

    def _typealias(self, node: Any) -> None:
        self._bind(node.name.id, node.end_lineno, node.end_col_offset)

    # -- names and attributes --------------------------------------------------------------------------------------

    def _use(self, node: ast.Name) -> None:
        self.uses.append((self._scope, self._scope.mangle(node.id)))
        if node.id in SHOWS_LOCALS:
            scope = self._scope
            scope.shows_locals = True
            # In a comprehension that is inlined, locals() shows the variables of the enclosing function.
            while scope.kind == "comprehension" and scope.parent:
                scope = scope.parent
                scope.shows_locals = True

    def _name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._use(node)
        else:
            self._bind(node.id, *(self._end or (node.end_lineno or 0, node.end_col_offset or 0)))

    def _attribute(self, node: ast.Attribute) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.stored_attributes.add(self._scope.mangle(node.attr))
        else:
            self.loaded_attributes.add(node.attr)
        self._visit(node.value)

    def _call(self, node: ast.Call) -> None:
        function = node.func
        if isinstance(function, ast.Name) and function.id in ("setattr", "delattr"):
            if len(node.args) > 1 and isinstance(node.args[1], ast.Constant) and isinstance(node.args[1].value, str):
                self.stored_attributes.add(node.args[1].value)
            else:
                self.any_attribute_stored = True
        if isinstance(function, ast.Name) and function.id in ("vars", "dir") and (node.args or node.keywords):
            self.uses.append((self._scope, function.id))  # of an object, not of the function
        else:
            self._visit(function)
        self._each(node.args)
        self._each(node.keywords)

    # -- afterwards ------------------------------------------------------------------------------------------------

    def _find_captures(self) -> None:
        for scope in self.scopes.values():
            for name in scope.nonlocals.intersection(scope.bound):
                owner = scope.resolve(name)
                if owner is not None:
                    owner.inner_writes.add(name)
            if scope.parent:
                self.global_writes.update(scope.globals.intersection(scope.bound))
        for scope, name in self.uses:
            owner = scope.resolve(name)
            if owner is None:
                if scope.parent and (scope.kind != "comprehension" or scope.parent.parent):
                    self.shared_globals.add(name)
                continue
            if owner is scope or owner.kind in ("class", "type"):
                continue
            capture = _capture(scope, owner)
            if capture is not None:
                owner.captures.setdefault(name, []).append(capture)


def _capture(scope: Scope, owner: Scope) -> Place | None:
    """Where the owner makes the function that uses the variable; None if no function is made, as in a comprehension."""
    made: Scope | None = None
    for each in outwards(scope, owner):
        if each.kind in ("function", "lambda", "generator"):
            made = each
    if made is None:
        return None
    # The loops around it in the owner, and those of comprehensions between the two.
    return Place(made.node.lineno, made.node.col_offset, made.loops_around)  # type: ignore[attr-defined]
