"""How long a blocking call goes on after Ctrl-C: the time from the signal to the KeyboardInterrupt.

    python benchmarks/interrupts.py [--rounds N]

The contract is LIMIT on a machine that is not busy. `check.py` takes the shortest of a few rounds.
"""

import argparse
import os
import signal
import statistics
import sys
import threading
import time

from atomicpy import AtomicInt, Mutex, Once, RWMutex, WaitGroup

LIMIT = 0.1  # s
UNTIL_ASLEEP = 0.03  # s from the start of the call to the signal


def blocked_mutex():
    mutex = Mutex()
    mutex.acquire()
    return mutex.acquire


def blocked_reader():
    lock = RWMutex()
    lock.acquire_write()
    return lock.acquire_read


def blocked_writer():
    lock = RWMutex()
    lock.acquire_read()
    return lock.acquire_write


def blocked_group():
    group = WaitGroup()
    group.add()
    return group.wait


def blocked_once():
    once, begun = Once(), threading.Event()
    threading.Thread(target=once.do, args=(lambda: begun.set() or threading.Event().wait(),), daemon=True).start()
    begun.wait()
    return lambda: once.do(int)


def blocked_atomic():
    word = AtomicInt()
    return lambda: word.wait(0)


CALLS = {
    "Mutex.acquire": blocked_mutex,
    "RWMutex.acquire_read": blocked_reader,
    "RWMutex.acquire_write": blocked_writer,
    "WaitGroup.wait": blocked_group,
    "Once.do": blocked_once,
    "AtomicInt.wait": blocked_atomic,
}


def seconds_of(make):
    """From the signal to the KeyboardInterrupt, in the main thread."""
    call = make()
    sent = []

    def interrupt():
        time.sleep(UNTIL_ASLEEP)
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    sender = threading.Thread(target=interrupt)
    try:
        sender.start()
        call()
    except KeyboardInterrupt:
        took = time.monotonic() - sent[0]
    else:
        raise AssertionError("the call did not block")
    sender.join()
    return took


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=11)
    rounds = options.parse_args().rounds
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts with it ignored
    for name, make in CALLS.items():
        took = [seconds_of(make) for _ in range(rounds)]
        print(f"{name:22} median {statistics.median(took) * 1e3:7.2f} ms, worst {max(took) * 1e3:7.2f} ms", flush=True)


if __name__ == "__main__":
    if sys.platform == "win32":
        sys.exit("a process cannot send itself Ctrl-C there")
    main()
