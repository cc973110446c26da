"""What happens before what, for the reference engine: interfaces replaced for the program, plain Python throughout."""

import asyncio
import builtins
import collections
import concurrent.futures
import contextlib
import functools
import importlib
import os
import queue
import sys
import threading
from concurrent.futures import Future, _base
from importlib.machinery import SourceFileLoader

import _thread
import engine
from engine import Clock, clock_of

import atomicpy

LIBRARY = os.path.dirname(os.__file__) + os.sep
HERE = __file__


def _for_the_program():
    """Whether the caller of our caller is no part of the standard library."""
    frame = sys._getframe(2)
    while frame.f_code.co_filename == HERE:
        frame = frame.f_back
    file = frame.f_code.co_filename
    return not file.startswith((LIBRARY, "<frozen")) or "site-packages" in file


def _around(cls, name, before=None, after=None):
    """Call `before(self)` ahead of a method, and `after(self, result)` behind it, where the program calls."""
    original = getattr(cls, name)

    @functools.wraps(original)
    def method(self, *arguments, **named):
        ours = _for_the_program()
        if ours and before:
            before(self)
        result = original(self, *arguments, **named)
        if ours and after:
            after(self, result)
        return result

    setattr(cls, name, method)


def _acquire_if_true(self, result):
    if result:
        clock_of(self).acquire()


def _release(self):
    clock_of(self).release()


# ---- locks -------------------------------------------------------------------------------------------------------


class Lock:
    make = staticmethod(_thread.allocate_lock)

    def __init__(self):
        self.raw, self.clock = self.make(), Clock()

    def acquire(self, *arguments, **named):
        got = self.raw.acquire(*arguments, **named)
        if got:
            self.clock.acquire()
        return got

    def release(self):
        self.clock.release()
        self.raw.release()

    __enter__ = acquire

    def __exit__(self, *error):
        self.release()

    def locked(self):
        return self.raw.locked()


class RLock(Lock):
    make = staticmethod(threading.RLock)

    def _is_owned(self):
        return self.raw._is_owned()

    def _release_save(self):
        self.clock.release()
        return self.raw._release_save()

    def _acquire_restore(self, saved):
        self.raw._acquire_restore(saved)
        self.clock.acquire()


class Mutex(Lock):
    make = staticmethod(atomicpy.Mutex)


def install_locks():
    raw_lock, raw_rlock = threading.Lock, threading.RLock
    threading.Lock = _thread.allocate_lock = lambda: Lock() if _for_the_program() else raw_lock()
    threading.RLock = lambda: RLock() if _for_the_program() else raw_rlock()
    init = threading.Condition.__init__

    def condition(self, lock=None):
        init(self, RLock() if lock is None and _for_the_program() else lock)

    threading.Condition.__init__ = condition
    for cls in (threading.Semaphore, threading.BoundedSemaphore):
        _around(cls, "release", before=_release)
    _around(threading.Semaphore, "acquire", after=_acquire_if_true)
    threading.Semaphore.__enter__ = lambda self: self.acquire()
    threading.Semaphore.__exit__ = lambda self, *error: self.release()
    _around(threading.Event, "set", before=_release)
    _around(threading.Event, "wait", after=_acquire_if_true)
    _around(threading.Event, "is_set", after=_acquire_if_true)
    install_barrier()


def install_barrier():
    here = threading.local()
    enter, release, wait = (getattr(threading.Barrier, name) for name in ("_enter", "_release", "wait"))

    def new_enter(self):
        enter(self)
        here.round = self.__dict__.setdefault("race_round", Clock())
        here.round.release()

    def new_release(self):
        here.round.acquire()
        release(self)
        here.round.release()
        self.race_round = Clock()

    def new_wait(self, timeout=None):
        result = wait(self, timeout)
        here.round.acquire()
        return result

    threading.Barrier._enter, threading.Barrier._release, threading.Barrier.wait = new_enter, new_release, new_wait


# ---- threads -----------------------------------------------------------------------------------------------------


def install_threads():
    cls = threading.Thread
    start, bootstrap, join, is_alive = cls.start, cls._bootstrap_inner, cls.join, cls.is_alive

    def new_start(self):
        self.race_begin, self.race_end, self.race_created = Clock(), Clock(), engine.here()
        self.race_begin.release()
        start(self)

    def new_bootstrap(self):
        engine.begin_thread(self.race_begin, self.name, self.race_created)
        try:
            bootstrap(self)
        finally:
            self.race_end.release()

    def new_join(self, timeout=None):
        join(self, timeout)
        if hasattr(self, "race_end") and not is_alive(self):
            self.race_end.acquire()

    def new_is_alive(self):
        alive = is_alive(self)
        if not alive and hasattr(self, "race_end"):
            self.race_end.acquire()
        return alive

    cls.start, cls._bootstrap_inner, cls.join, cls.is_alive = new_start, new_bootstrap, new_join, new_is_alive
    begin = _thread.start_new_thread

    def start_new_thread(function, arguments, named=None):
        clock, created = Clock(), engine.here()
        clock.release()

        def body():
            engine.begin_thread(clock, "low level", created)
            function(*arguments, **(named or {}))

        return begin(body, ())

    _thread.start_new_thread = start_new_thread


