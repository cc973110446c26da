"""threading.Lock and RLock."""

import _thread
import contextlib
import threading

from together import Box, together, twice, use, wait_until


def clean_with_lock():
    box, lock = Box(), threading.Lock()

    def work():
        for _ in range(20):
            with lock:
                box.value += 1

    twice(work)
    assert box.value == 40


def clean_acquire_and_release():
    box, lock = Box(), threading.Lock()

    def work():
        lock.acquire()
        try:
            box.value += 1
        finally:
            lock.release()

    twice(work)


def clean_recursive_lock():
    box, lock = Box(), threading.RLock()

    def inner():
        with lock:
            box.value += 1

    def work():
        with lock:
            inner()
            box.value += 1

    twice(work)
    assert box.value == 4


def race_two_locks():
    """Box.value"""
    box, left, right = Box(), threading.Lock(), threading.Lock()

    def one():
        with left:
            box.value += 1

    def two():
        with right:
            box.value += 1

    together(one, two)


def race_one_side_locks():
    """Box.value"""
    box, lock = Box(), threading.Lock()

    def one():
        with lock:
            box.value = 1

    together(one, lambda: use(box.value))


def race_lock_of_each_call():
    """Box.value"""
    box = Box()

    def work():
        lock = threading.Lock()
        with lock:
            box.value += 1

    twice(work)


def race_after_the_release():
    """Box.value"""
    box, lock = Box(), threading.Lock()

    def work():
        with lock:
            pass
        box.value += 1

    twice(work)


def race_recursive_lock_let_go_in_between():
    """Box.value"""
    box, lock = Box(), threading.RLock()

    def one():
        with lock, lock:
            pass
        box.value = 1

    together(one, lambda: use(box.value))


def race_failed_acquire():
    """Box.value"""
    box, lock = Box(), threading.Lock()

    def other():
        assert not lock.acquire(blocking=False)
        use(box.value)

    with lock:
        thread = threading.Thread(target=other)
        thread.start()
        box.value = 1
        thread.join()


def race_failed_acquire_of_a_lock_that_was_released():
    """Box.value"""
    box, lock, held = Box(), threading.Lock(), []

    def write():
        box.value = 1
        with lock:
            pass
        lock.acquire()
        held.append(True)

    def read():
        wait_until(lambda: len(held))  # orders nothing
        assert not lock.acquire(timeout=0.001)
        use(box.value)

    together(write, read)


def race_timed_out_acquire():
    """Box.value"""
    box, lock = Box(), threading.Lock()

    def other():
        assert not lock.acquire(timeout=0.005)
        use(box.value)

    with lock:
        thread = threading.Thread(target=other)
        thread.start()
        box.value = 1
        thread.join()


def race_locked_is_no_acquire():
    """Box.value"""
    box, lock = Box(), threading.Lock()

    def other():
        use(lock.locked(), box.value)

    thread = threading.Thread(target=other)
    thread.start()
    with lock:
        box.value = 1
    thread.join()


def race_double_checked():
    """Box.value"""
    box, lock = Box(None), threading.Lock()

    def get():
        if box.value is None:
            with lock:
                if box.value is None:
                    box.value = object()
        return box.value

    twice(get)


def race_read_before_the_lock():
    """Box.value"""
    box, lock = Box(), threading.Lock()

    def work():
        old = box.value
        with lock:
            box.value = old + 1

    twice(work)


def clean_successful_try():
    box, lock = Box(), threading.Lock()

    def work():
        if lock.acquire(blocking=False):
            try:
                box.value += 1
            finally:
                lock.release()

    twice(work)


def clean_successful_acquire_with_timeout():
    box, lock = Box(), threading.Lock()

    def work():
        if lock.acquire(timeout=30):
            box.value += 1
            lock.release()

    twice(work)
    assert box.value == 2


def clean_released_by_another_thread():
    box, lock = Box(), threading.Lock()
    lock.acquire()

    def write():
        box.value = 1
        lock.release()

    def read():
        lock.acquire()
        assert box.value == 1

    together(write, read)


def clean_baton_of_two_locks():
    box, ping, pong = Box(), threading.Lock(), threading.Lock()
    pong.acquire()

    def one():
        for _ in range(5):
            ping.acquire()
            box.value += 1
            pong.release()

    def two():
        for _ in range(5):
            pong.acquire()
            box.value += 1
            ping.release()

    together(one, two)
    assert box.value == 10


def clean_lock_of_the_low_level_module():
    box, lock = Box(), _thread.allocate_lock()

    def work():
        with lock:
            box.value += 1

    twice(work)


def clean_lock_in_the_object():
    class Account:
        def __init__(self):
            self.lock = threading.Lock()
            self.balance = 0

        def deposit(self, amount):
            with self.lock:
                self.balance += amount

    account = Account()
    together(*[lambda: account.deposit(5)] * 4)
    assert account.balance == 20


def clean_two_locks_in_one_order():
    left, right, first, second = Box(), Box(), threading.Lock(), threading.Lock()

    def transfer():
        with first, second:
            left.value -= 1
            right.value += 1

    twice(transfer)


def clean_exception_inside():
    box, lock = Box(), threading.Lock()

    def work():
        with contextlib.suppress(ValueError), lock:
            box.value += 1
            raise ValueError

    twice(work)
    assert box.value == 2


def clean_decorator_that_locks():
    box, lock = Box(), threading.Lock()

    def synchronised(function):
        def wrapper(*arguments):
            with lock:
                return function(*arguments)

        return wrapper

    @synchronised
    def work():
        box.value += 1

    twice(work)


def clean_subclass_with_a_lock_per_instance():
    class Base:
        def __init__(self):
            self._lock = threading.RLock()
            self.items = {}

        def put(self, key, value):
            with self._lock:
                self.items[key] = value

    class Derived(Base):
        def put(self, key, value):
            with self._lock:
                super().put(key, value)
                self.items["last"] = key

    store = Derived()
    together(lambda: store.put("a", 1), lambda: store.put("b", 2))


def race_lock_forgotten_in_one_method():
    """Account.balance"""

    class Account:
        def __init__(self):
            self.lock = threading.Lock()
            self.balance = 0

        def deposit(self):
            with self.lock:
                self.balance += 1

        def show(self):
            return self.balance

    account = Account()
    together(account.deposit, account.show)
