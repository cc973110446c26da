"""`pytest --race`: a test during which a data race is found fails, with the report.

Without the option this module adds three options and does nothing else: it imports, patches and instruments nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import ExitStack
from typing import Any

import pytest

NAME = "atomicpy_race"
OUTSIDE = "data races outside of any test"
BAD_USAGE = 2


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("race", "data races, found by atomicpy")
    group.addoption("--race", action="store_true", help="fail a test during which a data race is found")
    watched = "watch the modules that match, too: a name, with everything in the package, or a path (repeatable)"
    group.addoption("--race-include", action="append", default=[], metavar="PATTERN", help=watched)
    left = "do not watch the modules that match (repeatable)"
    group.addoption("--race-exclude", action="append", default=[], metavar="PATTERN", help=left)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Install the detector before the first conftest is imported: modules imported before are not instrumented."""
    if not early_config.known_args_namespace.race or early_config.pluginmanager.has_plugin(f"{NAME}_watch"):
        return
    if sys.version_info < (3, 13):
        from atomicpy.race.engine.requirements import NEEDS

        sys.stderr.write(f"pytest --race: {NEEDS}\n")
        raise SystemExit(BAD_USAGE)
    early_config.pluginmanager.register(Watch(early_config), f"{NAME}_watch")


class Watch:
    """The detector while it is installed, in each process that runs tests."""

    def __init__(self, config: pytest.Config) -> None:
        from atomicpy.race import happens_before, pytest_assertions
        from atomicpy.race.engine import engine
        from atomicpy.race.instrument import import_hook
        from atomicpy.race.report import receivers

        self.engine: Any = engine
        self.new: list[Any] = []  # races that no test has been failed for yet
        self.outside: list[str] = []  # reports of races that were found outside of any test
        self.undo = ExitStack()
        options = config.known_args_namespace
        roots = {str(config.rootpath), str(config.invocation_params.dir)}
        engine.install(receivers.on_race)
        self.undo.callback(engine.uninstall)
        happens_before.install()
        self.undo.callback(happens_before.uninstall)
        import_hook.install(include=options.race_include, exclude=options.race_exclude, roots=sorted(roots))
        self.undo.callback(import_hook.uninstall)
        self.undo.enter_context(pytest_assertions.instrumented())
        self.undo.enter_context(receivers.receiving(self.new.append))

    def pytest_unconfigure(self) -> None:
        self.undo.close()

    def pytest_report_header(self) -> str:
        return "race: the data race detector of atomicpy is on"

    # ---- each test ---------------------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        self._collect_outside()
        # A race that an earlier test had is reported for this test again.
        self.engine.forget_reported()
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        return (yield from self._phase(item, "setup"))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        return (yield from self._phase(item, "call"))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        return (yield from self._phase(item, "teardown"))

    def _phase(self, item: pytest.Item, when: str) -> Generator[None, object, object]:
        """Fail the phase if a race was found in it. If it failed by itself, add the report to its sections."""
        try:
            result = yield
        except pytest.skip.Exception:
            if not self.new:
                raise
        except BaseException:
            if self.new:
                item.add_report_section(when, "data races", self._reports())
            raise
        if self.new:
            first, more = self.new[0].location, len(self.new) - 1
            # pytest's summary shows the first line.
            title = f"data race: {first}" + (f", and {more} more" if more else "")
            pytest.fail(f"{title}\n{self._reports()}", pytrace=False)
        return result

    def _taken(self) -> list[str]:
        races = self.new[:]
        del self.new[: len(races)]  # another thread may have added one meanwhile
        return [str(race) for race in races]

    def _reports(self) -> str:
        from atomicpy.race.report import text as text_report

        reports = self._taken()
        return "\n".join([*reports, text_report.found(len(reports))])

    def _collect_outside(self) -> None:
        self.outside.extend(self._taken())

    # ---- the session -------------------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._collect_outside()
        if hasattr(session.config, "workeroutput"):  # in a worker of xdist: the controller prints it
            session.config.workeroutput[NAME] = self.outside
        elif self.outside and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self.outside.extend(getattr(node, "workeroutput", {}).get(NAME, []))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.outside:
            terminalreporter.section(OUTSIDE, sep="=", red=True, bold=True)
            for text in self.outside:
                terminalreporter.line(text)
