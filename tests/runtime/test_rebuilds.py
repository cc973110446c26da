"""build_modules.py on a project of two modules: how often the compiler runs after which change."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.skipif(not (ROOT / ".ci" / "build_modules.py").exists(), reason="not in a checkout"),
    pytest.mark.skipif(sys.platform == "win32", reason="the compiler that counts is a shell script"),
]

# Notes the source that it is called for, at the beginning and at the end, and makes an empty file in place of what a
# compiler would make: these tests are about when it runs.
COMPILER = """#!/bin/sh
for word; do
    case $word in *.c) source=$word ;; esac
    case $option in -o) made=$word ;; esac
    option=$word
done
case " $* " in *" -c "*) echo "begin $source" >>"$NOTES"; sleep "$PAUSE" ;; esac
: >"$made"
case " $* " in *" -c "*) echo "end $source" >>"$NOTES" ;; esac
"""
# Builds in a new process for each line that it reads, which is the pause of the compiler, and prints the wheel. The
# processes are forks, because the import of setuptools and Cython takes longer than a build without changes.
SERVER = """
import os, sys
import Cython.Build
from Cython.Compiler import Main, ModuleNode, Optimize, ParseTreeTransforms, Pipeline
from setuptools import build_meta

for line in sys.stdin:
    if not os.fork():
        out = os.dup(1)
        log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ["PAUSE"] = line.strip()
        os.write(out, build_meta.build_wheel("dist").encode())
        sys.exit()
    os.wait()
    print(flush=True)
"""
SETUP = """
import sys
from setuptools import setup
sys.path.insert(0, ".")
from build_modules import COMMANDS, extensions

table = {"package.one": ["core/shared.c"], "package.two": ["core/shared.c"]}
options = {"include_dirs": ["core"], "extra_compile_args": ["-O0"]}
setup(name="package", version="1", packages=["package"], cmdclass=COMMANDS,
      ext_modules=extensions(table, {"language_level": 3}, **options))
"""
FILES = {
    "setup.py": SETUP,
    "package/__init__.py": "",
    "package/plain.py": "x = 1\n",
    "package/one.pyx": 'cdef extern from "one.h":\n    int one()\ndef call():\n    return one()\n',
    "package/two.pyx": 'cdef extern from "shared.h":\n    int shared()\ndef call():\n    return shared()\n',
    "core/one.h": '#include "below.h"\nstatic inline int one(void) { return BELOW; }\n',
    "core/below.h": "#define BELOW 1\n",
    "core/shared.h": "int shared(void);\n",
    "core/shared.c": '#include "shared.h"\nint shared(void) { return 2; }\n',
    "README.md": "to read\n",
}
ONE = {"build/cython/package/one.c", "core/shared.c"}
TWO = {"build/cython/package/two.c", "core/shared.c"}


class Project:
    def __init__(self, folder):
        self.folder = folder
        self.notes = folder / "notes"
        for name, text in FILES.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        shutil.copy(ROOT / ".ci" / "build_modules.py", folder)
        compiler = folder / "compiler"
        compiler.write_text(COMPILER)
        compiler.chmod(0o755)
        self.wheel = None
        self.server = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            cwd=folder,
            env={**os.environ, "CC": str(compiler), "NOTES": str(self.notes)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self):
        self.server.communicate(timeout=100)

    def build(self, pause=0):
        """What was compiled, in the order of the notes."""
        self.notes.write_text("")
        self.server.stdin.write(f"{pause}\n")
        self.server.stdin.flush()
        wheel = self.server.stdout.readline().strip()
        assert wheel, (self.folder / "log").read_text()
        self.wheel = self.folder / "dist" / wheel
        return self.notes.read_text().splitlines()

    def compiled(self):
        return {line.removeprefix("begin ") for line in self.build() if line.startswith("begin ")}

    def change(self, name, old, new):
        path = self.folder / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def shipped(self):
        return {name.split(".")[0] for name in zipfile.ZipFile(self.wheel).namelist() if name.startswith("package/")}


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path)
    yield project
    project.close()


@pytest.mark.slow
def test_a_build_compiles_what_has_changed_and_nothing_else(project, tmp_path):
    notes = project.build(pause=0.5)
    assert sorted(line.removeprefix("begin ") for line in notes if line.startswith("begin ")) == sorted([*ONE, *TWO])
    if os.cpu_count() > 1:
        assert [line.split()[0] for line in notes[:2]] == ["begin", "begin"], "one at a time"

    project.change("README.md", "read", "read or not")
    project.change("package/plain.py", "1", "2")
    (tmp_path / "package" / "extra.py").write_text("")
    assert project.compiled() == set()
    assert zipfile.ZipFile(project.wheel).read("package/plain.py") == b"x = 2\n"
    assert "package/extra" in project.shipped()

    (tmp_path / "package" / "extra.py").unlink()
    below = tmp_path / "core" / "below.h"
    shutil.copy2(below, tmp_path / "before")
    project.change("core/below.h", "1", "3")
    assert project.compiled() == ONE  # which includes it through another header
    assert project.shipped() == {"package/__init__", "package/plain", "package/one", "package/two"}

    os.rename(tmp_path / "before", below)  # with its old time
    assert project.compiled() == ONE

    project.change("package/two.pyx", "call", "renamed")
    assert project.compiled() == TWO

    project.change("setup.py", "-O0", "-O1")
    assert project.compiled() == ONE | TWO


def test_uv_builds_anew_for_the_sources_and_for_nothing_else():
    keys = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["cache-keys"]
    patterns = [key["file"] for key in keys if "file" in key]

    found = {path for pattern in patterns for path in ROOT.glob(pattern)}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    if tracked.returncode:
        pytest.skip("not in a clone: what belongs to the project is not known")
    for name in tracked.stdout.splitlines():
        source = name.startswith(("atomicpy/", "src/")) and not name.endswith(("py.typed", ".in"))
        built_from = source or name in {"setup.py", ".ci/build_modules.py", "pyproject.toml"}
        assert (ROOT / name in found) == built_from, name
