"""What a report takes from the source: the text of a line, an expression, the function that owns a variable."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, *COMPREHENSIONS)


def line_of(file: str, line: int) -> str:
    """The line of the file, or "" if there is no source."""
    try:
        return linecache.getline(file, line)
    except Exception:  # a loader of the program failed
        return ""


def characters(file: str, line: int, column: int | None) -> int | None:
    """The column in characters, from one in bytes of UTF-8, which the compiler counts."""
    if column is None or column < 0:
        return None
    text = line_of(file, line)
    return column if text.isascii() else len(text.encode()[:column].decode(errors="ignore"))


def tree(file: str) -> ast.Module | None:
    """The parsed file, or None if it cannot be parsed."""
    return _trees(file)


def _parsed(file: str) -> ast.Module | None:
    try:
        return ast.parse("".join(linecache.getlines(file)))
    except Exception:  # not Python, nested too deeply, or a loader that fails
        return None


_trees: Callable[[str], ast.Module | None] = lru_cache(maxsize=64)(_parsed)


def _within(node: Any, start: tuple[int, int], end: tuple[int, int]) -> bool:
    return start <= (node.lineno, node.col_offset) and (node.end_lineno, node.end_col_offset) <= end


def _covers(node: Any, start: tuple[int, int], end: tuple[int, int]) -> bool:
    return (node.lineno, node.col_offset) <= start and end <= (node.end_lineno, node.end_col_offset)


def container(file: str, line: int, column: int | None, end_line: int | None, end_column: int | None) -> str:
    """The text of the container whose item or keys the code at the position uses, as in "cache"; or "".

    Columns count bytes.
    """
    module = tree(file)
    if module is None:
        return ""
    if column is None or end_line is None or end_column is None:
        nodes: list[Any] = [node for node in ast.walk(module) if getattr(node, "lineno", None) == line]
    else:
        start, end = (line, column), (end_line, end_column)
        placed = [node for node in ast.walk(module) if hasattr(node, "lineno")]
        nodes = [node for node in placed if _within(node, start, end)]
        # The position may be only the iterable of a loop, or a name in it: then the access is that of the loop.
        around = [node for node in placed if _covers(node, start, end) and isinstance(node, ast.Subscript)]
        nodes = nodes if any(_container(node) for node in nodes) else nodes + around[-1:]
        loops = [node for node in ast.walk(module) if isinstance(node, (ast.For, ast.comprehension))]
        nodes += [loop for loop in loops if _within(loop.iter, start, end) or _covers(loop.iter, start, end)]
    for node in nodes:
        found = _container(node)
        if found is not None:
            return " ".join(ast.unparse(found).split())
    return ""


def _container(node: ast.AST) -> ast.expr | None:
    if isinstance(node, ast.Subscript):
        return node.value
    if isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
        view = node.iter
        if isinstance(view, ast.Call) and isinstance(view.func, ast.Attribute) and not view.args:
            return view.func.value  # `for k, v in d.items()`
        return view
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.value
    return None


def owner(file: str, line: int, name: str) -> str:
    """The function around the line that owns a captured variable, as in "main()"; or ""."""
    module = tree(file)
    if module is None:
        return ""
    around = [
        node
        for node in ast.walk(module)
        if isinstance(node, SCOPES) and node.lineno <= line <= (node.end_lineno or line)
    ]
    for scope in sorted(around, key=lambda node: (node.lineno, node.col_offset), reverse=True):
        if _binds(scope, name):
            if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)):
                return f"{scope.name}()"
            return "a lambda" if isinstance(scope, ast.Lambda) else "a comprehension"
    return ""


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of the scope, without those of inner scopes."""
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (*SCOPES, ast.ClassDef)):
            waiting.extend(ast.iter_child_nodes(node))


def _binds(scope: ast.AST, name: str) -> bool:
    stores = False
    for node in _own_nodes(scope):
        match node:
            case ast.Nonlocal() | ast.Global() if name in node.names:
                return False
            case ast.Name(id=found, ctx=ast.Store() | ast.Del()) | ast.arg(arg=found) if found == name:
                stores = True
            case ast.FunctionDef(name=found) | ast.AsyncFunctionDef(name=found) | ast.ClassDef(name=found) if (
                found == name
            ):
                stores = True
            case ast.ExceptHandler(name=found) | ast.MatchAs(name=found) | ast.MatchStar(name=found) if found == name:
                stores = True
            case ast.alias() if (node.asname or node.name.split(".")[0]) == name:
                stores = True
    return stores
