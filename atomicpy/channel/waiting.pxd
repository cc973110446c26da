# The core's channels and cases, and what the operations of this folder have in common: see waiting.pyx.

from libc.stdint cimport int64_t, uint64_t

from atomicpy.atomic.ap_atomic cimport ap_load_u64_acquire, ap_load_u64_relaxed, ap_u64

cdef extern from "<stdbool.h>":
    ctypedef bint c_bool "bool"

cdef extern from "channel/ap_select.h" nogil:
    ctypedef struct ap_channel:
        uint64_t capacity
        int64_t interval
        ap_u64 watch

    ctypedef enum ap_channel_result:
        AP_CHANNEL_WOULD_BLOCK
        AP_CHANNEL_DONE
        AP_CHANNEL_CLOSED
        AP_CHANNEL_NO_MEMORY

    ctypedef struct ap_waiter:
        ap_case *cases
        c_bool (*wake)(ap_waiter *waiter) noexcept
        void *owner

    ctypedef struct ap_case:
        ap_channel *channel
        void *value
        ap_waiter *waiter
        bint sends
        uint64_t ticket
        bint queued
        bint closed

    ap_channel_result ap_case_start(ap_case *c) noexcept
    bint ap_case_withdraw(ap_case *c) noexcept
    int64_t ap_select_look(ap_case *cases, size_t n) noexcept


cdef int64_t wait_for(ap_case *cases, size_t n, int64_t deadline) except -2
cdef int64_t fire(ap_channel *ch) except 0
cdef int raise_failed(ap_channel *ch, ap_channel_result result, str operation) except -1

# What a channel reports to the race detector: see waiting.pyx.
cdef inline bint is_watched(ap_channel *ch) noexcept:
    return ap_load_u64_relaxed(&ch.watch) != 0

cdef inline object watch_of(ap_channel *ch):
    """The watch of the channel, or None."""
    cdef uint64_t watch = ap_load_u64_acquire(&ch.watch)
    return None if watch == 0 else <object><void *><size_t>watch

cdef object begin_send(ap_channel *ch, object value)
cdef object begin_receive(ap_channel *ch)
cdef object received(ap_channel *ch, object record, object value)
cdef int note_closed(ap_channel *ch) except -1
