"""`pytest --race`, as a user runs it: a test during which a race is found fails, with the report."""

import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from helpers import PYTHON, WATCHDOG

REFERENCE = str(Path(__file__).parents[1] / "support" / "reference")
needs_313 = pytest.mark.skipif(sys.version_info < (3, 13), reason="the detector needs 3.13")

RACY = """
    import threading

    class Counter:
        def __init__(self):
            self.value = 0
        def inc(self):
            self.value += 1

    def race():
        counter = Counter()
        threads = [threading.Thread(target=counter.inc) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return counter.value
"""


# The plugins of other packages take two thirds of the time of such a run.
PLUGINS = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:timeout")


@pytest.fixture(params=["engine", pytest.param("reference", marks=pytest.mark.slow)])
def project(request, tmp_path):
    """Writes files into a project and runs pytest there; returns its status, its counts and its output."""
    command = [*PYTHON, "-m", "pytest"] if request.param == "engine" else [*PYTHON, REFERENCE, "pytest"]
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\n")

    def run(*arguments, **files):
        for name, text in files.items():
            path = tmp_path / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(dedent(text))
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
        done = subprocess.run(
            [*command, *PLUGINS, *arguments],
            cwd=tmp_path,
            env=environment | {"PYTHONPATH": ""},
            capture_output=True,
            text=True,
            timeout=WATCHDOG,
            check=False,
        )
        counts = {
            word.rstrip("s"): int(number)
            for number, word in re.findall(r"(\d+) (passed|failed|errors?|skipped|xfailed)", done.stdout[-400:])
        }
        return done.returncode, counts, done.stdout + done.stderr

    run.folder = tmp_path
    return run


@needs_313
def test_racy_test_fails_with_the_report_and_a_clean_one_passes(project):
    status, counts, text = project(
        "--race",
        app=RACY,
        test_app="""
            from app import Counter, race

            def test_racy():
                race()

            def test_clean():
                Counter().inc()
        """,
    )
    assert (status, counts) == (1, {"failed": 1, "passed": 1}), text
    for wanted in (
        "WARNING: DATA RACE",
        "Counter.value of <Counter object>",
        "app.py:8: self.value += 1",
        "Found 1 data race(s)",
        "FAILED test_app.py::test_racy - Failed: data race: Counter.value of <Counter ",
    ):
        assert wanted in text
    assert "_pytest" not in text[text.index("WARNING: DATA RACE") : text.index("Found 1 data race")]


@needs_313
def test_each_test_gets_the_report_of_a_race_that_others_had_too(project):
    status, counts, text = project(
        "--race",
        app=RACY,
        test_app="""
            import pytest
            from app import race

            @pytest.mark.parametrize("number", range(3))
            def test_racy(number):
                race()
        """,
    )
    assert (status, counts) == (1, {"failed": 3}), text


@needs_313
def test_race_in_the_test_itself_whose_assertions_are_rewritten(project):
    status, counts, text = project(
        "--race",
        test_app="""
            import threading

            def test_racy():
                total = {"n": 0}
                def work():
                    total["n"] += 1
                threads = [threading.Thread(target=work) for _ in range(2)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()

            def test_assertion():
                row = [1, 2]
                assert row[0] == row[1], "no"
        """,
    )
    assert (status, counts) == (1, {"failed": 2}), text
    assert "total['n']" in text
    assert "assert 1 == 2" in text  # the explanation that pytest adds


@needs_313
def test_failing_test_shows_both(project):
    status, counts, text = project(
        "--race",
        app=RACY,
        test_app="""
            from app import race

            def test_both():
                race()
                assert race() == "a number"
        """,
    )
    assert (status, counts) == (1, {"failed": 1}), text
    assert "a number" in text
    assert "WARNING: DATA RACE" in text


