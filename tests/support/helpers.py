"""Helpers of the tests: threads that start together, and a program in its own process."""

import json
import os
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))

# Whether reference counts can be deferred. The garbage collector then frees the objects that threads share.
DEFERS = FREE_THREADED and sys.version_info >= (3, 14)

# -P: import the installed package, not the source folder in which the tests are started.
PYTHON = (sys.executable, "-P")

CAN_FORK = hasattr(os, "fork")

# The seconds after which a wait counts as a deadlock. No test depends on the speed of the machine: beside four busy
# processes, the slowest step takes a tenth of this time.
WATCHDOG = 240


def run_threaded(fn: Callable[[int], object], threads: int = 8, timeout: float = WATCHDOG) -> list:
    """Call fn(0), fn(1), ... in threads that start together. Return the results, or raise the first exception."""
    barrier = threading.Barrier(threads)
    results: list = [None] * threads
    errors: list[BaseException] = []

    def body(me: int) -> None:
        try:
            barrier.wait(timeout)
            results[me] = fn(me)
        except BaseException as error:
            errors.append(error)
            barrier.abort()  # otherwise the other threads would wait for this one

    workers = [threading.Thread(target=body, args=(me,), daemon=True) for me in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout)
        assert not worker.is_alive(), "a thread does not end"
    if errors:
        raise errors[0]
    return results


def start_threads(n: int, target: Callable, *args: object, name: str | None = None) -> list[threading.Thread]:
    """Start n threads that call target(*args), most of them to wait for something; join_threads waits for their end."""
    threads = [threading.Thread(target=target, args=args, name=name, daemon=True) for _ in range(n)]
    for thread in threads:
        thread.start()
    return threads


def join_threads(threads: Iterable[threading.Thread]) -> None:
    for thread in threads:
        thread.join(WATCHDOG)
        assert not thread.is_alive(), "a thread does not end"


def in_thread(fn: Callable, *args: object) -> Any:
    """Call fn in a new thread and wait for its end. Return the result of fn, or raise its exception."""
    result: list[tuple[Any, BaseException | None]] = []

    def body() -> None:
        try:
            result.append((fn(*args), None))
        except BaseException as error:
            result.append((None, error))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join(WATCHDOG)
    assert not thread.is_alive()
    [(value, error)] = result
    if error is not None:
        raise error
    return value


def wait_until(condition: Callable[[], object], timeout: float = WATCHDOG) -> None:
    """Test the condition repeatedly until it is true. Another thread makes it true."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true"
        time.sleep(0.002)


def run_program(code: str, *, timeout: float = WATCHDOG, options: tuple[str, ...] = ()) -> str:
    """Run the code in a new interpreter, where each warning is an error. Return its output."""
    done = subprocess.run(
        [*PYTHON, "-W", "error", *options, "-c", code],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def once_for_all_workers(tmp_path_factory, name: str, compute: Callable[[], Any]) -> Any:
    """Return the result of compute(), which must be JSON. One xdist worker calls it; the others wait for the result."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    result, lock = folder / f"{name}.json", folder / f"{name}.lock"
    try:
        lock.touch(exist_ok=False)
    except FileExistsError:
        wait_until(result.exists, timeout=2 * WATCHDOG)
    else:
        outcome: dict = {"error": "another worker has the traceback"}
        try:
            outcome = {"value": compute()}
        finally:
            part = result.with_suffix(".part")
            part.write_text(json.dumps(outcome))
            part.rename(result)
    outcome = json.loads(result.read_text())
    assert "error" not in outcome, f"{name}: {outcome['error']}"
    return outcome["value"]
