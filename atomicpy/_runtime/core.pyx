# SPDX-License-Identifier: MIT
# In the documentation: docs/design/parking.md
"""The C core, and how a Python thread blocks in it.

This is the one extension that links the parking lot and the locks: a process has one parking lot and one handler of
`fork()`. The other modules call the core through the table of functions in `src/ap_core.h`, which `bind_core()` of
`core_calls.pxd` fetches.

Each wait of the package calls `block()`: timeouts become deadlines, and signals are checked. Before the thread parks,
it releases the GIL (on a free-threaded build it detaches from the interpreter), so the other threads and the garbage
collector run.
"""

from cpython.exc cimport PyErr_CheckSignals

import os
import threading
from _thread import TIMEOUT_MAX

cdef extern from "Python.h":
    unsigned long PyThread_get_thread_ident() noexcept

cdef extern from "ap_core.h" nogil:
    bint ap_core_init() noexcept
    void ap_core_describe(ap_core *table) noexcept

cdef extern from "platform/ap_owner.h" nogil:
    uint64_t ap_owner_thread(uint64_t id) noexcept

if not ap_core_init():
    raise MemoryError("no memory for the handler of os.fork(), or no thread-local key left")

ap_core_describe(&core_table)

# Python runs signal handlers in the main thread, between bytecodes. A parked thread receives no signal, to whichever
# thread the system delivers it. So the main thread checks for signals at this interval (ns).
cdef int64_t SIGNAL_CHECK = 50_000_000

# In the child after os.fork(), the thread that called it is the main thread.
cdef unsigned long main_thread = threading.main_thread().ident


def _update_main_thread():
    global main_thread
    main_thread = PyThread_get_thread_ident()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_update_main_thread)

cdef double NS_PER_SECOND = 1e9


cdef int64_t next_signal_check() noexcept:
    """When the calling thread has to check for signals: AP_FOREVER in all threads but the main one."""
    return ap_now() + SIGNAL_CHECK if PyThread_get_thread_ident() == main_thread else AP_FOREVER


cdef bint block(
    attempt try_until, void *primitive, uint64_t ticket, int64_t deadline, refusal refuse=NULL
) except -1:
    """Call try_until until it succeeds (True) or the deadline has passed (False).

    Raises what a signal handler raises, such as KeyboardInterrupt, but only after a failed attempt: an exception never
    loses what was acquired. Without a deadline, raises what `refuse` raises.
    """
    cdef bint done
    cdef int64_t until
    while True:
        # At each turn, because a signal handler may have forked: this may be the child.
        if refuse is not NULL and deadline == AP_FOREVER:
            refuse(primitive)
        until = min(deadline, next_signal_check())
        with nogil:
            done = try_until(primitive, ticket, until)
        if done:
            return True
        PyErr_CheckSignals()
        if until == deadline:
            return False


cdef int64_t deadline_of_slow(object blocking, object timeout) except? -1:
    cdef double seconds = as_seconds(timeout, "timeout")
    if seconds == -1:
        return AP_FOREVER if blocking else 0
    if not blocking:
        raise ValueError("can't specify a timeout for a non-blocking call; leave it out, or leave out blocking=False")
    if seconds == 0:
        return 0
    if seconds < 0:
        raise ValueError(f"timeout must be a non-negative number of seconds, or -1 to wait for ever, not {timeout!r}")
    return after(seconds)


cdef int64_t wait_deadline(object timeout) except? -1:
    """The deadline of wait(timeout=None): None means no deadline."""
    if timeout is None:
        return AP_FOREVER
    cdef double seconds = as_seconds(timeout, "timeout")
    if seconds < 0:
        raise ValueError(f"timeout must be a non-negative number of seconds, or None to wait for ever, not {timeout!r}")
    return after(seconds)


cdef int64_t duration(object seconds, str what) except? -1:
    """The argument of what(seconds) in nanoseconds, or AP_FOREVER; at least 1 if it is not 0."""
    cdef double ns = as_seconds(seconds, f"the argument of {what}") * NS_PER_SECOND
    if ns < 0:
        raise ValueError(f"{what} needs a non-negative number of seconds, not {seconds!r}")
    if ns >= <double>AP_FOREVER:
        return AP_FOREVER
    return <int64_t>ns + (<int64_t>ns < ns)


cdef double as_seconds(object seconds, str what) except? -1:
    if not hasattr(type(seconds), "__float__") and not hasattr(type(seconds), "__index__"):
        raise TypeError(f"{what} must be a number of seconds, not {type(seconds).__name__}")
    try:
        number = float(seconds)
    except OverflowError:
        number = float("inf") if seconds > 0 else float("-inf")
    if number != number:
        raise ValueError(f"{what} must be a number of seconds, not NaN")
    if number > TIMEOUT_MAX:
        raise OverflowError(f"{what} is too large: at most {TIMEOUT_MAX:.0f} seconds (threading.TIMEOUT_MAX)")
    return number


cdef int64_t after(double seconds) noexcept:
    """The deadline that many seconds from now: at most 292 years, which TIMEOUT_MAX does not exceed."""
    cdef double ns = seconds * NS_PER_SECOND
    cdef int64_t now = ap_now()
    # Compared as doubles: the sum of two int64_t may overflow, and 2**63 is outside int64_t.
    if ns >= <double>(AP_FOREVER - now):
        return AP_FOREVER
    # Rounded up: a wait does not end before its timeout.
    cdef int64_t whole = <int64_t>ns
    return now + whole + (whole < ns)


cdef str owner_shown(uint64_t owner_id, bint lost):
    """The owner for a repr: the name of the thread in quotes, or a description in angle brackets."""
    if lost:
        return "<a thread of the parent process>"
    for thread in threading.enumerate():
        if thread.ident is not None and ap_owner_thread(<uint64_t>thread.ident) == ap_owner_thread(owner_id):
            return repr(thread.name)
    return "<a thread that has ended, or is none of Python's>"


cdef int refuse_lost_owner(str what, str held) except -1:
    raise RuntimeError(
        f"this {what} has been {held} since before os.fork() by a thread of the parent process, which does not exist in"
        " this one: a wait for it without a timeout would never end. Fork while no other thread holds it, or make a new"
        " one in the child (os.register_at_fork)"
    )
