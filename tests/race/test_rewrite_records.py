"""What rewritten code tells the engine: for each kind of statement the list of accesses, in their order."""

import ast
import sys
import textwrap

import fake_engine
import pytest

from atomicpy.race import rewrite

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="the race detector needs CPython 3.13")


def instrumented(source):
    source = textwrap.dedent(source).strip("\n") + "\n"
    tree = rewrite.instrument(ast.parse(source), "module.py", rewrite.ignored_lines(source))
    return compile(tree, "module.py", "exec", dont_inherit=True)


def recorded(source, **more):
    """The accesses of a module that is run; `o`, `p`: objects with x and y, `d`: a dict, both from outside."""
    engine = fake_engine.Engine()

    class Thing:
        def __init__(self):
            self.x, self.y = 1, [1, 2, 3]

    names = {"o": Thing(), "p": Thing(), "d": {1: "one", 2: [5, 6]}, "log": engine.log, **more}
    exec(instrumented(source), engine.namespace(**names))
    return engine.log


ACCESSES = {
    # -- attributes
    "o.x": ["read x"],
    "o.x = 1": ["write x"],
    "o.x: int = 1": ["write x"],
    "o.x: int": [],
    "del o.x": ["write x"],
    "o.x = p.x = o.y": ["read y", "write x", "write x"],
    "o.x += p.y[0]": ["read x", "read y", "read [0]", "write x"],
    "(o if p else p).x += p.x": ["read x", "read x", "write x"],
    "o.y.append(o.x)": ["read y", "read x"],
    "o.x, (p.x, *o.y) = 1, (2, 3)": ["write x", "write x", "write y"],
    "for o.x in (1, 2): pass": ["write x", "write x"],
    "with open(__import__('os').devnull) as o.x: o.x.close()": ["read devnull", "write x", "read x"],
    "[0 for o.x in (1, 2)]": ["write x", "write x"],
    "o.__class__": [],
    "'a'.join(())": [],
    "o.y.sort\no.y.sort()": ["read y", "read sort", "read y"],
    "getattr(o, 'x'), hasattr(o, 'z'), setattr(o, 'x', 2), delattr(o, 'x')": ["read x", "read z", "write x", "write x"],
    "f'{o.x} {o.x!r:>{p.x}}'": ["read x", "read x", "read x"],
    "1 < o.x < p.x or o.y": ["read x", "read y"],
    # -- items
    "d[1]": ["read [1]"],
    "d[3] = d[1]": ["read [1]", "write [3]"],
    "d[3]: int = 4": ["write [3]"],
    "d[3]: int": [],
    "del d[1], d[2]": ["write [1]", "write [2]"],
    "del (d[1], o.x)": ["write [1]", "write x"],
    "d[2] += d[2]": ["read [2]", "read [2]", "write [2]"],
    "d[2] = d[3] = 0": ["write [2]", "write [3]"],
    "d[1], o.x = 1, 2": ["write [1]", "write x"],
    "for d[1] in (1,): pass": ["write [1]"],
    "d[2][0:1], d[2][:], (1, 2)[0]": ["read [2]", "read [2]"],
    "d[2][0:1] = d[2]": ["read [2]", "read [2]"],
    "del d[2][:]": ["read [2]"],
    "d[1, 2] = d[*(2,)[1:], 1] if 0 else 3": ["write [(1, 2)]"],
    # -- sets of keys
    "for k in d: pass": ["iterate"],
    "for k in d.items(): pass": ["iterate"],
    "for k in range(3): pass": [],
    "for k in sorted(d): pass": [],
    "[k for k in d], {k for k in d}, {k: k for k in d}": ["iterate"] * 3,
    "list(k for k in d)": ["iterate"],
    "[j for i in (d, d) for j in i]": ["iterate"] * 2,
    "d.update(a=1)": ["method update"],
    "o.y.pop()": ["read y", "method pop"],
    "super": [],
}


