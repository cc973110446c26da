"""The session of one run: it collects the races, prints each at once, writes the reports, sets the exit status."""

from __future__ import annotations

import linecache
import operator
import os
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any, NoReturn

from atomicpy.race import happens_before
from atomicpy.race.engine import engine
from atomicpy.race.report import machine, receivers, text
from atomicpy.race.report.race import Race

RACED = 66  # as Go's race detector
CANNOT_WRITE = 2


class Session:
    """Collects the races of this process, prints each at once, and writes the reports for machines at the end."""

    def __init__(self, json: str | None, sarif: str | None, halt: bool) -> None:
        self.races: list[Race] = []
        # Absolute, because the program may change the working folder.
        self.files: list[tuple[str, Callable[..., None]]] = [
            (os.path.abspath(path), write)
            for path, write in ((json, machine.write_json), (sarif, machine.write_sarif))
            if path is not None
        ]
        self.halt = halt
        self.sources: dict[str, str] = {}  # the text of programs without a file: `-c`, standard input
        self.process = os.getpid()
        self.lock = threading.RLock()
        self.finished = False
        self.receiving = ExitStack()
        self.stderr = 2
        try:
            self.stderr = sys.stderr.fileno()
            self.colour = text.coloured(sys.stderr)
        except (AttributeError, OSError, ValueError):  # closed, or not a file
            self.colour = False
        self.leave: Callable[[int], NoReturn] = os._exit
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.in_child)

    def cannot_write(self) -> str | None:
        """Why a report cannot be written, or None. Called before the program runs."""
        for path, _ in self.files:
            try:
                with open(path, "a"):
                    pass
            except OSError as error:
                return f"cannot write {path}: {error.strerror or error}"
        return None

    def start(self) -> None:
        """Install the detector: from here on this session receives the races."""
        engine.install(self.on_race)
        happens_before.install()
        self.receiving.enter_context(receivers.receiving(self.receive))  # until the process ends
        os._exit = self.exit_at_once

    def stop(self) -> None:
        """Uninstall the detector after the last report.

        Finalizers still run when the interpreter has cleared the globals of modules, without which the hooks fail.
        """
        happens_before.uninstall()
        engine.uninstall()

    def on_race(self, record: Any) -> None:
        """Pass the race to the receivers, with the source of `-c` or standard input in linecache."""
        # Only during the report, because code that the program runs by exec() has the same file name.
        with self.lock:
            before = {name: linecache.cache.get(name) for name in self.sources}
            for name, source in self.sources.items():
                linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
            try:
                receivers.on_race(record)
            finally:
                for name, entry in before.items():
                    if entry is None:
                        linecache.cache.pop(name, None)
                    else:
                        linecache.cache[name] = entry

    def receive(self, race: Race) -> None:
        """Print the race, unless the number of races has been printed: a daemon thread may still run then."""
        with self.lock:
            if self.finished:
                return
            self.races.append(race)
            self.print(text.report(race.location, race.current, race.previous, colour=self.colour))
            if self.halt:
                self.exit_at_once(RACED)

    def print(self, line: str) -> None:
        """Write to standard error without its buffer and lock: the program may be inside a write itself."""
        data = (line + "\n").encode("utf-8", "backslashreplace")
        try:
            while data:
                data = data[os.write(self.stderr, data) :]
        except OSError:  # standard error is closed; the exit status still shows the race
            pass

    def finish(self) -> bool:
        """Print the number of races and write the reports, at the first call. Returns whether all were written."""
        with self.lock:
            if self.finished:
                return True
            self.finished = True
            if self.races:
                self.print(text.found(len(self.races)))
            written = True
            if os.getpid() == self.process:
                for path, write in self.files:
                    try:
                        write(self.races, path)
                    except OSError as error:
                        self.print(f"atomicpy race: cannot write {path}: {error.strerror or error}")
                        written = False
            return written

    def status(self, own: int) -> int:
        """The exit status: the program's own, unless a race was reported or a report could not be written."""
        written = self.finish()
        if self.races:
            return RACED
        return own if own or written else CANNOT_WRITE

    def exit_at_once(self, status: int) -> NoReturn:
        """Replaces `os._exit`, after which no other code of the program runs."""
        if self.halt and self.races:
            for stream in (sys.stdout, sys.stderr):
                with suppress(Exception):
                    stream.flush()
        self.leave(self.status(operator.index(status)))

    def in_child(self) -> None:
        """A forked child keeps recording. Its count and exit status cover the races that it finds itself."""
        self.races = []
        self.lock = threading.RLock()
        self.finished = False
