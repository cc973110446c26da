/* SPDX-License-Identifier: MIT
 *
 * ap_os.h: what the core needs of the operating system. No other file of the core knows which system it runs on.
 *
 * It has locks and conditions, a parker for one thread, the monotonic clock, thread ids, the processor's spin hint,
 * callbacks around fork() and at the end of a thread, and memory on a cache line of its own. POSIX threads serve all
 * systems but Windows, which has SRWLOCK, CONDITION_VARIABLE and fiber-local storage. On Linux the parker is a futex,
 * because a thread returns from it without acquiring a lock.
 *
 * A .c file includes this header first. No other header includes it, so Cython and C code of other projects never
 * sees it.
 */
#ifndef AP_OS_H
#define AP_OS_H

/* -std=c11 hides POSIX and syscall() unless these are defined before the first system header: hence "includes this
 * first". */
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

#include "ap_base.h"
#include "ap_clock.h"

/* The processor's hint that this is a spin loop. */
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

/* Let the scheduler run another thread that waits for this core. */
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

/* False once the deadline has passed. True may be a spurious wake-up. */
static inline bool ap_os_cond_wait_until(ap_os_cond *cond, ap_os_lock *lock, int64_t deadline)
{
    DWORD ms = INFINITE;
    if (deadline != AP_FOREVER) {
        int64_t left = deadline - ap_os_now();
        if (left <= 0) {
            return false;
        }
        left = (left + 999999) / 1000000;                /* rounded up: not before the deadline */
        ms = left > 0x7fffffff ? 0x7fffffff : (DWORD)left; /* too short a wait is a spurious wake-up */
    }
    SleepConditionVariableSRW(cond, lock, ms, 0);
    return true;
}

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
static inline void *ap_os_key_get(ap_os_key key) { return FlsGetValue(key); }

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
    /* The wall clock may be set while a thread waits; the monotonic clock may not. */
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

/* The system refuses times before zero. */
static inline struct timespec ap_os_timespec(int64_t ns)
{
    ns = ns > 0 ? ns : 0;
    return (struct timespec){.tv_sec = (time_t)(ns / AP_NS_PER_SECOND), .tv_nsec = (long)(ns % AP_NS_PER_SECOND)};
}

/* False once the deadline has passed. True may be a spurious wake-up. */
static inline bool ap_os_cond_wait_until(ap_os_cond *cond, ap_os_lock *lock, int64_t deadline)
{
    if (deadline == AP_FOREVER) {
        pthread_cond_wait(cond, lock);
        return true;
    }
    int64_t at = deadline;
#if defined(__APPLE__)
    at -= ap_os_now(); /* a condition there takes the wall clock or a relative time */
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

/* From now on each fork() calls before() first, then parent() in the parent and child() in the child. False: no
 * memory. */
static inline bool ap_os_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void))
{
    return pthread_atfork(before, parent, child) == 0;
}

/* A value per thread. If it is not NULL when its thread ends, that thread calls at_end with it. */
#define AP_OS_CALLBACK
typedef pthread_key_t ap_os_key;

static inline bool ap_os_key_init(ap_os_key *key, void (*at_end)(void *))
{
    return pthread_key_create(key, at_end) == 0;
}
static inline bool ap_os_key_set(ap_os_key key, void *value) { return pthread_setspecific(key, value) == 0; }
static inline void *ap_os_key_get(ap_os_key key) { return pthread_getspecific(key); }

/* NULL: no memory. The alignment is a power of two. */
static inline void *ap_os_alloc_aligned(size_t alignment, size_t size)
{
    void *memory;
    return posix_memalign(&memory, alignment, size) == 0 ? memory : NULL;
}
static inline void ap_os_free_aligned(void *memory) { free(memory); }

#endif

/* A parker: one thread parks in it until another thread unparks it, once. The unpark may come before the park.
 *
 * The parked thread may free the parker as soon as it is unparked, so the unparking thread does not touch it after
 * its last step. What the unparking thread wrote before is visible to the thread that returns (release and acquire).
 * AP_OS_NO_FUTEX selects the second implementation on Linux, for its tests. */
#if defined(__linux__) && defined(__LP64__) && !defined(AP_OS_NO_FUTEX)

#include <sys/syscall.h>
#include <unistd.h>

/* From linux/futex.h, which some C libraries lack: wait until a time of the monotonic clock, and wake. */
enum { AP_FUTEX_WAKE = 1 | 128, AP_FUTEX_WAIT = 9 | 128 };
#define AP_FUTEX_ANY UINT32_MAX

typedef struct { _Atomic uint32_t state; } ap_os_parker;

enum {
    AP_OS_RUNNING = 0,
    AP_OS_UNPARKED = 1,
    AP_OS_PARKED = 2, /* in the futex, or about to enter it: the unparking thread has to call the system */
};

static inline void ap_os_parker_init(ap_os_parker *p) { atomic_init(&p->state, AP_OS_RUNNING); }
static inline void ap_os_parker_destroy(ap_os_parker *p) { (void)p; }

static inline bool ap_os_is_unparked(ap_os_parker *p) { return atomic_load(&p->state) == AP_OS_UNPARKED; }

/* False: the deadline has passed and the parker is not unparked. The thread may park in it again. */
static inline bool ap_os_park_until(ap_os_parker *p, int64_t deadline)
{
    struct timespec t = ap_os_timespec(deadline);
    const struct timespec *until = deadline == AP_FOREVER ? NULL : &t;
    uint32_t running = AP_OS_RUNNING;
    atomic_compare_exchange_strong(&p->state, &running, AP_OS_PARKED);
    while (!ap_os_is_unparked(p)) {
        if (syscall(SYS_futex, &p->state, AP_FUTEX_WAIT, AP_OS_PARKED, until, NULL, AP_FUTEX_ANY) != 0
            && errno == ETIMEDOUT) {
            return ap_os_is_unparked(p);
        }
    }
    return true;
}

static inline void ap_os_unpark(ap_os_parker *p)
{
    if (atomic_exchange(&p->state, AP_OS_UNPARKED) == AP_OS_PARKED) {
        /* The thread may have returned by now and its stack may have another use. Then this call wakes no thread, or it
         * is a spurious wake-up of another futex, whose thread checks its word again. */
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

/* Takes the lock to read one flag: the unparking thread must have left the parker before its owner frees it. */
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
    while (!p->unparked && ap_os_cond_wait_until(&p->cond, &p->lock, deadline)) { }
    bool unparked = p->unparked;
    ap_os_lock_release(&p->lock);
    return unparked;
}

static inline void ap_os_unpark(ap_os_parker *p)
{
    ap_os_lock_acquire(&p->lock);
    p->unparked = true;
    ap_os_cond_signal(&p->cond); /* with the lock held: after its release the parker may be freed */
    ap_os_lock_release(&p->lock);
}

#endif

#endif /* AP_OS_H */
