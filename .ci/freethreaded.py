#!/usr/bin/env python3
"""Print the path of a free-threaded CPython: one that is here, or that uv brings, or built from source.

stdout holds the path alone, stderr what is going on. Exit status 3: there is none to be had on this machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from machine import SetupError, cache_folder, interpreter, main, only_one, say
from source_build import build

NAMES = ("python3.15t", "python3.14t", "python3.13t", "python3")
UV_VERSION = "3.14t"
NONE_HERE = 3


def usable(command):
    """The interpreter that `command` starts, if it has no GIL. Nothing before 3.13 can be without."""
    found = interpreter(command)
    return found if found and found.free_threaded and found.version >= (3, 13) else None


def chosen():
    """What $PYTHON names. A name that starts nothing is an error; one with a GIL is not the answer here."""
    wish = os.environ.get("PYTHON")
    if not wish:
        return None
    if not interpreter(wish):
        raise SetupError(f"PYTHON={wish} starts no CPython: give the name or path of one, or unset PYTHON")
    found = usable(wish)
    if not found:
        say(f"PYTHON={wish} is {interpreter(wish)}; looking for a free-threaded one")
    return found


def on_path():
    return next(filter(None, map(usable, NAMES)), None)


def cached(cache):
    """An interpreter that an earlier run has built or downloaded; `complete` is written last."""
    for marker in sorted(cache.glob("*/complete"), reverse=True):
        found = usable(marker.read_text().strip())
        if found:
            return found
    return None


def uv_command(cache):
    """uv from PATH, else from a small virtual environment of its own; None where pip cannot get it."""
    on_this_machine = shutil.which("uv")
    if on_this_machine:
        return on_this_machine
    folder = cache / "uv-tool"
    command = folder / "bin" / "uv"
    if not command.exists():
        shutil.rmtree(folder, ignore_errors=True)
        pip_install = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--retries=1", "uv"]
        try:
            for step in ([sys.executable, "-m", "venv", folder], pip_install):
                subprocess.run(step, capture_output=True, check=True, timeout=120)
        except (OSError, subprocess.SubprocessError):
            return None
    return str(command)


def from_uv(cache):
    """Let uv download an interpreter into the cache. On a closed network it fails within seconds."""
    say(f"no free-threaded CPython on this machine; trying `uv python install {UV_VERSION}`")
    uv = uv_command(cache)
    if not uv:
        say("  uv is not installed, and pip could not install it")
        return None
    folder = cache / "uv"
    settings = {"UV_PYTHON_INSTALL_DIR": str(folder), "UV_PYTHON_INSTALL_BIN": "0", "UV_HTTP_RETRIES": "1"}
    try:
        for step in ("install", "find"):
            command = [uv, "python", step, "--no-config", UV_VERSION]
            done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **settings}, timeout=300)
            if done.returncode:
                reason = (done.stderr.strip() or "no reason given").splitlines()[-1].strip()
                say(f"  uv could not get it: {reason}")
                return None
    except subprocess.TimeoutExpired:
        say("  uv could not get it within 300 s")
        return None
    found = usable(done.stdout.strip())
    if found:
        (folder / "complete").write_text(found.path)
    return found


def from_source(cache):
    """Build one from the distribution's source package."""
    try:
        return usable(build(cache))
    except SetupError as trouble:
        say(str(trouble))
        return None


def find():
    here = chosen() or on_path() or cached(cache_folder())
    if here:
        return here
    cache = cache_folder()
    with only_one(cache / "lock", f"getting a free-threaded CPython into {cache}"):
        return cached(cache) or from_uv(cache) or from_source(cache)


def print_path():
    found = find()
    if not found:
        say("There is no free-threaded CPython to be had here; what follows runs with the GIL.")
        return NONE_HERE
    say(f"free-threaded: {found} ({Path(found.path)})")
    print(found.path)
    return 0


if __name__ == "__main__":
    main(print_path)
