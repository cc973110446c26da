"""Instrumentation of the modules whose assertions pytest rewrites."""

from __future__ import annotations

import ast
import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any

from atomicpy.race.instrument import import_hook, rewriter


@contextmanager
def instrumented() -> Iterator[None]:
    """Instrument what pytest rewrites, after it has, and keep it out of pytest's cache, which plain runs read.

    pytest has no hook there. So three functions of its private module are patched while the block runs: the one that
    rewrites the tree, and the two that read and write its cache.
    """
    pytests: Any = importlib.import_module("_pytest.assertion.rewrite")
    rewrite_asserts, read, write = pytests.rewrite_asserts, pytests._read_pyc, pytests._write_pyc

    def rewrite_both(tree: ast.Module, source: bytes, module_path: str | None = None, config: Any = None) -> None:
        rewrite_asserts(tree, source, module_path, config)
        name = os.path.basename(module_path or "").removesuffix(".py")
        if module_path is None or not import_hook.is_watched(name, module_path):
            return
        try:
            # A pass that fails leaves its tree half rewritten, so it works on a second tree.
            again = ast.parse(source, filename=module_path)
            rewrite_asserts(again, source, module_path, config)
            rewriter.instrument(again, module_path, rewriter.ignored_lines(source))
            compile(again, module_path, "exec", dont_inherit=True)
        except Exception as error:
            import_hook.warn_uninstrumented(module_path, f"{type(error).__name__}: {error}")
        else:
            tree.body[:] = again.body

    def read_nothing(*arguments: Any, **named: Any) -> CodeType | None:
        return None

    def write_nothing(*arguments: Any, **named: Any) -> bool:
        return True

    pytests.rewrite_asserts, pytests._read_pyc, pytests._write_pyc = rewrite_both, read_nothing, write_nothing
    try:
        yield
    finally:
        pytests.rewrite_asserts, pytests._read_pyc, pytests._write_pyc = rewrite_asserts, read, write
