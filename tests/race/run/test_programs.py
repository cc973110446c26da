"""The suite of small programs: each racy one is reported, by name, and no clean one, however they were scheduled.

tests/race/programs/TOPIC.py holds functions `race_…` and `clean_…`. The docstring of a racy one names what must be
reported, a line for each location (`a | b`: one of them will do, as a pair of source lines is reported once; `? a`: it
may be); every report must be of one of them. A topic runs in processes of its own, under
`python -m atomicpy race`: once with the threads left to themselves, and with their turns forced by time, both ways.
"""

import ast
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import PYTHON

PROGRAMS = Path(__file__).parents[1] / "programs"
NO_TOPICS = {"driver", "together"}
# Order, and seconds between the interpreter's switches of threads.
SCHEDULES = (("free", 0.005), ("forward", 0.00001), ("backward", 0.001))

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="the detector needs 3.13")


def programs():
    """All programs as (topic, name, locations)."""
    for file in sorted(PROGRAMS.glob("*.py")):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith(("race_", "clean_")):
                named = (ast.get_docstring(node) or "").split("\n") if node.name.startswith("race_") else []
                yield pytest.param(file.stem, node.name, named, id=f"{file.stem}-{node.name}")


def run(topic, detector=("-m", "atomicpy")):
    """What came of the topic's programs: {order: {name: [reports, error]}}, and what went wrong besides."""
    outcome = {}
    for order, interval in SCHEDULES:
        command = [*PYTHON, *detector, "race", str(PROGRAMS / "driver.py"), topic, order, str(interval)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
            out, trouble = done.stdout, f"status {done.returncode}\n{done.stderr}"
        except subprocess.TimeoutExpired as error:
            out, trouble = (error.stdout or b"").decode(), f"it hangs\n{(error.stderr or b'').decode()}"
        lines = [json.loads(line) for line in out.splitlines() if line.startswith("[")]
        outcome[order] = {"programs": {name: rest for name, *rest in lines}, "trouble": trouble}
    return outcome


@pytest.fixture(scope="session")
def outcome_of(tmp_path_factory):
    """Runs a topic at its first use, in one process of xdist for all."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder

    def outcome_of(topic):
        result, lock = folder / f"race-{topic}.json", folder / f"race-{topic}.lock"
        try:
            lock.touch(exist_ok=False)
        except FileExistsError:
            deadline = time.monotonic() + 110
            while not result.exists():
                assert time.monotonic() < deadline, f"another process does not get done with {topic}"
                time.sleep(0.02)
        else:
            part = result.with_suffix(".part")
            part.write_text(json.dumps(run(topic)))
            part.rename(result)
        return json.loads(result.read_text())

    return outcome_of


def wrong(name, named, outcome):
    """What is wrong with the verdict on a program in one order; "" if nothing is."""
    if name not in outcome["programs"]:
        return f"it did not come to its end: {outcome['trouble']}"
    reports, error = outcome["programs"][name]
    if error:
        return error
    choices = [line.removeprefix("? ").split(" | ") for line in named]
    for location, text in reports:
        if not any(wanted in location for line in choices for wanted in line):
            return f"a false report\n{text}"
    missing = [
        line
        for line, choice in zip(named, choices, strict=True)
        if not line.startswith("? ") and not any(wanted in location for wanted in choice for location, _ in reports)
    ]
    return f"nothing reported of {', '.join(missing)}" if missing else ""


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("topic", "name", "named"), list(programs()))
def test_verdict(topic, name, named, outcome_of):
    for order, outcome in outcome_of(topic).items():
        assert not (what := wrong(name, named, outcome)), f"{order}: {what}"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("topic", sorted({param.values[0] for param in programs()}))
def test_reference_comes_to_the_same_verdicts(topic):
    """tests/race/reference is the definition, written down a second time."""
    outcomes = run(topic, [str(Path(__file__).parents[1] / "support" / "reference")])
    for _, name, named in (param.values for param in programs() if param.values[0] == topic):
        for order, outcome in outcomes.items():
            assert not (what := wrong(name, named, outcome)), f"{name}, {order}: {what}"


def test_each_racy_program_names_its_location_and_no_name_is_used_twice():
    found = [param.values for param in programs()]
    assert len(found) >= 250
    assert all(named and all(named) for _, name, named in found if name.startswith("race_"))
    for file in PROGRAMS.glob("*.py"):
        names = [node.name for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)]
        assert len(names) == len(set(names)), file
    assert not {topic for topic, *_ in found} & NO_TOPICS


@pytest.mark.parametrize(("counter", "races"), [("racy", True), ("atomic,sharded,mutex", False)])
def test_the_demo(counter, races):
    demo = ["-m", "atomicpy", "demo", "--threads", "4", "--increments", "50", "--only", counter]
    command = [*PYTHON, "-m", "atomicpy", "race", "--include", "atomicpy.commands.demo*", *demo]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert ("Racy.n of <Racy object>" in done.stderr, done.returncode == 66) == (races, races), done.stderr
    assert races or not done.stderr
