# The core's table of functions, and how a Python thread blocks: see core.pyx.

from libc.stdint cimport int64_t, uint64_t

from atomicpy._runtime.arguments cimport ap_compact_value, ap_is_compact

cdef extern from "platform/ap_clock.h" nogil:
    int64_t ap_now() noexcept
    int64_t AP_FOREVER

cdef extern from "ap_core.h" nogil:
    ctypedef struct ap_core:
        pass

cdef ap_core core_table

# One attempt: returns True when it has what it waits for, or False at the deadline.
ctypedef bint (*attempt)(void *primitive, uint64_t ticket, int64_t deadline) noexcept nogil

# Called before each park without a deadline: raises if the wait could never end.
ctypedef int (*refusal)(void *primitive) except -1


cdef inline int64_t deadline_of(object blocking, object timeout) except? -1:
    """The deadline of acquire(blocking, timeout): a timeout of -1 means no deadline. 0: do not wait."""
    if ap_is_compact(timeout) and ap_compact_value(timeout) == -1:
        return AP_FOREVER if blocking else 0
    return deadline_of_slow(blocking, timeout)


cdef bint block(
    attempt try_until, void *primitive, uint64_t ticket, int64_t deadline, refusal refuse=*
) except -1
cdef str owner_shown(uint64_t owner_id, bint lost)
cdef int refuse_lost_owner(str what, str held) except -1
cdef int64_t deadline_of_slow(object blocking, object timeout) except? -1
cdef int64_t wait_deadline(object timeout) except? -1
cdef int64_t duration(object seconds, str what) except? -1
cdef int64_t next_signal_check() noexcept
