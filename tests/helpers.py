"""What the tests share: threads that start together, a program in a process of its own."""

import os
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))

# -P: the installed package, not the source folder that the tests are started from.
PYTHON = (sys.executable, "-P")

CAN_FORK = hasattr(os, "fork")


def run_threaded(fn: Callable[[int], object], threads: int = 8, timeout: float = 60) -> list:
    """Call fn(0), fn(1), ... in threads that start together; return the results, raise the first exception."""
    barrier = threading.Barrier(threads)
    results: list = [None] * threads
    errors: list[BaseException] = []

    def body(me: int) -> None:
        try:
            barrier.wait(timeout)
            results[me] = fn(me)
        except BaseException as error:
            errors.append(error)
            barrier.abort()  # or the others would wait for this one

    workers = [threading.Thread(target=body, args=(me,), daemon=True) for me in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout)
        assert not worker.is_alive(), "a thread hangs"
    if errors:
        raise errors[0]
    return results


def wait_until(condition: Callable[[], object], timeout: float = 30) -> None:
    """Look again and again until the condition holds; for what other threads are about to do."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.002)


def run_program(code: str, *, timeout: float = 60, options: tuple[str, ...] = ()) -> str:
    """Run code in a fresh interpreter where every warning is an error; return what it printed."""
    done = subprocess.run(
        [*PYTHON, "-W", "error", *options, "-c", code],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
