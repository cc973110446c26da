"""The standard library's own tests of the language, instrumented: each passes and fails as it does without."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import PYTHON

SUITES = ["test_grammar", "test_generators", "test_with", "test_patma", "test_descr", "test_scope"]
# The engine itself; over the plain one where it has not been built, as from a checkout.
BUILT = importlib.util.find_spec("atomicpy.race.engine") is not None
PLAIN = str(Path(__file__).with_name("plain_race.py"))
RACE = [*PYTHON, "-m", "atomicpy", "race"] if BUILT else [sys.executable, PLAIN, "race"]

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="the race detector needs CPython 3.13")


def outcome(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110, check=False)
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
    assert ours == plain
    assert plain[1] > 30
    # That it was instrumented at all:
    code = f"import test.{suite} as t, dis, io; s = io.StringIO(); dis.dis(t, file=s); print('_race_' in s.getvalue())"
    done = subprocess.run(
        [*RACE, "--include", f"test.{suite}", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout == "True\n", done.stderr
