"""The hooks do not show: tracebacks, stacks, vars(), names and errors of a program are as without the detector."""

import subprocess
import sys
import textwrap

import pytest
from helpers import CAN_FORK, PYTHON, WATCHDOG

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="the race detector needs CPython 3.13")

# Each program prints what it sees. Addresses are replaced, because they differ between runs.
START = r"""
import re, sys, traceback
def show(text):
    text = re.sub(r"0x[0-9a-f]+", "0x…", str(text))
    # Without lines of what runs the program, and of a channel itself, which has a path of its own for the detector.
    hidden = "\N{RIGHTWARDS ARROW}", 'File "atomicpy/channel/'
    print("\n".join(line for line in text.splitlines() if not any(part in line for part in hidden)))
def attempt(function, *arguments, **named):
    try:
        show(repr(function(*arguments, **named)))
    except BaseException as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code is not attempt.__code__:
            trace = trace.tb_next
        show("".join(traceback.format_exception(error.with_traceback(trace))))
def stack():
    frames = traceback.extract_stack()
    at = max((i for i, frame in enumerate(frames) if frame.name in ("<module>", "_bootstrap")), default=0)
    show("\n".join(f"{frame.name} {frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames[at:-1]))
"""

SEEN = {
    "errors": r"""
import asyncio, threading, queue, concurrent.futures as cf, _thread, functools, atomicpy
async def receive(ch):
    return await ch.arecv()
async def send(ch, value):
    await ch.asend(value)
q, full = queue.Queue(), queue.Queue(1); full.put(1)
attempt(q.get, False); attempt(q.get, timeout=0.001); attempt(full.put, 2, False); attempt(q.task_done)
attempt(queue.SimpleQueue().get, False); attempt(queue.SimpleQueue().get_nowait)
attempt(queue.SimpleQueue().put, 1, wrong=2)
attempt(queue.SimpleQueue().put); attempt(queue.LifoQueue().get_nowait); attempt(q.put); attempt(q.task_done, 5)
attempt(threading.Lock().release); attempt(threading.RLock().release); attempt(threading.Lock().acquire, False, 5)
attempt(threading.Lock().acquire, 1, 2, 3); attempt(threading.Lock().acquire, timeout=-5); attempt(threading.Lock, 3)
attempt(threading.Condition().notify); attempt(threading.Condition(threading.Lock()).wait)
attempt(threading.BoundedSemaphore(1).release); attempt(threading.Semaphore().release, 0)
thread = threading.Thread(target=str)
attempt(thread.join); thread.start(); attempt(thread.start); thread.join(); attempt(thread.start, 4)
attempt(thread.join, "x")
barrier = threading.Barrier(2); barrier.abort(); attempt(barrier.wait); attempt(threading.Barrier(2).wait, 0.001)
future = cf.Future(); attempt(future.result, 0.001); future.cancel(); attempt(future.result)
attempt(future.set_result, 1)
attempt(lambda: list(cf.as_completed([cf.Future()], timeout=0.001)))
attempt(_thread.start_new_thread, 1, ()); attempt(_thread.start_new_thread, str)
attempt(_thread.start_new_thread, str, 1)
def wrong():
    raise ValueError("wrong")
with cf.ThreadPoolExecutor(1) as pool:
    cf.wait([future := pool.submit(wrong)]); attempt(future.result)
attempt(functools.cache(wrong)); attempt(functools.lru_cache, "x"); attempt(functools.lru_cache(maxsize=2)(wrong))
attempt(atomicpy.WaitGroup().done); attempt(atomicpy.Mutex().release); attempt(atomicpy.Once().do, wrong)
attempt(atomicpy.AtomicInt(1).update, lambda old: wrong()); attempt(atomicpy.AtomicInt().add, "x")
attempt(atomicpy.RWMutex().release_write); attempt(atomicpy.AtomicIntArray(2).add, 5)
attempt(atomicpy.WaitGroup().go, 3)
@atomicpy.once
def once_wrong():
    raise ValueError("wrong")
@atomicpy.once
def no_once(argument):
    return argument
attempt(once_wrong); attempt(once_wrong); attempt(no_once, 1); attempt(no_once); attempt(no_once, argument=1)
attempt(atomicpy.once, 3); attempt(atomicpy.once)
ch, shut = atomicpy.Channel(1), atomicpy.Channel(); ch.send(1); shut.close()
attempt(ch.send, 2, timeout=0.001); attempt(ch.send, 2, timeout=-1); attempt(ch.send); attempt(ch.send, 1, 2, 3)
attempt(shut.send, 1); attempt(shut.recv); attempt(shut.try_recv); attempt(shut.try_send, 1); attempt(next, shut)
attempt(atomicpy.Channel().recv, 0.001); attempt(atomicpy.Channel, -1); attempt(atomicpy.Channel, "3")
attempt(atomicpy.select); attempt(atomicpy.select, 3); attempt(atomicpy.select, (ch, 1, 2)); attempt(repr, ch)
attempt(atomicpy.select, (shut, 1)); attempt(atomicpy.select, shut); attempt(atomicpy.select, (ch, 1), timeout=0)
attempt(atomicpy.select, (atomicpy.after(1), 1)); attempt(atomicpy.after(1).send, 1); attempt(atomicpy.after, -1)
attempt(lambda: asyncio.run(receive(shut)))
attempt(lambda: asyncio.run(send(shut, 1))); attempt(lambda: atomicpy.after(1).asend(1))
attempt(__import__, "no_such_module"); attempt(__import__, "wrong_module")
""",
    "stacks": r"""
import threading, queue, concurrent.futures as cf, asyncio, functools, atomicpy, _thread
class Own(queue.Queue):
    def _put(self, item):
        stack()
        super()._put(item)
Own().put(1)
thread = threading.Thread(target=stack); thread.start(); thread.join()
threading.Barrier(1, action=stack).wait()
future = cf.Future(); future.add_done_callback(lambda future: stack()); future.set_result(1)
with cf.ThreadPoolExecutor(1) as pool:
    pool.submit(stack).result()
functools.cache(lambda: stack())()
atomicpy.Once().do(stack); atomicpy.once(lambda: stack())(); atomicpy.AtomicInt().update(lambda old: stack() or 1)
with atomicpy.WaitGroup() as group:
    group.go(stack)
class Index:
    def __index__(self):
        stack()
        return 1
atomicpy.AtomicInt().add(Index()); atomicpy.AtomicRef().store(Index())
done = threading.Event()
_thread.start_new_thread(lambda: (stack(), done.set()), ()); done.wait()
async def main():
    def called():
        stack()
        done.set()
    done = asyncio.Event()
    asyncio.get_running_loop().call_soon_threadsafe(called)
    await done.wait()
asyncio.run(main())
import shown_module
""",
    "names": r"""
import threading, queue, concurrent.futures as cf, inspect, pickle, copy
import weakref, functools, types, _thread, atomicpy, doctest
lock, rlock = threading.Lock(), threading.RLock()
for cls in (threading.Thread, threading.Event, threading.Semaphore, threading.Barrier, queue.Queue, cf.Future,
    threading.Condition):
    for name, value in sorted(vars(cls).items()):
        if callable(value) and not isinstance(value, type) and not value.__name__.startswith("__get"):
            show([name, inspect.isfunction(value), value.__name__, value.__qualname__, value.__module__, value.__doc__,
                  str(inspect.signature(value)), pickle.loads(pickle.dumps(value)) is value,
                  copy.deepcopy(value) is value, repr(value), hasattr(value, "__wrapped__"), inspect.getsource(value)])
for value in (lock, rlock, threading.Lock, type(rlock), lock.acquire, threading.Thread().start,
    queue.SimpleQueue, queue.Queue().put):
    show(repr(value).replace("owner=0 ", ""))
show([type(lock).__name__, type(lock).__module__, hasattr(lock, "_is_owned"), hasattr(rlock, "_is_owned"),
    hasattr(rlock, "locked")])
for bad in (lock, rlock, threading.Event(), queue.SimpleQueue()):
    attempt(pickle.dumps, bad)
    attempt(copy.deepcopy, bad)
show([isinstance(queue.Queue().mutex, threading.Lock), isinstance(lock, threading.Lock), isinstance(rlock,
    threading.Lock), isinstance(lock, _thread.LockType) or True])
attempt(lambda: type("Sub", (threading.Lock,), {}))
attempt(lambda: lock.nothing)
attempt(lambda: queue.SimpleQueue().nothing); attempt(setattr, queue.SimpleQueue(), "nothing", 1)
attempt(queue.SimpleQueue, 3); show([queue.SimpleQueue.__doc__, queue.SimpleQueue.__name__])
for condition in (threading.Condition(lock), threading.Condition(rlock), threading.Condition()):
    show([sorted(vars(condition)), repr(condition), condition._is_owned(), condition.acquire(), condition.wait(0.001),
          condition._is_owned(), getattr(condition, "locked", bool)(), condition.release(), condition._is_owned()])
    attempt(condition.notify); attempt(condition.wait); attempt(condition.release)
show([weakref.ref(lock)() is lock, weakref.WeakMethod(threading.Thread(daemon=True).start) is not None,
    lock.acquire_lock(), lock.locked_lock(), lock.release_lock()])
thread = threading.Thread(target=str, name="t"); thread.start(); thread.join()
barrier = threading.Barrier(1); barrier.wait()
q = queue.Queue(); q.put(1)
future = cf.Future(); future.set_result(1)
for value in (thread, barrier, q, future, threading.Event(), threading.Semaphore()):
    show(sorted(vars(value)))
@atomicpy.once
def first():
    return 1
show([first(), sorted(vars(first)), inspect.signature(first), type(first.__wrapped__), repr(first)])
@functools.lru_cache(maxsize=4)
def double(number: int) -> int:
    "Twice."
    return 2 * number
double(1); double(1)
show([double.__name__, double.__doc__, str(inspect.signature(double)), double.cache_info(),
    double.cache_parameters(), double.__wrapped__(3), isinstance(double, functools._lru_cache_wrapper),
    pickle.loads(pickle.dumps(double)) is double, repr(double), double.cache_clear()])
class Holder:
    lock = threading.Lock()
    @functools.cache
    def method(self): return self
    @functools.cache
    @staticmethod
    def static(): return 1
holder = Holder()
show([holder.method() is holder, Holder.static(), Holder.lock is holder.lock])
bound = threading.Thread(daemon=True).start
show([bound.__func__ is threading.Thread.start, bound.__name__, types.MethodType(threading.Thread.is_alive, thread)()])
double.calls = 3; show([double.calls, double.__dict__ != {}])
""",
}
MODULES = {
    "wrong_module.py": "import threading\nraise ValueError('in it')\n",
    "shown_module.py": "from __main__ import stack\nstack()\n",
}


