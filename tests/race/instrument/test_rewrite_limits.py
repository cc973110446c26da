"""The rewriting of unusual sources: encoding cookies, mistakes, warnings, deep nesting, 20,000 lines."""

import ast
import asyncio
import contextlib
import io
import linecache
import sys
import textwrap
import traceback
import types

import fake_engine
import pytest
from fake_engine import both

from atomicpy.race.instrument import rewriter
from atomicpy.race.instrument.rewriter import CannotInstrumentError

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="the race detector needs CPython 3.13")


def test_encoding_cookie_and_bom():
    for source in ("# -*- coding: latin-1 -*-\nprint('é', len('é'))\n".encode("latin-1"), b"\xef\xbb\xbfprint('x')\n"):
        plain, instrumented, _ = both(source)
        assert plain == instrumented
        assert plain[1] is None


@pytest.mark.parametrize(
    "source",
    [
        *(b"x = (\n", b"return 1\n", b"def f(:\n  pass\n", b"x = 1\0\n", b"\xff = 1\n", b"nonlocal x\n", b"  x\n y\n"),
        *(b"def f():\n x = 1\n global x\n", b"# coding: nonsense\n", b"x: int = yield\nawait x\n", b"f() = 1\n"),
    ],
)
def test_mistakes_are_those_of_the_compiler(source):
    with pytest.raises((SyntaxError, ValueError)) as plain:
        compile(source, "program.py", "exec", dont_inherit=True)
    with pytest.raises((SyntaxError, ValueError)) as ours:
        rewriter.compile_instrumented(source, "program.py")
    assert (ours.type, str(ours.value), ours.value.__context__) == (plain.type, str(plain.value), None)


def test_warnings_are_those_of_the_compiler():
    source = "x = '\\d'\nif x is 1: pass\n(1, 2)(3)\n[1]['a']\nassert (x, 'y')\n(1).real\n"
    seen = []
    for compiled in (compile, lambda source, name, *_, **__: rewriter.compile_instrumented(source, name)):
        with pytest.warns(SyntaxWarning) as caught:
            compiled(source, "program.py", "exec", dont_inherit=True)
        seen.append([(str(each.message), each.lineno) for each in caught])
    assert seen[0] == seen[1]
    assert len(seen[0]) == 5


DEEP = {
    "attributes": "x" + ".a" * 500,
    "sums": "x = " + " + ".join(["x.a"] * 800),
    "branches": "if x.a: pass\n" + "elif x.b: pass\n" * 400,
    "calls": "x" + ".f()" * 300,
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_trees_are_rewritten(name):
    limit = sys.getrecursionlimit()
    rewriter.compile_instrumented(DEEP[name], "program.py")
    assert sys.getrecursionlimit() == limit


def test_too_deep_a_tree_is_an_error():
    # As deep as the compiler accepts: with the inserted calls the tree is deeper.
    source = ""
    for depth in (1_000, 2_000, 4_000, 8_000, 16_000, 32_000):
        source = "x" + ".a" * depth
        try:
            compile(source, "program.py", "exec")
        except (RecursionError, MemoryError):
            pytest.skip("the parser stops before the rewriting does")
        with contextlib.suppress(CannotInstrumentError):
            rewriter.compile_instrumented(source, "program.py")
            continue
        with pytest.raises(CannotInstrumentError, match=r"Error: "):
            rewriter.compile_instrumented(source, "program.py")
        return
    pytest.fail("nothing is too deep for it?")


@pytest.mark.slow
def test_a_very_large_module():
    part = "class C{0}:\n    def f(self, d):\n        self.x = d[{0}]\n        for i in d:\n            self.x += i.y\n"
    source = "".join(map(part.format, range(4_000)))
    assert source.count("\n") == 20_000
    rewriter.compile_instrumented(source, "program.py")


def test_steps_of_a_debugger_are_those_of_the_source():
    source = textwrap.dedent(
        """
        def f(o, d):
            o.x = (
                d[1])
            d[2] = [
                o.x,
                1]
            o.x += 1
            for k in d:
                o.y = k
            del d[1]
            return (o
                .x)
        class O: pass
        f(O(), {1: 2})
        """
    )

    def steps(code, names):
        lines = []

        def trace(frame, event, _):
            if frame.f_code.co_filename == "program.py":
                lines.append((event, frame.f_lineno))
                return trace
            return None

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            exec(code, names)
        finally:
            sys.settrace(before)
        return lines

    plain = steps(compile(source, "program.py", "exec"), {})
    ours = steps(rewriter.compile_instrumented(source, "program.py"), fake_engine.Engine().namespace())
    assert plain == ours


def test_every_module_of_the_library_can_be_rewritten():
    """A few modules with many kinds of statements."""
    for module in (ast, asyncio.events, contextlib, io, linecache, types, traceback, textwrap):
        with open(module.__file__, "rb") as file:
            rewriter.compile_instrumented(file.read(), module.__file__)
