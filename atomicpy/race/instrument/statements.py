"""Rewriting of statements: after a store into a name comes a call that records it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from atomicpy.race.instrument import syntax
from atomicpy.race.instrument.analysis import FUNCTIONS, Analysis
from atomicpy.race.instrument.expressions import Expressions, scope_variable
from atomicpy.race.instrument.syntax import STORE, Spot, call, constant, statement


class Statements(Expressions):
    """Rewrites statements in place. Each method returns the statements that replace its argument."""

    def __init__(self, tree: ast.Module, analysis: Analysis, ignored: frozenset[int]) -> None:
        super().__init__(tree, analysis, ignored)
        self.statements: dict[type, Callable[..., Any]] = {
            ast.ClassDef: self.class_definition,
            ast.Assign: self.assign,
            ast.AnnAssign: self.annotated,
            ast.AugAssign: self.augmented,
            ast.Delete: self.delete,
            ast.If: self.branch,
            ast.While: self.branch,
            ast.Try: self.attempt,
            ast.TryStar: self.attempt,
            ast.Match: self.match,
            **dict.fromkeys(FUNCTIONS, self.function),
            **dict.fromkeys((ast.For, ast.AsyncFor), self.loop),
            **dict.fromkeys((ast.With, ast.AsyncWith), self.context),
            **dict.fromkeys((ast.Import, ast.ImportFrom), self.imported),
        }
        if hasattr(ast, "TypeAlias"):
            self.statements[ast.TypeAlias] = self.alias

    def module(self, tree: ast.Module) -> None:
        self.body(tree.body)

    def body(self, statements: list[Any]) -> None:
        """Rewrite a block, in place."""
        done: list[ast.stmt] = []
        for each in statements:
            method = self.statements.get(type(each))
            if method is not None:
                done += method(each)
            else:
                done.append(self.parts(each))
        statements[:] = done

    def stored_in(self, names: list[ast.Name]) -> list[ast.stmt]:
        """The calls that record the stores of the statement before."""
        return [record for each in names for record in self.record(each.id, each)]

    def record(self, name: str, at: Any) -> list[ast.stmt]:
        name = self.scope.mangle(name)
        meaning = self.meaning(name)
        if meaning is None or at.lineno in self.ignored:
            return []
        return [statement(self.write(name, meaning, at))]

    # -- assignments ---------------------------------------------------------------------------------------------

    def assign(self, node: ast.Assign) -> list[ast.stmt]:
        node.value = self.expr(node.value)
        target = node.targets[0]
        if len(node.targets) == 1 and isinstance(target, ast.Subscript) and self.is_item(target):
            self.parts(target)
            return [statement(call("_race_set__", [node.value, target.value, target.slice], target))]
        names: list[ast.Name] = []
        node.targets = [self.target(each, names) for each in node.targets]
        return [node, *self.stored_in(names)]

    def annotated(self, node: ast.AnnAssign) -> list[ast.stmt]:
        names: list[ast.Name] = []
        if node.value is not None:
            node.value = self.expr(node.value)
            node.target = self.target(node.target, names)
        return [node, *self.stored_in(names)]

    def augmented(self, node: ast.AugAssign) -> list[ast.stmt]:
        target = node.target
        # `s ^= x` may change a set and keep its size.
        flips = [constant(True, target)] if isinstance(node.op, ast.BitXor) and _changes_container(node) else []
        if isinstance(target, ast.Name):
            meaning = self.meaning(self.scope.mangle(target.id))
            node.value = self.expr(node.value)
            after: list[ast.stmt] = []
            if target.lineno not in self.ignored and _changes_container(node):
                before = [node.value, syntax.name(target.id, target), *flips]
                node.value = call("_race_before__", before, target)
                after = [statement(call("_race_after__", [syntax.name(target.id, target)], target))]
            if meaning is None or target.lineno in self.ignored:
                return [node, *after]
            read = statement(self.read(syntax.name(target.id, target), meaning))
            return [read, node, *after, *self.record(target.id, target)]
        if isinstance(target, ast.Subscript):
            recorded = self.is_item(target)
            self.parts(target)
            node.value = self.expr(node.value)
            if recorded:
                target.value = call("_race_item__", [target.value, *flips], target)
                if flips:
                    node.value = call("_race_before__", [node.value, constant(None, target), *flips], target)
            return [node]
        at = syntax.attribute_spot(target)
        owner: Any = target.value
        stable = (
            isinstance(owner, ast.Name) and self.is_stable(owner, node.value) and not _changes_container(node)
        )  # otherwise _race_attr__ checks whether the value that it reads changes in place
        recorded = at.lineno not in self.ignored and (self.has_locations(owner) or isinstance(owner, ast.Name))
        target.value = self.expr(owner)
        node.value = self.expr(node.value)
        if not recorded:
            return [node]
        if stable:
            # The write is recorded after the value, whose evaluation may wait for another thread.
            attribute = constant(self.scope.mangle(target.attr), at)
            target.value = call("_race_read__", [target.value, attribute], at)
            node.value = call("_race_wrote__", [node.value, syntax.name(owner.id, owner), attribute], at)
        else:
            target.value = call("_race_attr__", [target.value, *flips], at)
            if flips:
                node.value = call("_race_before__", [node.value, constant(None, at), *flips], at)
        return [node]

    def delete(self, node: ast.Delete) -> list[ast.stmt]:
        done: list[ast.stmt] = []
        for each in _flat(node.targets):
            if isinstance(each, ast.Subscript) and self.is_item(each):
                self.parts(each)
                done.append(statement(call("_race_del__", [each.value, each.slice], each)))
                continue
            names: list[ast.Name] = []
            single = ast.Delete([self.target(each, names)])
            syntax.place(single, node)
            done += [single, *self.stored_in(names)]
        return done or [node]  # `del ()`

    def imported(self, node: ast.Import | ast.ImportFrom) -> list[ast.stmt]:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            return [node]
        names = [each.asname or each.name.split(".")[0] for each in node.names if each.name != "*"]
        return [node, *(record for name in names for record in self.record(name, node))]

    def alias(self, node: Any) -> list[ast.stmt]:
        return [node, *self.record(node.name.id, node.name)]

    # -- blocks --------------------------------------------------------------------------------------------------

    def branch(self, node: ast.If | ast.While) -> list[ast.stmt]:
        node.test = self.expr(node.test)
        self.body(node.body)
        self.body(node.orelse)
        return [node]

    def loop(self, node: ast.For | ast.AsyncFor) -> list[ast.stmt]:
        node.iter = self.iterable(node.iter) if isinstance(node, ast.For) else self.expr(node.iter)
        names: list[ast.Name] = []
        node.target = self.target(node.target, names)
        self.body(node.body)
        node.body[:0] = self.stored_in(names)
        self.body(node.orelse)
        return [node]

    def context(self, node: ast.With | ast.AsyncWith) -> list[ast.stmt]:
        names: list[ast.Name] = []
        for item in node.items:
            item.context_expr = self.expr(item.context_expr)
            if item.optional_vars is not None:
                item.optional_vars = self.target(item.optional_vars, names)
        self.body(node.body)
        node.body[:0] = self.stored_in(names)
        return [node]

    def attempt(self, node: ast.Try | ast.TryStar) -> list[ast.stmt]:
        self.body(node.body)
        for handler in node.handlers:
            if handler.type is not None:
                handler.type = self.expr(handler.type)
            self.body(handler.body)
            if handler.name:
                at = Spot(handler.lineno, handler.col_offset, handler.lineno, handler.col_offset + len("except"))
                handler.body[:0] = self.record(handler.name, at)
        self.body(node.orelse)
        self.body(node.finalbody)
        return [node]

    def match(self, node: ast.Match) -> list[ast.stmt]:
        node.subject = self.expr(node.subject)
        for case in node.cases:
            if case.guard is not None:
                case.guard = self.expr(case.guard)
            self.body(case.body)
            captured = []
            for part in ast.walk(case.pattern):
                name = part.rest if isinstance(part, ast.MatchMapping) else getattr(part, "name", None)
                if name:
                    captured += self.record(name, part)
            case.body[:0] = captured
        return [node]

    # -- definitions ---------------------------------------------------------------------------------------------

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
        self.each(node.decorator_list)
        self.defaults(node.args)
        outer, self.scope = self.scope, self.scopes[id(node)]
        first = 1 if ast.get_docstring(node, clean=False) is not None else 0
        start = node.body[first] if len(node.body) > first else node.body[0]
        at = Spot(start.lineno, start.col_offset, start.lineno, start.col_offset)
        self.body(node.body)
        parameters = [*node.args.posonlyargs, *node.args.args]
        opening: list[ast.stmt] = []
        if node.name == "__del__" and outer.kind == "class" and parameters:
            opening.append(statement(call("_race_del_entry__", [syntax.name(parameters[0].arg, at)], at)))
        if self.owns(self.scope):
            new = ast.Assign([syntax.name(scope_variable(self.scope), at, STORE)], call("_race_scope__", [], at))
            syntax.place(new, at)
            opening.append(new)
        node.body[first:first] = opening
        self.scope = outer
        return [node, *self.record(node.name, _head(node))]

    def class_definition(self, node: ast.ClassDef) -> list[ast.stmt]:
        self.each(node.decorator_list)
        self.each(node.bases)
        self.each(node.keywords)
        outer, self.scope = self.scope, self.scopes[id(node)]
        self.body(node.body)
        self.scope = outer
        return [node, *self.record(node.name, _head(node))]


def _head(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Spot:
    """The position of `def` or `class` and the name, computed without the source."""
    word = {ast.FunctionDef: "def ", ast.AsyncFunctionDef: "async def ", ast.ClassDef: "class "}[type(node)]
    return Spot(node.lineno, node.col_offset, node.lineno, node.col_offset + len((word + node.name).encode()))


def _changes_container(node: ast.AugAssign) -> bool:
    """Whether it may change a set, dict or list in place: `s |= more`. Most `+=` and `-=` are of numbers."""
    if isinstance(node.op, (ast.BitOr, ast.BitAnd, ast.BitXor)):
        return not isinstance(node.value, ast.Constant)
    if isinstance(node.op, ast.Sub):
        return isinstance(node.value, (ast.Set, ast.SetComp, ast.Call))
    if isinstance(node.op, ast.Add):
        value = node.value
        made = isinstance(value, ast.Call) and getattr(value.func, "id", None) in ("list", "sorted")
        return made or isinstance(value, (ast.List, ast.ListComp))
    return False


def _flat(targets: list[Any]) -> list[Any]:
    """The targets of a `del`, with its tuples and lists flattened."""
    found = []
    for each in targets:
        found += _flat(each.elts) if isinstance(each, (ast.Tuple, ast.List)) else [each]
    return found
