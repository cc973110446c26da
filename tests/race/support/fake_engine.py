"""The engine's calls in plain Python: they do the access as the real ones do, and list it."""

import ast
import builtins
import io
import itertools
import sys
import textwrap
import traceback
import types
from types import ModuleType

from atomicpy.race.instrument import rewriter


class Proxy:
    """The result of `_race_attr__` and `_race_item__`: it records each access and does it."""

    __slots__ = ("log", "of")

    def __init__(self, of, log):
        object.__setattr__(self, "of", of)
        object.__setattr__(self, "log", log)

    def __getattribute__(self, name):
        of, log = object.__getattribute__(self, "of"), object.__getattribute__(self, "log")
        log.append(f"read {name}")
        return getattr(of, name)

    def __setattr__(self, name, value):
        object.__getattribute__(self, "log").append(f"write {name}")
        setattr(object.__getattribute__(self, "of"), name, value)

    def __delattr__(self, name):
        object.__getattribute__(self, "log").append(f"write {name}")
        delattr(object.__getattribute__(self, "of"), name)

    def __getitem__(self, key):
        object.__getattribute__(self, "log").append(f"read [{key!r}]")
        return object.__getattribute__(self, "of")[key]

    def __setitem__(self, key, value):
        object.__getattribute__(self, "log").append(f"write [{key!r}]")
        object.__getattribute__(self, "of")[key] = value

    def __delitem__(self, key):
        object.__getattribute__(self, "log").append(f"write [{key!r}]")
        del object.__getattribute__(self, "of")[key]


class Engine:
    """One recording. `scopes` numbers the calls of a function: `read total@1`."""

    def __init__(self):
        self.log = []
        self.scopes = itertools.count(1)

    def note(self, what, result=None):
        self.log.append(what)
        return result

    def read(self, obj, name):
        return self.note(f"read {name}", obj)

    def write(self, obj, name):
        return self.note(f"write {name}", obj)

    def wrote(self, value, obj, name):
        return self.note(f"write {name}", value)

    def attr(self, obj, flips=False):
        return Proxy(obj, self.log)

    item = attr

    def get(self, container, key):
        self.log.append(f"read [{key!r}]")
        return container[key]

    def set(self, value, container, key):
        self.log.append(f"write [{key!r}]")
        container[key] = value

    def del_(self, container, key):
        self.log.append(f"write [{key!r}]")
        del container[key]

    def iter(self, container):
        return self.note("iterate", container)

    def method(self, obj, name):
        self.log.append(f"method {name}")
        return getattr(obj, name)

    def before(self, value, container, flips=False):
        return value

    def after(self, container):
        pass

    def global_read(self, value, name):
        return self.note(f"read global {name}", value)

    def global_write(self, name):
        self.log.append(f"write global {name}")

    def scope(self):
        return next(self.scopes)

    def var_read(self, value, scope, name):
        return self.note(f"read {name}@{scope}", value)

    def var_write(self, scope, name):
        self.log.append(f"write {name}@{scope}")

    def del_entry(self, obj):
        self.log.append("end of life")

    def calls(self):
        names = {each: each.removeprefix("_race_").removesuffix("__") for each in rewriter.ENGINE_CALLS}
        found = {each: getattr(self, "del_" if name == "del" else name) for each, name in names.items()}
        return {**found, **rewriter.PLAIN_CALLS}

    def namespace(self, **more):
        """Globals for a module that calls this engine, and not one that is installed."""
        known = ModuleType("builtins")
        known.__dict__.update(vars(builtins))
        known.__dict__.update(self.calls())
        return {"__name__": "module", "__builtins__": known, **more}


def run(code, names, engine):
    """The output of a module, and its exception with the position, without frames of the engine."""
    out = io.StringIO()
    names = engine.namespace(**names)
    del names["__builtins__"].__dict__["print"]
    names["__builtins__"].print = lambda *args, **kw: print(*args, **{"file": out, **kw})
    names["__name__"] = "program"
    error = None
    sys.modules["program"] = types.ModuleType("program")
    try:
        exec(code, names)
    except BaseException as caught:
        frames = traceback.extract_tb(caught.__traceback__)
        places = [(f.name, f.lineno, f.end_lineno, f.colno, f.end_colno) for f in frames if f.filename == "program.py"]
        error = (type(caught), str(caught), places)
    finally:
        del sys.modules["program"]
    return out.getvalue(), error


def both(source):
    """The outcome of a program, its outcome when instrumented, and the accesses that were recorded."""
    plain = run(compile(source, "program.py", "exec", dont_inherit=True), {}, Engine())
    engine = Engine()
    instrumented = run(rewriter.compile_instrumented(source, "program.py"), {}, engine)
    return plain, instrumented, engine.log


def instrumented(source):
    source = textwrap.dedent(source).strip("\n") + "\n"
    tree = rewriter.instrument(ast.parse(source), "module.py", rewriter.ignored_lines(source))
    return compile(tree, "module.py", "exec", dont_inherit=True)


def recorded(source, **more):
    """Run a module; return its accesses. `o`, `p` are objects with x and y, `d` is a dict, all made outside."""
    engine = Engine()

    class Thing:
        def __init__(self):
            self.x, self.y = 1, [1, 2, 3]

    names = {"o": Thing(), "p": Thing(), "d": {1: "one", 2: [5, 6]}, "note": engine.log.append, **more}
    exec(instrumented(source), engine.namespace(**names))
    return engine.log
