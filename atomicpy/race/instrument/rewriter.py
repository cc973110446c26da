"""Instrument a module: insert calls of the engine into its syntax tree. The module computes what it computed before.

The calls return their first argument, and the load or store stays native: `o.x` becomes `_race_read__(o, 'x').x`,
`o.x = v` becomes `_race_write__(o, 'x').x = v`. After a store into a name comes a call that records it. So the order
and number of evaluations, and the errors, stay Python's own. Items are the exception: the engine itself does the
access, after it has found the location and before it records it.
"""

from __future__ import annotations

import ast
import io
import itertools
import re
import sys
import threading
import tokenize
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any

from atomicpy.race.instrument.analysis import Analysis
from atomicpy.race.instrument.statements import Statements
from atomicpy.race.ownership import instrumented_files

# Functions of the engine that instrumented code finds among the builtins. Names that end in __ are not mangled.
ENGINE_CALLS = (
    "_race_read__",
    "_race_write__",
    "_race_wrote__",
    "_race_attr__",
    "_race_get__",
    "_race_set__",
    "_race_del__",
    "_race_item__",
    "_race_iter__",
    "_race_method__",
    "_race_before__",
    "_race_after__",
    "_race_global_read__",
    "_race_global_write__",
    "_race_scope__",
    "_race_var_read__",
    "_race_var_write__",
    "_race_del_entry__",
)

# Python's own functions, under names that no module binds.
PLAIN_CALLS = {"_race_zip__": zip, "_race_repeat__": itertools.repeat}

IGNORE = re.compile(r"#\s*race:\s*ignore\b")
DEEP = 200_000  # frames; frames of Python functions use no C stack
_limit_lock = threading.Lock()


def instrument(tree: ast.Module, filename: str, ignored: Collection[int] = ()) -> ast.Module:
    """Instrument the tree of a module in place, and return it.

    `ignored`: the numbers of lines whose accesses are not recorded (see `ignored_lines`). Raises RecursionError for a
    tree that is too deep; such a tree is half rewritten and must not be used.
    """
    instrumented_files.add(filename)
    try:
        analysis = Analysis(tree)
        frames = 4 * analysis.deepest + 200
    except RecursionError:
        analysis, frames = None, DEEP
    if analysis is not None and frames + _depth() < sys.getrecursionlimit():
        Statements(tree, analysis, frozenset(ignored)).module(tree)
    else:
        with _deep(frames):
            Statements(tree, analysis or Analysis(tree), frozenset(ignored)).module(tree)
    return tree


def compile_instrumented(source: bytes | str, filename: str) -> CodeType:
    """Compile the source of a module with the engine's calls in it.

    Raises the compiler's errors for a mistake in the source, and CannotInstrumentError if the detector fails.
    """
    tree: Any = compile(source, filename, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    try:
        instrument(tree, filename, ignored_lines(source))
        code: CodeType = compile(tree, filename, "exec", dont_inherit=True)
        return code
    except Exception as error:
        failure = CannotInstrumentError(f"{type(error).__name__}: {error}")
    # For a mistake that a later pass of the compiler finds, raise the error of the source, not of the rewritten tree.
    compile(source, filename, "exec", dont_inherit=True)
    raise failure


class CannotInstrumentError(Exception):
    """The module cannot be instrumented, or not compiled after that. It can run uninstrumented."""


def ignored_lines(source: bytes | str) -> frozenset[int]:
    """The lines with a comment `# race: ignore`: all lines of the statement or header that the comment is on."""
    # Most modules have no such comment, and a search of the text is cheaper than its tokens.
    if (b"race:" if isinstance(source, bytes) else "race:") not in source:  # type: ignore[operator]
        return frozenset()
    found: set[int] = set()
    first, marked = 0, False
    try:
        for token in _tokens(source):
            if token.type == tokenize.COMMENT:
                # A comment alone on a line does not apply to the next statement.
                marked = marked or (first > 0 and IGNORE.search(token.string) is not None)
            elif token.type == tokenize.NEWLINE:
                if marked:
                    found.update(range(first, token.start[0] + 1))
                first, marked = 0, False
            elif token.type not in (tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING) and not first:
                first = token.start[0]
    except (SyntaxError, UnicodeDecodeError):
        pass  # the compiler raises the error
    return frozenset(found)


def _tokens(source: bytes | str) -> Iterator[tokenize.TokenInfo]:
    if isinstance(source, bytes):
        return tokenize.tokenize(io.BytesIO(source).readline)
    return tokenize.generate_tokens(io.StringIO(source).readline)


def _depth() -> int:
    depth = 0
    frame = sys._getframe()
    while frame is not None:
        depth += 1
        frame = frame.f_back  # type: ignore[assignment]
    return depth


@contextmanager
def _deep(frames: int) -> Iterator[None]:
    """Raise the recursion limit for a deep tree while the block runs. Other threads see the higher limit too."""
    with _limit_lock:
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(before, _depth() + frames))
        try:
            yield
        finally:
            sys.setrecursionlimit(before)
