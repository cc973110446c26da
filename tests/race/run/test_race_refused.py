"""On a Python that the detector does not support, the command prints one line and runs nothing."""

import subprocess
import sys

import pytest
from helpers import PYTHON


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="the race detector works here")
def test_old_python_is_refused(tmp_path):
    (tmp_path / "script.py").write_text("print('it ran')")
    done = subprocess.run(
        [*PYTHON, "-m", "atomicpy", "race", "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "needs CPython 3.13 or later" in done.stderr
