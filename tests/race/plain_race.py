"""`python -m atomicpy race` over the plain engine: what the program does must not depend on what records it."""

import os
import sys
from collections import deque
from types import ModuleType

sys.path.insert(0, os.path.dirname(__file__))  # for -P, which leaves it out
import fake_engine  # noqa: E402

del sys.path[0]
plain = fake_engine.Engine()
plain.log = deque(maxlen=0)  # nobody reads it
engine = ModuleType("atomicpy.race.engine")
engine.__dict__.update(plain.calls())
engine.install = lambda on_race: None
edges = ModuleType("atomicpy.race.edges")
edges.install = lambda: None


def main():
    import atomicpy.race
    from atomicpy.__main__ import main

    sys.modules["atomicpy.race.engine"] = atomicpy.race.engine = engine
    sys.modules["atomicpy.race.edges"] = atomicpy.race.edges = edges
    sys.argv[0] = "__main__.py"
    sys.exit(main())


if __name__ == "__main__":
    main()
