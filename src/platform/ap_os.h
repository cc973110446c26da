/* SPDX-License-Identifier: MIT
 *
 * ap_os.h: what the core needs of the operating system, and the only place that knows which one it is.
 *
 * A lock, a place for one thread to sleep in, the monotonic clock, the thread's id, a word to the processor while
 * spinning, callbacks around fork and at the end of a thread, and memory on a cache line of its own. POSIX threads
 * everywhere but on Windows, which has SRWLOCK, CONDITION_VARIABLE and fiber-local storage for the same; and the futex of
 * Linux, from which a thread comes back without a lock to take.
 *
 * The .c files include it, and first; no header does, so that Cython and C code built on the headers never sees it.
 */
#ifndef AP_OS_H
#define AP_OS_H

/* -std=c11 hides POSIX and syscall() until they are asked for, and before the first system header: hence the first
 * include of a .c. */
#if !defined(_WIN32) && !defined(__APPLE__)
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#endif

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "../atomic/ap_u32.h"
#include "../park/ap_wait.h" /* AP_FOREVER */

#define AP_NS_PER_SECOND INT64_C(1000000000)

/* Spinning: tells the processor that this is a wait loop. */
static inline void ap_cpu_relax(void)
{
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
    __builtin_ia32_pause();
#elif defined(__GNUC__) && defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}

static inline void ap_cpu_relax_for(int pauses)
{
    while (pauses-- > 0) {
        ap_cpu_relax();
    }
}

#if defined(_WIN32)

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

/* Let another thread that waits for this core run first. */
static inline void ap_os_yield(void) { SwitchToThread(); }

typedef SRWLOCK ap_os_lock;
typedef CONDITION_VARIABLE ap_os_cond;

static inline void ap_os_lock_init(ap_os_lock *lock) { InitializeSRWLock(lock); }
static inline void ap_os_lock_acquire(ap_os_lock *lock) { AcquireSRWLockExclusive(lock); }
static inline void ap_os_lock_release(ap_os_lock *lock) { ReleaseSRWLockExclusive(lock); }
static inline void ap_os_lock_destroy(ap_os_lock *lock) { (void)lock; }
static inline void ap_os_cond_init(ap_os_cond *cond) { InitializeConditionVariable(cond); }
static inline void ap_os_cond_destroy(ap_os_cond *cond) { (void)cond; }
static inline void ap_os_cond_signal(ap_os_cond *cond) { WakeConditionVariable(cond); }

static inline uint64_t ap_os_thread_id(void) { return GetCurrentThreadId(); }

static inline int64_t ap_os_now(void)
{
    LARGE_INTEGER ticks, per_second;
    QueryPerformanceCounter(&ticks);
    QueryPerformanceFrequency(&per_second);
    int64_t seconds = ticks.QuadPart / per_second.QuadPart, rest = ticks.QuadPart % per_second.QuadPart;
    return seconds * AP_NS_PER_SECOND + rest * AP_NS_PER_SECOND / per_second.QuadPart;
}

/* False once the deadline has passed; may return true for no reason. */
static inline bool ap_os_cond_wait_until(ap_os_cond *cond, ap_os_lock *lock, int64_t deadline)
{
    DWORD ms = INFINITE;
    if (deadline != AP_FOREVER) {
        int64_t left = deadline - ap_os_now();
        if (left <= 0) {
            return false;
        }
        left = (left + 999999) / 1000000;                /* never before the deadline */
        ms = left > 0x7fffffff ? 0x7fffffff : (DWORD)left; /* and where that is too soon, it was for no reason */
    }
    SleepConditionVariableSRW(cond, lock, ms, 0);
    return true;
}

static inline bool ap_os_at_fork_child(void (*child)(void)) { (void)child; return true; }
static inline bool ap_os_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void))
{
    (void)before, (void)parent, (void)child;
    return true;
}

#define AP_OS_CALLBACK NTAPI
typedef DWORD ap_os_key;

