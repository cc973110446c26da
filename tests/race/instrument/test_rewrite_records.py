"""The accesses that instrumented code records: for each kind of statement the list, in order."""

import ast
import sys
import textwrap

import pytest
from fake_engine import recorded

from atomicpy.race.instrument import rewriter

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="the race detector needs CPython 3.13")


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
    "o.y.append(o.x)": ["read y", "method append", "read x"],
    "o.y.index(o.x)": ["read y", "read x"],
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


def test_accesses_have_the_positions_of_the_source():
    source = "def f(o, c, k):\n    o.first = (c\n      .second\n      .third)[k]\n    c[k] = 1\n    c[k] += 1\n"
    tree = rewriter.instrument(ast.parse(source), "f", ())
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
    assert rewriter.ignored_lines(source) == {2}
    assert rewriter.ignored_lines("x = (  # race:ignore please\n 1)\ny = 'race: ignore'\n") == {1, 2}


def test_attributes_of_the_library_are_recorded_only_if_the_module_stores_them():
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
    tree = rewriter.instrument(ast.parse(source), "module.py")
    assert ("_race_global_write__('late')" in ast.unparse(tree)) is EFFECTS[effect]
