from cpython.object cimport PyObject
from libc.stdint cimport uint32_t, uint64_t


cdef extern from "race/engine/rc_module.h":
    ctypedef struct rc_sync:
        pass
    ctypedef struct rc_thread:
        pass
    ctypedef struct rc_race:
        bint write
        uint64_t epoch
        uint32_t stack
    ctypedef void (*rc_reporter)(
        int what, object obj, object name, int write, uint64_t now, uint32_t stack, const rc_race *race
    ) noexcept
    bint RC_WORKS
    int RC_OFF
    dict rc_make_calls()
    dict rh_make_types()
    rc_thread *rc_this_thread() noexcept
    uint64_t rc_begin_thread(const rc_sync *parent) noexcept
    void rc_detach() noexcept
    int rc_install() except -1
    void rc_uninstall() noexcept
    int rc_get_mode() noexcept
    void rc_set_report(rc_reporter report) noexcept
    uint32_t rc_here_now() noexcept
    uint64_t rc_current_number() noexcept
    uint64_t rc_number_of(uint64_t epoch) noexcept
    object rc_frame_at(uint32_t entry, uint32_t *parent)
    rc_sync *rc_sync_new() noexcept
    rc_sync *rc_sync_of(size_t address) noexcept
    rc_sync *rc_sync_at(size_t address, uint64_t place) noexcept
    void rc_sync_unref(rc_sync *sync) noexcept
    void rc_acquire(rc_thread *thread, rc_sync *sync) noexcept
    void rc_release(rc_thread *thread, rc_sync *sync) noexcept
    void rc_set(rc_thread *thread, rc_sync *sync) noexcept
    void rc_swap(rc_thread *thread, rc_sync *sync) noexcept

    ctypedef struct rc_counts:
        uint64_t objects, locations, reads, clocks, threads, slots, tenants
    rc_counts rc_count() noexcept
    uint64_t rc_n_keys() noexcept
    uint64_t rc_n_stacks() noexcept
    uint64_t *rc_reclaim(uint32_t *n_removed) noexcept

    unsigned long rc_make_mutable(type cls) noexcept
    void rc_restore_immutable(type cls, unsigned long immutable) noexcept
    void rc_call_for_new_channels(type cls, PyObject *function) noexcept


cdef class Clock:
    cdef rc_sync *sync  # one reference
