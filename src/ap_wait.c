/* SPDX-License-Identifier: MIT
 *
 * ap_wait.c: the table of sleeping threads. See ap_wait.h for what it promises and why no wake-up is lost.
 */
#include "ap_os.h"

#include "ap_atomic.h"
#include "ap_wait.h"

/* One thread asleep, on its own stack: it leaves ap_wait only when it is out of the queue, with the bucket's lock held,
 * so nobody can touch it afterwards. */
typedef struct sleeper {
    const void *word;
    struct sleeper *next;
    ap_os_cond cond;
    bool woken; /* written and read with the bucket locked */
} sleeper;

/* The sleepers of all words that hash here, longest asleep first. A cache line each, or close to it. */
typedef struct {
    ap_os_lock lock;
    sleeper *first;
    sleeper **end;   /* where the next one is hung in */
    ap_u32 sleepers; /* in the queue, or with the lock held and about to look whether to join it */
} bucket;

#define BUCKETS 256u
static bucket table[BUCKETS];

static void clear(void)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        ap_os_lock_init(&table[i].lock);
        table[i].first = NULL;
        table[i].end = &table[i].first;
        ap_init_u32(&table[i].sleepers, 0);
    }
}

bool ap_wait_init(void)
{
    static bool done = false;
    if (!done) {
        clear();
        /* In the child only the forking thread lives on, and it is not in here: whoever held a lock or slept in the
         * parent is gone, and so are the stacks that the queues point to. */
        done = ap_os_at_fork_child(clear);
    }
    return done;
}

int64_t ap_now(void) { return ap_os_now(); }

static bucket *bucket_of(const void *word)
{
    /* Fibonacci hashing (Knuth, volume 3, 6.4): the top bits of the product depend on all bits of the address. */
    return &table[((uint64_t)(uintptr_t)word * UINT64_C(0x9E3779B97F4A7C15)) >> 56];
}
_Static_assert(BUCKETS == 1u << (64 - 56), "the shift picks one of BUCKETS");

static void unhang(bucket *b, sleeper **at)
{
    sleeper *s = *at;
    *at = s->next;
    if (b->end == &s->next) {
        b->end = at;
    }
}

ap_wait_result ap_wait(const void *word, ap_still still, uint64_t what, int64_t deadline)
{
    bucket *b = bucket_of(word);
    ap_wait_result result = AP_WOKEN;

    ap_os_lock_acquire(&b->lock);
    ap_fetch_add_u32(&b->sleepers, 1);
    if (!still(word, what)) {
        ap_fetch_sub_u32(&b->sleepers, 1);
        ap_os_lock_release(&b->lock);
        return AP_CHANGED;
    }

    sleeper self = {.word = word, .next = NULL, .woken = false};
    ap_os_cond_init(&self.cond);
    *b->end = &self;
    b->end = &self.next;

    while (!self.woken) {
        if (!ap_os_cond_wait_until(&self.cond, &b->lock, deadline) && !self.woken) {
            sleeper **at = &b->first;
            while (*at != &self) {
                at = &(*at)->next;
            }
            unhang(b, at);
            result = AP_TIMED_OUT;
            break;
        }
    }
    ap_fetch_sub_u32(&b->sleepers, 1);
    ap_os_lock_release(&b->lock);
    ap_os_cond_destroy(&self.cond);
    return result;
}

size_t ap_wake(const void *word, size_t n)
{
    bucket *b = bucket_of(word);
    size_t woken = 0;

    /* Nobody here, no lock; ap_wait.h says why none is missed. */
    if (ap_load_u32(&b->sleepers) == 0) {
        return 0;
    }
    ap_os_lock_acquire(&b->lock);
    for (sleeper **at = &b->first; *at != NULL && woken < n;) {
        sleeper *s = *at;
        if (s->word != word) {
            at = &s->next;
            continue;
        }
        unhang(b, at);
        s->woken = true;
        /* With the lock held: once it is released, s may return and its condition be gone. */
        ap_os_cond_signal(&s->cond);
        woken++;
    }
    ap_os_lock_release(&b->lock);
    return woken;
}
