"""What the programs of this folder have in common: when the clock runs, and what is printed."""

import json
import resource
import sys
import threading
import time


def run(work):
    steps = int(sys.argv[1])
    second = threading.Thread(target=int)  # from now on there is something to detect
    second.start()
    second.join()
    work(min(steps, 2000))  # the specialising interpreter needs a few loops
    cpu, wall = time.process_time(), time.perf_counter()
    work(steps)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"cpu": cpu, "wall": wall, "memory": memory}))
