# How a thread of Python blocks: see _blocking.pyx.

from libc.stdint cimport int64_t, uint64_t

cdef extern from "ap_wait.h" nogil:
    size_t AP_WAKE_ALL
    bint ap_wait_init_core "ap_wait_init"() noexcept
    size_t ap_wake(const void *word, size_t n) noexcept
    int64_t ap_now() noexcept
    int64_t AP_FOREVER

# One attempt: sleeps until it has what it waits for (True) or until the deadline (False).
ctypedef bint (*attempt)(void *primitive, uint64_t ticket, int64_t deadline) noexcept nogil

# Asked before each sleep without a deadline: raises where the wait could never end.
ctypedef int (*refusal)(void *primitive) except -1


cdef inline int ap_wait_init() except -1:
    """Make this module's table of sleepers; once, at import."""
    if not ap_wait_init_core():
        raise MemoryError("no memory for the handler of os.fork()")
    return 0


cdef bint block(
    attempt try_until, void *primitive, uint64_t ticket, int64_t deadline, refusal refuse=*
) except -1
cdef str owner_shown(uint64_t mark, bint orphan)
cdef int refuse_orphan(str what, str held) except -1
cdef int64_t lock_deadline(object blocking, object timeout) except? -1
cdef int64_t wait_deadline(object timeout) except? -1
