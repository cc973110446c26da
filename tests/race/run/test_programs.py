"""The suite of small programs: every race is reported by name, and no clean program is, in each order of the threads.

tests/race/programs/TOPIC.py holds functions `race_…` and `clean_…`. The docstring of a racy one lists what must be
reported, a line per location. `a | b` means one of them, because a pair of source lines is reported once; `? a` means
that it may be reported. No other report is allowed. The topics run in batches under `python -m atomicpy race`, with one
process for each order: free threads, and pauses that order the threads forward or backward. The last process also runs
its topics backward, because no verdict may depend on the programs before.
"""

import ast
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest
from helpers import PYTHON, WATCHDOG, once_for_all_workers
from verdicts import SCHEDULES, wrong

PROGRAMS = Path(__file__).parents[1] / "programs"
NO_TOPICS = {"driver", "together"}
BATCHES = 4  # a process costs more than the programs of a topic; two workers share these
DETECTORS = {
    "engine": ("-m", "atomicpy"),
    "reference": (str(Path(__file__).parents[1] / "support" / "reference"),),
}

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="the detector needs 3.13")


def programs():
    """All programs as (topic, name, locations)."""
    for file in sorted(PROGRAMS.glob("*.py")):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith(("race_", "clean_")):
                named = (ast.get_docstring(node) or "").split("\n") if node.name.startswith("race_") else []
                yield pytest.param(file.stem, node.name, named, id=f"{file.stem}-{node.name}")


PROGRAMS_OF = list(programs())
TOPICS = sorted({param.values[0] for param in PROGRAMS_OF})


def batch_of(topic):
    """The number of the topic's batch. Neighbours share one, because xdist gives neighbouring tests to one worker."""
    return TOPICS.index(topic) * BATCHES // len(TOPICS)


def run_in(order, interval, topics, detector):
    """The outcome in one order: {topic: {name: [reports, error]}}, and the status and stderr of the process."""
    command = [*PYTHON, *detector, "race", str(PROGRAMS / "driver.py"), order, str(interval), *topics]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=WATCHDOG, check=False)
        out, trouble = done.stdout, f"status {done.returncode}\n{done.stderr}"
    except subprocess.TimeoutExpired as error:
        out, trouble = (error.stdout or b"").decode(), f"it hangs\n{(error.stderr or b'').decode()}"
    ran = {topic: {} for topic in topics}
    for topic, name, *rest in (json.loads(line) for line in out.splitlines() if line.startswith("[")):
        ran[topic][name] = rest
    return {"programs": ran, "trouble": trouble}


def run(topics, detector):
    """The outcome in each order. The orders run at the same time, because the programs mostly sleep."""
    with ThreadPoolExecutor(len(SCHEDULES)) as pool:
        started = {
            order: pool.submit(run_in, order, interval, topics[::-1] if order == "backward" else topics, detector)
            for order, interval in SCHEDULES
        }
        return {order: outcome.result() for order, outcome in started.items()}


@pytest.fixture(scope="session")
def outcomes_of(tmp_path_factory):
    """Runs the batch of a topic at its first use; returns the outcome of the topic in each order."""

    @cache
    def outcomes_of_batch(batch, detector):
        topics = [each for each in TOPICS if batch_of(each) == batch]
        return once_for_all_workers(
            tmp_path_factory, f"race-{detector}-{batch}", lambda: run(topics, DETECTORS[detector])
        )

    def outcomes_of(topic, detector):
        outcomes = outcomes_of_batch(batch_of(topic), detector)
        return {order: one | {"programs": one["programs"][topic]} for order, one in outcomes.items()}

    return outcomes_of


@pytest.mark.timeout(2 * WATCHDOG)
@pytest.mark.parametrize(("topic", "name", "named"), PROGRAMS_OF)
def test_verdict(topic, name, named, outcomes_of):
    for order, outcome in outcomes_of(topic, "engine").items():
        assert not (what := wrong(name, named, outcome)), f"{order}: {what}"


@pytest.mark.slow
@pytest.mark.timeout(2 * WATCHDOG)
@pytest.mark.parametrize("topic", TOPICS)
def test_reference_comes_to_the_same_verdicts(topic, outcomes_of):
    """The reference engine is a second implementation of the definition, under the package's own hooks."""
    outcomes = outcomes_of(topic, "reference")
    for _, name, named in (param.values for param in PROGRAMS_OF if param.values[0] == topic):
        for order, outcome in outcomes.items():
            assert not (what := wrong(name, named, outcome)), f"{name}, {order}: {what}"


def test_each_racy_program_names_its_location_and_no_name_is_used_twice():
    found = [param.values for param in PROGRAMS_OF]
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
    done = subprocess.run(command, capture_output=True, text=True, timeout=WATCHDOG, check=False)
    assert ("Racy.n of <Racy object>" in done.stderr, done.returncode == 66) == (races, races), done.stderr
    assert races or not done.stderr
