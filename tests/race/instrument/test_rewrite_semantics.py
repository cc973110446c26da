"""An instrumented program computes, prints and raises the same: as often, in the same order, from the same place."""

import sys
import textwrap

import pytest
from fake_engine import both

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="the race detector needs CPython 3.13")

# Every access of an instance prints a line, so a second evaluation, or another order, changes the output.
LOUD = """
class Loud:
    def __init__(self, name):
        object.__setattr__(self, "name", name)
    def __getattr__(self, name):
        print("get", self.name, name)
        return Loud(self.name + "." + name) if name != "number" else 1
    def __setattr__(self, name, value):
        print("set", self.name, name, value)
    def __delattr__(self, name):
        print("del", self.name, name)
    def __getitem__(self, key):
        print("getitem", self.name, key)
        return Loud(f"{self.name}[{key}]") if key != "number" else 1
    def __setitem__(self, key, value):
        print("setitem", self.name, key, value)
    def __delitem__(self, key):
        print("delitem", self.name, key)
    def __hash__(self):
        print("hash", self.name)
        return 1
    def __eq__(self, other):
        print("eq", self.name)
        return self is other
    def __repr__(self):
        return f"<{self.name}>"
    def __iter__(self):
        print("iter", self.name)
        return iter((1, 2, 3))
    def __call__(self, *args, **kwargs):
        print("call", self.name, args, kwargs)
        return self
    def __iadd__(self, other):
        print("iadd", self.name, other)
        return self
def show(value):
    print("show", value)
    return value
a, b, c = Loud("a"), Loud("b"), Loud("c")
"""

