/* SPDX-License-Identifier: MIT
 *
 * ap_base.h: what the core needs of the compiler and the processor.
 */
#ifndef AP_BASE_H
#define AP_BASE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#if ATOMIC_CHAR_LOCK_FREE != 2 || ATOMIC_INT_LOCK_FREE != 2 || ATOMIC_LLONG_LOCK_FREE != 2
#error "atomicpy needs lock-free atomics of 8, 32 and 64 bits; this target has none"
#endif

/* Keep a rare path out of the straight line. */
#if defined(__GNUC__)
#define AP_UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define AP_COLD __attribute__((noinline, cold))
#else
#define AP_UNLIKELY(condition) (condition)
#define AP_COLD
#endif

/* What one core takes from another at once: x86 fetches pairs of 64-byte lines, several ARMs have lines of 128. */
#if defined(__x86_64__) || defined(_M_X64) || defined(__aarch64__) || defined(_M_ARM64) || defined(__powerpc64__)
#define AP_CACHE_LINE 128
#else
#define AP_CACHE_LINE 64
#endif

/* Shared by the files of a module and private to it: its address is a fixed distance from the code. */
#if defined(__GNUC__)
#define AP_HIDDEN __attribute__((visibility("hidden")))
#else
#define AP_HIDDEN
#endif

/* A variable of each thread, private to the module. With glibc it lies at a fixed distance from the thread pointer,
 * so an access needs no call; other C libraries refuse to load such a module after the start of the program. */
#if defined(_MSC_VER)
#define AP_THREAD_LOCAL __declspec(thread)
#elif defined(__GLIBC__)
#define AP_THREAD_LOCAL __attribute__((visibility("hidden"), tls_model("initial-exec"))) _Thread_local
#else
#define AP_THREAD_LOCAL __attribute__((visibility("hidden"))) _Thread_local
#endif

#endif /* AP_BASE_H */
