"""The common part of the programs of this folder: it times the work and prints the result as JSON."""

import json
import resource
import sys
import threading
import time


def run(work):
    steps = int(sys.argv[1])
    second = threading.Thread(target=int)  # the detector records accesses only after a second thread has started
    second.start()
    second.join()
    work(min(steps, 2000))  # a warm-up for the specializing interpreter
    cpu, wall = time.process_time(), time.perf_counter()
    work(steps)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"cpu": cpu, "wall": wall, "memory": memory}))
