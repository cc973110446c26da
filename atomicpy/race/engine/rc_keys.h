/* SPDX-License-Identifier: MIT
 *
 * rc_keys.h: which item of a container a key means. Equal keys are one location: 1, 1.0 and True; an index counts from the
 * front.
 *
 * A whole number that 64 bits hold is its value. Of any other key one equal to it stands for all in `rc_keys`, a dict: it
 * hashes and compares them as the container does. Its entry counts the locations that are named by it; one that is used no
 * more is taken out (RC_DEAD) when the dict has doubled. A location gives its use back in a purge: one atomic subtraction.
 *
 * To compare keys is to run the program's own __eq__, with a key of some other container maybe, which the program would not
 * have compared: so nothing is recorded meanwhile, and if it raises, the key stands for itself alone.
 *
 * The dict keeps its keys alive. That would be seen where an object is a key by its identity, or has a finalizer or is a weak
 * reference: such a key is represented by a number of its own (rc_serial_of), which goes away with it.
 */
#ifndef RC_KEYS_H
#define RC_KEYS_H

#include "rc_attributes.h"

typedef struct {
    PyObject_HEAD
    PyObject *key;
    _Atomic int64_t uses; /* RC_DEAD: it is being taken out */
} rc_entry;
#define RC_DEAD INT64_MIN

static PyObject *rc_keys;
static Py_ssize_t rc_keys_sweep = 4096;

static void rc_entry_dealloc(PyObject *self)
{
    Py_XDECREF(((rc_entry *)self)->key);
    PyObject_Free(self);
}

static PyTypeObject rc_entry_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "atomicpy.race.engine.engine._Key",
    .tp_basicsize = sizeof(rc_entry),
    .tp_dealloc = rc_entry_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
};

/* By an address that no other object has meanwhile; NULL with an error. */
static PyObject *rc_by_serial(PyObject *key)
{
    return Py_BuildValue("(OK)", (PyObject *)&rc_entry_type, (unsigned long long)rc_serial_of((uintptr_t)key));
}

/* The key, or what represents it. */
static PyObject *rc_represented(PyObject *key, int depth)
{
    PyTypeObject *type = Py_TYPE(key);
    if (type == &PyUnicode_Type || type == &PyLong_Type || type == &PyBytes_Type || type == &PyFloat_Type ||
        type == &PyBool_Type || key == Py_None) {
        return Py_NewRef(key);
    }
    if (type == &PyTuple_Type && depth < 20) {
        Py_ssize_t n = PyTuple_GET_SIZE(key);
        PyObject *copy = NULL;
        for (Py_ssize_t i = 0; i < n; i++) {
            PyObject *part = PyTuple_GET_ITEM(key, i), *other = rc_represented(part, depth + 1);
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
            }
            else {
                Py_DECREF(other);
            }
        }
        return copy != NULL ? copy : Py_NewRef(key);
    }
    if (type->tp_hash == PyBaseObject_Type.tp_hash || type->tp_finalize != NULL || type->tp_del != NULL ||
        PyWeakref_Check(key)) {
        return rc_by_serial(key);
    }
    return Py_NewRef(key);
}

/* What an __eq__ or a __hash__ of the program has raised for us it raises for the program too, by its own access. But not
 * so Ctrl-C, which came once: it is asked for again. */
static void rc_forget_error(void)
{
    if (PyErr_Occurred() != NULL && PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
        PyErr_SetInterrupt();
    }
    PyErr_Clear();
}

/* Take out what no location is named by. One sweep at a time; what comes back into use meanwhile stays. */
static void rc_sweep_keys(void)
{
    PyObject *entries = PyDict_Values(rc_keys);
    for (Py_ssize_t i = 0; entries != NULL && i < PyList_GET_SIZE(entries); i++) {
        rc_entry *e = (rc_entry *)PyList_GET_ITEM(entries, i);
        int64_t none = 0;
        if (atomic_compare_exchange_strong_explicit(&e->uses, &none, RC_DEAD, memory_order_acq_rel, memory_order_relaxed)) {
            PyDict_Pop(rc_keys, e->key, NULL);
        }
    }
    Py_XDECREF(entries);
    PyErr_Clear();
    rc_keys_sweep = 2 * PyDict_Size(rc_keys) + 4096;
}

/* The entry of the key with one more use. NULL without an error if the key cannot be one. */
static rc_entry *rc_entry_of(PyObject *key)
{
    PyObject *k = rc_represented(key, 0), *found = NULL;
    bool alone = false;
    while (k != NULL) {
        int there = PyDict_GetItemRef(rc_keys, k, &found);
        if (there == 0) {
            rc_entry *fresh = PyObject_New(rc_entry, &rc_entry_type);
            if (fresh == NULL) {
                break;
            }
            fresh->key = Py_NewRef(k);
            atomic_init(&fresh->uses, 0);
            there = PyDict_SetDefaultRef(rc_keys, k, (PyObject *)fresh, &found);
            Py_DECREF(fresh);
        }
        if (there < 0) {
            rc_forget_error();
            if (alone || PyObject_Hash(key) == -1) {
                break; /* no key */
            }
            alone = true;
            Py_SETREF(k, rc_by_serial(key));
            continue;
        }
        rc_entry *e = (rc_entry *)found;
        int64_t uses = atomic_load_explicit(&e->uses, memory_order_relaxed);
        while (uses >= 0 && !atomic_compare_exchange_weak_explicit(&e->uses, &uses, uses + 1, memory_order_acq_rel,
                                                                   memory_order_relaxed)) {
        }
        /* While it has a use, the dict keeps it. */
        Py_CLEAR(found);
        if (uses >= 0) {
            Py_DECREF(k);
            return e;
        }
        PyDict_Pop(rc_keys, k, NULL); /* the sweep was about to */
        PyErr_Clear();
    }
    Py_XDECREF(k);
    rc_forget_error();
    return NULL;
}

