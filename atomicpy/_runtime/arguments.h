/* SPDX-License-Identifier: MIT
 *
 * arguments.h: exact ints of one digit, read in place, and comparisons. For the .pyx and for fast_calls.h.
 */
#ifndef AP_ARGUMENTS_H
#define AP_ARGUMENTS_H

#include <Python.h>
#include <stdint.h>

/* The layout is public from 3.12 on (PyUnstable_Long_IsCompact); on 3.11 it is that of its longintrepr.h, for good. */
#if PY_VERSION_HEX >= 0x030C0000
#define ap_is_compact(n) (PyLong_CheckExact(n) && PyUnstable_Long_IsCompact((PyLongObject *)(n)))
#define ap_compact_value(n) ((int64_t)PyUnstable_Long_CompactValue((PyLongObject *)(n)))
#else
#define ap_is_compact(n) (PyLong_CheckExact(n) && (size_t)(Py_SIZE(n) + 1) <= 2)
#define ap_compact_value(n) ((int64_t)Py_SIZE(n) * (int64_t)((PyLongObject *)(n))->ob_digit[0])
#endif

/* a <operator> b, for the operators of tp_richcompare. */
static inline PyObject *ap_compare_i64(int64_t a, int64_t b, int operator) { Py_RETURN_RICHCOMPARE(a, b, operator); }
static inline PyObject *ap_compare_u64(uint64_t a, uint64_t b, int operator) { Py_RETURN_RICHCOMPARE(a, b, operator); }
static inline PyObject *ap_compare_f64(double a, double b, int operator) { Py_RETURN_RICHCOMPARE(a, b, operator); }

/* What a conversion returns with an exception set: values that are rare, so that nobody else asks for one in vain. */
#define AP_NO_I64 INT64_C(-0x6b1f3c8d2e97a450)
#define AP_NO_U64 UINT64_C(0x94e0c372d1685bb0)
#define AP_NO_F64 -5.8381760318240635e-77
#define AP_NO_INDEX PY_SSIZE_T_MIN

#endif /* AP_ARGUMENTS_H */