PROGRAMS = {
    "order of evaluation": """
        show(a).x = show(b).y = show(c)
        show(a)[show(1)] = show(b)[show(2)] = show(c)
        show(a)[show(1)] = show(c)
        show(a).number += show(2)
        show(a)["number"] += show(2)
        show(a).x += show(2)
        a.x += show(b).y
        show(a).x.y[show(3)].z = show(b).x
        show(a)[show(1)]: show(int) = show(2)
        show(a).x: show(int) = show(2)
        show(a).x: show(int)
        show(a)[show(0)]: show(int)
        del show(a).x, show(b)[show(2)], (show(c).x, [show(c)[show(1)]])
        del ()
        show(a)[1:show(2)], show(a)[show(1), show(2)], show(a)[*show(b), 1]
        show(a)[1:2] = show(3)
        show(a)[1:2, show(3)] += show(4)
        show(a).m(show(1), *show((2,)), k=show(3), **show({"x": 1})).update(show(4)).pop
        getattr(show(a), show("x")), setattr(show(a), show("y"), show(1)), hasattr(show(a), show("q"))
        getattr(*(a, "x")), getattr(a, *("x",)), delattr(a, "x")
        show(a).x, *show(b)[1], [show(c).z, (show(c)[2])] = 1, 2, 3, (4, (5,))
        for show(a).x, show(b)[show(0)] in [(1, 2), (3, 4)]: print("body")
        for a.x in a: pass
        show(a).x < show(b).y < show(c)[1] if 0 else show(a).z and show(b).q
        {show(a).x: show(b)[1], **show({}), "k": show(c).v}
        print({a.x, a.x}, [*a.x], f"{show(a).x!r:>{show(9)}}{a.z=}")
        lambda x=show(a).x, *, y=show(b)[0]: x
        """,
    "properties run once": """
        class P:
            n = 0
            def __iadd__(self, other): return self
            @property
            def x(self):
                self.n += 1
                return self
            @x.setter
            def x(self, value): self.n += 100
            @x.deleter
            def x(self): self.n += 10000
        p = P()
        p.x; p.x = 1; p.x += 1; del p.x
        print(p.n)
        """,
    "locals and dir": """
        def f(q):
            x = 1
            def g():
                nonlocal x
                x += 1
                return sorted(locals()), sorted(dir())
            h = lambda: (x, sorted(vars()))
            return g(), h(), sorted(locals()), sorted(dir()), [sorted(locals()) for _ in (1,)], eval("x")
        print(f(1))
        def owner():
            x = 1
            def g():
                nonlocal x
                x += 1
            g()
            return x, [(lambda: i) for i in range(3)][0]()
        print(owner(), owner.__code__.co_argcount, owner.__code__.co_firstlineno)
        class C:
            x = 1
            print(sorted(locals()))
        """,
    "mangling": """
        class _A:
            __x = 1
            def f(self):
                self.__y = self.__x
                global __g
                __g = 2
                def inner(__z=3):
                    nonlocal __w
                    __w = __z + 1
                    return self.__y + __g + __w + __x
                __w = 1
                return inner()
            class __B:
                def g(self): self.__q = 1; return sorted(vars(self))
        _A__x = 100
        print(_A().f(), sorted(n for n in globals() if n.startswith("_A")), sorted(vars(_A().__class__._A__B())), )
        print(_A._A__B().g())
        """,
    "scopes": """
        x = "global"
        class C:
            before = x
            x = "class"
            after = x
            seen = [x for _ in (1,)]
            def f(self): return x
            del x
            again = x
        print(C.before, C.after, C.seen, C().f(), C.again)
        def f():
            try: return unbound
            except NameError as e: print(type(e), e)
            unbound = 1
        f()
        def g():
            print((y := 1), [y := y + z for z in range(3)], y)
            def h():
                nonlocal y
                y += 1
                del y
            h()
            try: y
            except NameError as e: print(type(e), e)
            try: y += 1
            except NameError as e: print(type(e), e)
        g()
        print([[j for j in range(i)] for i in range(3)], [f() for f in [lambda: i for i in range(3)]])
        print([f() for f in {k: (lambda: (k, v)) for k, v in {1: 2, 3: 4}.items()}.values()])
        print([f() for f in ((lambda: (k, j)) for k in (1, 2) for j in (k, 5) if j)])
        def many():
            global made
            def made(): return made
            import sys as made
            return made.__name__
        print(many(), made.__name__)
        try: [x for x in 5]
        except TypeError as e: print(e)
        try: [lambda: x for x in 5]
        except TypeError as e: print(e)
        """,
    "generators, coroutines and their comprehensions": """
        import asyncio
        class M:
            def __repr__(self): return "M"
            async def __aenter__(self): print("enter"); return self
            async def __aexit__(self, *e): print("exit")
            async def __aiter__(self):
                for i in range(3): yield i
        async def main():
            total = 0
            async def add(n):
                nonlocal total
                total += await asyncio.sleep(0, n)
                return total
            async with M() as a.x, M() as m:
                async for a.y in m: await add(a.y.number if 0 else 1)
                print([i async for i in m], {i: await add(i) async for i in m if i}, [i async for i in m for _ in "ab"])
                print([f() for f in [lambda: i async for i in m]])
            return total
        print(asyncio.run(main()))
        def gen():
            x = yield
            def inner(): return x
            while x:
                x = yield inner() + ((yield from iter([1])) or 0)
            return x
        g = gen(); print(next(g), g.send(1), next(g), g.send(2), list(g))
        """,
    "exceptions": """
        try:
            raise ExceptionGroup("g", [ValueError(1), TypeError(2)])
        except* ValueError as e: print(e.exceptions)
        except* TypeError as e: print(e.exceptions)
        try: e
        except NameError: print("e is gone")
        def f():
            try: 1 / 0
            except ZeroDivisionError as e:
                def see(): return e
                print(see())
            try: see()
            except NameError as x: print(x)
            finally: print("finally")
        f()
        def leave():
            for i in (1, 2):
                try: continue
                finally: print("finally", i)
            else: print("else")
        leave()
        """,
    "match": """
        class Point:
            __match_args__ = ("x", "y")
            def __init__(self, x, y): self.x, self.y = x, y
        class K: one = 1
        def what(v):
            global last
            match v:
                case Point(0, y=last) if last: return "on the axis", last
                case Point(): return "a point"
                case [K.one, *last] | (2, *last): return "a list", last
                case {"k": last, **more}: return "a dict", last, more
                case str() as last: return last
                case None | True: return "constant"
                case _: return "?"
        print([what(v) for v in (Point(0, 1), Point(1, 2), [1, 2], (2,), {"k": 1, "m": 2}, "s", None, 5)])
        """,
    "type parameters": """
        type A[T: int] = list[T] | dict[T, "T"]
        T = "global"
        class G[T](list[T] if 0 else list):
            def f[U](self, x: T, y: U = T if 0 else 1) -> U:
                def inner(): return T, U, y
                return [str(e) for e in inner()]
            names = T.__name__
        def f[**P, *Ts](x: "P" = T): return P, Ts, x
        print(A.__value__, G.__type_params__, G().f(1), G.names, f(), T, G.f.__annotations__)
        """,
    "classes": """
        class Meta(type):
            @classmethod
            def __prepare__(m, name, bases, **kw): print("prepare", name, kw); return {"given": 1}
            def __new__(m, name, bases, ns, **kw): return super().__new__(m, name, bases, dict(ns))
            def __init__(c, name, bases, ns, **kw): print("made", [n for n in ns if n[0] != "_"])
            def __getattr__(c, name): return "meta " + name
        def deco(x): print("deco", x); return lambda f: f
        @deco(show(1))
        class C(metaclass=Meta, k=show(2)):
            '''doc'''
            y = given + 1
            for i in range(2): print("body", i)
            if y: z = lambda self: self.y
            @property
            @deco(3)
            def p(self): "pdoc"; return __class__, self
            def __set_name__(self, o, n): print("name", n)
        class D:
            attr = C()
            def __init__(self): super().__init__(); self.n = super().__hash__ is not None
        print(C.__doc__, C.missing, C().z(), C.p.__doc__, C().p[0], D().n, D.__dict__.keys() - {"x"} > {"attr"})
        """,
    "docstrings and futures": '''
        """module"""
        from __future__ import annotations
        from __future__ import generator_stop
        def f():
            """function"""
            x = 1
            def g():
                nonlocal x
                """not one"""
                x = 2
            g()
            return x
        def h(x: undefined) -> also: "h"
        def g():
            global annotations
            annotations = "mine"
        g()
        print(annotations)
        print(__doc__, f.__doc__, f(), h.__annotations__, h.__doc__)
        class C:
            "class"
            def __del__(self): "del"
        print(C.__doc__, C.__del__.__doc__)
        ''',
    "what the right side takes away": """
        def f():
            global g
            g = Loud("g")
            g.number += take()
            o = Loud("o")
            def drop():
                nonlocal o
                del o
                return 2
            o.number += drop()
            q = Loud("q")
            def inner():
                q.number += drop_q()
            def drop_q():
                nonlocal q
                del q
                return 2
            inner()
            p = Loud("p")
            p.number += (p := 3)
            print(p)
        def take():
            global g
            del g
            return 1
        f()
        """,
    "strings that are code": """
        ns = {}
        exec("x = 1\\nfor i in range(3): x += i", ns)
        print(ns["x"], eval("ns['x'] + 1"), eval("show(a).x"))
        """,
    "dicts, sets and lists": """
        d = {1: "a", True: "b", 1.0: "c"}
        s = set()
        d.update(x=1); d.setdefault("y", []).append(1); d.pop("x"); s.add(1); s.update([2], [3]); s.discard(9)
        try: d.pop("nothing")
        except KeyError as e: print(repr(e))
        for key in d: print(key)
        try:
            for key in d: d[key, 1] = 1
        except RuntimeError as e: print(e)
        l = [1, 2, 3]
        for i in l:
            if i < 3: l.append(i)
            if len(l) > 6: break
        l[-1] += 1; l[1:2] = [7, 7]; del l[0], l[:1]
        print(d, s, l, {**d}, [*l], (*l,), {*l})
        def f(*args, **kw): return args, kw
        print(f(*l, **{"a": l[0]}))
        print([i for i in l if i % 2], {i for i in s}, {k: v for k, v in zip("ab", l)}, sum(i for i in l))
        """,
}

