# ShardedCounter for Cython: `from atomicpy cimport ShardedCounter, sharded_counter_add`.

from libc.stdint cimport int64_t, uint64_t

cdef extern from "counter/ap_shards.h" nogil:
    ctypedef struct ap_shard_cell:
        pass

    ctypedef struct ap_shards:
        pass


cdef class ShardedCounter:
    cdef ap_shards shards          # the cells, and what is in none of them
    cdef object __weakref__

cdef class LocalCounter:
    cdef ap_shard_cell *cell       # of the thread that made it, while that lives
    cdef uint64_t thread           # its number: ap_shards_thread()
    cdef ShardedCounter counter    # holds the cell
    cdef str made_in               # the name of the thread
    cdef object __weakref__

# For nogil code, on any thread, also on one without a Python thread state. add and sub return False if there is no
# memory for the cell of a thread that adds for the first time. load and drain return False if the value is outside
# -2**63 to 2**63 - 1. Then nothing has changed.
cdef bint sharded_counter_add(ShardedCounter c, int64_t n) noexcept nogil
cdef bint sharded_counter_sub(ShardedCounter c, int64_t n) noexcept nogil
cdef bint sharded_counter_load(ShardedCounter c, int64_t *value) noexcept nogil
cdef bint sharded_counter_drain(ShardedCounter c, int64_t *value) noexcept nogil
