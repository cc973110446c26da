/* SPDX-License-Identifier: MIT
 *
 * ap_wait.c: the table of sleeping threads. See ap_wait.h for what it promises and why no wake-up is lost.
 */
#include "../platform/ap_os.h"

#include "../atomic/ap_atomic.h"
#include "ap_count.h"
#include "ap_wait.h"

/* One thread asleep, on its own stack. It leaves ap_wait only after it took itself out of the queue, or after whoever did
 * that has unparked it, which is the last that one does: so nobody can touch it afterwards.
 *
 * Unparked it is with the bucket unlocked, and it comes back without a lock to take: it would have to wait for the very
 * thread that woke it, and be woken again. */
typedef struct sleeper {
    const void *word;
    struct sleeper *next; /* in the queue; then among those to unpark */
    ap_os_parker parker;
    int64_t since;
    uint64_t mark;
    bool handed; /* written before it is unparked, read after */
} sleeper;

/* The sleepers of all words that hash here, those who wait longest first. A cache line each, or close to it. */
typedef struct {
    ap_os_lock lock;
    sleeper *first;
    sleeper **end;   /* where the next one is hung in */
    int64_t latest;  /* nobody who ever joined the queue waits since a later time */
} bucket;

/* Threads that come at the same time may join in any order. One that waits much longer than the last of the queue is
 * back from a look for signals, or from a race for a lock that it lost, and gets its place back. */
#define SAME_TIME 100000 /* ns */

static bucket table[AP_BUCKETS];
ap_u32 ap_sleepers_in[AP_BUCKETS];

static void clear(void)
{
    for (size_t i = 0; i < AP_BUCKETS; i++) {
        ap_os_lock_init(&table[i].lock);
        table[i].first = NULL;
        table[i].end = &table[i].first;
        table[i].latest = 0;
        ap_init_u32(&ap_sleepers_in[i], 0);
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

static bucket *bucket_of(const void *word) { return &table[ap_bucket_of(word)]; }

static ap_u32 *sleepers_in(const bucket *b) { return &ap_sleepers_in[b - table]; }

static void hang(bucket *b, sleeper *s)
{
    sleeper **at = b->end;
    if (s->since < b->latest - SAME_TIME) {
        for (at = &b->first; *at != NULL && (*at)->since <= s->since;) {
            at = &(*at)->next;
        }
    } else if (s->since > b->latest) {
        b->latest = s->since;
    }
    s->next = *at;
    *at = s;
    if (s->next == NULL) {
        b->end = &s->next;
    }
}

static void unhang(bucket *b, sleeper **at)
{
    sleeper *s = *at;
    *at = s->next;
    if (b->end == &s->next) {
        b->end = at;
    }
    ap_fetch_sub_u32(sleepers_in(b), 1);
}

/* The deadline has passed: out of the queue. False: another thread has taken it out and is about to unpark it. */
static bool leave(bucket *b, sleeper *self)
{
    ap_os_lock_acquire(&b->lock);
    sleeper **at = &b->first;
    while (*at != NULL && *at != self) {
        at = &(*at)->next;
    }
    bool left = *at == self;
    if (left) {
        unhang(b, at);
    }
    ap_os_lock_release(&b->lock);
    return left || !ap_os_park_until(&self->parker, AP_FOREVER);
}

/* Before it sleeps, in the queue already. It leaves the core to whoever wants it. */
static bool is_woken_meanwhile(sleeper *self, const ap_place *place, int64_t deadline)
{
    while (!ap_os_is_unparked(&self->parker)) {
        int64_t now = ap_os_now();
        if (now >= deadline || !place->looks_on(place->context, now)) {
            return false;
        }
        ap_cpu_relax_for(16);
        ap_os_yield();
    }
    return true;
}

ap_wait_result ap_wait(const void *word, ap_still still, uint64_t what, int64_t deadline)
{
    ap_place last = {.since = ap_os_now()};
    return ap_wait_in_line(word, still, what, &last, deadline);
}

ap_wait_result ap_wait_in_line(
    const void *word, ap_still still, uint64_t what, const ap_place *place, int64_t deadline)
{
    bucket *b = bucket_of(word);

    ap_os_lock_acquire(&b->lock);
    ap_fetch_add_u32(sleepers_in(b), 1);
    if (!still(word, what)) {
        ap_fetch_sub_u32(sleepers_in(b), 1);
        ap_os_lock_release(&b->lock);
        return AP_CHANGED;
    }

    AP_COUNT(AP_SLEEP);
    sleeper self = {.word = word, .since = place->since, .mark = place->mark};
    ap_os_parker_init(&self.parker);
    hang(b, &self);
    ap_os_lock_release(&b->lock);

    bool timed_out = !(place->looks_on != NULL && is_woken_meanwhile(&self, place, deadline))
        && !ap_os_park_until(&self.parker, deadline) && leave(b, &self);
    ap_os_parker_destroy(&self.parker);
    return timed_out ? AP_TIMED_OUT : self.handed ? AP_HANDED : AP_WOKEN;
}

/* Take the first n that sleep on word out of the queue, as a list for unpark(); the bucket is locked. */
static sleeper *take_first(bucket *b, const void *word, size_t n, bool handed)
{
    sleeper *woken = NULL, **end = &woken;
    for (sleeper **at = &b->first; *at != NULL && n > 0;) {
        sleeper *s = *at;
        if (s->word != word) {
            at = &s->next;
            continue;
        }
        unhang(b, at);
        s->handed = handed;
        s->next = NULL;
        *end = s;
        end = &s->next;
        n--;
        AP_COUNT(AP_WAKE);
    }
    return woken;
}

/* And let them go, with the bucket unlocked. Returns how many they were. */
static size_t unpark(sleeper *woken)
{
    size_t n = 0;
    while (woken != NULL) {
        sleeper *next = woken->next;
        ap_os_unpark(&woken->parker);
        woken = next;
        n++;
    }
    return n;
}

static ap_line line_of(const bucket *b, const void *word, size_t most)
{
    ap_line line = {0};
    for (const sleeper *s = b->first; s != NULL && line.sleepers < most; s = s->next) {
        if (s->word == word && line.sleepers++ == 0) {
            line.since = s->since;
            line.mark = s->mark;
        }
    }
    return line;
}

size_t ap_wake_slow(const void *word, size_t n)
{
    bucket *b = bucket_of(word);
    ap_os_lock_acquire(&b->lock);
    sleeper *woken = take_first(b, word, n, false);
    ap_os_lock_release(&b->lock);
    return unpark(woken);
}

void ap_wake_by(void *word, size_t most, ap_decide decide, void *context)
{
    bucket *b = bucket_of(word);
    bool hand_over = false;

    ap_os_lock_acquire(&b->lock);
    ap_line line = line_of(b, word, most);
    size_t n = decide(word, &line, &hand_over, context);
    sleeper *woken = take_first(b, word, n, hand_over);
    ap_os_lock_release(&b->lock);
    unpark(woken);
}

size_t ap_sleepers(const void *word)
{
    bucket *b = bucket_of(word);
    ap_os_lock_acquire(&b->lock);
    size_t n = line_of(b, word, SIZE_MAX).sleepers;
    ap_os_lock_release(&b->lock);
    return n;
}
