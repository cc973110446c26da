# What the atomic types take as an argument, and how they refuse what they do not take: see arguments.pyx.

from cpython.float cimport PyFloat_AS_DOUBLE
from libc.stdint cimport int64_t, uint64_t

cdef extern from "_runtime/arguments.h":
    bint ap_is_compact(object n) noexcept
    int64_t ap_compact_value(object n) noexcept
    bint ap_is_natural(object n) noexcept
    const int64_t AP_NO_I64
    const uint64_t AP_NO_U64
    const Py_ssize_t AP_NO_INDEX
    const size_t AP_NO_WAITERS
    void ap_unreachable() noexcept  # after a call that always raises
    object ap_compare_i64(int64_t a, int64_t b, int operator)
    object ap_compare_u64(uint64_t a, uint64_t b, int operator)
    object ap_compare_f64(double a, double b, int operator)


cdef int64_t as_int64_slow(object n, str type_name) except? AP_NO_I64
cdef uint64_t as_uint64_slow(object n, str type_name) except? AP_NO_U64
cdef int as_double_slow(object n, str type_name, double *value) except -1
cdef bint as_bool_slow(object value, str type_name) except -1
cdef Py_ssize_t as_index_slow(object n, str what) except? AP_NO_INDEX
cdef size_t as_waiters_slow(object n) except? AP_NO_WAITERS
cdef str shown(object number)
cdef object refuse_copy(object value)


cdef inline int64_t as_int64(object n, str type_name) except? AP_NO_I64:
    """n as a signed 64-bit integer, or TypeError or OverflowError."""
    if ap_is_compact(n):
        return ap_compact_value(n)
    return as_int64_slow(n, type_name)


cdef inline uint64_t as_uint64(object n, str type_name) except? AP_NO_U64:
    """n as an unsigned 64-bit integer, or TypeError or OverflowError."""
    if ap_is_natural(n):
        return <uint64_t>ap_compact_value(n)
    return as_uint64_slow(n, type_name)


cdef inline int as_double(object n, str type_name, double *value) except -1:
    """value[0] = n, or TypeError or OverflowError. A double can be any result, so the status is a second one."""
    if type(n) is float:
        value[0] = PyFloat_AS_DOUBLE(n)
        return 0
    if ap_is_compact(n):  # of one digit, so it fits exactly
        value[0] = <double>ap_compact_value(n)
        return 0
    return as_double_slow(n, type_name, value)


cdef inline bint as_bool(object value, str type_name) except -1:
    """value, which must be a bool, or TypeError."""
    if value is True:
        return True
    if value is False:
        return False
    return as_bool_slow(value, type_name)


cdef inline Py_ssize_t as_index(object n, str what) except? AP_NO_INDEX:
    """n as an index or a length, or TypeError; the nearest there is where it is beyond any memory."""
    if ap_is_compact(n):
        return <Py_ssize_t>ap_compact_value(n)
    return as_index_slow(n, what)


cdef inline size_t as_waiters(object n) except? AP_NO_WAITERS:
    """How many waiters notify(n) is to wake; TypeError or ValueError."""
    if ap_is_natural(n):
        return <size_t>ap_compact_value(n)
    return as_waiters_slow(n)
