/* SPDX-License-Identifier: MIT
 *
 * rc_nodes.h: stacks of calls, each kept once, as a number.
 *
 * A stack is a node: its innermost frame (code object, instruction) and the node of the rest; equal stacks are one node.
 */
#ifndef RC_NODES_H
#define RC_NODES_H

#include "rc_shadow.h"

#define RC_MANY_NODES 2000000u  /* then stacks end at their innermost frame: there are as many of these as calls in the source */

typedef struct {
    void *code; /* kept for good: as many as there are functions */
    int32_t at;         /* the offset of the instruction */
    uint32_t parent, next;
} rc_node;

static struct {
    rc_node *nodes; /* from 1; 0 is the stack without a frame */
    uint32_t n, room;
    uint32_t *heads;
    uint32_t n_heads;
} rc_stacks; /* under rc_stacks_lock */

/* Whoever includes this knows what code is. */
static void rc_keep_code(void *code);

/* Under the lock. */
static uint32_t rc_node_of(uint32_t parent, void *code, int32_t at)
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
    rc_keep_code(code);
    rc_stacks.nodes[i] = (rc_node){code, at, parent, *head};
    *head = i;
    return i;
}

static rc_node rc_node_at(uint32_t node)
{
    rc_take(&rc_stacks_lock);
    rc_node o = node != 0 && node < rc_stacks.n ? rc_stacks.nodes[node] : (rc_node){NULL, 0, 0, 0};
    rc_drop(&rc_stacks_lock);
    return o;
}

#endif
