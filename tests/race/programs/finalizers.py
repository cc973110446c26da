"""`__del__`, finally, context managers; objects at an address that another object had."""

import contextlib
import gc
import threading
import weakref

from together import Box, together, twice, use, wait_until


class Tracked:
    """Reads its attributes in __del__."""

    last = 0

    def __init__(self):
        self.value = 0
        self.closed = False

    def __del__(self):
        self.value += 1
        self.closed = True


def clean_del_after_use_by_two_threads():
    holder = [Tracked()]
    lock = threading.Lock()

    def work():
        with lock:
            holder[0].value += 1

    twice(work)
    holder.clear()
    gc.collect()


def clean_del_in_the_thread_that_used_it_last():
    line = []

    def make():
        tracked = Tracked()
        tracked.value = 5
        line.append(tracked)
        del tracked

    def drop():
        while not line:
            threading.Event().wait(0.001)
        tracked = line.pop()
        tracked.value += 1
        del tracked

    together(make, drop)
    gc.collect()


def clean_del_in_the_thread_that_lets_go_last():
    lock, used, gone = threading.Lock(), [], []
    mine, other = [Tracked()], []
    other.append(mine[0])

    def first():
        with lock:
            mine[0].value += 1
        used.append(True)
        wait_until(lambda: len(gone))  # orders nothing; dropping the last reference does
        mine.clear()

    def second():
        wait_until(lambda: len(used))
        with lock:
            other[0].value += 1
        other.clear()
        gone.append(True)

    together(first, second)
    gc.collect()


def clean_del_in_each_thread():
    def work():
        for _ in range(10):
            tracked = Tracked()
            tracked.value += 1
            del tracked

    twice(work)


def clean_del_by_the_collector():
    def work():
        tracked = Tracked()
        tracked.value += 1
        tracked.itself = tracked

    twice(work)
    gc.collect()


def race_two_dels_share_something():
    """Box.value"""
    dropped = Box()

    class Counted:
        def __del__(self):
            dropped.value += 1

    def work():
        counted = Counted()
        del counted

    twice(work)


def clean_two_dels_with_a_lock():
    dropped, lock = Box(), threading.RLock()

    class Counted:
        def __del__(self):
            with lock:
                dropped.value += 1

    def work():
        counted = Counted()
        del counted

    twice(work)
    assert dropped.value == 2


def clean_address_used_again():
    def work():
        for number in range(200):
            box = Box()
            box.value += number
            del box

    together(work, work, work)


def clean_dict_at_an_address_used_again():
    def work():
        for number in range(200):
            table = {"k": 0}
            table["k"] += number
            table["n"] = 1
            for key in table:
                use(key)
            del table

    twice(work)


def clean_list_at_an_address_used_again():
    def work():
        for number in range(200):
            row = [0, 1, 2]
            row[0] = number
            row[-1] += row[0]
            del row

    twice(work)


def clean_scope_at_an_address_used_again():
    def work():
        for number in range(100):
            total = number

            def inc():
                nonlocal total
                total += 1

            inc()
            del inc

    twice(work)


def clean_objects_of_many_types_in_turn():
    class Left:
        def __init__(self):
            self.x = 1

    class Right:
        __slots__ = ("x",)

        def __init__(self):
            self.x = 2

    def work():
        for _ in range(100):
            for kind in (Left, Right, Box):
                thing = kind()
                thing.x = 3 if kind is not Box else setattr(thing, "value", 3)
                del thing

    twice(work)


def clean_threads_in_turn_at_one_address():
    for _ in range(20):
        box = Box()
        thread = threading.Thread(target=setattr, args=(box, "value", 1))
        thread.start()
        thread.join()
        del box


def race_finally_writes():
    """Box.value"""
    box = Box()

    def work():
        try:
            return 1
        finally:
            box.value += 1

    twice(work)


def race_exit_of_a_context_manager():
    """Manager.open"""

    class Manager:
        open = 0

        def __enter__(self):
            self.open += 1
            return self

        def __exit__(self, *error):
            self.open -= 1

    manager = Manager()

    def work():
        with manager:
            pass

    twice(work)


def race_exit_of_a_generator_context():
    """Box.value"""
    box = Box()

    @contextlib.contextmanager
    def counted():
        try:
            yield
        finally:
            box.value += 1

    def work():
        with counted():
            pass

    twice(work)


def clean_finally_releases():
    box, lock = Box(), threading.Lock()

    def work():
        lock.acquire()
        try:
            box.value += 1
            return box.value
        finally:
            lock.release()

    twice(work)


def clean_exit_stack():
    box, lock = Box(), threading.Lock()

    def work():
        with contextlib.ExitStack() as stack:
            stack.enter_context(lock)
            box.value += 1

    twice(work)


def race_exception_handler():
    """Box.value"""
    box = Box()

    def work():
        try:
            raise ValueError
        except ValueError:
            box.value += 1

    twice(work)


def race_else_and_finally():
    """
    Box.value
    Box.more
    """
    box = Box()
    box.more = 0

    def work():
        try:
            pass
        except ValueError:
            pass
        else:
            box.value += 1
        finally:
            box.more += 1

    twice(work)


def clean_weak_references():
    alive = weakref.WeakValueDictionary()
    lock = threading.Lock()

    def work():
        for number in range(20):
            box = Box()
            with lock:
                alive[number] = box
            del box

    twice(work)
