"""`python -m atomicpy race` over the plain engine: what a program does must not depend on the engine."""

import os
import sys
from collections import deque
from types import ModuleType, SimpleNamespace

sys.path.insert(0, os.path.dirname(__file__))  # -P leaves it out
import fake_engine

del sys.path[0]
plain = fake_engine.Engine()
plain.log = deque(maxlen=0)  # it is not read
engine = ModuleType("atomicpy.race.engine.engine")
engine.__dict__.update(plain.calls())


def install(on_race):
    engine.on_race = on_race


def pretend():
    """Report a race of the calling line, as if the engine had found one."""
    frame = sys._getframe(1)
    line = [(frame.f_code.co_filename, frame.f_code.co_qualname, frame.f_lineno, None, None, None)]
    both = [SimpleNamespace(write=True, thread=(number, f"T{number}", line), stack=line) for number in (1, 2)]
    engine.on_race(SimpleNamespace(kind="global", obj=None, name="x", current=both[0], previous=both[1]))


engine.install, engine.pretend = install, pretend
edges = ModuleType("atomicpy.race.happens_before")
edges.install = edges.uninstall = engine.uninstall = lambda: None


def main():
    import atomicpy.race.engine
    from atomicpy.__main__ import main

    sys.modules["atomicpy.race.engine.engine"] = atomicpy.race.engine.engine = engine
    sys.modules["atomicpy.race.happens_before"] = atomicpy.race.happens_before = edges
    sys.argv[0] = "__main__.py"
    sys.exit(main())


if __name__ == "__main__":
    main()
