"""The standard library's own tests: instrumented, each passes or fails as it does uninstrumented."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import PYTHON, WATCHDOG

SUITES = [
    *("test_grammar", "test_generators", "test_with", "test_patma", "test_descr", "test_scope"),
    *("test_contextlib", "test_dict", "test_functools", "test_itertools", "test_list", "test_set", "test_traceback"),
]
# Tests whose outcome differs under the detector, and why.
SEEN = {
    # It counts the calls of __hash__ and __eq__ of a key. While there are threads, which the suite starts from 3.14
    # on, the engine looks keys up too, because only their methods define which keys are equal.
    "test_dict": {"test_setitem_atomic_at_resize"},
}
# test_threading and test_queue are too slow for this list and were run by hand. They end as without the detector. In
# test_threading it reports three races, which are real: test_can_interrupt_tight_loops waits for a flag in a loop; in
# test_PyThreadState_SetAsyncExc only an exception thrown into another thread orders the accesses; in
# test_frame_tstate_tracing C code waits for a thread of C.

# The compiled engine, or the plain one if it has not been built, as in a checkout.
BUILT = importlib.util.find_spec("atomicpy.race.engine.engine") is not None
PLAIN = str(Path(__file__).parents[1] / "support" / "plain_race.py")
RACE = [*PYTHON, "-m", "atomicpy", "race"] if BUILT else [sys.executable, PLAIN, "race"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.version_info < (3, 13), reason="the race detector needs CPython 3.13"),
]


def outcome(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=WATCHDOG, check=False)
    ran = re.search(r"^Ran (\d+) tests", done.stderr, re.M)
    assert ran, done.stderr
    ends = re.findall(
        r"^(.+) \.\.\. .*?(ok|skipped.*|FAIL|ERROR|expected failure|unexpected success)$", done.stderr, re.M
    )
    return done.returncode, int(ran[1]), done.stderr.splitlines()[-1], sorted(ends)


@pytest.mark.parametrize("suite", SUITES)
def test_the_library_tests(suite, tmp_path):
    if importlib.util.find_spec(f"test.{suite}") is None:
        pytest.skip(f"this Python came without its tests (the package `test`): {suite} cannot be run on it")
    arguments = ["-m", "unittest", "-v", f"test.{suite}"]
    plain = outcome([sys.executable, *arguments], tmp_path)
    ours = outcome([*RACE, "--include", f"test.{suite}", *arguments], tmp_path)
    assert plain[1] > 30
    if ours != plain:
        differs = {name.split()[0] for name, _ in set(ours[-1]) ^ set(plain[-1])}
        assert differs
        assert differs <= SEEN.get(suite, set()), (ours, plain)
        assert (ours[1], len(ours[-1])) == (plain[1], len(plain[-1]))
    # The suite was instrumented:
    code = f"import test.{suite} as t, dis, io; s = io.StringIO(); dis.dis(t, file=s); print('_race_' in s.getvalue())"
    done = subprocess.run(
        [*RACE, "--include", f"test.{suite}", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout == "True\n", done.stderr
