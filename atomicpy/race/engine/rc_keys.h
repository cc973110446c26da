/* SPDX-License-Identifier: MIT
 *
 * rc_keys.h: the item of a container that a key means. Equal keys are one location: 1, 1.0 and True. An index counts
 * from the front.
 *
 *   1. An integer key of at most 64 bits is its own id.
 *   2. For every other key, the dict `rc_keys` has one entry for all keys equal to it. The id is the address of the
 *      entry. The dict hashes and compares keys as the container does.
 *   3. An entry counts the locations whose id it is. A purge of such a location is one atomic subtraction. A sweep,
 *      each time the dict has doubled, removes the entries without a location.
 *   4. Comparing keys runs the program's own __eq__, perhaps with a key of another container, which the program does
 *      not compare. So the engine records nothing meanwhile. If __eq__ raises, the key gets an entry of its own.
 *   5. The dict keeps its keys alive. The program could notice that for a key that is compared by identity, that has a
 *      finalizer, or that is a weak reference. Such a key is represented by a number (rc_serial_of) that ends with it.
 */
#ifndef RC_KEYS_H
#define RC_KEYS_H

#include "rc_attributes.h"

typedef struct {
    PyObject_HEAD
    PyObject *key;
    _Atomic int64_t uses; /* locations; RC_DEAD: the sweep removes the entry */
} rc_key_entry;
#define RC_DEAD INT64_MIN

static PyObject *rc_keys;
static Py_ssize_t rc_keys_sweep = 4096;

static void rc_key_entry_dealloc(PyObject *self)
{
    Py_XDECREF(((rc_key_entry *)self)->key);
    PyObject_Free(self);
}

static PyTypeObject rc_key_entry_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "atomicpy.race.engine.engine._Key",
    .tp_basicsize = sizeof(rc_key_entry),
    .tp_dealloc = rc_key_entry_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
};

/* A representative that is equal to no other key; NULL with an error. */
static PyObject *rc_by_serial(PyObject *key)
{
    return Py_BuildValue("(OK)", (PyObject *)&rc_key_entry_type, (unsigned long long)rc_serial_of((uintptr_t)key));
}

/* The key or its representative, a new reference; NULL with an error. */
static PyObject *rc_representative(PyObject *key, int depth)
{
    PyTypeObject *type = Py_TYPE(key);
    if (type == &PyUnicode_Type || type == &PyLong_Type || type == &PyBytes_Type || type == &PyFloat_Type
        || type == &PyBool_Type || key == Py_None) {
        return Py_NewRef(key);
    }
    if (type == &PyTuple_Type && depth < 20) {
        Py_ssize_t n = PyTuple_GET_SIZE(key);
        PyObject *copy = NULL;
        for (Py_ssize_t i = 0; i < n; i++) {
            PyObject *part = PyTuple_GET_ITEM(key, i), *other = rc_representative(part, depth + 1);
            if (other != NULL && other != part && copy == NULL) {
                copy = PyTuple_New(n);
                for (Py_ssize_t j = 0; copy != NULL && j < i; j++) {
                    PyTuple_SET_ITEM(copy, j, Py_NewRef(PyTuple_GET_ITEM(key, j)));
                }
            }
            if (other == NULL || (other != part && copy == NULL)) {
                Py_XDECREF(other);
                Py_XDECREF(copy);
                return NULL;
            }
            if (copy != NULL) {
                PyTuple_SET_ITEM(copy, i, other);
            } else {
                Py_DECREF(other);
            }
        }
        return copy != NULL ? copy : Py_NewRef(key);
    }
    if (type->tp_hash == PyBaseObject_Type.tp_hash || type->tp_finalize != NULL || type->tp_del != NULL
        || PyWeakref_Check(key)) {
        return rc_by_serial(key);
    }
    return Py_NewRef(key);
}

/* An __eq__ or __hash__ that raised for the engine raises for the program too, in the program's own access. A
 * KeyboardInterrupt would not come again, so the engine requests the signal again. */
static void rc_clear_error(void)
{
    if (PyErr_Occurred() != NULL && PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
        PyErr_SetInterrupt();
    }
    PyErr_Clear();
}

/* Remove the entries without a location. An entry that gets a location first stays: the exchange fails then. */
static void rc_sweep_keys(void)
{
    PyObject *entries = PyDict_Values(rc_keys);
    for (Py_ssize_t i = 0; entries != NULL && i < PyList_GET_SIZE(entries); i++) {
        rc_key_entry *e = (rc_key_entry *)PyList_GET_ITEM(entries, i);
        int64_t none = 0;
        if (atomic_compare_exchange_strong_explicit(&e->uses, &none, RC_DEAD, memory_order_acq_rel,
                                                    memory_order_relaxed)) {
            PyDict_Pop(rc_keys, e->key, NULL);
        }
    }
    Py_XDECREF(entries);
    PyErr_Clear();
    rc_keys_sweep = 2 * PyDict_Size(rc_keys) + 4096;
}

