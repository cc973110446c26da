"""Whose code a file is, by its name, and what follows for the hooks and the reports."""

import json
import os
import sys
import sysconfig

import pytest

import atomicpy
from atomicpy.race import ownership
from atomicpy.race.ownership import Owner

LIBRARY = sysconfig.get_path("stdlib")
PACKAGE = os.path.dirname(atomicpy.__file__)


def path(*parts):
    return os.path.join(*parts)


FILES = {
    path(os.sep, "home", "app.py"): Owner.PROGRAM,
    "app.py": Owner.PROGRAM,
    "<string>": Owner.PROGRAM,
    "<stdin>": Owner.PROGRAM,
    path(LIBRARY + "-copy", "app.py"): Owner.PROGRAM,
    path(os.sep, "home", "xdist", "app.py"): Owner.PROGRAM,
    json.__file__: Owner.LIBRARY,
    os.__file__: Owner.LIBRARY,
    path(LIBRARY, "concurrent", "futures", "thread.py"): Owner.LIBRARY,
    "<frozen os>": Owner.LIBRARY,
    "<frozen importlib._bootstrap>": Owner.LIBRARY,
    path(LIBRARY, "site-packages", "dep.py"): Owner.INSTALLED,
    path(os.sep, "usr", "lib", "python3", "dist-packages", "dep.py"): Owner.INSTALLED,
    path(os.sep, "home", ".venv", "lib", "site-packages", "dep", "sub.py"): Owner.INSTALLED,
    pytest.__file__: Owner.INSTALLED,
    atomicpy.__file__: Owner.PACKAGE,
    path(PACKAGE, "__main__.py"): Owner.PACKAGE,
    path(PACKAGE, "commands", "demo", "cli.py"): Owner.PACKAGE,
    ownership.__file__: Owner.DETECTOR,
    path(PACKAGE, "race", "happens_before", "locks.py"): Owner.DETECTOR,
}


@pytest.mark.parametrize("file", FILES)
def test_owner_of_a_file(file):
    assert ownership.owner_of(file) is FILES[file]


def test_a_folder_whose_name_begins_like_the_package_is_another():
    assert ownership.owner_of(path(PACKAGE + "_tools", "app.py")) is not Owner.PACKAGE


@pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links")
def test_a_folder_behind_a_symbolic_link_has_the_same_owner(tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setattr(ownership, "LIBRARY", ownership._folders(str(tmp_path / "link")))
    for folder in ("real", "link"):
        assert ownership.owner_of(str(tmp_path / folder / "os.py")) is Owner.LIBRARY
        assert ownership.path_in_library(str(tmp_path / folder / "os.py")) == "os.py"


def test_which_files_order_accesses_of_the_program(monkeypatch):
    monkeypatch.setattr(ownership, "instrumented_files", {json.__file__, ownership.__file__})
    assert ownership.counts_as_program("app.py") is True
    assert ownership.counts_as_program(pytest.__file__) is True
    assert ownership.counts_as_program(os.__file__) is False
    assert ownership.counts_as_program("<frozen os>") is False
    assert ownership.counts_as_program(json.__file__) is True  # --include names it
    assert ownership.counts_as_program(ownership.__file__) is None


def test_files_of_test_runners():
    own = path(os.path.dirname(os.path.dirname(pytest.__file__)), "_pytest", "runner.py")
    assert ownership.is_test_runner(own)
    assert ownership.is_test_runner(path(os.sep, "src", "xdist", "remote.py"))
    assert not ownership.is_test_runner(path(os.sep, "src", "tests", "test_pytest.py"))


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (path(LIBRARY, "threading.py"), "threading.py"),
        (path(LIBRARY, "concurrent", "futures", "thread.py"), "concurrent/futures/thread.py"),
        (path(LIBRARY, "site-packages", "threading.py"), ""),
        (path(os.sep, "home", "threading.py"), ""),
        ("<frozen threading>", ""),
    ],
)
def test_path_in_the_library(file, expected):
    assert ownership.path_in_library(file) == expected
