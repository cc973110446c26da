"""atomicpy: values that threads can share. Atomic numbers and flags, mutexes and wait groups on C11 atomics.

Every operation on an atomic object is one step, or it raises an error. `a += 1` on an `AtomicInt` is one step that no
other thread can split. `a + 1` is a `TypeError`.
"""

import os

from atomicpy.atomic.atomic_bool import AtomicBool
from atomicpy.atomic.atomic_float import AtomicFloat
from atomicpy.atomic.atomic_int import AtomicInt
from atomicpy.atomic.atomic_int_array import AtomicIntArray
from atomicpy.atomic.atomic_ref import AtomicRef
from atomicpy.atomic.atomic_uint import AtomicUInt
from atomicpy.atomic.sharded_counter import ShardedCounter
from atomicpy.channel.channel import Channel
from atomicpy.channel.select import after, select, tick
from atomicpy.channel.waiting import ChannelClosed
from atomicpy.sync.mutex import Mutex
from atomicpy.sync.once import Once, once
from atomicpy.sync.rwmutex import RWMutex
from atomicpy.sync.wait_group import WaitGroup

__all__ = [
    "AtomicBool",
    "AtomicFloat",
    "AtomicInt",
    "AtomicIntArray",
    "AtomicRef",
    "AtomicUInt",
    "Channel",
    "ChannelClosed",
    "Mutex",
    "Once",
    "RWMutex",
    "ShardedCounter",
    "WaitGroup",
    "after",
    "get_include",
    "once",
    "select",
    "tick",
]


def get_include() -> str:
    """Return the folder of the C headers, for the include path of an extension that cimports atomicpy.

    >>> sorted(name for name in os.listdir(get_include()) if name.startswith("ap_atomic"))
    ['ap_atomic.h']
    """
    return os.path.join(os.path.dirname(__file__), "include")
