"""Happens-before edges that tests/race/programs does not have: with the edge no race is reported, without it one is.

EDGE in a program is replaced by the step that orders, or by a similar step that orders nothing.
"""

import subprocess
import sys
import textwrap

import pytest
from helpers import CAN_FORK, PYTHON, WATCHDOG, run_program

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="the race detector needs CPython 3.13")

START = """
import concurrent.futures as cf, contextlib, os, queue, sys, threading, time, tracemalloc
from atomicpy.race import detect
class Box: pass
box = Box(); box.value = 0
def other(function):
    thread = threading.Thread(target=function); thread.start(); return thread
def until(condition):
    while not condition(): time.sleep(0.001)
"""

# name: (program, with the edge, without)
EDGES = {
    "a future that was cancelled, result()": (
        """
        future = cf.Future()
        def cancel():
            box.value = 1
            EDGE
        thread = other(cancel)
        with contextlib.suppress(cf.CancelledError):
            future.result(30)
        box.value += 1
        """,
        "future.cancel()",
        "future._state = 'CANCELLED'; future._condition.acquire(); future._condition.notify_all(); "
        "future._condition.release()",
    ),
    "a future that was cancelled, wait()": (
        """
        future = cf.Future()
        def cancel():
            box.value = 1
            assert future.cancel()
            future.set_running_or_notify_cancel()
        thread = other(cancel)
        EDGE
        box.value += 1
        """,
        "assert cf.wait([future], 30).done",
        "until(lambda: future._state == 'CANCELLED_AND_NOTIFIED')",
    ),
    "a cancel that failed": (
        """
        future, gone, failed = cf.Future(), [], threading.Event()
        future.set_running_or_notify_cancel()
        def cancel():
            box.value = 1
            assert not future.cancel()
            failed.set()
            gone.append(1)
        thread = other(cancel)
        until(lambda: len(gone))
        EDGE
        future.set_result(1)
        future.result()
        box.value += 1
        """,
        "failed.wait(240)",
        "time.sleep(0.001)",
    ),
    "a barrier whose action waits at another": (
        """
        gone, inner = [], threading.Barrier(1)
        outer = threading.Barrier(2, action=inner.wait)
        def arrive():
            box.value = 1
            gone.append(1)
            outer.wait(240)
        thread = other(arrive)
        EDGE
        box.value += 1
        """,
        "outer.wait(240)",
        "other(lambda: outer.wait(240)); until(lambda: len(gone))",
    ),
    "the same item twice in a LifoQueue": (
        """
        line = queue.LifoQueue()
        line.put(None)
        other(lambda: line.put(None)).join(0)
        def put():
            until(lambda: line.qsize() == 2)
            box.value = 1
            EDGE
        thread = other(put)
        until(lambda: line.qsize() == 3)
        line.get()
        box.value += 1
        """,
        "line.put(None)",
        "line.queue.append(None)",
    ),
    "a queue that was cleared by hand": (
        """
        line = queue.Queue()
        line.put(None)
        line.queue.clear()
        def put():
            box.value = 1
            EDGE
        thread = other(put)
        line.get()
        box.value += 1
        """,
        "line.put(None)",
        "line.queue.append(None); line.not_empty.acquire(); line.not_empty.notify(); line.not_empty.release()",
    ),
    "a second start of a thread": (
        """
        gone = []
        target = threading.Thread(target=until, args=(lambda: len(gone),))
        target.start()
        def again():
            box.value = 1
            with contextlib.suppress(RuntimeError):
                target.start()
            gone.append(1)
        thread = other(again)
        target.join()
        EDGE
        box.value += 1
        """,
        "thread.join()",
        "time.sleep(0.001)",
    ),
    "a lock, after tracemalloc was started and stopped": (
        """
        gone, lock = [], threading.Lock()
        with lock:
            pass
        tracemalloc.start(); tracemalloc.stop()
        def write():
            with lock:
                box.value = 1
            gone.append(1)
        thread = other(write)
        until(lambda: len(gone))
        EDGE
        box.value += 1
        """,
        "lock.acquire()",
        "assert not lock.locked()",
    ),
    "a thread that runs while tracemalloc is started and stopped": (
        """
        gone = []
        def write():
            until(lambda: len(gone))
            box.value = 1
        thread = other(write)
        tracemalloc.start(); tracemalloc.stop()
        gone.append(1)
        EDGE
        box.value += 1
        """,
        "thread.join()",
        "time.sleep(0.05)",
    ),
}


