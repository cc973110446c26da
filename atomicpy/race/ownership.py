"""Whose code a file is: the program's, an installed package's, the standard library's, this package's, the detector's.

Three parts of the detector ask. The import hook instruments files of the program. The hooks of `happens_before` record
what the program synchronises, not what the standard library does for itself. Reports leave out frames of the detector.

A file is named as its code object names it, so `<frozen os>` and `<string>` are names too. Every answer follows from
the name alone, except in `counts_as_program`: an instrumented file belongs to the program, wherever it lies.
"""

from __future__ import annotations

import os
import sysconfig
from enum import Enum


class Owner(Enum):
    """The owner of a file."""

    PROGRAM = "the program"
    INSTALLED = "an installed package"
    LIBRARY = "the standard library"
    PACKAGE = "this package"
    DETECTOR = "the race detector"


def _folders(*paths: str | None) -> tuple[str, ...]:
    """Each folder as given and with symbolic links resolved, with a separator at its end."""
    given = [os.path.abspath(path) for path in paths if path]
    both = dict.fromkeys([*given, *map(os.path.realpath, given)])
    return tuple(path if path.endswith(os.sep) else path + os.sep for path in both)


DETECTOR = _folders(os.path.dirname(__file__))
PACKAGE = _folders(os.path.dirname(os.path.dirname(__file__)))
LIBRARY = _folders(sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), os.path.dirname(os.__file__))
# The file that `python -m atomicpy` runs: in the stack of every program that the command runs.
COMMAND = os.path.join(PACKAGE[0], "__main__.py")

_INSTALLED = tuple(os.sep + name + os.sep for name in ("site-packages", "dist-packages"))
_TEST_RUNNER = tuple(os.sep + name + os.sep for name in ("_pytest", "pluggy", "xdist", "execnet"))
_FROZEN = "<frozen"

# The files whose code the rewriter has instrumented. `--include` can name files of the standard library.
instrumented_files: set[str] = set()


def owner_of(file: str) -> Owner:
    """The owner of the file, by its name."""
    if file.startswith(DETECTOR):
        return Owner.DETECTOR
    if file.startswith(PACKAGE):
        return Owner.PACKAGE
    if any(folder in file for folder in _INSTALLED):  # before LIBRARY: site-packages lies in its folder
        return Owner.INSTALLED
    if file.startswith((*LIBRARY, _FROZEN)):
        return Owner.LIBRARY
    return Owner.PROGRAM


def counts_as_program(file: str) -> bool | None:
    """Whether what the file synchronises orders the program's accesses; None for a file of the detector.

    A lock that the standard library takes for itself promises nothing to the program. In an instrumented file of the
    library the accesses are recorded, so its locks count too.
    """
    owner = owner_of(file)
    if owner is Owner.DETECTOR:
        return None
    return file in instrumented_files or owner is not Owner.LIBRARY


def is_test_runner(file: str) -> bool:
    """Whether the file is pytest's, or of a package that runs tests for it."""
    return any(folder in file for folder in _TEST_RUNNER)


def path_in_library(file: str) -> str:
    """The path of a file within the standard library, as in "concurrent/futures/thread.py"; "" for other files."""
    if owner_of(file) is not Owner.LIBRARY:
        return ""
    for folder in LIBRARY:
        if file.startswith(folder):
            return file[len(folder) :].replace(os.sep, "/")
    return ""