static inline bool ap_os_key_init(ap_os_key *key, void(AP_OS_CALLBACK *at_end)(void *))
{
    return (*key = FlsAlloc(at_end)) != FLS_OUT_OF_INDEXES;
}
static inline bool ap_os_key_set(ap_os_key key, void *value) { return FlsSetValue(key, value); }

static inline void *ap_os_alloc_aligned(size_t alignment, size_t size) { return _aligned_malloc(size, alignment); }
static inline void ap_os_free_aligned(void *memory) { _aligned_free(memory); }

#else /* POSIX */

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

static inline void ap_os_yield(void) { sched_yield(); }

typedef pthread_mutex_t ap_os_lock;
typedef pthread_cond_t ap_os_cond;

static inline void ap_os_lock_init(ap_os_lock *lock) { pthread_mutex_init(lock, NULL); }
static inline void ap_os_lock_acquire(ap_os_lock *lock) { pthread_mutex_lock(lock); }
static inline void ap_os_lock_release(ap_os_lock *lock) { pthread_mutex_unlock(lock); }
static inline void ap_os_lock_destroy(ap_os_lock *lock) { pthread_mutex_destroy(lock); }
static inline void ap_os_cond_destroy(ap_os_cond *cond) { pthread_cond_destroy(cond); }
static inline void ap_os_cond_signal(ap_os_cond *cond) { pthread_cond_signal(cond); }

static inline void ap_os_cond_init(ap_os_cond *cond)
{
#if defined(__APPLE__)
    pthread_cond_init(cond, NULL);
#else
    /* The wall clock may be set back or forward while we sleep; the monotonic one may not. */
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
#endif
}

/* The same number as Python's threading.get_ident(). */
static inline uint64_t ap_os_thread_id(void) { return (uint64_t)(uintptr_t)pthread_self(); }

static inline int64_t ap_os_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * AP_NS_PER_SECOND + (int64_t)t.tv_nsec;
}

/* The system knows no time before zero. */
static inline struct timespec ap_os_timespec(int64_t ns)
{
    ns = ns > 0 ? ns : 0;
    return (struct timespec){.tv_sec = (time_t)(ns / AP_NS_PER_SECOND), .tv_nsec = (long)(ns % AP_NS_PER_SECOND)};
}

/* False once the deadline has passed; may return true for no reason. */
static inline bool ap_os_cond_wait_until(ap_os_cond *cond, ap_os_lock *lock, int64_t deadline)
{
    if (deadline == AP_FOREVER) {
        pthread_cond_wait(cond, lock);
        return true;
    }
    int64_t at = deadline;
#if defined(__APPLE__)
    at -= ap_os_now(); /* a condition there knows the wall clock and relative times only */
    if (at <= 0) {
        return false;
    }
#endif
    struct timespec t = ap_os_timespec(at);
#if defined(__APPLE__)
    return pthread_cond_timedwait_relative_np(cond, lock, &t) != ETIMEDOUT;
#else
    return pthread_cond_timedwait(cond, lock, &t) != ETIMEDOUT;
#endif
}

/* Have child() called in the child after each fork(). False: no memory for that. */
static inline bool ap_os_at_fork_child(void (*child)(void)) { return pthread_atfork(NULL, NULL, child) == 0; }

/* Have before() called before each fork(), then parent() in the parent and child() in the child. */
static inline bool ap_os_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void))
{
    return pthread_atfork(before, parent, child) == 0;
}

/* A value per thread; where it is not NULL at the end of its thread, at_end is called with it, in that thread. */
#define AP_OS_CALLBACK
typedef pthread_key_t ap_os_key;

static inline bool ap_os_key_init(ap_os_key *key, void (*at_end)(void *)) { return pthread_key_create(key, at_end) == 0; }
static inline bool ap_os_key_set(ap_os_key key, void *value) { return pthread_setspecific(key, value) == 0; }

/* NULL: no memory. The alignment is a power of two. */
static inline void *ap_os_alloc_aligned(size_t alignment, size_t size)
{
    void *memory;
    return posix_memalign(&memory, alignment, size) == 0 ? memory : NULL;
}
static inline void ap_os_free_aligned(void *memory) { free(memory); }