# ---- queues and futures ------------------------------------------------------------------------------------------


def install_queues(library=queue):
    cls = library.Queue
    put, get, task_done, join = cls.put, cls.get, cls.task_done, cls.join

    def clocks(self, item):
        return self.__dict__.setdefault("race_items", collections.defaultdict(collections.deque))[id(item)]

    init = cls.__init__

    def new_init(self, maxsize=0):
        init(self, maxsize)
        if type(self)._put.__module__ != "queue" or type(self)._get.__module__ != "queue":
            # The program's own code runs with the queue's lock held.
            self.mutex = Lock()
            for name in ("not_empty", "not_full", "all_tasks_done"):
                setattr(self, name, threading.Condition(self.mutex))

    cls.__init__ = new_init

    def new_put(self, item, *arguments, **named):
        clock = Clock()
        clock.release()
        clocks(self, item).append(clock)
        try:
            put(self, item, *arguments, **named)
        except library.Full:
            clocks(self, item).remove(clock)
            raise
        if self.maxsize > 0:
            clock_of(self).acquire()

    def new_get(self, *arguments, **named):
        if self.maxsize > 0:
            clock_of(self).release()
        item = get(self, *arguments, **named)
        if clocks(self, item):
            clocks(self, item).popleft().acquire()
        return item

    def new_task_done(self):
        clock_of(self.unfinished).release()
        task_done(self)

    def new_join(self):
        join(self)
        clock_of(self.unfinished).acquire()

    cls.unfinished = property(lambda self: self.all_tasks_done)
    cls.put, cls.get, cls.task_done, cls.join = new_put, new_get, new_task_done, new_join

    class SimpleQueue(library.SimpleQueue):
        def put(self, item, block=True, timeout=None):
            clock = Clock()
            clock.release()
            super().put((item, clock))

        def get(self, block=True, timeout=None):
            item, clock = super().get(block, timeout)
            clock.acquire()
            return item

        def put_nowait(self, item):
            self.put(item)

        def get_nowait(self):
            return self.get(False)

    library.SimpleQueue = SimpleQueue


def install_futures():
    result, exception, done, add = Future.result, Future.exception, Future.done, Future.add_done_callback

    def finished(self):
        if done(self):
            clock_of(self).acquire()

    for name in ("set_result", "set_exception"):
        original = getattr(Future, name)

        def setter(self, value, original=original):
            clock_of(self).release()
            original(self, value)

        setattr(Future, name, setter)

    def getter(original):
        def method(self, timeout=None):
            try:
                return original(self, timeout)
            finally:
                finished(self)

        return method

    Future.result, Future.exception = getter(result), getter(exception)

    def new_done(self):
        finished(self)
        return done(self)

    def new_add(self, function):
        def callback(future):
            finished(future)
            function(future)

        add(self, callback)

    Future.done, Future.add_done_callback = new_done, new_add
    wait, completed = _base.wait, _base.as_completed

    @functools.wraps(wait)
    def new_wait(*arguments, **named):
        answer = wait(*arguments, **named)
        for future in answer.done:
            finished(future)
        return answer

    def new_completed(*arguments, **named):
        for future in completed(*arguments, **named):
            finished(future)
            yield future

    concurrent.futures.wait, concurrent.futures.as_completed = new_wait, new_completed
    threadsafe = asyncio.BaseEventLoop.call_soon_threadsafe

    def new_threadsafe(self, callback, *arguments, **named):
        clock = Clock()
        clock.release()

        def call(*given):
            clock.acquire()
            return callback(*given)

        return threadsafe(self, call, *arguments, **named)

    asyncio.BaseEventLoop.call_soon_threadsafe = new_threadsafe


def install_imports():
    execute, find, module_of = SourceFileLoader.exec_module, builtins.__import__, importlib.import_module

    def new_execute(self, module):
        execute(self, module)
        clock_of(module).release()
        if module.__name__ == "queue":  # the library's, once more
            install_queues(module)

    def seen(name):
        parts = name.split(".")
        for count in range(len(parts)):
            module = sys.modules.get(".".join(parts[: count + 1]))
            if module is not None:
                clock_of(module).acquire()

    def new_import(name, globals=None, locals=None, fromlist=(), level=0):
        found = find(name, globals, locals, fromlist, level)
        if not level:
            seen(name)
        for each in fromlist or ():
            seen(f"{found.__name__}.{each}")
        return found

    def new_module_of(name, package=None):
        found = module_of(name, package)
        seen(found.__name__)
        return found

    SourceFileLoader.exec_module, builtins.__import__, importlib.import_module = new_execute, new_import, new_module_of


def install_caches():
    lru_cache = functools.lru_cache

    def new_lru_cache(maxsize=128, typed=False):
        def decorate(function):
            clock = Clock()

            def inner(*arguments, **named):
                try:
                    return function(*arguments, **named)
                finally:
                    clock.release()

            kept = lru_cache(limit, typed)(inner)

            def outer(*arguments, **named):
                try:
                    return kept(*arguments, **named)
                finally:
                    clock.acquire()

            return functools.wraps(function)(outer)

        limit = 128 if callable(maxsize) else maxsize
        return decorate(maxsize) if callable(maxsize) else decorate

    functools.lru_cache, functools.cache = new_lru_cache, new_lru_cache(None)


