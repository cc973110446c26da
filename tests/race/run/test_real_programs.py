"""Widely used packages under the detector, with all of their code watched: every report is expected, and is a race.

tests/race/real/PACKAGE_….py holds programs as tests/race/programs does, whose threads share objects of the package.
The docstring of a racy one has a line per report, with the reason why it is a race (`location -- reason`).
"""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import PYTHON, WATCHDOG
from verdicts import SCHEDULES, wrong

REAL = Path(__file__).parents[1] / "real"
DRIVER = REAL.parent / "programs" / "driver.py"

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="the detector needs 3.13")


def programs(file):
    """The programs of a file: {name: [(location, reason)]}"""
    found = {}
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith(("race_", "clean_")):
            lines = (ast.get_docstring(node) or "").splitlines()
            found[node.name] = [tuple(line.split(" -- ")) for line in lines]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("order", SCHEDULES, ids=[order for order, _ in SCHEDULES])
@pytest.mark.parametrize("file", sorted(REAL.glob("*.py")), ids=lambda file: file.stem)
def test_reports_of(file, order):
    package = file.stem.partition("_")[0]
    watched = ["--include", package, "--include", file.stem]
    command = [*PYTHON, "-m", "atomicpy", "race", *watched, str(DRIVER), *map(str, order), file.stem]
    environment = {**os.environ, "PYTHONPATH": str(REAL)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=WATCHDOG, check=False, env=environment)
    ran = {name: rest for _, name, *rest in map(json.loads, done.stdout.splitlines())}
    outcome = {"programs": ran, "trouble": f"status {done.returncode}\n{done.stderr}"}
    expected = programs(file)
    assert sorted(ran) == sorted(expected), outcome["trouble"]
    for name, reports in expected.items():
        assert not (what := wrong(name, [location for location, _ in reports], outcome)), f"{name}: {what}"
    assert not done.stderr


@pytest.mark.parametrize("file", sorted(REAL.glob("*.py")), ids=lambda file: file.stem)
def test_each_expected_report_has_its_reason(file):
    found = programs(file)
    assert any(name.startswith("clean_") for name in found)
    assert any(name.startswith("race_") for name in found), "no race shows that the package is watched"
    for name, reports in found.items():
        assert bool(reports) == name.startswith("race_")
        assert all(len(report) == 2 and len(report[1]) > 10 for report in reports), name
