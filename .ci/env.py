#!/usr/bin/env python3
"""Print the python of a virtual environment in which atomicpy is installed, built from this checkout.

    .ci/env.py INTERPRETER [--group test] [--group lint] [--no-package]

INTERPRETER is a name or a path; `default` is $PYTHON if that has a GIL, else python3. The environment lies
in build/env/, one for each kind of interpreter, and is made, extended and rebuilt only where something has
changed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from machine import OLDEST, SetupError, install_packages, interpreter, main, missing_packages, only_one, say

ROOT = Path(__file__).resolve().parent.parent
# What the package is made of: a change in one of these is a new build.
SOURCES = ("src", "atomicpy", "setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")
NOT_SOURCES = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd", "*.pyc")
PIP = "pip>=25.1"  # the first that knows dependency groups


def find(name):
    """The interpreter that the environment is for."""
    wish = os.environ.get("PYTHON")
    if name == "default":
        chosen = interpreter(wish) if wish else None
        name = wish if chosen and not chosen.free_threaded else "python3"
    found = interpreter(name)
    if not found:
        raise SetupError(f"{name} starts no CPython: install one (Debian, Ubuntu: apt-get install python3)")
    if found.version < OLDEST:
        raise SetupError(
            f"{found.path} is {found}, and atomicpy needs {OLDEST[0]}.{OLDEST[1]} or later.\n"
            f"If there is a newer one on this machine, name it: make PYTHON=python3.13 …"
        )
    return found


def complete(python):
    """Venv, headers, a compiler: distributions split them from Python. Install what is missing or name it."""
    lacking = [] if python.has_venv else ["venv"]
    lacking += [] if python.has_headers else ["Python.h"]
    if not any(map(shutil.which, ("cc", "gcc", "clang"))):
        lacking.append("a C compiler")
    if not lacking:
        return
    packages = []
    if python.path.startswith("/usr/bin/"):  # the distribution's own
        name = "python{}.{}".format(*python.version)
        packages += [f"{name}-venv", f"{name}-dev"]
    packages = missing_packages([*packages, "gcc", "libc6-dev"])
    if not packages:
        raise SetupError(
            f"{python.path} ({python}) lacks {', '.join(lacking)}: install that, or name another: PYTHON=…"
        )
    install_packages(packages, f"building atomicpy for {python.path}")


def run(command, doing):
    """Run a step that is silent when all is well."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)
    if done.returncode:
        tail = "\n".join(f"  | {line}" for line in done.stdout.splitlines()[-60:])
        raise SetupError(f"{doing}: failed with status {done.returncode}\n{tail}")


def digest():
    """A hash over every file that the package is built from."""
    total = hashlib.sha256()
    for name in SOURCES:
        top = ROOT / name
        files = sorted(path for path in top.rglob("*") if path.is_file()) if top.is_dir() else [top]
        for path in files:
            if "__pycache__" not in path.parts and path.suffix not in (".so", ".pyd"):
                content = path.read_bytes()
                total.update(f"{path.relative_to(ROOT)}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


def copy_sources(folder):
    """A clean copy to build in: a build folder in the checkout would ship modules whose source is gone."""
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=NOT_SOURCES)
        else:
            shutil.copy2(source, folder / name)


class Environment:
    """One virtual environment and the record of what is in it, written after every finished step."""

    def __init__(self, python):
        self.base = python
        self.folder = ROOT / "build" / "env" / python.tag
        self.python = self.folder / "bin" / "python"
        self.record = self.folder / "atomicpy.json"
        try:
            self.holds = json.loads(self.record.read_text())
        except (OSError, ValueError):  # never made, or not to the end
            self.holds = {}

    def note(self, what, value):
        self.holds[what] = value
        self.record.write_text(json.dumps(self.holds, indent=1))

    def pip(self, doing, *arguments):
        run([self.python, "-m", "pip", "install", "--quiet", *arguments], doing)

    def make(self):
        identity = f"{self.base.path} {self.base}"
        if self.holds.get("interpreter") == identity and interpreter(str(self.python)):
            return
        say(f"making a virtual environment for {self.base} ({self.base.path})")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.holds = {}
        run([self.base.path, "-m", "venv", self.folder], "making a virtual environment")
        self.pip("upgrading pip", "--upgrade", PIP)
        self.note("interpreter", identity)

    def add_groups(self, groups):
        stamp = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
        for group in groups:
            if self.holds.get(group) != stamp:
                say(f"installing what the group {group!r} of pyproject.toml names, for {self.base}")
                self.pip(f"installing the group {group!r}", "--group", f"{ROOT}/pyproject.toml:{group}")
                self.note(group, stamp)

    def add_package(self):
        stamp = digest()
        if self.holds.get("package") == stamp:
            return
        say(f"building atomicpy for {self.base}")
        with tempfile.TemporaryDirectory(prefix="atomicpy-") as name:
            copy_sources(Path(name))
            self.pip("building atomicpy", "--force-reinstall", "--no-deps", name)
        self.note("package", stamp)


def print_python():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("interpreter")
    options.add_argument("--group", action="append", default=[], help="a dependency group of pyproject.toml")
    options.add_argument("--no-package", action="store_true", help="only the environment and the groups")
    chosen = options.parse_args()
    python = find(chosen.interpreter)
    complete(python)
    environments = ROOT / "build" / "env"
    environments.mkdir(parents=True, exist_ok=True)
    with only_one(environments / f"{python.tag}.lock", f"making the environment for {python}"):
        environment = Environment(python)
        environment.make()
        environment.add_groups(chosen.group)
        if not chosen.no_package:
            environment.add_package()
    print(environment.python)
    return 0


if __name__ == "__main__":
    main(print_python)
