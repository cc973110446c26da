/* SPDX-License-Identifier: MIT
 *
 * rc_attributes.h: the locations that an attribute access reads or writes.
 *
 * The type of o decides what `o.x` means. Each thread caches the decision for one version of the type. This is PEP
 * 509's idea for types: tp_version_tag has another value after each change of the type or of a type that it inherits
 * from.
 */
#ifndef RC_ATTRIBUTES_H
#define RC_ATTRIBUTES_H

#include "rc_engine.h"

enum {
    RC_NOTHING,   /* none: a data descriptor, a __getattribute__ of the type, or a builtin without a dict */
    RC_SLOT,      /* the object's: its type has a slot of this name */
    RC_INSTANCE,  /* the object's: the type has no attribute of this name */
    RC_EITHER,    /* the object's; and the class's as well if the object has no attribute of this name */
    RC_CLASS,     /* the class's: the object has no dict */
    RC_OF_TYPE,   /* the object is a type: its own, and that of the class where the attribute is found */
    RC_OF_MODULE, /* the object is a module: a global */
};

/* What an attribute of this name means for one version of a type. */
typedef struct {
    PyObject *name;
    uint32_t version;
    uint8_t rule, is_type, write, is_function;
    PyTypeObject *found; /* the class that has the attribute, if that class can change */
    PyObject *value; /* its value there; compared, never dereferenced */
} rc_class;
#define RC_CLASSES 256

/* The first class in the method resolution order that has the name, or NULL; the value is a new reference. Names are
 * str, so no code of the program runs. */
static PyTypeObject *rc_find(PyTypeObject *type, PyObject *name, PyObject **value)
{
    PyTypeObject *found = NULL;
    PyObject *order = Py_XNewRef(type->tp_mro);
    *value = NULL;
    for (Py_ssize_t i = 0; order != NULL && found == NULL && i < PyTuple_GET_SIZE(order); i++) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(order, i);
        PyObject *dict = PyType_GetDict(base);
        if (dict != NULL && PyDict_GetItemRef(dict, name, value) > 0) {
            found = base;
        }
        Py_XDECREF(dict);
    }
    Py_XDECREF(order);
    if (PyErr_Occurred()) {
        PyErr_Clear();
    }
    return found; /* borrowed: the type's order refers to it */
}

static bool rc_is_of(PyTypeObject *type, const char *name, PyTypeObject *other)
{
    PyObject *text = PyUnicode_InternFromString(name), *value = NULL;
    PyTypeObject *found = text == NULL ? NULL : rc_find(type, text, &value);
    Py_XDECREF(value);
    Py_XDECREF(text);
    PyErr_Clear();
    return found == other;
}

static inline bool rc_can_change(PyTypeObject *type) { return !(type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE); }

/* Does the type look attributes up (or store them) as object, type and module do? A __getattr__ runs after that
 * lookup. */
static bool rc_is_generic(PyTypeObject *type, bool write)
{
    if (write) {
        return type->tp_setattro == PyObject_GenericSetAttr || type->tp_setattro == PyType_Type.tp_setattro
               || rc_is_of(type, "__setattr__", &PyBaseObject_Type) || rc_is_of(type, "__setattr__", &PyType_Type);
    }
    return type->tp_getattro == PyObject_GenericGetAttr || type->tp_getattro == PyType_Type.tp_getattro
           || type->tp_getattro == PyModule_Type.tp_getattro || rc_is_of(type, "__getattribute__", &PyBaseObject_Type)
           || rc_is_of(type, "__getattribute__", &PyType_Type) || rc_is_of(type, "__getattribute__", &PyModule_Type);
}

static void rc_classify(rc_class *c, PyObject *obj, PyObject *name, bool write)
{
    PyTypeObject *type = Py_TYPE(obj);
    PyObject *value;
    c->rule = RC_NOTHING;
    c->found = NULL;
    c->value = NULL;
    c->is_function = 0;
    if (!rc_is_generic(type, write)) {
        return;
    }
    PyTypeObject *found = rc_find(type, name, &value);
    if (value != NULL && Py_TYPE(value)->tp_descr_set != NULL) {
        if (Py_IS_TYPE(value, &PyMemberDescr_Type) && rc_can_change(PyDescr_TYPE(value))) {
            c->rule = RC_SLOT;
        }
        Py_DECREF(value);
        return;
    }
    if (PyModule_Check(obj)) {
        c->rule = RC_OF_MODULE;
    } else if (PyType_Check(obj)) {
        Py_CLEAR(value);
        if (rc_can_change((PyTypeObject *)obj)) {
            c->rule = RC_OF_TYPE;
        }
        found = rc_find((PyTypeObject *)obj, name, &value);
        c->found = found != NULL && rc_can_change(found) && found != (PyTypeObject *)obj ? found : NULL;
    } else if (type->tp_dictoffset != 0 || type->tp_flags & (Py_TPFLAGS_MANAGED_DICT | Py_TPFLAGS_INLINE_VALUES)) {
        c->found = found != NULL && rc_can_change(found) ? found : NULL;
        c->rule = c->found != NULL && !write ? RC_EITHER : RC_INSTANCE;
        c->value = value;
        c->is_function = value != NULL && PyFunction_Check(value);
    } else if (found != NULL && rc_can_change(found) && !write) {
        c->rule = RC_CLASS;
        c->found = found;
    }
    Py_XDECREF(value);
}

