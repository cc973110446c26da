"""Measure which operations of CPython are atomic: threads make each operation on one object, and losses are counted.

    python docs/atomicity [--quick] [--json FILE]

It exits with 1 if an operation that is listed as atomic on this build lost something. A run without a loss is no proof:
docs/compound.md gives the reason for each row, and this program checks it.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path

from operations import ALWAYS, GIL, OPERATIONS
from shared import THREADS

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


# Operations that may crash the interpreter run in a process of their own.
CRASHES = {"next(generator)"}


def crashes(name):
    """Whether the interpreter crashes in one of ten runs."""
    command = [sys.executable, Path(__file__).parent, "--quick", "--only", name]
    return any(
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60).returncode < 0
        for _ in range(10)
    )


def holds(claim):
    """Whether the claim means that the operation is atomic on this build."""
    return claim == ALWAYS or (claim == GIL and not FREE_THREADED)


def lost_in(operation, times):
    """Let each thread make the operation `times` times; return the number of losses."""
    work, lost = operation(times * THREADS)
    start = threading.Barrier(THREADS)

    def body(me):
        start.wait(60)
        work(me, times)

    threads = [threading.Thread(target=body, args=(me,)) for me in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return lost()


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="one short run of each, without those that crash")
    options.add_argument("--json", metavar="FILE")
    options.add_argument("--only", choices=OPERATIONS, help="one operation")
    chosen = options.parse_args()
    times, rounds = (1_000, 1) if chosen.quick else (20_000, 10)
    sys.setswitchinterval(1e-5)  # with the GIL on: switch threads as often as possible
    results, broken = {}, []
    for name, (operation, claim) in OPERATIONS.items():
        if chosen.only and name != chosen.only:
            continue
        if name in CRASHES and not chosen.only:
            if chosen.quick:
                continue
            crashed = crashes(name)
            results[name] = {"claim": claim, "crashed": crashed}
            print(f"{name:53} {claim:26} {'the interpreter crashed' if crashed else 'an exception'}")
            continue
        lost = [lost_in(operation, times) for _ in range(rounds)]
        results[name] = {
            "claim": claim,
            "of": times * THREADS,
            "rounds": rounds,
            "median": statistics.median_high(lost),
            "most": max(lost),
        }
        ok = not any(lost) or not holds(claim)
        print(f"{name:53} {claim:26} lost {max(lost):6,} of {times * THREADS:,}{'' if ok else '  <- NOT AS LISTED'}")
        if not ok:
            broken.append(name)
    if chosen.json:
        head = {"interpreter": f"{platform.python_version()}{'t' * FREE_THREADED}", "threads": THREADS}
        lines = [f" {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
        rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in results.items())
        text = "\n".join(["{", *lines, ' "operations": {', rows, " }", "}"])
        Path(chosen.json).write_text(f"{text}\n", "utf-8")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
