# `from atomicpy cimport AtomicInt, ap_fetch_add_i64`: the same objects for Cython, and the core's operations on them.

from atomicpy.ap_atomic cimport *
from atomicpy.atomic_bool cimport AtomicBool, atomic_bool_notify, atomic_bool_notify_all, atomic_bool_wait
from atomicpy.atomic_float cimport AtomicFloat
from atomicpy.atomic_int cimport AtomicInt, atomic_int_notify, atomic_int_notify_all, atomic_int_wait
from atomicpy.atomic_int_array cimport AtomicIntArray
from atomicpy.atomic_ref cimport AtomicRef
from atomicpy.atomic_uint cimport AtomicUInt, atomic_uint_notify, atomic_uint_notify_all, atomic_uint_wait
from atomicpy.sharded_counter cimport (
    ShardedCounter,
    sharded_counter_add,
    sharded_counter_drain,
    sharded_counter_load,
    sharded_counter_sub,
)
from atomicpy.sync_mutex cimport Mutex, mutex_lock, mutex_unlock
from atomicpy.sync_once cimport Once
from atomicpy.sync_rwmutex cimport (
    RWMutex,
    rwmutex_read_lock,
    rwmutex_read_unlock,
    rwmutex_write_lock,
    rwmutex_write_unlock,
)
from atomicpy.sync_waitgroup cimport WaitGroup, wait_group_add, wait_group_wait
