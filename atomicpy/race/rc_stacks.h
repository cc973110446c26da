/* SPDX-License-Identifier: MIT
 *
 * rc_stacks.h: stacks of calls, each kept once, as a number.
 *
 * A stack is a node: its innermost frame (code object, instruction) and the node of the rest; equal stacks are one node. The
 * frames are read as the interpreter lays them out; its own functions for this make a frame object of each. rc_stacks_work
 * compares the two when the detector is installed. A thread remembers the frames of its last stack, so that what has not
 * changed since, from the outermost inwards, costs a comparison.
 */
#ifndef RC_STACKS_H
#define RC_STACKS_H

#include "rc_shadow.h"

#define RC_DEPTH 64             /* of more frames, the innermost ones */
#define RC_MANY_NODES 2000000u  /* then stacks end at their innermost frame: there are as many of these as calls in the source */

typedef struct {
    PyCodeObject *code; /* a reference of ours, for good: as many as there are functions */
    int32_t at;         /* the offset of the instruction */
    uint32_t parent, next;
} rc_node;

static struct {
    rc_node *nodes; /* from 1; 0 is the stack without a frame */
    uint32_t n, room;
    uint32_t *heads;
    uint32_t n_heads;
} rc_stacks; /* under rc_stacks_lock */

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

/* Under the lock. */
static uint32_t rc_node_of(uint32_t parent, PyCodeObject *code, int32_t at)
{
    if (rc_stacks.n_heads <= rc_stacks.n) {
        uint32_t n = rc_stacks.n_heads ? 4 * rc_stacks.n_heads : 1024;
        free(rc_stacks.heads);
        rc_stacks.heads = rc_alloc(n * sizeof *rc_stacks.heads);
        rc_stacks.n_heads = n;
        for (uint32_t i = 1; i < rc_stacks.n; i++) {
            rc_node *o = &rc_stacks.nodes[i];
            uint32_t *head = &rc_stacks.heads[rc_mix((uintptr_t)o->code ^ (uint64_t)o->parent << 20 ^ (uint32_t)o->at) & (n - 1)];
            o->next = *head;
            *head = i;
        }
    }
    if (rc_stacks.n >= RC_MANY_NODES) {
        parent = 0;
    }
    uint32_t *head =
        &rc_stacks.heads[rc_mix((uintptr_t)code ^ (uint64_t)parent << 20 ^ (uint32_t)at) & (rc_stacks.n_heads - 1)];
    for (uint32_t i = *head; i != 0; i = rc_stacks.nodes[i].next) {
        rc_node *o = &rc_stacks.nodes[i];
        if (o->code == code && o->at == at && o->parent == parent) {
            return i;
        }
    }
    if (rc_stacks.n + 1 >= rc_stacks.room) {
        rc_stacks.room = rc_stacks.room ? rc_stacks.room * 2 : 1024;
        rc_stacks.nodes = rc_grow(rc_stacks.nodes, rc_stacks.room * sizeof *rc_stacks.nodes);
        rc_stacks.n += rc_stacks.n == 0;
    }
    uint32_t i = rc_stacks.n++;
    Py_INCREF(code);
    rc_stacks.nodes[i] = (rc_node){code, at, parent, *head};
    *head = i;
    return i;
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
    rc_take(&rc_stacks_lock);
    rc_node o = node < rc_stacks.n ? rc_stacks.nodes[node] : (rc_node){NULL, 0, 0, 0};
    rc_drop(&rc_stacks_lock);
    *parent = o.parent;
    if (node == 0 || o.code == NULL) {
        Py_RETURN_NONE;
    }
    int line = 0, column = -1, end_line = 0, end_column = -1;
    if (!PyCode_Addr2Location(o.code, o.at, &line, &column, &end_line, &end_column) || line <= 0) {
        line = PyCode_Addr2Line(o.code, o.at);
        column = end_column = -1;
    }
    PyObject *columns[3] = {Py_None, Py_None, Py_None};
    int found[3] = {column, end_line > 0 ? end_line : -1, end_column};
    PyObject *frame = PyTuple_New(6);
    if (frame == NULL) {
        return NULL;
    }
    PyTuple_SET_ITEM(frame, 0, Py_NewRef(o.code->co_filename));
    PyTuple_SET_ITEM(frame, 1, Py_NewRef(o.code->co_qualname));
    PyTuple_SET_ITEM(frame, 2, PyLong_FromLong(line));
    for (int i = 0; i < 3; i++) {
        PyTuple_SET_ITEM(frame, 3 + i, found[i] >= 0 ? PyLong_FromLong(found[i]) : Py_NewRef(columns[i]));
    }
    return frame;
}

#endif
