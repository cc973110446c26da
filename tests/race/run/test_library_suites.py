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


# Runs the tests of a module whose names contain one of the words, and its doctests in each case. It first prints how
# many tests the module has, and whether it is instrumented: whether one of its functions calls the engine.
RUN = """
import sys, types, unittest

def names(code):
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from names(inner)

name, *words = sys.argv[1:]
suite = unittest.defaultTestLoader.loadTestsFromName(name)
things = [*vars(sys.modules[name]).values()]
things += [each for kind in things if isinstance(kind, type) for each in vars(kind).values()]
functions = [each for each in things if isinstance(each, types.FunctionType)]
instrumented = any(word.startswith("_race_") for each in functions for word in names(each.__code__))
print(suite.countTestCases(), instrumented, flush=True)
if words:
    runner = unittest.TextTestRunner(descriptions=False, verbosity=2)
    unittest.main(None, argv=["unittest", *(f"-k{word}" for word in words), name], testRunner=runner)
"""


def outcome(command, folder, suite, words):
    """The tests of the module, whether it is instrumented, the status, and {test: how it ended}."""
    command = [*command, "-c", RUN, suite, *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=WATCHDOG, check=False)
    assert done.stdout, done.stderr
    count, instrumented = done.stdout.splitlines()[0].split()
    ends = re.findall(
        r"^(.+) \.\.\. .*?(ok|skipped.*|FAIL|ERROR|expected failure|unexpected success)$", done.stderr, re.M
    )
    ran = re.search(r"^Ran (\d+) tests?", done.stderr, re.M)
    assert (int(ran[1]) if words else 0) == len(dict(ends)), done.stderr  # no test is missed
    return int(count), instrumented, done.returncode, dict(ends)


@pytest.mark.parametrize("suite", SUITES)
def test_the_library_tests(suite, tmp_path):
    """A test that passes under the detector is right. The others run without it too, and must end in the same way."""
    if importlib.util.find_spec(f"test.{suite}") is None:
        pytest.skip(f"this Python came without its tests (the package `test`): {suite} cannot be run on it")
    module = f"test.{suite}"
    count, instrumented, status, ours = outcome([*RACE, "--include", module], tmp_path, module, ["test"])
    assert instrumented == "True"
    assert count == len(ours) > 30
    others = {name: end for name, end in ours.items() if end != "ok"}
    words = [re.search(r"\((.+)\)$", name)[1] for name in others]
    plain_count, instrumented, plain_status, plain = outcome([sys.executable], tmp_path, module, words)
    assert (plain_count, instrumented) == (count, "False")
    differs = {name.split()[0] for name, end in others.items() if plain[name] != end}
    assert differs <= SEEN.get(suite, set()), (others, plain)
    assert differs or status == plain_status