def output(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=WATCHDOG, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("topic", SEEN)
def test_output_is_as_without_the_detector(topic, tmp_path):
    for name, text in MODULES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "program.py").write_text(START + SEEN[topic])
    plain = output([sys.executable, "program.py"], tmp_path)
    ours = output([sys.executable, "-m", "atomicpy", "race", "--exclude", "*", "program.py"], tmp_path)
    assert plain.count("\n") > 20
    assert ours.splitlines() == plain.splitlines()


def test_locks_of_what_is_included_of_the_library_order_what_it_does(tmp_path):
    """A lock of the library orders no access of the program, but one in a watched module orders its own accesses."""
    code = """
        import http.cookiejar as jars, threading
        jar = jars.CookieJar()
        def cookie(name):
            return jars.Cookie(0, name, "1", None, False, "here", True, False, "/", True, False, None, True, "", "", {})
        def put(name):
            jar.set_cookie(cookie(name))
            if ALSO:
                jar._cookies["here"]["/"][name] = 1
        threads = [threading.Thread(target=put, args=("same",)) for _ in range(2)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
    """
    for also, status in (("False", 0), ("True", 66)):
        command = ["race", "--include", "http.cookiejar", "-c", textwrap.dedent(code).replace("ALSO", also)]
        done = subprocess.run(
            [*PYTHON, "-m", "atomicpy", *command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=WATCHDOG,
            check=False,
        )
        assert done.returncode == status, done.stderr
    assert "http/cookiejar.py" in done.stderr  # so it was watched


@pytest.mark.skipif(not CAN_FORK, reason="no fork here")
def test_locks_are_reset_in_a_forked_child(tmp_path):
    code = (
        "import os, threading\n"
        "lock, rlock, condition = threading.Lock(), threading.RLock(), threading.Condition()\n"
        "lock.acquire(); rlock.acquire()\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    lock._at_fork_reinit(); rlock._at_fork_reinit(); condition._at_fork_reinit()\n"
        "    ok = lock.acquire(False) and rlock.acquire(False) and condition.acquire(False)\n"
        "    os._exit(7 if ok else 1)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert output([*PYTHON, "-W", "ignore", "-m", "atomicpy", "race", "-c", code], tmp_path) == "7\n"
