"""The whole session: importing or using the package must never turn the GIL back on."""

import sys

from helpers import FREE_THREADED


def pytest_report_header() -> str:
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    return f"build: {'free-threaded' if FREE_THREADED else 'with the GIL'}; the GIL is {'on' if gil else 'off'}"


def pytest_sessionfinish(session) -> None:
    if FREE_THREADED and sys._is_gil_enabled():
        sys.stderr.write("\nthe GIL came back on during the tests\n")
        session.exitstatus = 1
