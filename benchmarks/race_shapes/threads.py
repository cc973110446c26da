"""Many threads: 1,000 concurrent threads share the steps. Each step reads and writes an attribute of the thread's own
object, and writes an item of a shared dict. Each hundredth step acquires a lock.
"""

import threading

import measure

THREADS = 1000
lock = threading.Lock()
totals = {}


class Own:
    def __init__(self):
        self.count = 0


def body(me, steps):
    own = Own()
    for step in range(steps):
        own.count += 1
        totals[me] = own.count
        if step % 100 == 0:
            with lock:
                totals["all"] = totals.get("all", 0) + 1


def work(steps):
    threads = [threading.Thread(target=body, args=(me, max(1, steps // THREADS))) for me in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


measure.run(work)