/* The entry of the key, with one use more; borrowed. NULL without an error if the object cannot be a key. */
static rc_key_entry *rc_key_entry_of(PyObject *key)
{
    PyObject *k = rc_representative(key, 0), *found = NULL;
    bool alone = false;
    while (k != NULL) {
        int there = PyDict_GetItemRef(rc_keys, k, &found);
        if (there == 0) {
            rc_key_entry *fresh = PyObject_New(rc_key_entry, &rc_key_entry_type);
            if (fresh == NULL) {
                break;
            }
            fresh->key = Py_NewRef(k);
            atomic_init(&fresh->uses, 0);
            there = PyDict_SetDefaultRef(rc_keys, k, (PyObject *)fresh, &found);
            Py_DECREF(fresh);
        }
        if (there < 0) {
            rc_clear_error();
            if (alone || PyObject_Hash(key) == -1) {
                break; /* no key */
            }
            alone = true;
            Py_SETREF(k, rc_by_serial(key));
            continue;
        }
        rc_key_entry *e = (rc_key_entry *)found;
        int64_t uses = atomic_load_explicit(&e->uses, memory_order_relaxed);
        while (uses >= 0
               && !atomic_compare_exchange_weak_explicit(&e->uses, &uses, uses + 1, memory_order_acq_rel,
                                                         memory_order_relaxed)) { }
        /* The dict keeps an entry that has a use. */
        Py_CLEAR(found);
        if (uses >= 0) {
            Py_DECREF(k);
            return e;
        }
        PyDict_Pop(rc_keys, k, NULL); /* dead: remove it before the sweep does, and try again */
        PyErr_Clear();
    }
    Py_XDECREF(k);
    rc_clear_error();
    return NULL;
}

/* ---- containers ------------------------------------------------------------------------------------------------ */

enum { RC_NO_CONTAINER, RC_DICT, RC_LIST, RC_DEQUE };
enum { RC_GETS = 8, RC_SETS = 16, RC_DELETES = 32 }; /* the type does it as the builtin does */

static PyTypeObject *rc_deque_type, *rc_ordered_type, *rc_defaultdict_type;
static PyObject *rc_container_name; /* in the threads' caches of attributes: a name that no attribute has */

static uint8_t rc_container_rule(PyTypeObject *type)
{
    static const char *const names[] = {"__getitem__", "__setitem__", "__delitem__"};
    uint8_t rule;
    PyTypeObject *base;
    if (type->tp_flags & Py_TPFLAGS_DICT_SUBCLASS) {
        rule = RC_DICT;
        base = &PyDict_Type;
    } else if (type->tp_flags & Py_TPFLAGS_LIST_SUBCLASS) {
        rule = RC_LIST;
        base = &PyList_Type;
    } else if (PyType_IsSubtype(type, rc_deque_type)) {
        rule = RC_DEQUE;
        base = rc_deque_type;
    } else {
        return RC_NO_CONTAINER;
    }
    for (int i = 0; i < 3; i++) {
        if (rc_is_of(type, names[i], base) || rc_is_of(type, names[i], rc_ordered_type)) {
            rule |= (uint8_t)(RC_GETS << i);
        }
    }
    return rule;
}

/* The kind of container, and the operations that its type does as the builtin does. */
static inline uint8_t rc_container_of(rc_thread *t, PyObject *c)
{
    PyTypeObject *type = Py_TYPE(c);
    if (type == &PyDict_Type) {
        return RC_DICT | RC_GETS | RC_SETS | RC_DELETES;
    }
    if (type == &PyList_Type) {
        return RC_LIST | RC_GETS | RC_SETS | RC_DELETES;
    }
    if (!(type->tp_flags & (Py_TPFLAGS_DICT_SUBCLASS | Py_TPFLAGS_LIST_SUBCLASS)) && type != rc_deque_type
        && !PyType_IsSubtype(type, rc_deque_type)) {
        return RC_NO_CONTAINER;
    }
    if (t->attributes == NULL) {
        t->attributes = rc_alloc(RC_CLASSES * sizeof(rc_class));
    }
    rc_class *e = &((rc_class *)t->attributes)[rc_mix((uintptr_t)rc_container_name ^ (uintptr_t)type) % RC_CLASSES];
    if (e->name == rc_container_name && e->version == type->tp_version_tag && e->version != 0) {
        return e->rule;
    }
    PyUnstable_Type_AssignVersionTag(type);
    uint32_t version = type->tp_version_tag;
    uint8_t rule = rc_container_rule(type);
    PyErr_Clear();
    *e = (rc_class){.name = rc_container_name, .version = version, .rule = rule};
    return rule;
}