@pytest.mark.parametrize("source", ACCESSES)
def test_accesses_of(source):
    assert recorded(source) == ACCESSES[source]


BLOCKS = {
    "the write of an augmented assignment comes after its value": (
        """
        def value():
            log.append("value")
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
            log.append("value")
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
        ["write global hits", "read global hits", "write global hits", "read global hits", "write global hits"]
        + ["write global hits"],
    ),
    "what is bound for good before anything runs is no record": (
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
    "a number is: another module may set it": (
        "DEBUG = False\ndef f():\n  return DEBUG\nf()",
        ["write global DEBUG", "read global DEBUG"],
    ),
    "what only the module's body uses is no record": ("print(end='')\nfor i in range(9):\n  n = i", []),
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
        [f"write global {name}" for name in ("a", "b", "c", "d2", "e", "f")]
        + ["read global a", "write global g", "read global g"]
        + [f"write global {name}" for name in ("h", "i", "k", "j", "m")],
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
    "bound before the function is made, and not again: no record": (
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
        'class C:\n  def __del__(self):\n    """doc"""\n    self.x\n    self.x = 1\n  x = 1\nC()\nassert C.__del__.__doc__',
        ["end of life", "read x", "write x"],
    ),
    "a function that shows its variables owns none of ours": (
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


def test_accesses_stand_where_the_source_has_them():
    source = "def f(o, c, k):\n    o.first = (c\n      .second\n      .third)[k]\n    c[k] = 1\n    c[k] += 1\n"
    tree = rewrite.instrument(ast.parse(source), "f", ())
    places = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.func.id.startswith("_race_"):
            what = node.args[1].value if node.func.id in ("_race_read__", "_race_write__") else node.func.id
            places[what] = (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
    assert places == {
        "first": (2, 4, 2, 11),
        "second": (3, 7, 3, 13),
        "third": (4, 7, 4, 12),
        "_race_get__": (2, 14, 4, 16),
        "_race_set__": (5, 4, 5, 8),
        "_race_item__": (6, 4, 6, 8),
    }


def test_ignored_lines_reads_bytes_with_a_cookie():
    source = "# -*- coding: latin-1 -*-\nx = 'é'  # race: ignore\n".encode("latin-1")
    assert rewrite.ignored_lines(source) == {2}
    assert rewrite.ignored_lines("x = (  # race:ignore please\n 1)\ny = 'race: ignore'\n") == {1, 2}


def test_globals_of_the_library_are_read_only_where_somebody_stores_them():
    assert recorded("import sys\ndef f():\n  return sys.flags, sys.modules['sys']\nf()") == ["read ['sys']"]
    source = "import sys\ndef f():\n  return sys.stdout\ndef g():\n  sys.stdout = sys.__stdout__\nf()"
    assert recorded(source) == ["read stdout"]


EFFECTS = {
    "run()": True,
    "x = threading.Thread(target=print).start()": True,
    "x = begin()": True,
    "@begin\ndef f(): pass": True,
    "for i in (1, 2):\n  begin()": True,
    "with open(__file__): pass": True,
    "if 1:\n  run()": True,
    "x = Starter()": True,
    "sys.setswitchinterval(1)": False,
    "x = {}": False,
    "x = threading.Lock()": False,
    "x = Quiet()": False,
    "@quiet\ndef f(): pass": False,
    "'text'": False,
}


@pytest.mark.parametrize("effect", EFFECTS)
def test_what_may_have_started_a_thread(effect):
    source = textwrap.dedent(
        """
        import threading, sys
        class Quiet: pass
        class Starter:
            def __init__(self): threading.Thread(target=print).start()
        def quiet(f): return f
        def begin(f=None): threading.Thread(target=print).start()
        {}
        def late(): return late
        """
    ).format(effect)
    tree = rewrite.instrument(ast.parse(source), "module.py")
    assert ("_race_global_write__('late')" in ast.unparse(tree)) is EFFECTS[effect]
