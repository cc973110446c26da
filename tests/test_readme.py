"""Every code block of the README runs, and says what is true."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from helpers import run_program

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"

# A wheel is tested with the tests alone beside it; in the project the file must be there.
pytestmark = pytest.mark.skipif(not (ROOT / "pyproject.toml").exists(), reason="not in a checkout: no README here")

BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README.read_text("utf-8"), re.M | re.S) if README.exists() else []


def blocks(language: str) -> list:
    found = [text for name, text in BLOCKS if name == language]
    return [pytest.param(text, id=text.strip().splitlines()[0][:50]) for text in found]


def test_every_block_is_of_a_kind_that_is_tested():
    assert {name for name, _ in BLOCKS} == {"python", "console", "text"}


@pytest.mark.parametrize("code", blocks("python"))
def test_python_block_runs(code):
    run_program(code)


def test_the_first_example_is_right_with_atomicint():
    first = next(text for name, text in BLOCKS if name == "python")
    plain, atomic = map(int, run_program(first).split())
    assert atomic == 80_000
    assert 0 < plain <= 80_000


@pytest.mark.parametrize("block", blocks("console"))
def test_console_block_names_commands_that_exist(block):
    for line in block.splitlines():
        assert line.startswith("$ "), line
        match shlex.split(line[2:]):
            case ["make", target]:
                # Not run from here: `make test` is what runs this. That it would run is what can be asked.
                subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            case ["python", "-m", "pip", "install", "."]:
                pass  # what has brought the package here
            case ["uv", "python", "install", version]:
                assert re.fullmatch(r"3\.1[3-9]t", version)
            case other:
                pytest.fail(f"a command that no test knows: {other}")


def test_the_demo_output_is_what_the_demo_prints():
    shown = next(text for name, text in BLOCKS if name == "text")
    assert all(len(line) <= 80 for line in shown.splitlines()[:-1])  # the summary is a sentence
    from atomicpy.demo.counters import COUNTERS

    rows = [line.split()[0] for line in shown.splitlines() if re.match(r"\S+\s+[\d,]+\s+[\d,]+", line)]
    assert rows
    assert set(rows) <= set(COUNTERS)
    assert shutil.which("make"), "the README's two commands need make"
