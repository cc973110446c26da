# What the atomic types take as an argument, and how they refuse what they do not take: see _arguments.pyx.

from libc.stdint cimport int64_t, uint64_t

cdef extern from *:
    """
    /* An int of one digit is read in place: its layout is public from 3.12 on (PyUnstable_Long_IsCompact). */
    #if PY_VERSION_HEX >= 0x030C0000
    #define ap_is_compact(n) likely(PyLong_CheckExact(n) && PyUnstable_Long_IsCompact((PyLongObject *)(n)))
    #define ap_compact_value(n) ((int64_t)PyUnstable_Long_CompactValue((PyLongObject *)(n)))
    #else
    #define ap_is_compact(n) 0
    #define ap_compact_value(n) 0
    #endif

    /* a <operator> b, for the operators of tp_richcompare. */
    #define AP_COMPARE(a, b, operator) \
        ((operator) == Py_LT ? (a) < (b) : (operator) == Py_LE ? (a) <= (b) : (operator) == Py_EQ ? (a) == (b) : \
         (operator) == Py_NE ? (a) != (b) : (operator) == Py_GT ? (a) > (b) : (a) >= (b))
    static inline int ap_compare_i64(int64_t a, int64_t b, int operator) { return AP_COMPARE(a, b, operator); }
    static inline int ap_compare_u64(uint64_t a, uint64_t b, int operator) { return AP_COMPARE(a, b, operator); }
    static inline int ap_compare_f64(double a, double b, int operator) { return AP_COMPARE(a, b, operator); }
    """
    bint ap_is_compact(object n) noexcept
    int64_t ap_compact_value(object n) noexcept
    bint ap_compare_i64(int64_t a, int64_t b, int operator) noexcept
    bint ap_compare_u64(uint64_t a, uint64_t b, int operator) noexcept
    bint ap_compare_f64(double a, double b, int operator) noexcept


cdef int64_t as_int64_slow(object n, str type_name) except? -1
cdef uint64_t as_uint64_slow(object n, str type_name) except? 0xffffffffffffffff
cdef double as_double_slow(object n, str type_name) except? -1
cdef bint as_bool_slow(object value, str type_name) except -1
cdef Py_ssize_t as_index_slow(object n, str what) except? -1
cdef size_t as_waiters_slow(object n) except? 0
cdef str shown(object number)
cdef object refuse_copy(object value)


cdef inline int64_t as_int64(object n, str type_name) except? -1:
    """n as a signed 64-bit integer, or TypeError or OverflowError."""
    if ap_is_compact(n):
        return ap_compact_value(n)
    return as_int64_slow(n, type_name)


cdef inline uint64_t as_uint64(object n, str type_name) except? 0xffffffffffffffff:
    """n as an unsigned 64-bit integer, or TypeError or OverflowError."""
    if ap_is_compact(n) and ap_compact_value(n) >= 0:
        return <uint64_t>ap_compact_value(n)
    return as_uint64_slow(n, type_name)


cdef inline double as_double(object n, str type_name) except? -1:
    """n as a double, or TypeError or OverflowError."""
    if type(n) is float:
        return <double>n
    if ap_is_compact(n):  # of one digit, so it fits exactly
        return <double>ap_compact_value(n)
    return as_double_slow(n, type_name)


cdef inline bint as_bool(object value, str type_name) except -1:
    """value, which must be a bool, or TypeError."""
    if value is True:
        return True
    if value is False:
        return False
    return as_bool_slow(value, type_name)


cdef inline Py_ssize_t as_index(object n, str what) except? -1:
    """n as an index or a length, or TypeError; the nearest there is where it is beyond any memory."""
    if ap_is_compact(n):
        return <Py_ssize_t>ap_compact_value(n)
    return as_index_slow(n, what)


cdef inline size_t as_waiters(object n) except? 0:
    """How many waiters notify(n) is to wake; TypeError or ValueError."""
    if ap_is_compact(n) and ap_compact_value(n) >= 0:
        return <size_t>ap_compact_value(n)
    return as_waiters_slow(n)