static inline const rc_class *rc_class_of(rc_thread *t, PyObject *obj, PyObject *name, bool write)
{
    PyTypeObject *type = Py_TYPE(obj);
    bool is_type = PyType_Check(obj);
    uint32_t version = is_type ? ((PyTypeObject *)obj)->tp_version_tag : type->tp_version_tag;
    rc_class *all = t->attributes;
    rc_class *c =
        &all[rc_mix((uintptr_t)name ^ ((uint64_t)version << 4) ^ is_type ^ ((unsigned)write << 1)) % RC_CLASSES];
    if (RC_LIKELY(c->name == name && c->version == version && c->is_type == is_type && c->write == write
                  && version != 0)) {
        return c;
    }
    if (version == 0) {
        PyUnstable_Type_AssignVersionTag(is_type ? (PyTypeObject *)obj : type);
        version = is_type ? ((PyTypeObject *)obj)->tp_version_tag : type->tp_version_tag;
        c = &all[rc_mix((uintptr_t)name ^ ((uint64_t)version << 4) ^ is_type ^ ((unsigned)write << 1)) % RC_CLASSES];
    }
    rc_class fresh = {.name = name, .version = version, .is_type = is_type, .write = write};
    if (PyModule_Check(obj) || PyUnicode_CHECK_INTERNED(name)) {
        PySet_Add(rc_names, name); /* the cache compares names by address */
    }
    rc_classify(&fresh, obj, name, write);
    PyErr_Clear();
    *c = fresh;
    return c;
}

/* Does the object itself have the attribute, whose class has one that is no data descriptor? No descriptor of the
 * program runs. Where the class has a function, the generic lookup makes a bound method of it; otherwise the dict is
 * searched. */
static bool rc_has_own(PyObject *obj, PyObject *name, const rc_class *c)
{
    bool own = false;
    if (c->is_function) {
        PyObject *there = PyObject_GenericGetAttr(obj, name);
        own = there != NULL && !(PyMethod_Check(there) && PyMethod_GET_FUNCTION(there) == c->value);
        Py_XDECREF(there);
    } else {
        PyObject *dict = PyObject_GenericGetDict(obj, NULL);
        own = dict != NULL && PyDict_Contains(dict, name) > 0;
        Py_XDECREF(dict);
    }
    PyErr_Clear();
    return own;
}

static void rc_attribute_slow(rc_thread *t, PyObject *obj, PyObject *name, bool write)
{
    if (t->attributes == NULL) {
        t->attributes = rc_alloc(RC_CLASSES * sizeof(rc_class));
    }
    const rc_class c = *rc_class_of(t, obj, name, write);
    switch (c.rule) {
    case RC_NOTHING:
        return;
    case RC_OF_MODULE: {
        PyObject *dict = PyModule_GetDict(obj);
        rc_access_name(t, dict, name, write, RC_GLOBAL, dict);
        return;
    }
    case RC_CLASS:
        rc_access_name(t, (PyObject *)c.found, name, false, RC_ATTRIBUTE, (PyObject *)c.found);
        return;
    case RC_OF_TYPE:
        if (c.found != NULL && !write) {
            rc_access_name(t, (PyObject *)c.found, name, false, RC_ATTRIBUTE, (PyObject *)c.found);
        }
        break;
    case RC_EITHER:
        if (!rc_has_own(obj, name, &c)) {
            rc_access_name(t, (PyObject *)c.found, name, false, RC_ATTRIBUTE, (PyObject *)c.found);
        }
        break;
    default:
        break;
    }
    rc_access_name(t, obj, name, write, RC_ATTRIBUTE, obj);
}

static inline void rc_attribute(rc_thread *t, PyObject *obj, PyObject *name, bool write)
{
    if (RC_LIKELY(rc_same_epoch(t, (uintptr_t)obj, RC_NAME, (uintptr_t)name, write))) {
        return;
    }
    PyObject *n = rc_interned(name);
    rc_attribute_slow(t, obj, n, write);
    Py_DECREF(n);
}

#endif
