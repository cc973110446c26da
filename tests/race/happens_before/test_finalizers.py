"""What the interpreter runs at its end: finalizers, after it has cleared the globals of modules."""

import subprocess
import sys

import pytest
from helpers import WATCHDOG

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="the race detector needs CPython 3.13")

LATE = """
import atomicpy, os, queue, sys, threading

class Late:
    def __init__(self):
        self.queues = [kind() for kind in (queue.Queue, queue.LifoQueue, queue.SimpleQueue)]
        self.locks = [self.queues[0].mutex, threading.Lock(), threading.RLock(), threading.Condition(),
                      threading.Semaphore(), atomicpy.Mutex(), atomicpy.RWMutex().write()]
        self.event, self.number, self.once = threading.Event(), atomicpy.AtomicInt(), atomicpy.Once()
        for each in self.queues:
            each.put(1)
        self.n, self.write = 0, os.write

    def __del__(self):
        for lock in self.locks:
            with lock:
                self.n += 1
        for each in self.queues:
            each.put(2)
            self.n += each.get() + each.get()
        self.number.inc()
        self.once.do(self.number.inc)
        self.event.set()
        found = self.n, self.number, self.event.wait(), self.once.do(len)
        self.write(1, b"%a\\n" % (found,))

thread = threading.Thread(target=Late)
thread.start()
thread.join()
kept = Late()
sys.kept, threading.kept, queue.kept = Late(), Late(), Late()
print("the end", flush=True)
"""


@pytest.mark.parametrize("how", [["late.py"], ["-m", "late"]])
def test_finalizers_run_as_without_the_detector(tmp_path, how):
    (tmp_path / "late.py").write_text(LATE)

    def output(*command):
        done = subprocess.run(
            [*command, *how], cwd=tmp_path, capture_output=True, text=True, timeout=WATCHDOG, check=True
        )
        return done.stdout, done.stderr

    plain = output(sys.executable)
    assert plain[0].count("(16, AtomicInt(2), True, None)\n") >= 4, plain
    assert output(sys.executable, "-m", "atomicpy", "race") == plain
