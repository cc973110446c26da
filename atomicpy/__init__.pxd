# `from atomicpy cimport AtomicInt, ap_fetch_add_i64`: the same objects for Cython, and the core's operations on them.

from atomicpy.atomic.ap_atomic cimport *
from atomicpy.atomic.atomic_bool cimport AtomicBool, atomic_bool_notify, atomic_bool_notify_all, atomic_bool_wait
from atomicpy.atomic.atomic_float cimport AtomicFloat
from atomicpy.atomic.atomic_int cimport AtomicInt, atomic_int_notify, atomic_int_notify_all, atomic_int_wait
from atomicpy.atomic.atomic_int_array cimport AtomicIntArray
from atomicpy.atomic.atomic_ref cimport AtomicRef
from atomicpy.atomic.atomic_uint cimport AtomicUInt, atomic_uint_notify, atomic_uint_notify_all, atomic_uint_wait
from atomicpy.atomic.sharded_counter cimport (
    ShardedCounter,
    sharded_counter_add,
    sharded_counter_drain,
    sharded_counter_load,
    sharded_counter_sub,
)
from atomicpy.sync.mutex cimport Mutex, mutex_lock, mutex_unlock
from atomicpy.sync.once cimport Once
from atomicpy.sync.rwmutex cimport (
    RWMutex,
    rwmutex_read_lock,
    rwmutex_read_unlock,
    rwmutex_write_lock,
    rwmutex_write_unlock,
)
from atomicpy.sync.wait_group cimport WaitGroup, wait_group_add, wait_group_wait
