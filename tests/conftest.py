"""The session: a check that the package never turns the GIL on, and timeouts that print the stacks of all threads."""

import contextlib
import faulthandler
import gc
import os
import signal
import subprocess
import sys

import pytest
from helpers import FREE_THREADED, PYTHON, WATCHDOG, once_for_all_workers

TERMINAL = pytest.StashKey[int]()

# A shell starts a background job with SIGINT ignored, and each program that a test interrupts would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    return f"build: {'free-threaded' if FREE_THREADED else 'with the GIL'}; the GIL is {'on' if gil else 'off'}"


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config) -> None:
    """With xdist, an idle worker takes tests from a busy worker. The default distributes all tests before the run."""
    if getattr(config.option, "numprocesses", None) and config.option.dist == "no":
        config.option.dist = "worksteal"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: a worker more than cores, because many tests wait for a timeout or a process."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + 1


def pytest_collection_modifyitems(items) -> None:
    """Run the slow tests first, so that no slow test runs alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish() -> None:
    """Take the modules and the collected tests out of the garbage collections of the tests: hundreds collect."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def default_demo(tmp_path_factory) -> list:
    """[status, stdout, stderr] of `python -m atomicpy demo`. The demo and the README are tested with the same run."""

    def run() -> list:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV"))}
        done = subprocess.run(
            [*PYTHON, "-m", "atomicpy", "demo"],
            env={**environment, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            encoding="utf-8",
            timeout=WATCHDOG,
            check=False,
        )
        return [done.returncode, done.stdout, done.stderr]

    return once_for_all_workers(tmp_path_factory, "default-demo", run)


def pytest_configure(config) -> None:
    """Keep the standard error of the process, also of an xdist worker. pytest replaces it while a test runs."""
    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture is not None else contextlib.nullcontext():
        config.stash[TERMINAL] = os.dup(2)


def pytest_timeout_set_timer(item, settings) -> bool:
    """Replace the timer of pytest-timeout, whose stacks are lost in an xdist worker. Print all stacks, then exit."""
    faulthandler.dump_traceback_later(settings.timeout, exit=True, file=item.config.stash[TERMINAL])
    return True


def pytest_timeout_cancel_timer(item) -> bool:
    faulthandler.cancel_dump_traceback_later()
    return True


def pytest_enter_pdb() -> None:
    faulthandler.cancel_dump_traceback_later()


def pytest_sessionfinish(session) -> None:
    if FREE_THREADED and sys._is_gil_enabled():
        sys.stderr.write("\nthe tests turned the GIL on\n")
        session.exitstatus = 1
