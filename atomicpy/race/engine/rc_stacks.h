/* SPDX-License-Identifier: MIT
 *
 * rc_stacks.h: where a thread is, as a node of rc_nodes.h.
 *
 * The frames are read as the interpreter lays them out; its own functions for this make a frame object of each. rc_stacks_work
 * compares the two when the detector is installed. A thread remembers the frames of its last stack, so that what has not
 * changed since, from the outermost inwards, costs a comparison.
 */
#ifndef RC_STACKS_H
#define RC_STACKS_H

#include "race/rc_nodes.h"

#define RC_DEPTH 64             /* of more frames, the innermost ones */
typedef struct {
    uint32_t n;
    PyCodeObject *code[RC_DEPTH]; /* from the outermost */
    int32_t at[RC_DEPTH];
    uint32_t node[RC_DEPTH];
} rc_last_stack;

/* The beginning of struct _PyInterpreterFrame, the same since 3.13; the lowest bits of the code say who counts it. */
typedef struct rc_frame {
    uintptr_t code;
    struct rc_frame *previous;
} rc_frame;

static inline PyCodeObject *rc_code_of(const rc_frame *f)
{
    PyObject *code = (PyObject *)(f->code & ~(uintptr_t)7);
    return code != NULL && Py_IS_TYPE(code, &PyCode_Type) ? (PyCodeObject *)code : NULL;
}

static inline rc_frame *rc_top_frame(void)
{
    return (rc_frame *)PyThreadState_GetUnchecked()->current_frame;
}

static void rc_keep_code(void *code) { Py_INCREF((PyObject *)code); }

static int rc_stacks_work(void)
{
    int n = 0;
    for (rc_frame *f = rc_top_frame(); f != NULL; f = f->previous) {
        PyCodeObject *code = rc_code_of(f);
        PyObject *theirs = PyUnstable_InterpreterFrame_GetCode((struct _PyInterpreterFrame *)f);
        bool same = code != NULL ? theirs == (PyObject *)code : theirs == NULL || !PyCode_Check(theirs);
        Py_XDECREF(theirs);
        if (!same) {
            return 0;
        }
        n += code != NULL;
    }
    return n > 0;
}

/* Where the thread is. */
static uint32_t rc_here(rc_thread *t)
{
    PyCodeObject *code[RC_DEPTH];
    int32_t at[RC_DEPTH];
    uint32_t n = 0;
    for (rc_frame *f = rc_top_frame(); f != NULL && n < RC_DEPTH; f = f->previous) {
        PyCodeObject *c = rc_code_of(f);
        if (c != NULL) {
            code[n] = c;
            at[n++] = PyUnstable_InterpreterFrame_GetLasti((struct _PyInterpreterFrame *)f);
        }
    }
    if (t->stacks == NULL) {
        t->stacks = rc_alloc(sizeof(rc_last_stack));
    }
    rc_last_stack *last = t->stacks;
    uint32_t same = 0;
    while (same < n && same < last->n && last->code[same] == code[n - 1 - same] && last->at[same] == at[n - 1 - same]) {
        same++;
    }
    if (same < n) {
        rc_take(&rc_stacks_lock);
        for (uint32_t i = same; i < n; i++) {
            last->code[i] = code[n - 1 - i];
            last->at[i] = at[n - 1 - i];
            last->node[i] = rc_node_of(i > 0 ? last->node[i - 1] : 0, last->code[i], last->at[i]);
        }
        rc_drop(&rc_stacks_lock);
    }
    /* Frames further in than n are still those of before, and stay good for the next time. */
    if (last->n < n || same < n) {
        last->n = n;
    }
    return n > 0 ? last->node[n - 1] : 0;
}

/* The frame of a node: its code (a reference), its line and columns, and the node of the rest. */
static PyObject *rc_frame_of(uint32_t node, uint32_t *parent)
{
    rc_node o = rc_node_at(node);
    PyCodeObject *code = o.code;
    *parent = o.parent;
    if (code == NULL) {
        Py_RETURN_NONE;
    }
    int line = 0, column = -1, end_line = 0, end_column = -1;
    if (!PyCode_Addr2Location(code, o.at, &line, &column, &end_line, &end_column) || line <= 0) {
        line = PyCode_Addr2Line(code, o.at);
        column = end_column = -1;
    }
    PyObject *columns[3] = {Py_None, Py_None, Py_None};
    int found[3] = {column, end_line > 0 ? end_line : -1, end_column};
    PyObject *frame = PyTuple_New(6);
    if (frame == NULL) {
        return NULL;
    }
    PyTuple_SET_ITEM(frame, 0, Py_NewRef(code->co_filename));
    PyTuple_SET_ITEM(frame, 1, Py_NewRef(code->co_qualname));
    PyTuple_SET_ITEM(frame, 2, PyLong_FromLong(line));
    for (int i = 0; i < 3; i++) {
        PyTuple_SET_ITEM(frame, 3 + i, found[i] >= 0 ? PyLong_FromLong(found[i]) : Py_NewRef(columns[i]));
    }
    return frame;
}

#endif