def run(code, folder, *options):
    (folder / "program.py").write_text(code)
    command = [*PYTHON, "-W", "ignore", "-m", "atomicpy", "race", *options, "program.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=WATCHDOG, check=False)


@pytest.mark.parametrize("there", [True, False], ids=["there", "left-out"])
@pytest.mark.parametrize("edge", EDGES)
def test_edge(edge, there, tmp_path):
    program, step, instead = EDGES[edge]
    body = textwrap.dedent(program).replace("EDGE", (step if there else instead))
    code = START + "with detect() as races:\n" + textwrap.indent(body, "    ") + "\nprint(len(races))\n"
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr + code
    assert (done.stdout != "0\n") != there, done.stdout + code


@pytest.mark.parametrize("method", ["spawn", *(["fork", "forkserver"] if CAN_FORK else [])])
def test_processes_of_multiprocessing(method, tmp_path):
    code = f"""
import multiprocessing, os, sys, threading
from concurrent.futures import ProcessPoolExecutor

class Box: pass

def races(line):
    box = Box()
    threads = [threading.Thread(target=setattr_in, args=(box,)) for _ in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    line.put(os.getpid())
    sys.exit(9)

def setattr_in(box):
    box.value = 1

def double(number):
    return 2 * number

if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    line = context.Queue()
    child = context.Process(target=races, args=(line,))
    child.start()
    print(line.get(timeout=240) == child.pid)
    child.join(240)
    print(child.exitcode)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        print(list(pool.map(double, range(5))), pool.submit(double, 4).result())
"""
    done = run(code, tmp_path)
    words = done.stdout.split("\n")
    assert (words[0], words[2]) == ("True", "[0, 2, 4, 6, 8] 8"), done
    assert done.returncode == 0  # the parent's, which has no race
    # A forked child has the detector installed; a spawned one is a new interpreter without it.
    inherits = method == "fork"
    assert ("Box.value" in done.stderr) == inherits, done.stderr
    assert words[1] == ("66" if inherits else "9"), done


@pytest.mark.skipif(sys.version_info < (3, 14), reason="InterpreterPoolExecutor came with 3.14")
def test_interpreters_of_a_pool(tmp_path):
    code = """
import math
from concurrent.futures import InterpreterPoolExecutor
class Box: pass
if __name__ == "__main__":
    with InterpreterPoolExecutor(2) as pool:
        print(list(pool.map(math.factorial, range(5))))
        print(pool.submit(pow, 2, 5).result())
"""
    done = run(code, tmp_path)
    assert (done.stdout, done.returncode) == ("[1, 1, 2, 6, 24]\n32\n", 0), done.stderr


def test_hooks_are_installed_once_for_all_callers():
    code = """
import queue, threading
from atomicpy.race import happens_before as edges
def places():
    return [threading.Lock, threading.Thread.start, vars(threading.Event)["set"], queue.Queue.get]
plain = places()
edges.install()
there = places()
assert all(a is not b for a, b in zip(plain, there))
edges.install()
assert all(a is b for a, b in zip(there, places())), "wrapped twice"
edges.uninstall()
assert all(a is b for a, b in zip(there, places())), "uninstalled while the other caller needs them"
edges.uninstall()
assert all(a is b for a, b in zip(plain, places()))
edges.uninstall()
edges.install()
assert all(a is not b for a, b in zip(plain, places()))
print("right")
"""
    assert "right" in run_program(code)