@needs_313
def test_fixtures_classes_and_expected_failures(project):
    status, counts, text = project(
        "--race",
        app=RACY,
        test_app="""
            import unittest
            import pytest
            from app import race

            @pytest.fixture
            def racy():
                race()

            @pytest.fixture
            def racy_end():
                yield
                race()

            def test_setup(racy):
                raise AssertionError("it must not run")

            def test_teardown(racy_end):
                pass

            @pytest.mark.xfail(strict=True)
            def test_expected():
                race()

            def test_skipped():
                race()
                pytest.skip("too late")

            class TestOld(unittest.TestCase):
                def test_racy(self):
                    race()

                def test_clean(self):
                    pass
        """,
    )
    assert status == 1, text
    assert counts == {"failed": 2, "passed": 2, "error": 2, "xfailed": 1}, text


@needs_313
def test_detect_keeps_its_races_to_itself(project):
    status, counts, text = project(
        "--race",
        app=RACY,
        test_app="""
            from app import race
            from atomicpy.race import detect

            def test_detect():
                for _ in range(2):
                    with detect() as races:
                        race()
                    assert [found.location for found in races] == ["Counter.value of <Counter object>"]
        """,
    )
    assert (status, counts) == (0, {"passed": 1}), text


@needs_313
def test_race_outside_of_any_test_is_reported_and_fails_the_run(project):
    status, counts, text = project(
        "--race", app=RACY, conftest="import app\napp.race()\n", test_app="def test(): pass\n"
    )
    assert (status, counts) == (1, {"passed": 1}), text
    assert "data races outside of any test" in text
    assert "Counter.value of <Counter object>" in text


@needs_313
def test_installed_package_is_watched_where_asked_for(project):
    files = {
        "site-packages__library": RACY,
        "conftest": "import sys; sys.path.insert(0, 'site-packages')\n",
        "test_app": "from library import race\ndef test(): race()\n",
    }
    assert project("--race", **files)[:2] == (0, {"passed": 1})
    assert project("--race", "--race-include", "library", **files)[:2] == (1, {"failed": 1})
    both = ("--race-include", "library", "--race-exclude", "library")
    assert project("--race", *both, **files)[:2] == (0, {"passed": 1})


@needs_313
@pytest.mark.parametrize("project", ["engine"], indirect=True)  # xdist's workers start without the reference
def test_with_xdist(project):
    status, counts, text = project(
        "--race",
        "-n2",
        app=RACY,
        conftest="import app, os\nif 'PYTEST_XDIST_WORKER' in os.environ: app.race()\n",
        test_app="""
            from app import race

            def test_one(): race()
            def test_two(): race()
            def test_three(): pass
        """,
    )
    assert (status, counts) == (1, {"failed": 2, "passed": 1}), text
    assert "data races outside of any test" in text


def test_without_the_option_nothing_is_there(project):
    status, counts, text = project(
        app=RACY,
        test_app="""
            import sys
            from app import race

            def test_plain():
                race()
                ours = {name.removeprefix("atomicpy.race.") for name in sys.modules if "atomicpy.race." in name}
                assert not ours & {"instrument.import_hook", "instrument.rewriter", "happens_before"}
                assert race.__code__.co_names.count("_race_read__") == 0
        """,
    )
    assert (status, counts) == (0, {"passed": 1}), text


@needs_313
def test_plain_runs_and_race_runs_do_not_share_compiled_tests(project):
    files = {"app": RACY, "test_app": "from app import race\ndef test(): race(); assert race.__name__\n"}
    assert project(**files)[0] == 0
    assert project("--race", **files)[0] == 1
    assert project(**files)[0] == 0


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="there it works")
def test_older_python_is_refused_in_one_line(tmp_path):
    done = subprocess.run(
        [*PYTHON, "-m", "pytest", "--race"], cwd=tmp_path, capture_output=True, text=True, timeout=WATCHDOG, check=False
    )
    assert done.returncode == 2
    assert re.fullmatch(r"pytest --race: the race detector needs CPython 3\.13 or later: .*\n", done.stderr)
