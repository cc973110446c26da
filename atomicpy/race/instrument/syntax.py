"""Small nodes of a syntax tree, each with the source position of the code that it replaces."""

from __future__ import annotations

import ast
from typing import Any

LOAD = ast.Load()
STORE = ast.Store()


class Spot:
    """A position in the source that no node has."""

    __slots__ = ("col_offset", "end_col_offset", "end_lineno", "lineno")

    def __init__(self, lineno: int, col_offset: int, end_lineno: int, end_col_offset: int) -> None:
        self.lineno = lineno
        self.col_offset = col_offset
        self.end_lineno = end_lineno
        self.end_col_offset = end_col_offset


def place(new: ast.AST, at: Any) -> None:
    new.lineno = at.lineno  # type: ignore[attr-defined]
    new.col_offset = at.col_offset  # type: ignore[attr-defined]
    new.end_lineno = at.end_lineno  # type: ignore[attr-defined]
    new.end_col_offset = at.end_col_offset  # type: ignore[attr-defined]


def name(text: str, at: Any, context: ast.expr_context = LOAD) -> ast.Name:
    new = ast.Name(text, context)
    place(new, at)
    return new


def constant(value: str | int | None, at: Any) -> ast.Constant:
    new = ast.Constant(value)
    place(new, at)
    return new


def call(function: str, arguments: list[ast.expr], at: Any) -> ast.Call:
    """`function(*arguments)` with the position of `at`, which errors and reports show."""
    # The name of the function gets the line that is evaluated next, so that a debugger steps as before.
    new = ast.Call(name(function, _first(arguments[0]) if arguments else at), arguments, [])
    place(new, at)
    return new


def _first(node: ast.expr) -> ast.expr:
    """The part that is evaluated first of an expression that spans several lines."""
    while node.lineno != node.end_lineno:
        inner = None
        for field in ("test", "value", "left", "func", "values", "elts", "keys", "operand"):
            inner = getattr(node, field, None)
            if isinstance(inner, list):
                inner = inner[0] if inner else None
            if isinstance(inner, ast.expr):
                break
        if not isinstance(inner, ast.expr):
            break
        node = inner
    return node


def statement(value: ast.expr) -> ast.Expr:
    new = ast.Expr(value)
    place(new, value)
    return new


def attribute_spot(node: ast.Attribute) -> ast.Attribute | Spot:
    """The position that the interpreter gives the use of an attribute: of its name, if the expression spans lines."""
    if node.lineno == node.end_lineno or node.end_lineno is None or node.end_col_offset is None:
        return node
    start = node.end_col_offset - len(node.attr)
    return Spot(node.end_lineno, start, node.end_lineno, node.end_col_offset) if start >= 0 else node
