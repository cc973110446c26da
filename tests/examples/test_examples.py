"""The programs of examples/: what each prints, and that it ends when a part of it fails."""

import importlib.util
import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest
from helpers import FREE_THREADED, PYTHON, WATCHDOG

EXAMPLES = Path(__file__).parents[2] / "examples"

# A wheel is tested with the tests alone; in the project the programs must exist.
pytestmark = pytest.mark.skipif(
    not (EXAMPLES.parent / "pyproject.toml").exists(), reason="not in a checkout: no examples here"
)

WITH_GIL = "The GIL is on: one thread at a time runs Python, so two parsers are not faster than one.\n"

# A regular expression for the output of each program.
PRINTED = {
    "pipeline": (
        r"300,000 lines, 6,000 errors\n"
        r"one thread: +\d\.\d{3} s\n"
        r"pipeline with 2 parsers: +\d+\.\d{3} s, \d+\.\d\d times as fast\n" + ("" if FREE_THREADED else WITH_GIL)
    ),
    "fan_in": (
        r"6 lines from 3 services, those of one service in its order:\n"
        r"web        GET /  GET /cart  POST /order\n"
        r"database   connect  insert order\n"
        r"mail       order confirmed\n"
    ),
    "rate_limiter": (
        r"8 requests by 3 threads, the permits 0\.02 s apart or more\n"
        r"8 requests with a bucket of 5: [5-8] went at once, [0-3] waited for a permit\n"
    ),
    "asyncio_server": (
        r"4 primes below 10, 1229 primes below 10000\n"
        r"25 primes below 100, 2262 primes below 20000\n"
        r"error: invalid literal for int\(\) with base 10: 'seven', 168 primes below 1000\n"
        r"every worker has ended\n"
    ),
}


def example(name: str) -> ModuleType:
    """The program as a module; nothing of it has run."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_is_tested_and_stands_in_the_page():
    assert sorted(PRINTED) == sorted(path.stem for path in EXAMPLES.glob("*.py"))
    page = (EXAMPLES.parent / "docs" / "examples.md").read_text("utf-8")
    shown = re.findall(r"^```\{literalinclude\} \.\./examples/(\w+)\.py$", page, re.M)
    assert sorted(shown) == sorted(PRINTED)


@pytest.mark.parametrize("name", PRINTED)
def test_example_prints_what_is_expected_and_ends(name, tmp_path):
    done = subprocess.run(
        [*PYTHON, "-W", "error", EXAMPLES / f"{name}.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=WATCHDOG,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(PRINTED[name], done.stdout), done.stdout


@pytest.mark.parametrize("stage", ["read", "parse"])
def test_a_stage_of_the_pipeline_that_raises_ends_all_of_it(stage, monkeypatch):
    pipeline = example("pipeline")

    def failing(_):
        raise ValueError(stage)

    monkeypatch.setattr(pipeline, stage, failing)
    with pytest.raises(ExceptionGroup) as failed:
        pipeline.pipeline(pipeline.made_log())
    others = failed.value.split(ValueError)[1]
    assert others is None  # the stages that had to end with it are no errors


def test_an_aggregation_that_raises_ends_the_pipeline(monkeypatch):
    pipeline = example("pipeline")
    monkeypatch.setattr(pipeline, "parse", lambda block: 1)  # a Counter cannot be updated with it
    with pytest.raises(TypeError):
        pipeline.pipeline(pipeline.made_log())