ERRORS = {
    "attribute": "def f(o):\n    return (o.real\n      .imag\n      .nothing.more)\nf(1)",
    "item": "def f(o):\n    return o[1][0]['x'] + 1\nf([0, [5]])",
    "key": "def f(o):\n    o[1] = \\\n      o[2]\nf({})",
    "store": "def f(o):\n    x = o.x = 1\nf(1)",
    "store of an item": "def f(o):\n    o['é'], o[2] = 1, 2\nf(())",
    "one store of an item": "def f(o):\n    o[\n     'é'] = (1 +\n   2)\nf(())",
    "delete": "def f(o):\n    del o[0], o[1]\nf([1])",
    "augmented": "def f(o):\n    o.x.y += 1\nf(type('X', (), {'x': 1}))",
    "augmented item": "def f(o):\n    o[0] += 'x'\nf([1])",
    "augmented attribute": "def f(o):\n    o.x += 'x'\nf(type('X', (), {'x': 1}))",
    "call": "def f(o):\n    o.pop(1,\n      *[2, 3])\nf([])",
    "unhashable": "def f(o):\n    o.add([])\nf(set())",
    "a name": "def f():\n    global g\n    g += 1\nf()",
    "a captured one": "def f():\n    def g():\n        nonlocal x\n        x += 1\n    g()\n    x = 1\nf()",
    "loop": "def f(o):\n    for x in o.real: pass\nf(1)",
    "unpack": "def f(o):\n    a, o.x = 1, 2, 3\nf(1)",
    "none": "def f(o):\n    return [i for i in o.imag[0]]\nf(1)",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_computes_the_same(name):
    source = textwrap.dedent(PROGRAMS[name]).strip("\n")
    if "__future__" not in source:
        source = LOUD + source
    plain, instrumented, log = both(source)
    assert plain[1] is None, plain[1]
    assert plain[0], "it must print something"
    assert plain == instrumented
    assert log


@pytest.mark.parametrize("name", ERRORS)
def test_raises_the_same_from_the_same_place(name):
    plain, instrumented, _ = both(ERRORS[name])
    assert plain[1] is not None
    assert plain == instrumented


@pytest.mark.skipif(sys.version_info < (3, 14), reason="template strings came with 3.14")
def test_template_strings():
    plain, instrumented, log = both(
        "class O: x = 1\n"
        "t = t'{O.x!r:>{O.x}} {O.x=}'\n"
        "print(t.strings, [(i.value, i.expression, i.conversion, i.format_spec) for i in t.interpolations])\n"
    )
    assert plain == instrumented
    assert log.count("read x") == 3
