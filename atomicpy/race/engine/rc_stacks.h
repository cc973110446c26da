/* SPDX-License-Identifier: MIT
 *
 * rc_stacks.h: the stack of the calling thread, as an entry of the stack depot.
 *
 * The frames are read as the interpreter lays them out, because its own functions for this make a frame object of each
 * frame. rc_frames_work() compares the two when the detector is installed. A thread keeps the frames of its last
 * stack. Frames that have not changed since, from the outermost inwards, cost one comparison each.
 */
#ifndef RC_STACKS_H
#define RC_STACKS_H

#include "race/rc_clock.h"
#include "race/rc_depot.h"

#define RC_DEPTH 64 /* frames; of a deeper stack the innermost ones */

typedef struct {
    uint32_t n;
    void *code[RC_DEPTH]; /* from the outermost */
    int32_t at[RC_DEPTH];
    uint32_t entry[RC_DEPTH];
} rc_last_stack;

/* The first fields of struct _PyInterpreterFrame, whose definition is internal to CPython. They are the same in 3.13
 * to 3.15. The low bits of `code` are tags. */
typedef struct rc_frame {
    uintptr_t code;
    struct rc_frame *previous;
} rc_frame;

static inline PyCodeObject *rc_code_of(const rc_frame *f)
{
    PyObject *code = (PyObject *)(f->code & ~(uintptr_t)7);
    return code != NULL && Py_IS_TYPE(code, &PyCode_Type) ? (PyCodeObject *)code : NULL;
}

static inline rc_frame *rc_top_frame(void) { return (rc_frame *)PyThreadState_GetUnchecked()->current_frame; }

/* For rc_depot_init(): an increment makes and destroys no object. The reference is never dropped. */
static void rc_retain_code(void *code) { Py_INCREF((PyObject *)code); }

/* Does each frame of the calling thread read as with the interpreter's own functions? */
static int rc_frames_work(void)
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

/* The stack of t, which is the calling thread. */
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
    if (t->last_stack == NULL) {
        t->last_stack = rc_alloc(sizeof(rc_last_stack));
    }
    rc_last_stack *last = t->last_stack;
    uint32_t same = 0;
    while (same < n && same < last->n && last->code[same] == code[n - 1 - same] && last->at[same] == at[n - 1 - same]) {
        same++;
    }
    if (same < n) {
        for (uint32_t i = same; i < n; i++) {
            last->code[i] = code[n - 1 - i];
            last->at[i] = at[n - 1 - i];
        }
        rc_depot_put(same > 0 ? last->entry[same - 1] : 0, n - same, last->code + same, last->at + same,
                     last->entry + same);
    }
    /* Frames of the last stack beyond n are still right where the first n have not changed. */
    if (last->n < n || same < n) {
        last->n = n;
    }
    return n > 0 ? last->entry[n - 1] : 0;
}

/* The innermost frame of a stack: (file, function, line, column, end line, end column); and the stack of its callers.
 */
static PyObject *rc_frame_at(uint32_t entry, uint32_t *parent)
{
    rc_depot_entry e = rc_depot_get(entry);
    PyCodeObject *code = e.code;
    *parent = e.parent;
    if (code == NULL) {
        Py_RETURN_NONE;
    }
    int line = 0, column = -1, end_line = 0, end_column = -1;
    if (!PyCode_Addr2Location(code, e.at, &line, &column, &end_line, &end_column) || line <= 0) {
        line = PyCode_Addr2Line(code, e.at);
        column = end_column = -1;
    }
    PyObject *frame = PyTuple_New(6);
    if (frame == NULL) {
        return NULL;
    }
    PyTuple_SET_ITEM(frame, 0, Py_NewRef(code->co_filename));
    PyTuple_SET_ITEM(frame, 1, Py_NewRef(code->co_qualname));
    PyTuple_SET_ITEM(frame, 2, PyLong_FromLong(line));
    int columns[3] = {column, end_line > 0 ? end_line : -1, end_column};
    for (int i = 0; i < 3; i++) {
        PyTuple_SET_ITEM(frame, 3 + i, columns[i] >= 0 ? PyLong_FromLong(columns[i]) : Py_NewRef(Py_None));
    }
    return frame;
}

#endif
