"""What the README shows, beyond the code that test_docs.py runs."""

import re
from pathlib import Path

import pytest
from helpers import run_program
from pages import blocks

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"

# A wheel is tested with the tests alone; in the project the file must exist.
pytestmark = pytest.mark.skipif(not (ROOT / "pyproject.toml").exists(), reason="not in a checkout: no README here")


def test_the_first_example_is_right_with_atomicint():
    first = next(block.text for block in blocks(README) if block.language == "python")
    plain, atomic = map(int, run_program(first).split())
    assert atomic == 80_000
    assert 0 < plain <= 80_000


def test_outputs_of_the_command_line_have_80_columns():
    shown = [
        line for block in blocks(README) if block.language in ("text", "console") for line in block.text.splitlines()
    ]
    assert len(shown) > 20
    assert [line for line in shown if len(line) > 80] == []


def test_two_commands_from_a_fresh_clone():
    section = README.read_text("utf-8").partition("## Two commands")[2].partition("\n## ")[0]
    commands = re.findall(r"^\$ (.*)$", section, re.M)
    assert commands[:2] == ["make demo", "make test"]
