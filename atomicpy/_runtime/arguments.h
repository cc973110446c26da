/* SPDX-License-Identifier: MIT
 *
 * arguments.h: exact ints of one digit, read in place, and comparisons. For arguments.pxd.
 */
#ifndef AP_ARGUMENTS_H
#define AP_ARGUMENTS_H

#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#if defined(__GNUC__)
#define AP_ASSUME(condition)         \
    do {                             \
        if (!(condition)) {          \
            __builtin_unreachable(); \
        }                            \
    } while (0)
#define AP_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define ap_unreachable() __builtin_unreachable()
#else
#define AP_ASSUME(condition) ((void)0)
#define AP_LIKELY(condition) (condition)
#define ap_unreachable() ((void)0)
#endif

/* From 3.12 on the layout is public (PyUnstable_Long_IsCompact). On 3.11 it is that of its longintrepr.h, and final. */
#if PY_VERSION_HEX >= 0x030C0000
#define ap_is_compact(n) AP_LIKELY(PyLong_CheckExact(n) && PyUnstable_Long_IsCompact((PyLongObject *)(n)))
#define ap_read_compact(n) ((int64_t)PyUnstable_Long_CompactValue((PyLongObject *)(n)))
#else
#define ap_is_compact(n) AP_LIKELY(PyLong_CheckExact(n) && (size_t)(Py_SIZE(n) + 1) <= 2)
#define ap_read_compact(n) ((int64_t)Py_SIZE(n) * (int64_t)((PyLongObject *)(n))->ob_digit[0])
#endif

/* The value of one digit. The compiler may assume its range: it has none of the values below, so the caller's test
 * for an exception is removed. */
static inline int64_t ap_compact_value(PyObject *n)
{
    int64_t value = ap_read_compact(n);
    AP_ASSUME(value >= -(INT64_C(1) << 60) && value <= INT64_C(1) << 60);
    return value;
}

/* True or False, which are one object each. */
static inline bool ap_is_bool(PyObject *o) { return o == Py_True || o == Py_False; }

/* A compact int that is not negative. */
static inline bool ap_is_natural(PyObject *n) { return ap_is_compact(n) && AP_LIKELY(ap_compact_value(n) >= 0); }

/* a <operator> b, for the operators of tp_richcompare. */
static inline PyObject *ap_compare_i64(int64_t a, int64_t b, int operator) { Py_RETURN_RICHCOMPARE(a, b, operator); }
static inline PyObject *ap_compare_u64(uint64_t a, uint64_t b, int operator) { Py_RETURN_RICHCOMPARE(a, b, operator); }
static inline PyObject *ap_compare_f64(double a, double b, int operator) { Py_RETURN_RICHCOMPARE(a, b, operator); }

/* What a conversion returns with an exception set: rare values, so that PyErr_Occurred() is rarely called without
 * one. */
#define AP_NO_I64 INT64_C(-0x6b1f3c8d2e97a450)
#define AP_NO_U64 UINT64_C(0x94e0c372d1685bb0)
#define AP_NO_INDEX PY_SSIZE_T_MIN
#define AP_NO_WAITERS SIZE_MAX

#endif /* AP_ARGUMENTS_H */
