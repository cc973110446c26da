"""Locks and queues made before the detector was installed order accesses, as those made after it do.

A plugin of pytest is imported before `--race` installs the detector. The tests use what it holds.
"""

import os
import re
import subprocess
import sys

import pytest
from helpers import PYTHON, WATCHDOG

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="the race detector needs CPython 3.13")

EARLIER = """
import atomicpy, queue, threading
from functools import cache
from queue import SimpleQueue
from threading import Condition, Lock, RLock

lock, rlock, condition, over_a_lock = Lock(), RLock(), Condition(), Condition(Lock())
semaphore, event, barrier = threading.Semaphore(), threading.Event(), threading.Barrier(2)
line, last, first = queue.Queue(), queue.LifoQueue(), queue.PriorityQueue()

class Holder:
    of_all = Lock()
    def __init__(self):
        self.own = Lock()
        self.condition = Condition(self.own)

holder = Holder()

def hide():
    lock, rlock, conditions, simple = Lock(), RLock(), (Condition(), Condition(Lock())), SimpleQueue()
    return lambda: (lock, rlock, *conditions, simple)

class Slots:
    __slots__ = ("lock",)
    def __init__(self):
        self.lock = Lock()

locks, by_name, slots, hidden = [Lock()], {"one": (RLock(),)}, Slots(), hide()

todo = []

@atomicpy.once
def once_for_all():
    return todo[0]()

def new_lock():
    return Lock()

def new_simple():
    return SimpleQueue()
"""

TESTS = """
import logging, threading, time
import pytest, made_earlier
from made_earlier import Holder, holder

class Box:
    value = 0

def together(*functions):
    threads = [threading.Thread(target=each) for each in functions]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

fresh = made_earlier.new_lock()
LOCKS = {name: (lock, lock) for name, lock in vars(made_earlier).items()
         if name in ("lock", "rlock", "condition", "over_a_lock", "semaphore")}
hidden = dict(zip(("lock", "rlock", "condition", "over a lock", "simple"), made_earlier.hidden()))
LOCKS |= {f"hidden {name}": (lock, lock) for name, lock in hidden.items() if name != "simple"}
LOCKS |= {"list": made_earlier.locks * 2, "dict": made_earlier.by_name["one"] * 2,
          "slots": [made_earlier.slots.lock] * 2, "new condition": (lock := hidden["rlock"], threading.Condition(lock)),
          "mutex of a queue": [made_earlier.line.mutex] * 2}
LOCKS |= {"class": (Holder.of_all, holder.of_all), "object": (holder.own, holder.own), "new": (fresh, fresh),
          "lock and its condition": (holder.own, holder.condition)}

@pytest.mark.parametrize("name", LOCKS)
def test_lock(name):
    box = Box()
    def add(lock):
        with lock:
            box.value += 1
    one, other = LOCKS[name]
    together(lambda: add(one), lambda: add(other))
    assert box.value == 2

QUEUES = {"line": made_earlier.line, "last": made_earlier.last, "first": made_earlier.first,
          "new": made_earlier.new_simple(), "hidden": hidden["simple"]}

@pytest.mark.parametrize("name", QUEUES)
def test_queue(name):
    box = Box()
    def put():
        box.value += 1
        QUEUES[name].put(1)
    def get():
        QUEUES[name].get()
        box.value += 1
    together(put, get)

@pytest.mark.parametrize("condition", [made_earlier.condition, hidden["condition"], hidden["over a lock"]])
def test_condition_still_wakes_its_waiter(condition):
    box = Box()
    def wait():
        with condition:
            condition.wait_for(lambda: box.value, 30)
            box.value += 1
    def wake():
        with condition:
            box.value += 1
            condition.notify_all()
    together(wait, wake)
    assert box.value == 2

def test_once():
    box = Box()
    def begin():
        box.value += 1
        return box
    made_earlier.todo.append(begin)
    together(*[lambda: made_earlier.once_for_all().value] * 2)
    assert box.value == 1

def test_lock_is_one_wherever_it_is_kept():
    assert holder.own is holder.condition._lock
    assert not hasattr(made_earlier.lock, "clock") and repr(made_earlier.lock).startswith("<unlocked _thread.lock")
    with holder.condition:
        assert holder.own.locked() and not holder.own.acquire(blocking=False)

def test_locks_of_the_library_order_nothing_by_themselves():
    box, log = Box(), logging.getLogger("unused")
    def use():
        log.warning("")
        made_earlier.line.qsize()
        made_earlier.event.clear()
    def add():
        use()
        box.value += 1
        use()
    together(add, lambda: (time.sleep(0.3), add()))

def test_racy():
    box = Box()
    def add():
        box.value += 1
    together(add, add)
"""

WITHOUT = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")  # plugins that take most of the time


def test_what_a_plugin_made_before_the_detector_was_installed(tmp_path):
    (tmp_path / "made_earlier.py").write_text(EARLIER)
    (tmp_path / "test_them.py").write_text(TESTS)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    done = subprocess.run(
        [*PYTHON, "-m", "pytest", "-q", "--race", "-p", "made_earlier", *WITHOUT],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=WATCHDOG,
        check=False,
    )
    failed = re.findall(r"^FAILED \S+::(\w+)", done.stdout, re.M)
    assert failed == ["test_locks_of_the_library_order_nothing_by_themselves", "test_racy"], done.stdout + done.stderr
    assert "2 failed, 28 passed" in done.stdout


def test_every_patch_is_undone(tmp_path):
    (tmp_path / "made_earlier.py").write_text(EARLIER)
    code = (
        "import sys, threading\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "import made_earlier\n"
        "from atomicpy.race import happens_before as edges\n"
        "from atomicpy.race.engine import engine\n"
        "def seen(): return {**vars(made_earlier), **vars(made_earlier.Holder), **vars(made_earlier.holder),\n"
        "                    **vars(made_earlier.condition)}\n"
        "before = seen()\n"
        "engine.install(print), edges.install()\n"
        "changed = {name for name, value in before.items() if seen()[name] is not value}\n"
        "edges.uninstall(), engine.uninstall()\n"
        "print(sorted(changed - {'__builtins__'}), [name for name in before if seen()[name] is not before[name]])\n"
    )
    done = subprocess.run([*PYTHON, "-c", code], capture_output=True, text=True, timeout=WATCHDOG, check=False)
    locked = ["locked"] if sys.version_info >= (3, 14) else []  # of a Condition
    changed = ["Lock", "RLock", "SimpleQueue", "_acquire_restore", "_is_owned", "_lock", "_release_save", "acquire",
               "cache", "lock", *locked, "of_all", "own", "release", "rlock"]  # fmt: skip
    assert done.stdout == f"{changed} []\n", done.stderr
