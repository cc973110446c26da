"""put -> the get that received it, get -> the put that needed its room, task_done -> join."""

import collections
import queue
import threading

from edges.locks import Lock
from engine import Clock, clock_of


def install(library=queue):
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
