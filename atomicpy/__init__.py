"""atomicpy: values that threads can share. Atomic integers, mutexes and wait groups on C11 atomics.

What looks atomic is atomic, and everything else is an error: `a += 1` on an `AtomicInt` is one step that no other
thread can split, and `a + 1` does not exist.
"""

from atomicpy.atomics import AtomicInt
from atomicpy.sync import Mutex, WaitGroup

__all__ = ["AtomicInt", "Mutex", "WaitGroup"]
