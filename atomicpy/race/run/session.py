"""One run of a program under the detector: what it found, where that is written, and the exit status that follows."""

from __future__ import annotations

import linecache
import operator
import os
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any, NoReturn

from atomicpy.race.report import found, machine
from atomicpy.race.report import text as text_report
from atomicpy.race.report.found import Race

RACED = 66  # Go's
CANNOT_WRITE = 2


class Session:
    """Collects the races of this process, prints each at once, and writes the reports for machines at the end."""

    def __init__(self, json: str | None, sarif: str | None, halt: bool) -> None:
        self.races: list[Race] = []
        # The program may change the working folder.
        self.files: list[tuple[str, Callable[..., None]]] = [
            (os.path.abspath(path), write)
            for path, write in ((json, machine.write_json), (sarif, machine.write_sarif))
            if path is not None
        ]
        self.halt = halt
        self.sources: dict[str, str] = {}  # of what has no file: `-c`, standard input
        self.process = os.getpid()
        self.lock = threading.RLock()
        self.finished = False
        self.receiving = ExitStack()
        self.stderr = 2
        try:
            self.stderr = sys.stderr.fileno()
            self.colour = text_report.coloured(sys.stderr)
        except (AttributeError, OSError, ValueError):  # closed, or no file
            self.colour = False
        self.leave: Callable[[int], NoReturn] = os._exit
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.in_child)

    def cannot_write(self) -> str | None:
        """Why a report cannot be written, before the program has run in vain."""
        for path, _ in self.files:
            try:
                with open(path, "a"):
                    pass
            except OSError as error:
                return f"cannot write {path}: {error.strerror or error}"
        return None

    def start(self) -> None:
        """Put the detector in: from here on races are told to this session."""
        from atomicpy.race import happens_before
        from atomicpy.race.engine import engine

        engine.install(self.on_race)
        happens_before.install()
        self.receiving.enter_context(found.receiving(self.receive))  # until the process ends
        os._exit = self.exit_at_once

    def stop(self) -> None:
        """Take it out, when all is told: the interpreter takes the globals of modules away, and finalizers run on.

        So what stands in the place of the library's functions could not do its work; and nobody would hear of a race.
        """
        from atomicpy.race import happens_before
        from atomicpy.race.engine import engine

        happens_before.uninstall()
        engine.uninstall()

    def on_race(self, record: Any) -> None:
        # For the time of the report only: what the program runs by exec() has the same name as the text after -c.
        with self.lock:
            before = {name: linecache.cache.get(name) for name in self.sources}
            for name, text in self.sources.items():
                linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
            try:
                found.on_race(record)
            finally:
                for name, entry in before.items():
                    if entry is None:
                        linecache.cache.pop(name, None)
                    else:
                        linecache.cache[name] = entry

    def receive(self, race: Race) -> None:
        with self.lock:
            if self.finished:  # a thread that outlives the program, when the count has been told
                return
            self.races.append(race)
            self.say(text_report.text(race, colour=self.colour))
            if self.halt:
                self.exit_at_once(RACED)

    def say(self, text: str) -> None:
        """Write to standard error past all buffers and locks: the program may be in the middle of a write itself."""
        data = (text + "\n").encode("utf-8", "backslashreplace")
        try:
            while data:
                data = data[os.write(self.stderr, data) :]
        except OSError:  # nobody reads it; the exit status tells
            pass

    def finish(self) -> bool:
        """Say what was found in all; once. Whether the reports for machines could be written."""
        with self.lock:
            if self.finished:
                return True
            self.finished = True
            if self.races:
                self.say(text_report.found(len(self.races)))
            written = True
            if os.getpid() == self.process:
                for path, write in self.files:
                    try:
                        write(self.races, path)
                    except OSError as error:
                        self.say(f"atomicpy race: cannot write {path}: {error.strerror or error}")
                        written = False
            return written

    def status(self, own: int) -> int:
        """The exit status: the program's own, unless a race was reported."""
        written = self.finish()
        if self.races:
            return RACED
        return own if own or written else CANNOT_WRITE

    def exit_at_once(self, status: int) -> NoReturn:
        """In the place of `os._exit`, under which nothing else of the program runs."""
        if self.halt and self.races:
            for stream in (sys.stdout, sys.stderr):
                with suppress(Exception):
                    stream.flush()
        self.leave(self.status(operator.index(status)))

    def in_child(self) -> None:
        """A forked child goes on recording, and answers for the races that it finds itself."""
        self.races = []
        self.lock = threading.RLock()
        self.finished = False
