"""A short run of storm.py. The program itself runs for minutes: `python tests/channel/storm.py SECONDS`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import PYTHON, WATCHDOG

PROGRAM = Path(__file__).with_name("storm.py")

# ATOMICPY_STORM=60 runs it for a minute.
SECONDS = os.environ.get("ATOMICPY_STORM", "2.5")


@pytest.mark.slow
@pytest.mark.timeout(300 + 2 * float(SECONDS))
@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send itself SIGINT on Windows")
def test_no_value_is_lost_and_none_is_received_twice_in_a_storm():
    done = subprocess.run(
        [*PYTHON, str(PROGRAM), SECONDS],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=WATCHDOG + 2 * float(SECONDS),
        env=os.environ | {"PYTHONPATH": str(PROGRAM.parents[1] / "support")},  # for helpers.py: -P removes the folder
    )
    assert done.returncode == 0, done.stdout
    # Besides that line, Python reports an interrupt in a callback of a weak reference, where no error can be raised.
    [line] = [line for line in done.stdout.splitlines() if line.startswith("seed ")]
    assert " sent, " in line
