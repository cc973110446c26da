"""A run with the GIL and one without: the interpreter of each, and its process."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import atomicpy
from atomicpy.commands.conditions import free_threaded

FREE_THREADED = ("python3.15t", "python3.14t", "python3.13t")
PATIENCE = 60  # seconds after the end of the run: a process that takes longer counts as hung
PROBE = 20  # seconds for the program that asks an interpreter whether it is free-threaded

IS_FREE_THREADED = (  # prints "yes", or why it is not
    "import sys, sysconfig\n"
    "if not sysconfig.get_config_var('Py_GIL_DISABLED'): sys.exit(print('it has the GIL'))\n"
    "try: import atomicpy.commands.timeline.measure\n"
    "except ImportError as error: print(f'atomicpy is not installed there ({error})')\n"
    "else: print('yes')"
)


class MeasuringFailedError(Exception):
    """A run failed. The message is for the user."""


@dataclass(frozen=True)
class Interpreter:
    """The command that starts an interpreter: a command line up to the name of the module."""

    command: tuple[str, ...]
    gil: bool
    own: bool  # this interpreter: the child process must import the same atomicpy


@dataclass(frozen=True)
class Span:
    thread: int
    core: int
    start: float  # seconds since the threads were started
    end: float


@dataclass(frozen=True)
class Run:
    """What one process measured."""

    version: str
    gil: bool
    switch_interval: float  # seconds
    cores: list[int]  # the cores that it may use
    wall: float  # seconds
    cpu: float
    spans: list[Span]

    @property
    def parallelism(self) -> float:
        return self.cpu / self.wall


def refusal(command: str) -> str | None:
    """Why the command cannot run the side without the GIL; None if it can."""
    path = shutil.which(command)
    if path is None:
        return "there is no such program; give its path"
    try:
        done = subprocess.run(
            [path, "-P", "-c", IS_FREE_THREADED], capture_output=True, text=True, timeout=PROBE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    answer = done.stdout.strip()
    return None if answer == "yes" else answer or "it is no CPython 3.11 or later"


def with_and_without(other: str | None) -> Iterator[Interpreter]:
    """The interpreter with the GIL, and the one without it: this one if it is free-threaded, else `other`, or the first
    on PATH, if there is one."""
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
    """Block SIGINT; return the old mask, which `release_interrupts` takes.

    A Ctrl-C while a process is being started would leave that process running. The child inherits the blocked signal
    and keeps it; this process ends the child.
    """
    if hasattr(signal, "pthread_sigmask"):
        return signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    return None


def release_interrupts(before: Iterable[int] | None) -> None:
    """Unblock SIGINT. Raises KeyboardInterrupt if a SIGINT is pending."""
    if before is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def measured(interpreter: Interpreter, threads: int, seconds: float) -> Run:
    """Measure in a process of its own. Raises MeasuringFailedError. KeyboardInterrupt ends the process too."""
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
        for thread, spans in enumerate(result.pop("spans"))
        for start, end, core in spans
    ]
    return Run(**result, spans=spans)
