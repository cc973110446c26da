# SPDX-License-Identifier: MIT
"""What the atomic types take as an argument, and how they refuse what they do not take.

The fast halves are inline in `arguments.pxd`. Each error shows what was given, and what to do instead.
"""

from cpython.float cimport PyFloat_AsDouble
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_AsUnsignedLongLong, PyLong_CheckExact
from cpython.number cimport PyNumber_Index

cdef extern from "Python.h":
    Py_ssize_t PyNumber_AsSsize_t(object n, void *error) except? -1


cdef str shown(number):
    """The number as an error message shows it: str() of a large one is long, and refused above 4300 digits."""
    if number.bit_length() > 256:
        return f"an integer of {number.bit_length()} bits"
    return str(number)


cdef object integer(object n, str type_name):
    if PyLong_CheckExact(n):  # a large one
        return n
    if not hasattr(type(n), "__index__"):
        raise TypeError(f"{type_name} needs an integer, not {described(n)}; convert it with int() first")
    return PyNumber_Index(n)


cdef str described(value):
    import reprlib  # imported here, so that importing the package stays cheap

    return f"the {type(value).__name__} {reprlib.repr(value)}"


cdef int64_t as_int64_slow(object n, str type_name) except? AP_NO_I64:
    cdef int overflow = 0
    number = integer(n, type_name)
    cdef int64_t value = PyLong_AsLongLongAndOverflow(number, &overflow)
    if overflow:
        raise OverflowError(f"{shown(number)} is outside the range of {type_name}, -2**63 to 2**63 - 1")
    return value


cdef uint64_t as_uint64_slow(object n, str type_name) except? AP_NO_U64:
    number = integer(n, type_name)
    if number < 0 or number.bit_length() > 64:
        raise OverflowError(f"{shown(number)} is outside the range of {type_name}, 0 to 2**64 - 1")
    return PyLong_AsUnsignedLongLong(number)


cdef int as_double_slow(object n, str type_name, double *value) except -1:
    if not hasattr(type(n), "__float__") and not hasattr(type(n), "__index__"):
        raise TypeError(f"{type_name} needs a number, not {described(n)}; convert it with float() first")
    value[0] = PyFloat_AsDouble(n)
    return 0


cdef bint as_bool_slow(object value, str type_name) except -1:
    raise TypeError(f"{type_name} needs True or False, not {described(value)}; convert it with bool() first")


cdef Py_ssize_t as_index_slow(object n, str what) except? AP_NO_INDEX:
    if PyLong_CheckExact(n):
        return PyNumber_AsSsize_t(n, NULL)
    if isinstance(n, slice):
        raise TypeError(f"{what} cannot be sliced: there is no atomic step on several elements; take them one by one")
    if not hasattr(type(n), "__index__"):
        raise TypeError(f"{what} needs an integer index, not {described(n)}")
    return PyNumber_AsSsize_t(n, NULL)


cdef size_t as_waiters_slow(object n) except? AP_NO_WAITERS:
    """How many waiters notify(n) is to wake."""
    number = integer(n, "notify()")
    if number < 0:
        raise ValueError(f"notify() needs a number of waiters, 0 or more, not {shown(number)}")
    return min(number, 0x7fffffff)


cdef object refuse_copy(object value):
    raise TypeError(
        f"{value!r} cannot be copied or pickled: the copy would be a value that is no longer shared. Pass the object "
        "itself to threads; to share a value between processes use AtomicIntArray.from_buffer"
    )
