/* SPDX-License-Identifier: MIT
 *
 * integers.c: the counters: Counter beside atomicpy.AtomicInt, Unsigned beside atomicpy.AtomicUInt. See integer.h.
 */
#include "handwritten.h"

#define CLASS Counter
#define TYPE Counter_Type
#define NAME "handwritten.Counter"
#define SHOWN "AtomicInt(%lld)"
#define WORD int64_t
#define AS_WORD as_int64
#define FROM_WORD PyLong_FromLongLong
#define F(name) counter_##name
#include "integer.h"
#undef CLASS
#undef TYPE
#undef NAME
#undef SHOWN
#undef WORD
#undef AS_WORD
#undef FROM_WORD
#undef F

#define CLASS Unsigned
#define TYPE Unsigned_Type
#define NAME "handwritten.Unsigned"
#define SHOWN "AtomicUInt(%llu)"
#define WORD uint64_t
#define AS_WORD as_uint64
#define FROM_WORD PyLong_FromUnsignedLongLong
#define F(name) unsigned_##name
#include "integer.h"
