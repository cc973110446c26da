# How a thread of Python blocks: see blocking.pyx.

from libc.stdint cimport int64_t, uint64_t

from atomicpy._runtime.arguments cimport ap_compact_value, ap_is_compact

cdef extern from "park/ap_wait.h" nogil:
    size_t AP_WAKE_ALL
    bint ap_wait_init_core "ap_wait_init"() noexcept
    size_t ap_wake(const void *word, size_t n) noexcept
    int64_t ap_now() noexcept
    int64_t AP_FOREVER

cdef extern from "platform/ap_thread.h" nogil:
    bint ap_thread_init() noexcept

# One attempt: sleeps until it has what it waits for (True) or until the deadline (False).
ctypedef bint (*attempt)(void *primitive, uint64_t ticket, int64_t deadline) noexcept nogil

# Asked before each sleep without a deadline: raises where the wait could never end.
ctypedef int (*refusal)(void *primitive) except -1


cdef inline int ap_wait_init() except -1:
    """Make the table of sleepers of this module, which carries a copy of the core; once, at import."""
    if not ap_wait_init_core():
        raise MemoryError("no memory for the handler of os.fork()")
    return 0


cdef inline int start_core() except -1:
    """The same, for a module of locks, which know their owners."""
    ap_wait_init()
    if not ap_thread_init():
        raise MemoryError("no memory for the handler of os.fork()")
    return 0


cdef inline int64_t deadline_of(object blocking, object timeout) except? -1:
    """The deadline of acquire(blocking, timeout), which has its own rules: -1 is for ever. 0: do not wait at all."""
    if ap_is_compact(timeout) and ap_compact_value(timeout) == -1:
        return AP_FOREVER if blocking else 0
    return deadline_of_slow(blocking, timeout)


cdef bint block(
    attempt try_until, void *primitive, uint64_t ticket, int64_t deadline, refusal refuse=*
) except -1
cdef str owner_shown(uint64_t mark, bint orphan)
cdef int refuse_orphan(str what, str held) except -1
cdef int64_t deadline_of_slow(object blocking, object timeout) except? -1
cdef int64_t wait_deadline(object timeout) except? -1