/* ---- the access to an item ------------------------------------------------------------------------------------- */

/* The index or integer that the key is; false if it is neither. */
static inline bool rc_integer_of(PyObject *c, uint8_t rule, PyObject *key, uint64_t *id)
{
    int over = 0;
    long long n;
    if (PyLong_CheckExact(key) || PyBool_Check(key) || ((rule & 7) != RC_DICT && PyLong_Check(key))) {
        n = PyLong_AsLongLongAndOverflow(key, &over);
        if (over != 0) {
            return false;
        }
        if (n < 0 && (rule & 7) != RC_DICT) {
            n += Py_SIZE(c);
        }
    } else if (PyFloat_CheckExact(key) && (rule & 7) == RC_DICT) {
        double d = PyFloat_AS_DOUBLE(key);
        if (!(d >= -9007199254740992.0 && d <= 9007199254740992.0) || d != (double)(long long)d) {
            return false;
        }
        n = (long long)d;
    } else {
        return false;
    }
    *id = (uint64_t)n;
    return true;
}

/* The integer that a key of another type is equal to: an IntEnum, a Fraction, a number of NumPy. Equal objects have
 * equal hashes, and the hash of an integer of up to 60 bits is the integer, except for -1. */
static bool rc_integer_equal_to(PyObject *key, uint64_t *id)
{
    if (PyUnicode_CheckExact(key) || PyTuple_CheckExact(key) || PyBytes_CheckExact(key) || !PyNumber_Check(key)) {
        return false;
    }
    Py_hash_t hash = PyObject_Hash(key);
    int equal = -1;
    for (Py_hash_t n = hash; hash != -1 && equal != 1 && n <= hash + (hash == -2); n++) {
        PyObject *number = PyLong_FromSsize_t(n);
        equal = number == NULL ? -1 : PyObject_RichCompareBool(key, number, Py_EQ);
        Py_XDECREF(number);
        *id = (uint64_t)n;
    }
    rc_clear_error();
    return equal == 1;
}

static inline bool rc_item_same_epoch(rc_thread *t, PyObject *c, uint8_t rule, PyObject *key, bool write)
{
    uint64_t id;
    if (rc_integer_of(c, rule, key, &id)) {
        return rc_same_epoch(t, (uintptr_t)c, RC_INDEX, id, write);
    }
    return rc_same_epoch(t, (uintptr_t)c, RC_KEY, (uintptr_t)key, write);
}

static void rc_access_item(rc_thread *t, PyObject *c, uint8_t rule, PyObject *key, bool write)
{
    uint64_t id;
    rc_stamp stamp = rc_stamp_of(t, (uintptr_t)c);
    if (rc_integer_of(c, rule, key, &id)) {
        if (!rc_same_epoch(t, (uintptr_t)c, RC_INDEX, id, write)) {
            rc_record_and_report(t, c, RC_INDEX, id, write, RC_ITEM, c, key, NULL);
            rc_cache_access(t, (uintptr_t)c, RC_INDEX, id, write, stamp);
        }
        return;
    }
    if ((rule & 7) != RC_DICT || rc_same_epoch(t, (uintptr_t)c, RC_KEY, (uintptr_t)key, write)) {
        return; /* a slice; an object with __index__ */
    }
    t->busy++;
    bool integer = rc_integer_equal_to(key, &id);
    rc_key_entry *e = integer ? NULL : rc_key_entry_of(key);
    t->busy--;
    if (integer) {
        rc_record_and_report(t, c, RC_INDEX, id, write, RC_ITEM, c, key, NULL);
        return;
    }
    if (e == NULL) {
        return; /* no key: the operation itself raises the error */
    }
    bool made = rc_record_and_report(t, c, RC_KEY, (uintptr_t)e, write, RC_ITEM, c, key, &e->uses);
    if (e->key == key) {
        /* The entry keeps this key alive as long as the location exists, so no other key gets its address. */
        rc_cache_access(t, (uintptr_t)c, RC_KEY, (uintptr_t)key, write, stamp);
    }
    if (!made) {
        atomic_fetch_sub_explicit(&e->uses, 1, memory_order_acq_rel);
    }
    if (PyDict_GET_SIZE(rc_keys) > rc_keys_sweep) {
        t->busy++;
        rc_sweep_keys();
        t->busy--;
    }
}

#endif
