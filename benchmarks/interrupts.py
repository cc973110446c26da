"""The time from Ctrl-C to the KeyboardInterrupt of a blocking call.

    python benchmarks/interrupts.py [--quick] [--rounds 11] [--only WORD] [--busy N] [--json FILE]

The contract is LIMIT on a machine that is not busy. `check.py` takes the shortest of a few rounds.
"""

import os
import signal
import statistics
import sys
import threading
import time
from typing import NamedTuple

import measure
import summary

from atomicpy import AtomicInt, Channel, Mutex, Once, RWMutex, WaitGroup, select

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
    "Channel.recv": lambda: Channel().recv,
    "select": lambda: lambda: select(Channel(), Channel()),
    "AtomicInt.wait": blocked_atomic,
}


def seconds_of(make):
    """The seconds from the signal to the KeyboardInterrupt, in the main thread."""
    call = make()
    sent, ready = [], threading.Event()

    def interrupt():
        ready.wait()
        time.sleep(UNTIL_ASLEEP)
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    sender = threading.Thread(target=interrupt)
    sender.start()
    try:
        ready.set()
        call()
    except KeyboardInterrupt:
        took = time.monotonic() - sent[0]
    else:
        raise AssertionError("the call did not block")
    sender.join()
    return took


class Delay(NamedTuple):
    ms: float
    worst: float


def side(make):
    def sample():
        cpu = time.process_time()
        seconds = seconds_of(make)
        return measure.Sample(seconds * 1e9, (time.process_time() - cpu) / (seconds + UNTIL_ASLEEP))

    return sample


def main():
    args = measure.parsed(measure.parser(__doc__, rounds=11))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts a background job with SIGINT ignored
    calls = {name: make for name, make in CALLS.items() if args.only in name}
    with measure.busy(args.busy):
        seen = measure.conditions(args.busy)
        print(f"{measure.heading(seen)}\n")
        rounds, _ = measure.loop_of(args).samples(*map(side, calls.values()))
    rows = {}
    for name, samples in zip(calls, zip(*rounds, strict=True), strict=True):
        delays = [sample.ns / 1e6 for sample in samples]
        row = rows[name] = Delay(statistics.median(delays), max(delays))
        print(f"{name:22} median {row.ms:7.2f} ms, worst {row.worst:7.2f} ms")
    if args.json:
        summary.save(args.json, "interrupts", seen, args.rounds, Delay._fields, rows)


if __name__ == "__main__":
    if sys.platform == "win32":
        sys.exit("a process of Windows cannot send Ctrl-C to itself")
    main()
