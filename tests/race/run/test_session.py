"""A race is printed at once and counted at the end, and the exit status is 66. The races of these tests are faked."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from helpers import WATCHDOG

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="the race detector needs CPython 3.13")

RACE = [sys.executable, str(Path(__file__).parents[1] / "support" / "plain_race.py"), "race"]
PRETEND = "from atomicpy.race.engine.engine import pretend\n"


def race(folder, source, *options, program=("script.py",)):
    (folder / "script.py").write_text(PRETEND + textwrap.dedent(source))
    done = subprocess.run(
        [*RACE, *options, *program], cwd=folder, capture_output=True, text=True, timeout=WATCHDOG, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "end",
    [
        "",
        "sys.exit()",
        "sys.exit(5)",
        "sys.exit('no')",
        "1 / 0",
        "raise KeyboardInterrupt",
        "os._exit(0)",
        "os._exit(7)",
    ],
)
def test_status_is_66_for_every_status_of_the_program(tmp_path, end):
    status, _, err = race(tmp_path, f"import os, sys\npretend()\npretend()\n{end}")
    assert status == 66
    assert err.count("WARNING: DATA RACE") == 2
    assert err.splitlines()[-1] == "Found 2 data race(s)"
    assert "pretend()" in err


def test_without_a_race_nothing_is_printed(tmp_path):
    assert race(tmp_path, "pass") == (0, "", "")


def test_the_count_comes_after_threads_and_atexit(tmp_path):
    source = """
        import atexit, sys, threading, time
        atexit.register(lambda: (pretend(), print("atexit", file=sys.stderr)))
        def late():
            time.sleep(0.2)
            pretend()
            print("thread", file=sys.stderr)
        threading.Thread(target=late).start()
        print("main", file=sys.stderr)
        """
    status, _, err = race(tmp_path, source)
    assert status == 66
    lines = [line for line in err.splitlines() if line in ("main", "thread", "atexit") or line.startswith("Found")]
    assert lines == ["main", "thread", "atexit", "Found 2 data race(s)"]


def test_halt_stops_at_the_first(tmp_path):
    source = "import atexit\natexit.register(print, 'atexit')\nprint('before')\npretend()\nprint('after')\npretend()"
    status, out, err = race(tmp_path, source, "--halt", "--json", "races.json")
    assert (status, out) == (66, "before\n")
    assert err.count("WARNING: DATA RACE") == 1
    assert err.splitlines()[-1] == "Found 1 data race(s)"
    assert len(json.loads((tmp_path / "races.json").read_text())["races"]) == 1


@pytest.mark.parametrize("end", ["", "os._exit(0)"])
def test_reports_for_machines(tmp_path, end):
    source = f"import os\nos.mkdir('elsewhere')\nos.chdir('elsewhere')\npretend()\n{end}"
    status, _, _ = race(tmp_path, source, "--json", "races.json", "--sarif=races.sarif")
    assert status == 66
    assert len(json.loads((tmp_path / "races.json").read_text())["races"]) == 1
    assert len(json.loads((tmp_path / "races.sarif").read_text())["runs"][0]["results"]) == 1


def test_reports_without_a_race_are_written_too(tmp_path):
    assert race(tmp_path, "", "--json", "races.json")[0] == 0
    assert json.loads((tmp_path / "races.json").read_text())["races"] == []


def test_a_report_that_can_no_longer_be_written(tmp_path):
    source = "import os\nos.remove('races.json')\nos.mkdir('races.json')\n"
    status, _, err = race(tmp_path, source, "--json", "races.json")
    assert status == 2
    assert "cannot write" in err
    source = source.replace("races", "x") + "pretend()"
    assert race(tmp_path, source, "--json", "x.json")[0] == 66


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_forked_child_answers_for_itself(tmp_path):
    source = """
        import os, sys
        pretend()
        for child in (lambda: None, pretend):
            pid = os.fork()
            if not pid:
                child()
                os._exit(3)
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        """
    status, out, err = race(tmp_path, source, "--json", "races.json")
    assert (status, out) == (66, "3\n66\n")
    assert err.count("Found 1 data race(s)") == 2
    assert len(json.loads((tmp_path / "races.json").read_text())["races"]) == 1


def test_lines_of_code_without_a_file(tmp_path):
    source = f"{PRETEND}def f():\n    pretend()  # here\nf()\nexec('\\n\\n1/0')"
    status, _, err = race(tmp_path, "", program=("-c", source))
    assert status == 66
    assert "<string>:3: pretend()  # here" in err


def test_what_the_program_does_to_its_own_stderr_is_its_own(tmp_path):
    status, _, err = race(tmp_path, "import io, sys\nsys.stderr = io.StringIO()\npretend()")
    assert status == 66
    assert "Found 1 data race(s)" in err
    status, _, err = race(tmp_path, "import sys\nsys.stderr.close()\npretend()")
    assert status == 66
