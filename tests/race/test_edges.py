"""Edges that tests/race/programs does not have, each both ways: with it nothing is reported, without it the race is.

A part of a program is in place of EDGE; what it is replaced by is a step that looks alike and orders nothing.
"""

import subprocess
import sys
import textwrap

import pytest
from helpers import CAN_FORK, PYTHON

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
        "future._state = 'CANCELLED'; future._condition.acquire(); future._condition.notify_all(); future._condition.release()",
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
        future, gone = cf.Future(), []
        future.set_running_or_notify_cancel()
        def cancel():
            box.value = 1
            EDGE
            gone.append(1)
        thread = other(cancel)
        until(lambda: len(gone))
        other(lambda: future.set_result(1)).join()
        future.result()
        box.value += 1
        """,
        "future.add_done_callback(str); threading.Lock(); thread_safe.set()",
        "assert not future.cancel()",
    ),
    "a barrier whose action waits at another": (
        """
        inner = threading.Barrier(1)
        outer = threading.Barrier(2, action=inner.wait)
        def arrive():
            box.value = 1
            EDGE
        thread = other(arrive)
        outer.wait(30)
        box.value += 1
        """,
        "outer.wait(30)",
        "outer._cond.acquire(); outer._count += 1; outer._cond.release(); time.sleep(0.1)",
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
        done = []
        target = threading.Thread(target=until, args=(lambda: len(done),))
        target.start()
        def again():
            box.value = 1
            EDGE
            done.append(1)
        thread = other(again)
        target.join()
        box.value += 1
        """,
        "thread_safe.set()",
        "\n    with contextlib.suppress(RuntimeError): target.start()",
    ),
    "a lock made before the detector forgets": (
        """
        lock = threading.Lock()
        tracemalloc.start(); tracemalloc.stop()
        def write():
            with lock:
                box.value = 1
        thread = other(write)
        until(lambda: not thread.is_alive.__self__._handle.is_done() or True)
        time.sleep(0.05)
        EDGE
        """,
        "\nwith lock: box.value += 1",
        "box.value += 1",
    ),
    "a thread whose start tracemalloc cut off": (
        """
        def write():
            box.value = 1
        thread = other(write)
        tracemalloc.start(); tracemalloc.stop()
        EDGE
        box.value += 1
        """,
        "thread.join()",
        "time.sleep(0.1)",
    ),
}


def run(code, folder, *options):
    (folder / "program.py").write_text(code)
    command = [*PYTHON, "-W", "ignore", "-m", "atomicpy", "race", *options, "program.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.parametrize("there", [True, False], ids=["there", "left-out"])
@pytest.mark.parametrize("edge", EDGES)
def test_edge(edge, there, tmp_path):
    program, step, instead = EDGES[edge]
    body = textwrap.dedent(program).replace("EDGE", (step if there else instead))
    code = START + "thread_safe = threading.Event()\nwith detect() as races:\n" + textwrap.indent(body, "    ")
    code += "\n    " + ("thread_safe.wait(30); box.value += 1\n" if "thread_safe" in step else "") + "print(len(races))\n"
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr + code
    assert (done.stdout != "0\n") != there, done.stdout + code
