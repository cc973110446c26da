"""Uses the atomicpy that is installed, from outside the source tree: what no checker of wheels does."""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import atomicpy

total, held, mutex = atomicpy.AtomicInt(), 0, atomicpy.Mutex()


def work():
    global held
    for _ in range(1000):
        total.inc()
        with mutex:
            held += 1


with atomicpy.WaitGroup() as group:
    for _ in range(8):
        group.go(work)
assert total.load() == held == 8000, (total, held)
without_gil = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
assert not (without_gil and sys._is_gil_enabled()), "the import brought the GIL back"
# The headers that C and Cython code compiles against, with those that they include.
assert (Path(atomicpy.get_include()) / "ap_atomic.h").is_file()
demo = [sys.executable, "-I", "-m", "atomicpy", "demo", "--threads", "8", "--increments", "100", "--json"]
json.loads(subprocess.run(demo, capture_output=True, check=True, text=True).stdout)
print(f"{atomicpy.__file__}: imports without a warning, counts right, has its headers, runs the demo")
