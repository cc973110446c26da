"""Build a free-threaded CPython from the source package of Debian or Ubuntu.

Everything goes through the machine's own apt mirror, and apt checks signatures and hashes. Its state and its
lists are private folders, so that the system's stay as they are and an ordinary user can do it.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from machine import SetupError, install_packages, missing_packages, run_showing, say

NEEDED = [
    "gcc",
    "libc6-dev",
    "make",
    "xz-utils",
    # The modules of the standard library: pip needs ssl and zlib, the rest makes it whole.
    "libssl-dev",
    "zlib1g-dev",
    "libffi-dev",
    "libbz2-dev",
    "liblzma-dev",
    "libreadline-dev",
    "libsqlite3-dev",
    "uuid-dev",
]

# The first release of each distribution whose own suite has Python 3.13 or later; the suite for older ones.
NEW_ENOUGH = {"debian": (13, "trixie"), "ubuntu": (25.04, "resolute")}
COMPONENTS = {"debian": "main", "ubuntu": "main universe"}

# 3.15 comes last: a suite under development has its pre-releases.
SOURCES = ("python3.14", "python3.13", "python3.15")

IMPORTS = "import bz2, ctypes, ensurepip, lzma, sqlite3, ssl, zlib"


def os_release():
    try:
        release = platform.freedesktop_os_release()
    except (OSError, AttributeError):  # not Linux; not before Python 3.10
        text = Path("/etc/os-release").read_text() if os.path.exists("/etc/os-release") else ""
        pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
        release = {key: value.strip("\"'") for key, value in pairs}
    return release


def mirrors(names):
    """The addresses from which this machine takes its own release, whatever it is called in apt's sources."""
    form = "$(RELEASE) $(COMPONENT) $(REPO_URI)"
    command = ["apt-get", "indextargets", "--format", form, "Created-By: Packages"]
    done = subprocess.run(command, capture_output=True, text=True)
    rows = (line.split() for line in done.stdout.splitlines())
    return [row[2] for row in rows if len(row) == 3 and row[0] in names and row[1] == "main"]


def sources_line():
    """The deb-src line of a suite that has a Python without the GIL, on this machine's own mirror."""
    release = os_release()
    system, codename = release.get("ID", "unknown"), release.get("VERSION_CODENAME", "")
    if system not in NEW_ENOUGH or not shutil.which("apt-get"):
        raise SetupError(f"building one from source is known for Debian and Ubuntu only, and this is {system!r}")
    found = mirrors({codename, "stable", "testing", "unstable", "sid"})
    if not found:
        raise SetupError(f"apt's sources have no mirror of {codename}, so none of a source package")
    first, newer = NEW_ENOUGH[system]
    # Debian's testing and unstable have no version.
    suite = codename if float(release.get("VERSION_ID", first)) >= first else newer
    keys = [f"/usr/share/keyrings/{system}-archive-keyring.{kind}" for kind in ("pgp", "gpg")]
    signed = next((f"[signed-by={key}] " for key in keys if os.path.exists(key)), "")
    return f"deb-src {signed}{found[0]} {suite} {COMPONENTS[system]}\n", suite


def private_apt(folder, sources):
    """An apt.conf under which apt keeps its lists, its cache and its sources in `folder`."""
    for name in ("state/lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "sources.list").write_text(sources)
    configuration = folder / "apt.conf"
    configuration.write_text(
        f'Dir::State "{folder}/state";\n'
        f'Dir::State::Lists "{folder}/state/lists";\n'
        f'Dir::Cache "{folder}/cache";\n'
        f'Dir::Etc::SourceList "{folder}/sources.list";\n'
        f'Dir::Etc::SourceParts "-";\n'
        # Root's downloads would run as a user who cannot write into a private folder.
        f'APT::Sandbox::User "";\n'
        'Acquire::Languages "none";\n'
        'Acquire::Retries "2";\n'
        'APT::Update::Error-Mode "any";\n'
    )
    return {**os.environ, "APT_CONFIG": str(configuration), "LC_ALL": "C"}


def download(folder, log):
    """Fetch the newest source package that suits into `folder`; return its archive."""
    sources, suite = sources_line()
    environment = private_apt(folder, sources)
    run_showing(f"reading the source index of {suite}", ["apt-get", "update"], log, env=environment)
    for package in SOURCES:
        ask = ["apt-cache", "showsrc", "--only-source", package]
        if subprocess.run(ask, capture_output=True, text=True, env=environment).stdout.strip():
            break
    else:
        raise SetupError(f"{suite} has none of the source packages {', '.join(SOURCES)}")
    fetch = ["apt-get", "source", "--only-source", "--download-only", package]
    run_showing(f"downloading the source package {package}", fetch, log, env=environment, cwd=folder)
    archives = sorted(folder.glob("*.orig.tar.*[!c]"))  # not its signature, .asc
    if not archives:
        raise SetupError(f"the source package {package} holds no .orig.tar; see {log}")
    return archives[0]


def compile_into(prefix, archive, tree, log):
    """configure, make, make install. Without profile-guided optimisation, which takes many minutes more."""
    tree.mkdir()
    run_showing("unpacking", ["tar", "-xf", archive, "-C", tree, "--strip-components=1"], log)
    configure = ["./configure", f"--prefix={prefix}", "--disable-gil", "--with-ensurepip=install"]
    run_showing("configuring", configure, log, cwd=tree)
    run_showing("compiling (about 4 minutes of one core)", ["make", f"-j{os.cpu_count()}"], log, cwd=tree)
    run_showing("installing", ["make", "install", "COMPILEALL_OPTS=-j0"], log, cwd=tree)


def build(cache):
    """Build an interpreter into the cache and return its path. The caller holds the cache's lock."""
    missing = missing_packages(NEEDED)
    if missing:
        install_packages(missing, "building CPython from source")
    for leftover in cache.glob("building-*"):  # of a run that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    log = cache / "build.log"
    log.unlink(missing_ok=True)
    say(f"building a free-threaded CPython, once, into {cache}")
    with tempfile.TemporaryDirectory(prefix="building-", dir=cache) as name:
        archive = download(Path(name), log)
        version = archive.name.split("_")[1].split(".orig")[0]
        prefix = cache / f"cpython-{version}t"
        shutil.rmtree(prefix, ignore_errors=True)  # half of one: a whole one would have been found
        compile_into(prefix, archive, Path(name) / "source", log)
    python = prefix / "bin" / "python3"
    run_showing("checking", [python, "-W", "error", "-c", IMPORTS], log)
    (prefix / "complete").write_text(str(python))
    return str(python)