/* ---- containers ------------------------------------------------------------------------------------------------- */

enum { RC_NO_CONTAINER, RC_DICT, RC_LIST, RC_DEQUE };
enum { RC_GETS = 8, RC_SETS = 16, RC_DELETES = 32 }; /* as the builtin does it */

static PyTypeObject *rc_deque_type, *rc_ordered_type, *rc_defaultdict_type;
static PyObject *rc_container_name; /* a name that no attribute has: the key of this in the threads' memory of types */

static uint8_t rc_container_rule(PyTypeObject *type)
{
    static const char *const names[] = {"__getitem__", "__setitem__", "__delitem__"};
    uint8_t rule;
    PyTypeObject *base;
    if (type->tp_flags & Py_TPFLAGS_DICT_SUBCLASS) {
        rule = RC_DICT;
        base = &PyDict_Type;
    }
    else if (type->tp_flags & Py_TPFLAGS_LIST_SUBCLASS) {
        rule = RC_LIST;
        base = &PyList_Type;
    }
    else if (PyType_IsSubtype(type, rc_deque_type)) {
        rule = RC_DEQUE;
        base = rc_deque_type;
    }
    else {
        return RC_NO_CONTAINER;
    }
    for (int i = 0; i < 3; i++) {
        if (rc_is_of(type, names[i], base) || rc_is_of(type, names[i], rc_ordered_type)) {
            rule |= (uint8_t)(RC_GETS << i);
        }
    }
    return rule;
}

/* Which container, and what of it the type leaves as it is. */
static inline uint8_t rc_container_of(rc_thread *t, PyObject *c)
{
    PyTypeObject *type = Py_TYPE(c);
    if (type == &PyDict_Type) {
        return RC_DICT | RC_GETS | RC_SETS | RC_DELETES;
    }
    if (type == &PyList_Type) {
        return RC_LIST | RC_GETS | RC_SETS | RC_DELETES;
    }
    if (!(type->tp_flags & (Py_TPFLAGS_DICT_SUBCLASS | Py_TPFLAGS_LIST_SUBCLASS)) && type != rc_deque_type &&
        !PyType_IsSubtype(type, rc_deque_type)) {
        return RC_NO_CONTAINER;
    }
    if (t->classes == NULL) {
        t->classes = rc_alloc(RC_CLASSES * sizeof(rc_class));
    }
    rc_class *e = &((rc_class *)t->classes)[rc_mix((uintptr_t)rc_container_name ^ (uintptr_t)type) % RC_CLASSES];
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

/* ---- the access to an item ---------------------------------------------------------------------------------------- */

/* The index or whole number that the key is; false if it is none. */
static inline bool rc_whole(PyObject *c, uint8_t rule, PyObject *key, uint64_t *id)
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
    }
    else if (PyFloat_CheckExact(key) && (rule & 7) == RC_DICT) {
        double d = PyFloat_AS_DOUBLE(key);
        if (!(d >= -9007199254740992.0 && d <= 9007199254740992.0) || d != (double)(long long)d) {
            return false;
        }
        n = (long long)d;
    }
    else {
        return false;
    }
    *id = (uint64_t)n;
    return true;
}

/* The whole number that a key of another type is equal to, as an IntEnum, a Fraction, or one of NumPy's can be. What is
 * equal has the same hash, and that of a number of up to 60 bits is the number, but for -1. */
static bool rc_as_whole(PyObject *key, uint64_t *id)
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
    rc_forget_error();
    return equal == 1;
}

static inline bool rc_item_known(rc_thread *t, PyObject *c, uint8_t rule, PyObject *key, bool write)
{
    uint64_t id;
    if (rc_whole(c, rule, key, &id)) {
        return rc_known(t, (uintptr_t)c, RC_INDEX, id, write);
    }
    return rc_known(t, (uintptr_t)c, RC_KEY, (uintptr_t)key, write);
}

static void rc_access_item(rc_thread *t, PyObject *c, uint8_t rule, PyObject *key, bool write)
{
    uint64_t id;
    rc_moment then = rc_moment_of(t, (uintptr_t)c);
    if (rc_whole(c, rule, key, &id)) {
        if (!rc_known(t, (uintptr_t)c, RC_INDEX, id, write)) {
            rc_note(t, c, RC_INDEX, id, write, RC_ITEM, c, key, NULL);
            rc_remember(t, (uintptr_t)c, RC_INDEX, id, write, then);
        }
        return;
    }
    if ((rule & 7) != RC_DICT || rc_known(t, (uintptr_t)c, RC_KEY, (uintptr_t)key, write)) {
        return; /* a slice; an object with __index__ */
    }
    t->busy++;
    bool whole = rc_as_whole(key, &id);
    rc_entry *e = whole ? NULL : rc_entry_of(key);
    t->busy--;
    if (whole) {
        rc_note(t, c, RC_INDEX, id, write, RC_ITEM, c, key, NULL);
        return;
    }
    if (e == NULL) {
        return; /* no key: the operation itself says so */
    }
    bool made = rc_note(t, c, RC_KEY, (uintptr_t)e, write, RC_ITEM, c, key, &e->uses);
    if (e->key == key) {
        /* The address of this very key: it lives as long as the location does. */
        rc_remember(t, (uintptr_t)c, RC_KEY, (uintptr_t)key, write, then);
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
