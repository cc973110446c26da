"""What the other scripts ask of this machine: its Pythons, its packages, a cache, a line of progress.

Standard library only, and it must start on any Python from 3.9 on: it tells people that theirs is too old.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

OLDEST = (3, 11)  # requires-python in pyproject.toml


class SetupError(Exception):
    """Something that the user has to know of: the message says what was wrong and what to do."""


class Interpreter(NamedTuple):
    """A CPython that was started and asked."""

    path: str
    version: tuple
    free_threaded: bool
    has_headers: bool
    has_venv: bool

    @property
    def tag(self):
        return "cp{}{}{}".format(*self.version[:2], "t" if self.free_threaded else "")

    def __str__(self):
        kind = "free-threaded" if self.free_threaded else "with the GIL"
        return "CPython {}.{}.{} {}".format(*self.version, kind)


ASK = """
import importlib.util, json, os, platform, sys, sysconfig
print(json.dumps({
    "implementation": platform.python_implementation(),
    "path": sys.executable,
    "version": sys.version_info[:3],
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "has_headers": os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")),
    "has_venv": all(map(importlib.util.find_spec, ("venv", "ensurepip"))),
}))
"""


def interpreter(command):
    """The CPython that `command`, a name or a path, starts, or None: pyenv's shims often start nothing."""
    found = shutil.which(command)
    if not found:
        return None
    try:
        done = subprocess.run([found, "-c", ASK], capture_output=True, text=True, timeout=60, check=True)
        answer = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    if answer.pop("implementation") != "CPython":
        return None
    answer["version"] = tuple(answer["version"])
    return Interpreter(**answer)


def say(message):
    """One line for a person. stdout is for the answer that another script reads."""
    print(message, file=sys.stderr, flush=True)


def main(function):
    """Run a script's main function: SetupError and Ctrl-C become a message and an exit status."""
    # An exception, so that run_showing ends its child.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(function())
    except SetupError as trouble:
        say(str(trouble))
        sys.exit(1)
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(130)


def cache_folder():
    """Outside the checkout: what took minutes to get serves every clone on this machine."""
    named = os.environ.get("ATOMICPY_CACHE")
    shared = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(named or os.path.join(shared, "atomicpy")).expanduser().absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def only_one(lock_file, doing):
    """Hold a lock file: two runs at once must not write the same folder. The kernel frees it if we die."""
    with open(lock_file, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another run is {doing}; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run_showing(stage, command, log, **options):
    """Run a long command with its output in `log`; show the stage and the seconds, in place on a terminal."""
    terminal = sys.stderr.isatty()
    erase = "\r\033[K" if terminal else ""
    start = shown = time.monotonic()
    with open(log, "a") as output:
        child = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True, **options
        )
        try:
            while child.poll() is None:
                time.sleep(0.2)
                now = time.monotonic()
                if now - shown >= (1 if terminal else 20):
                    shown = now
                    text = f"{erase}  {stage} … {now - start:.0f} s"
                    print(text, end="" if terminal else "\n", file=sys.stderr, flush=True)
        finally:
            if child.poll() is None:  # Ctrl-C, or told to end: make's own children too
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
    if child.returncode:
        tail = "\n".join(f"  | {line}" for line in Path(log).read_text(errors="replace").splitlines()[-15:])
        raise SetupError(f"{stage}: failed with status {child.returncode}; the whole log is {log}\n{tail}")
    say(f"{erase}  {stage}: {time.monotonic() - start:.0f} s")


def missing_packages(packages):
    """Those Debian packages that are not installed. None where there is no dpkg to ask."""
    if not (shutil.which("dpkg-query") and shutil.which("apt-get")):
        return None
    ask = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *packages]
    done = subprocess.run(ask, capture_output=True, text=True)
    present = {line.split()[0] for line in done.stdout.splitlines() if line.endswith(" installed")}
    return [package for package in packages if package not in present]


def install_packages(packages, purpose):
    """Install Debian packages as root; as anyone else, name them with the command that does it."""
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if os.geteuid():
        raise SetupError(f"{purpose} needs packages that are missing. Install them with\n  sudo {shlex.join(install)}")
    say(f"{purpose} needs packages that are missing, installing them: {shlex.join(install)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    log = cache_folder() / "apt.log"
    log.unlink(missing_ok=True)
    try:
        run_showing("installing packages", install, log, env=environment)
    except SetupError:  # a container image comes without package lists, an old one with stale lists
        run_showing("updating package lists", ["apt-get", "update"], log, env=environment)
        run_showing("installing packages", install, log, env=environment)
