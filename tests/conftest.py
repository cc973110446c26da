"""The whole session: importing or using the package must never turn the GIL back on."""

import signal
import sys

from helpers import FREE_THREADED

# A shell's background job is started with Ctrl-C ignored, and so would be every program that a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    return f"build: {'free-threaded' if FREE_THREADED else 'with the GIL'}; the GIL is {'on' if gil else 'off'}"


def pytest_sessionfinish(session) -> None:
    if FREE_THREADED and sys._is_gil_enabled():
        sys.stderr.write("\nthe GIL came back on during the tests\n")
        session.exitstatus = 1
