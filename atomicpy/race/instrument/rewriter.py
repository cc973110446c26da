"""Put the calls of the engine into a module's syntax tree; what the module computes stays what it was.

The calls pass their first argument through, and the real load or store stays native: `o.x` becomes
`_race_read__(o, 'x').x`, `o.x = v` becomes `_race_write__(o, 'x').x = v`, a store into a name is followed by its
record. So the order and the number of evaluations, and the errors, are Python's own. Items are the exception: there
the engine does the access itself, between finding the location and recording it.
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

# What the engine defines, and rewritten code finds among the builtins. All end in __, or classes would mangle them.
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

# And what is Python's own, under names that no module binds.
PLAIN_CALLS = {"_race_zip__": zip, "_race_repeat__": itertools.repeat}

IGNORE = re.compile(r"#\s*race:\s*ignore\b")
DEEP = 200_000  # frames; those of Python code alone take no C stack
_limit_lock = threading.Lock()
# Whose code has been rewritten: the program's, also where that lies in the standard library.
instrumented_files: set[str] = set()


def instrument(tree: ast.Module, filename: str, ignored: Collection[int] = ()) -> ast.Module:
    """Rewrite the tree of a module, in place, and return it.

    `ignored`: the numbers of lines whose accesses are left alone (see `ignored_lines`). A tree too deep for this
    raises RecursionError, and must not be used any more.
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

    Raises what the compiler raises for a mistake in the source, and CannotInstrumentError where the mistake is ours.
    """
    tree: Any = compile(source, filename, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    try:
        instrument(tree, filename, ignored_lines(source))
        code: CodeType = compile(tree, filename, "exec", dont_inherit=True)
        return code
    except Exception as error:
        ours = CannotInstrumentError(f"{type(error).__name__}: {error}")
    # A mistake that only the later passes of the compiler find is to be told of the source, not of our tree.
    compile(source, filename, "exec", dont_inherit=True)
    raise ours


class CannotInstrumentError(Exception):
    """The module cannot be rewritten, or not be compiled after that; it can run as it is."""


def ignored_lines(source: bytes | str) -> frozenset[int]:
    """The lines that a comment `# race: ignore` is on; all lines of a statement or header that goes over several."""
    # Most modules have none: a look at the text is cheaper than its tokens.
    if (b"race:" if isinstance(source, bytes) else "race:") not in source:  # type: ignore[operator]
        return frozenset()
    found: set[int] = set()
    first, marked = 0, False
    try:
        for token in _tokens(source):
            if token.type == tokenize.COMMENT:
                # On a line of its own it says nothing about the statement after it.
                marked = marked or (first > 0 and IGNORE.search(token.string) is not None)
            elif token.type == tokenize.NEWLINE:
                if marked:
                    found.update(range(first, token.start[0] + 1))
                first, marked = 0, False
            elif token.type not in (tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING) and not first:
                first = token.start[0]
    except (SyntaxError, UnicodeDecodeError):
        pass  # the compiler will say so
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
    """Let Python code call itself as deeply as a deep tree needs; others may notice only that it is allowed."""
    with _limit_lock:
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(before, _depth() + frames))
        try:
            yield
        finally:
            sys.setrecursionlimit(before)
