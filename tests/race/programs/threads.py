"""Every way to start and end a thread; threading.local."""

import _thread
import threading

from together import Box, together, twice, use, wait_until


def clean_subclass_of_thread():
    class Worker(threading.Thread):
        def __init__(self, number):
            super().__init__()
            self.number = number
            self.result = None

        def run(self):
            self.result = self.number * 2

    workers = [Worker(number) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.result for worker in workers] == [0, 2, 4]


def race_subclass_of_thread_read_too_early():
    """Worker.result"""

    class Worker(threading.Thread):
        result = None

        def run(self):
            self.result = 1

    worker = Worker()
    worker.start()
    use(worker.result)
    worker.join()


def clean_own_start():
    class Worker(threading.Thread):
        def start(self):
            self.ready = True
            super().start()

        def run(self):
            assert self.ready
            self.done = True

    worker = Worker()
    worker.start()
    worker.join()
    assert worker.done


def clean_timer():
    box = Box(1)

    def work():
        box.value += 1

    timer = threading.Timer(0.001, work)
    timer.start()
    timer.join()
    assert box.value == 2


def race_timer():
    """Box.value"""
    box = Box()

    def work():
        box.value += 1

    timer = threading.Timer(0.001, work)
    timer.start()
    box.value += 1
    timer.join()


def clean_timer_cancelled():
    box = Box()

    def work():
        box.value += 1

    timer = threading.Timer(60, work)
    timer.start()
    timer.cancel()
    timer.join()
    box.value += 1
    assert box.value == 1


def clean_low_level_thread():
    box, done = Box(1), threading.Lock()
    done.acquire()

    def work(amount):
        box.value += amount
        done.release()

    _thread.start_new_thread(work, (5,))
    done.acquire()
    assert box.value == 6


def race_low_level_thread():
    """Box.value"""
    box, done = Box(), threading.Lock()
    done.acquire()

    def work():
        box.value += 1
        done.release()

    _thread.start_new_thread(work, ())
    box.value += 1
    done.acquire()


def race_two_low_level_threads():
    """Box.value"""
    box, done = Box(), threading.Semaphore(0)

    def work():
        box.value += 1
        done.release()

    _thread.start_new_thread(work, ())
    _thread.start_new_thread(work, ())
    done.acquire()
    done.acquire()


def clean_daemon_thread():
    box, done = Box(), threading.Event()

    def work():
        box.value = 1
        done.set()
        threading.Event().wait(0.01)

    threading.Thread(target=work, daemon=True).start()
    assert done.wait(30)
    assert box.value == 1


def clean_joined_by_another_thread():
    box = Box()

    def write():
        box.value = 1

    writer = threading.Thread(target=write)
    writer.start()

    def read():
        writer.join()
        assert box.value == 1

    together(read, read)


def race_joined_the_wrong_one():
    """Box.value"""
    box = Box()

    def write():
        box.value = 1

    writer, other = threading.Thread(target=write), threading.Thread(target=int)
    writer.start()
    other.start()
    other.join()
    use(box.value)
    writer.join()


def clean_chain_of_threads():
    box = Box()

    def step(left):
        box.value += 1
        if left:
            below = threading.Thread(target=step, args=(left - 1,))
            below.start()
            below.join()
        box.value += 1

    step(4)
    assert box.value == 10


def race_parent_goes_on():
    """Box.value"""
    box = Box()

    def child():
        box.value += 1

    def parent():
        thread = threading.Thread(target=child)
        thread.start()
        box.value += 1
        thread.join()

    together(parent)


def race_grandchild_not_waited_for():
    """Box.value"""
    box, threads = Box(), []

    def grandchild():
        box.value = 1

    def child():
        thread = threading.Thread(target=grandchild)
        threads.append(thread)
        thread.start()

    thread = threading.Thread(target=child)
    thread.start()
    thread.join()
    use(box.value)
    threads[0].join()


def clean_many_short_threads():
    box = Box()

    def work():
        box.value += 1

    for _ in range(30):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert box.value == 30


def race_many_threads_in_a_row_not_joined():
    """Box.value"""
    box, threads = Box(), []

    def work():
        box.value += 1

    for _ in range(10):
        thread = threading.Thread(target=work)
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()


def clean_arguments_of_the_thread():
    box = Box(1)

    def work(given, *, named):
        given.value += named.value

    thread = threading.Thread(target=work, args=(box,), kwargs={"named": Box(2)})
    thread.start()
    thread.join()
    assert box.value == 3


def race_argument_changed_after_start():
    """options['size']"""
    options = {"size": 1}

    def work(options):
        use(options["size"])

    thread = threading.Thread(target=work, args=(options,))
    thread.start()
    options["size"] = 2
    thread.join()


def clean_thread_that_fails():
    box, seen = Box(), []

    def work():
        box.value = 1
        raise ValueError

    def remember(arguments):
        seen.append(arguments.exc_type)

    hook, threading.excepthook = threading.excepthook, remember
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        threading.excepthook = hook
    assert box.value == 1
    assert seen == [ValueError]


def clean_thread_local():
    local = threading.local()

    def work():
        local.value = 0
        for _ in range(10):
            local.value += 1
        assert local.value == 10

    twice(work)


def clean_subclass_of_thread_local():
    class Context(threading.local):
        depth = 0

        def __init__(self):
            self.stack = [0]

    context = Context()

    def work():
        context.depth += 1
        context.stack[0] += 1
        assert context.depth == context.stack[0] == 1

    twice(work)


def race_object_in_two_thread_locals():
    """Box.value"""
    local, box = threading.local(), Box()

    def work():
        local.box = box
        local.box.value += 1

    twice(work)


def clean_waiting_for_all_threads_by_a_counter():
    box, lock, left = Box(), threading.Lock(), Box(3)

    def work():
        with lock:
            box.value += 1
            left.value -= 1

    def none_left():
        with lock:
            return left.value == 0

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_until(none_left)
    assert box.value == 3
    for thread in threads:
        thread.join()


def clean_name_of_a_thread():
    def work():
        use(threading.current_thread().name, threading.get_ident())

    twice(work)
