from atomicpy.atomics import AtomicInt as AtomicInt
from atomicpy.sync import Mutex as Mutex, WaitGroup as WaitGroup

__all__ = ["AtomicInt", "Mutex", "WaitGroup"]
