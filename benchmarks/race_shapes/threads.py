"""Many threads: 1,000 of them one beside the other, that share the steps. Each step is a read and a write of an
attribute that is the thread's own, a write of an item of a dict that all share; every hundredth takes a lock.
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
