"""Which names are recorded, and as what: globals, captured variables, mangled names; lines that are ignored."""

import sys

import pytest
from fake_engine import recorded

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="the race detector needs CPython 3.13")

BLOCKS = {
    "the write of an augmented assignment comes after its value": (
        """
        def value():
            note("value")
            return 1
        o.x += value()
        d[1] = 1
        d[1] += value()
        """,
        ["read x", "value", "write x", "write [1]", "read [1]", "value", "write [1]"],
    ),
    "also where the object is a variable, and needs no proxy": (
        """
        def value():
            note("value")
            return 1
        def f(local):
            local.x += value()
            def g():
                local.x += value()
            g()
        f(o)
        """,
        ["read x", "value", "write x"] * 2,
    ),
    "the first iterable of a comprehension is evaluated outside": (
        """
        def owner():
            n = [1]
            see = lambda: n
            n = [2]
            return [n for n in n]
        assert owner() == [2]
        """,
        ["write n@1", "write n@1", "read n@1", "iterate"],
    ),
    "a class's names are not its methods'": (
        """
        def owner():
            x = 1
            class C:
                x = 2
                def f(self):
                    nonlocal x
                    x = 3
            C().f()
            return x
        owner()
        """,
        ["write x@1", "write x@1", "read x@1"],
    ),
    "globals that functions write": (
        """
        hits = 0
        def inc():
            global hits
            hits += 1
            hits = hits
        inc()
        del hits
        """,
        [*["write global hits", "read global hits"] * 2, "write global hits", "write global hits"],
    ),
    "what is bound once, before anything runs, is not recorded": (
        """
        import threading
        lock = threading.Lock()
        cache = {}
        def work():
            with lock:
                cache[1] = threading.active_count()
        work()
        """,
        ["write [1]"],
    ),
    "a number is recorded: another module may set it": (
        "DEBUG = False\ndef f():\n  return DEBUG\nf()",
        ["write global DEBUG", "read global DEBUG"],
    ),
    "what only the module's body uses is not recorded": ("print(end='')\nfor i in range(9):\n  n = i", []),
    "bound after something that may have started a thread": (
        "print(end='')\nresult = []\n(lambda: result)()",
        ["write global result", "read global result"],
    ),
    "every way to bind a name is a store": (
        """
        def all_of_them():
            global a, b, c, d2, e, f, g, h, i, j, k, m
            import os as a
            def b(): pass
            class c: pass
            for d2 in (1,): pass
            try: 1 / 0
            except ZeroDivisionError as e: pass
            (f := 1)
            with open(a.devnull) as g: g.close()
            match [1, 2, 3]:
                case [h, *i]: pass
            match {1: 2, 3: 4}:
                case {1: 2, **j} as k: pass
            [0 for _ in (1,) if (m := 1)]
        all_of_them()
        """,
        [
            *(f"write global {name}" for name in ("a", "b", "c", "d2", "e", "f")),
            *("read global a", "write global g", "read global g"),
            *(f"write global {name}" for name in ("h", "i", "k", "j", "m")),
        ],
    ),
    "a captured variable has one location in each call of its owner": (
        """
        def owner():
            total = 0
            def add():
                nonlocal total
                total += 1
            add()
            return total
        owner(), owner()
        """,
        [
            each
            for scope in (1, 2)
            for each in (
                *(f"write total@{scope}", f"read total@{scope}", f"write total@{scope}"),
                f"read total@{scope}",
            )
        ],
    ),
    "bound before the function is made, and not again: not recorded": (
        """
        def owner(parameter):
            before = 1
            if parameter:
                before = 2
            def inner():
                return before, parameter, inner
            return inner()
        owner(1)
        """,
        [],
    ),
    "bound after the function is made": (
        """
        def owner():
            inner = lambda: late
            late = 1
            return inner()
        owner()
        """,
        ["write late@1", "read late@1"],
    ),
    "the variable of a loop": (
        """
        def owner():
            for each in (1, 2):
                (lambda: each)()
        owner()
        """,
        ["write each@1", "read each@1"] * 2,
    ),
    "through functions between": (
        """
        def owner():
            value = 1
            def middle():
                def inner():
                    nonlocal value
                    value = 2
                inner()
            middle()
        owner()
        """,
        ["write value@1", "write value@1"],
    ),
    "a comprehension is a scope of its own, in each evaluation": (
        """
        def owner():
            return [(lambda: i)() for i in range(2)]
        owner(), owner()
        """,
        [f"{access} i@{scope}" for scope in (1, 2) for _ in range(2) for access in ("write", "read")],
    ),
    "a comprehension alone captures nothing": ("def f(n):\n n = 1\n n = [n for _ in (1,)]\n return n\nf(1)", []),
    "a walrus in a comprehension is the function's": (
        """
        def owner():
            see = lambda: last
            [last := n for n in (1, 2)]
            return see()
        owner()
        """,
        ["write last@1", "write last@1", "read last@1"],
    ),
    "names are mangled as the compiler does": (
        """
        class _C:
            def __init__(self):
                self.__x = self.__y__ = 1
                self.__x += 1
        _C()
        """,
        ["write _C__x", "write __y__", "read _C__x", "write _C__x"],
    ),
    "a class body's own names are its own": ("class C:\n  a = 1\n  b = a\n  del a", []),
    "the end of an object's life": (
        'class C:\n  x = 1\n  def __del__(self):\n    """doc"""\n    self.x\n    self.x = 1\nC()\n'
        "assert C.__del__.__doc__",
        ["end of life", "read x", "write x"],
    ),
    "a function that shows its variables gets no variable from the rewriter": (
        """
        def owner():
            x = 1
            def inner():
                nonlocal x
                x = 2
            inner()
            assert sorted(locals()) == ["inner", "x"], locals()
        owner()
        """,
        [],
    ),
    "nor does one inside show the owner's": (
        """
        def owner():
            x = 1
            def inner():
                nonlocal x
                x = 2
                assert sorted(locals()) == ["x"], locals()
            inner()
            return x
        owner()
        """,
        ["write x@1", "read x@1"],
    ),
    "an ignored line": (
        """
        o.x = 1  # race: ignore
        o.y = (o.x,  # race: ignore
               o.x)
        # race: ignore
        o.x
        "# race: ignore"; o.x
        for k in d:  # race: ignore
            o.x
        """,
        ["read x"] * 4,
    ),
    "annotations, type parameters and patterns are left alone": (
        """
        from __future__ import annotations
        print(end="")
        T = 1
        class Point:
            x = 1
        def f[T](a: o.x = 1) -> o.x:
            return T
        type Alias[T] = o.x | T
        lambda: (T, Alias)
        f()
        match p:
            case Point(x=o.x) | Point.x: pass
            case _: pass
        """,
        ["write global T", "write global Alias"],
    ),
    "super() is left alone": (
        """
        class A:
            def f(self): return 1
        class B(A):
            def f(self):
                super().g = 1 if 0 else super().f
                return super().f()
        try: B().f()
        except AttributeError: pass
        """,
        [],
    ),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_block(name):
    source, expected = BLOCKS[name]
    assert recorded(source) == expected