# ---- atomicpy ----------------------------------------------------------------------------------------------------

LOADS = ("load", "__int__", "__index__", "__bool__", "__float__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__",
         "__ge__", "__str__", "__format__", "__getitem__", "__len__", "__iter__")  # fmt: skip


class Atomic:
    kind = None

    def __init__(self, *arguments):
        self.raw, self.clocks = self.kind(*arguments), collections.defaultdict(Clock)

    def step(self, name, arguments):
        indexed = self.kind is RAW["AtomicIntArray"] and arguments
        clock = self.clocks[arguments[0] if indexed else None]
        if name == "wait":
            if result := self.raw.wait(*arguments):
                clock.acquire()
            return result
        if name == "update":
            while True:
                old = self.step("load", ())
                new = arguments[0](old)
                if self.step("compare_exchange", (old, new)):
                    return new
        with engine._lock:
            result = getattr(self.raw, name)(*arguments)
            if name.startswith("notify"):
                pass
            elif name in LOADS or (name == "compare_exchange" and not result):
                clock.acquire()
            elif name in ("store", "clear", "__setitem__"):
                clock.set()
            else:
                clock.swap()
        return self if name.startswith("__i") and name not in LOADS else result

    def __getattr__(self, name):
        return lambda *arguments: self.step(name, arguments)


class Sharded(Atomic):
    def local(self):
        handle = Sharded.__new__(Sharded)
        handle.raw, handle.clocks = self.raw.local(), self.clocks
        return handle

    def step(self, name, arguments):
        if name in ("load", "drain"):
            result = getattr(self.raw, name)(*arguments)
            self.clocks[None].acquire()
            return result
        self.clocks[None].release()
        return getattr(self.raw, name)(*arguments)


class RWMutex:
    def __init__(self):
        self.raw, self.writers, self.readers = RAW["RWMutex"](), Clock(), Clock()

    def acquire_read(self, *arguments):
        if got := self.raw.acquire_read(*arguments):
            self.writers.acquire()
        return got

    def acquire_write(self, *arguments):
        if got := self.raw.acquire_write(*arguments):
            self.writers.acquire()
            self.readers.acquire()
        return got

    def release_read(self):
        self.readers.release()
        self.raw.release_read()

    def release_write(self):
        self.writers.release()
        self.raw.release_write()

    @contextlib.contextmanager
    def read(self):
        self.acquire_read()
        try:
            yield
        finally:
            self.release_read()

    @contextlib.contextmanager
    def write(self):
        self.acquire_write()
        try:
            yield
        finally:
            self.release_write()


class WaitGroup:
    def __init__(self):
        self.raw, self.clock = RAW["WaitGroup"](), Clock()

    def add(self, n=1):
        self.raw.add(n)

    def done(self):
        self.clock.release()
        self.raw.done()

    def go(self, function, *arguments, **named):
        def body():
            try:
                function(*arguments, **named)
            finally:
                self.clock.release()

        return self.raw.go(body)

    def wait(self, timeout=None):
        try:
            if not self.raw.wait(timeout):
                return False
        except ExceptionGroup:
            self.clock.acquire()
            raise
        self.clock.acquire()
        return True

    def __enter__(self):
        self.raw.__enter__()
        return self

    def __exit__(self, *error):
        try:
            return self.raw.__exit__(*error)
        finally:
            self.clock.acquire()


class Once:
    def __init__(self):
        self.raw, self.clock = RAW["Once"](), Clock()

    def do(self, function, *arguments, **named):
        def body():
            try:
                return function(*arguments, **named)
            finally:
                self.clock.release()

        try:
            return self.raw.do(body)
        finally:
            self.clock.acquire()


def once(function):
    guard = Once()
    return functools.wraps(function)(lambda: guard.do(function))


RAW = dict(vars(atomicpy))


def install_atomics():
    for name in (
        "AtomicInt",
        "AtomicUInt",
        "AtomicBool",
        "AtomicFloat",
        "AtomicRef",
        "AtomicIntArray",
        "ShardedCounter",
    ):
        raw = RAW[name]
        space = {"kind": raw, "__hash__": None}
        for special in dir(raw):
            known = special in LOADS or special.startswith("__i") or special == "__setitem__"
            if known and special not in ("__init__", "__init_subclass__", "__iter__"):
                space[special] = lambda self, *arguments, special=special: self.step(special, arguments)
        setattr(atomicpy, name, type(name, (Sharded if name == "ShardedCounter" else Atomic,), space))
    atomicpy.Mutex, atomicpy.RWMutex, atomicpy.WaitGroup, atomicpy.Once, atomicpy.once = (
        Mutex,
        RWMutex,
        WaitGroup,
        Once,
        once,
    )


def install():
    install_locks()
    install_threads()
    install_queues()
    install_futures()
    install_imports()
    install_caches()
    install_atomics()


def uninstall():
    """Not at all: a process is one run."""
