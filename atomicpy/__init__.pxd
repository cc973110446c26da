# `from atomicpy cimport AtomicInt, ap_fetch_add_i64`: the same objects for Cython, and the core's operations on them.

from atomicpy.ap_atomic cimport *
from atomicpy.atomic_bool cimport AtomicBool
from atomicpy.atomic_float cimport AtomicFloat
from atomicpy.atomic_int cimport AtomicInt
from atomicpy.atomic_int_array cimport AtomicIntArray
from atomicpy.atomic_ref cimport AtomicRef
from atomicpy.atomic_uint cimport AtomicUInt
from atomicpy.sync cimport Mutex, WaitGroup, mutex_lock, mutex_unlock
