"""`python tests/race/reference race …`, or `… pytest …`: with the reference engine in the place of the real one."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import edges
import engine

del sys.path[0]
import atomicpy.race.engine
from atomicpy.__main__ import main

sys.modules["atomicpy.race.engine.engine"] = atomicpy.race.engine.engine = engine
sys.modules["atomicpy.race.happens_before"] = atomicpy.race.happens_before = edges
if sys.argv[1:2] == ["pytest"]:
    import pytest

    sys.exit(pytest.main(sys.argv[2:]))
sys.argv[0] = "__main__.py"
sys.exit(main())