#endif

/* A place for one thread to sleep in. Another one unparks it, once: before or after it parked, that is all the same. Once
 * unparked it may be gone, so whoever unparks touches nothing of it afterwards. What was written before is seen by the
 * thread that comes back. AP_OS_NO_FUTEX is for the tests of the second half. */
#if defined(__linux__) && defined(__LP64__) && !defined(AP_OS_NO_FUTEX)

#include <sys/syscall.h>
#include <unistd.h>

/* Of linux/futex.h, which not every C library brings along: wait with a deadline of the monotonic clock, and wake. */
enum { AP_FUTEX_WAKE = 1 | 128, AP_FUTEX_WAIT = 9 | 128 };
#define AP_FUTEX_ANY UINT32_MAX

typedef struct {
    ap_u32 state;
} ap_os_parker;

enum { AP_OS_AWAKE = 0, AP_OS_UNPARKED = 1, AP_OS_ASLEEP = 2 /* or about to be: to be woken by the system */ };

static inline void ap_os_parker_init(ap_os_parker *p) { ap_init_u32(&p->state, AP_OS_AWAKE); }
static inline void ap_os_parker_destroy(ap_os_parker *p) { (void)p; }

static inline bool ap_os_is_unparked(ap_os_parker *p) { return ap_load_u32(&p->state) == AP_OS_UNPARKED; }

/* False: the deadline has passed and nobody has unparked it. It still may be, and may park again. */
static inline bool ap_os_park_until(ap_os_parker *p, int64_t deadline)
{
    struct timespec t = ap_os_timespec(deadline);
    const struct timespec *until = deadline == AP_FOREVER ? NULL : &t;
    uint32_t awake = AP_OS_AWAKE;
    ap_compare_exchange_u32(&p->state, &awake, AP_OS_ASLEEP);
    while (!ap_os_is_unparked(p)) {
        if (syscall(SYS_futex, &p->state, AP_FUTEX_WAIT, AP_OS_ASLEEP, until, NULL, AP_FUTEX_ANY) != 0
            && errno == ETIMEDOUT) {
            return ap_os_is_unparked(p);
        }
    }
    return true;
}

static inline void ap_os_unpark(ap_os_parker *p)
{
    if (ap_exchange_u32(&p->state, AP_OS_UNPARKED) == AP_OS_ASLEEP) {
        /* The thread may be back by now, and its stack another's: then this wakes nobody, or one who looks again. */
        syscall(SYS_futex, &p->state, AP_FUTEX_WAKE, 1, NULL, NULL, 0);
    }
}

#else

typedef struct {
    ap_os_lock lock;
    ap_os_cond cond;
    bool unparked;
} ap_os_parker;

static inline void ap_os_parker_init(ap_os_parker *p)
{
    ap_os_lock_init(&p->lock);
    ap_os_cond_init(&p->cond);
    p->unparked = false;
}

static inline void ap_os_parker_destroy(ap_os_parker *p)
{
    ap_os_cond_destroy(&p->cond);
    ap_os_lock_destroy(&p->lock);
}

/* With the lock, though it is one flag: whoever unparks has to be done before the thread goes. */
static inline bool ap_os_is_unparked(ap_os_parker *p)
{
    ap_os_lock_acquire(&p->lock);
    bool unparked = p->unparked;
    ap_os_lock_release(&p->lock);
    return unparked;
}

static inline bool ap_os_park_until(ap_os_parker *p, int64_t deadline)
{
    ap_os_lock_acquire(&p->lock);
    while (!p->unparked && ap_os_cond_wait_until(&p->cond, &p->lock, deadline)) {
    }
    bool unparked = p->unparked;
    ap_os_lock_release(&p->lock);
    return unparked;
}

static inline void ap_os_unpark(ap_os_parker *p)
{
    ap_os_lock_acquire(&p->lock);
    p->unparked = true;
    ap_os_cond_signal(&p->cond); /* with the lock held: once it is released, all of this may be gone */
    ap_os_lock_release(&p->lock);
}

#endif

#endif /* AP_OS_H */
