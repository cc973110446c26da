"""A run with the GIL and one without: which interpreter does which, and the process for it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import atomicpy

FREE_THREADED = ("python3.15t", "python3.14t", "python3.13t")
PATIENCE = 60  # seconds, beyond those of the run, until it is taken for hung
LOOK = 20  # seconds for an interpreter to say what it is

IS_FREE_THREADED = (
    "import sys, sysconfig\n"
    "if not sysconfig.get_config_var('Py_GIL_DISABLED'): sys.exit(print('it has the GIL'))\n"
    "try: import atomicpy.commands.timeline.measure\n"
    "except ImportError as error: print(f'atomicpy is to be installed there ({error})')\n"
    "else: print('yes')"
)


class MeasuringFailedError(Exception):
    """With a message for the user."""


@dataclass(frozen=True)
class Interpreter:
    """A command line up to the module's name."""

    command: tuple[str, ...]
    gil: bool
    own: bool  # the very interpreter that this runs in: its child is to find the same atomicpy


@dataclass(frozen=True)
class Span:
    thread: int
    core: int
    start: float  # seconds since the threads were let loose
    end: float


@dataclass(frozen=True)
class Run:
    """What one process has measured."""

    version: str
    gil: bool
    switch_interval: float  # seconds
    cores: list[int]  # those that it may use
    wall: float  # seconds
    cpu: float
    spans: list[Span]

    @property
    def parallelism(self) -> float:
        return self.cpu / self.wall


def free_threaded() -> bool:
    return bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def refusal(command: str) -> str | None:
    """Why that command is no interpreter for the side without the GIL; None if it is one."""
    path = shutil.which(command)
    if path is None:
        return "there is no such program; give its path"
    try:
        done = subprocess.run(
            [path, "-P", "-c", IS_FREE_THREADED], capture_output=True, text=True, timeout=LOOK, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    said = done.stdout.strip()
    return None if said == "yes" else said or "it is no CPython 3.11 or later"


def with_and_without(other: str | None) -> Iterator[Interpreter]:
    """The two, as far as they are at hand. A free-threaded build is both; else `other`, or the first on PATH."""
    me = sys.executable
    if free_threaded():
        yield Interpreter((me, "-X", "gil=1"), True, True)
        yield Interpreter((me, "-X", "gil=0"), False, True)
        return
    yield Interpreter((me,), True, True)
    found = other or next((name for name in FREE_THREADED if refusal(name) is None), None)
    if found:
        yield Interpreter((shutil.which(found) or found, "-X", "gil=0"), False, False)


def hold_interrupts() -> Iterable[int] | None:
    """Ctrl-C waits from here on; returns what `release_interrupts` takes.

    In the middle of starting a process it would leave that to itself. The process has it held too, and that for good:
    it is ended by who started it.
    """
    if hasattr(signal, "pthread_sigmask"):
        return signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    return None


def release_interrupts(before: Iterable[int] | None) -> None:
    """Raises KeyboardInterrupt if one has been waiting."""
    if before is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def measured(interpreter: Interpreter, threads: int, seconds: float) -> Run:
    """Let it run. Raises MeasuringFailedError; KeyboardInterrupt ends the process too."""
    environment = dict(os.environ)
    if interpreter.own:
        package = str(Path(atomicpy.__file__).parent.parent)
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    command = [*interpreter.command, "-P", "-m", "atomicpy.commands.timeline.measure", str(threads), repr(seconds)]
    child: subprocess.Popen[str] | None = None
    before = hold_interrupts()
    try:
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment,
            )
        finally:
            release_interrupts(before)
        out, errors = child.communicate(timeout=seconds + PATIENCE)
    except BaseException as error:
        if child is not None:
            child.kill()
            child.communicate()
        if isinstance(error, (OSError, subprocess.TimeoutExpired)):
            raise MeasuringFailedError(f"{interpreter.command[0]} could not measure: {error}") from error
        raise
    if child.returncode:
        reason = (errors.strip() or f"it ended with status {child.returncode}").splitlines()[-1]
        raise MeasuringFailedError(f"{interpreter.command[0]} could not measure: {reason}")
    result = json.loads(out)
    if "started" in result:
        raise MeasuringFailedError(
            f"the system started only {result['started']:,} of {threads:,} threads; use fewer with --threads, or raise "
            "the limit on processes or memory"
        )
    spans = [
        Span(thread, core, start / 1e9, end / 1e9)
        for thread, its in enumerate(result.pop("spans"))
        for start, end, core in its
    ]
    return Run(**result, spans=spans)
