/* SPDX-License-Identifier: MIT
 *
 * fast_calls_array.h: the fast calls of AtomicIntArray; see fast_calls.h. Before the include the module names the
 * struct of the class: ap_array_object.
 */
#ifndef AP_FAST_CALLS_ARRAY_H
#define AP_FAST_CALLS_ARRAY_H

#include "_runtime/fast_calls.h"

#define AP_NUMBER int64_t
#define AP_BOX PyLong_FromLongLong

AP_FAST_NEW(false, nargs == 1, ap_do_init(self, args[0]))

/* An index for a fast call. The operation tests it again, and the compiler removes that test and its error path. */
#define AP_HAS(i) (ap_is_compact(i) && ap_do_has(self, ap_compact_value(i)))

AP_FAST_ONE(load, AP_HAS(argument), ap_do_load(self, argument, &result))
AP_FAST_CALL(store, 2, 2, AP_HAS(args[0]) && ap_is_compact(args[1]),
             AP_NONE_OR_ERROR(ap_do_store(self, args[0], args[1])))

/* name(i, n=1). One call of the operation, because the compiler does not inline two. */
#define AP_STEP (nargs == 1 ? ap_default_one() : args[1])
#define AP_FAST_ELEMENT_STEP(name) \
    AP_FAST_NUMBER(name, 1, 2, AP_HAS(args[0]) && ap_is_compact(AP_STEP), ap_do_##name(self, args[0], AP_STEP, &result))
AP_FAST_ELEMENT_STEP(add)
AP_FAST_ELEMENT_STEP(sub)
AP_FAST_ELEMENT_STEP(fetch_add)
AP_FAST_ELEMENT_STEP(fetch_sub)

/* name(i, n) */
#define AP_FAST_ELEMENT_SWAP(name) \
    AP_FAST_NUMBER(name, 2, 2, AP_HAS(args[0]) && ap_is_compact(args[1]), ap_do_##name(self, args[0], args[1], &result))
AP_FAST_ELEMENT_SWAP(exchange)
AP_FAST_ELEMENT_SWAP(fetch_and)
AP_FAST_ELEMENT_SWAP(fetch_or)
AP_FAST_ELEMENT_SWAP(fetch_xor)
AP_FAST_ELEMENT_SWAP(fetch_max)
AP_FAST_ELEMENT_SWAP(fetch_min)

AP_FAST_CALL(compare_exchange, 3, 3, AP_HAS(args[0]) && ap_is_compact(args[1]) && ap_is_compact(args[2]),
             ap_truth_or_error(ap_do_compare_exchange(self, args[0], args[1], args[2])))
AP_FAST_CALL(update, 2, 2, true, ap_do_update(self, args[0], args[1]))

static const ap_fast_call ap_fast_calls[] = {
    AP_OVERRIDE_ONE(load),         AP_OVERRIDE(store),     AP_OVERRIDE(add),       AP_OVERRIDE(sub),
    AP_OVERRIDE(fetch_add),        AP_OVERRIDE(fetch_sub), AP_OVERRIDE(exchange),  AP_OVERRIDE(fetch_and),
    AP_OVERRIDE(fetch_or),         AP_OVERRIDE(fetch_xor), AP_OVERRIDE(fetch_max), AP_OVERRIDE(fetch_min),
    AP_OVERRIDE(compare_exchange), AP_OVERRIDE(update),    AP_OVERRIDE_END,
};

/* Cython's destructor protects the object and the current exception from __dealloc__. Freeing needs no such care. A
 * view or a weak reference does. */
static destructor ap_dealloc_method;
static void ap_dealloc_fast(PyObject *self)
{
    ap_array_object *array = (ap_array_object *)self;
    if (array->view != NULL || array->__weakref__ != NULL) {
        ap_dealloc_method(self);
        return;
    }
    PyMem_RawFree(array->words);
    Py_TYPE(self)->tp_free(self);
}

static void ap_override_dealloc(PyTypeObject *type)
{
    if (type->tp_dealloc != ap_dealloc_fast) {
        ap_dealloc_method = type->tp_dealloc;
        type->tp_dealloc = ap_dealloc_fast;
    }
}

#endif /* AP_FAST_CALLS_ARRAY_H */
