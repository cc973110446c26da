"""Each blocking call is tested with each hazard. The calls are in blocking_calls.py, the hazards in hazards.py."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hazards import CALLS, HAZARDS
from helpers import PYTHON, WATCHDOG

PROGRAM = Path(__file__).parents[1] / "support" / "hazards.py"

# ATOMICPY_ROUNDS=200 repeats each hazard 200 times, as a soak test.
ROUNDS = os.environ.get("ATOMICPY_ROUNDS", "1")

pytestmark = [
    pytest.mark.timeout(300 + 20 * int(ROUNDS)),
    pytest.mark.skipif(
        sys.platform == "win32", reason="Windows has no fork, and a process cannot send itself a signal"
    ),
]


@pytest.mark.parametrize("call", CALLS)
def test_blocking_call_works_in_every_hazard(call):
    # The warning is for a fork in a process with threads, which this test needs.
    done = subprocess.run(
        [*PYTHON, "-W", "ignore::DeprecationWarning", str(PROGRAM), call, "", ROUNDS],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=WATCHDOG + 20 * int(ROUNDS),
        env=os.environ | {"PYTHONPATH": str(PROGRAM.parent)},  # for helpers.py: -P removes the folder of the script
    )
    assert done.returncode == 0, f"after {done.stdout}"
    assert done.stdout.split() == [hazard.__name__ for hazard in HAZARDS] * int(ROUNDS) + ["ok"]
