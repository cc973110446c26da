"""`python tests/race/support/reference race …`, or `… pytest …`: the detector with the reference engine.

The hooks of `atomicpy.race.happens_before` are the package's own; the engine under them is the reference.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import engine

del sys.path[0]
import atomicpy.race.engine
from atomicpy.__main__ import main
from atomicpy.race import ownership

# Its own locks order nothing, and its frames are left out of reports.
ownership.DETECTOR += ownership._folders(os.path.dirname(__file__))
sys.modules["atomicpy.race.engine.engine"] = atomicpy.race.engine.engine = engine
if sys.argv[1:2] == ["pytest"]:
    import pytest

    sys.exit(pytest.main(sys.argv[2:]))
sys.argv[0] = "__main__.py"
sys.exit(main())
