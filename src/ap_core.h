/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/parking.md
 *
 * ap_core.h: starts the core, and describes it as one table of functions.
 *
 * A process has one parking lot, so one shared library links src/. A Python package has many shared libraries, whose
 * symbols do not see each other. Each of the others compiles the fast paths inline from the headers, and links
 * atomicpy/_runtime/core_calls.c, which defines the functions below as calls through this table (as NumPy's random
 * and CPython's datetime do with their capsules). A C program links src/ and needs only ap_core_init().
 */
#ifndef AP_CORE_H
#define AP_CORE_H

#include "channel/ap_select.h"
#include "counter/ap_shards.h"
#include "park/ap_park.h"
#include "platform/ap_clock.h"
#include "platform/ap_owner.h"
#include "sync/ap_mutex.h"
#include "sync/ap_once.h"
#include "sync/ap_rwmutex.h"
#include "sync/ap_waitgroup.h"

/* Call once, from one thread, before any other function of the core. False: no memory for the handler of fork(), or no
 * thread-local key left. */
bool ap_core_init(void);

/* F(result, name, parameters, arguments) for each function with a result, P(name, parameters, arguments) for each
 * without. */
#define AP_CORE_FUNCTIONS(F, P)                                                                                      \
    F(int64_t, ap_now, (void), ())                                                                                   \
    F(bool, ap_owner_is_lost, (uint64_t id), (id))                                                                   \
    F(bool, ap_owner_is_caller, (uint64_t id), (id))                                                                 \
    F(ap_park_result, ap_park, (const void *word, ap_validate validate, uint64_t what, int64_t deadline),            \
      (word, validate, what, deadline))                                                                              \
    F(size_t, ap_unpark_slow, (const void *word, size_t n), (word, n))                                               \
    F(size_t, ap_waiters, (const void *word), (word))                                                                \
    F(bool, ap_mutex_lock_slow, (ap_mutex * m, int64_t since, int64_t deadline), (m, since, deadline))               \
    F(bool, ap_mutex_unlock_slow, (ap_mutex * m), (m))                                                               \
    F(bool, ap_rwmutex_read_lock_slow, (ap_rwmutex * rw, int64_t deadline), (rw, deadline))                          \
    F(bool, ap_rwmutex_read_unlock_slow, (ap_rwmutex * rw), (rw))                                                    \
    P(ap_rwmutex_forget_lost_readers, (ap_rwmutex * rw), (rw))                                                       \
    F(bool, ap_rwmutex_enter_slow, (ap_rwmutex * rw, int64_t since, int64_t deadline), (rw, since, deadline))        \
    F(bool, ap_rwmutex_drain, (ap_rwmutex * rw, int64_t deadline), (rw, deadline))                                   \
    P(ap_rwmutex_admit, (ap_rwmutex * rw), (rw))                                                                     \
    F(bool, ap_rwmutex_write_unlock_slow, (ap_rwmutex * rw), (rw))                                                   \
    F(ap_once_result, ap_once_begin, (ap_once * o, int64_t deadline), (o, deadline))                                 \
    P(ap_once_finish, (ap_once * o), (o))                                                                            \
    F(uint64_t, ap_waitgroup_waiters, (ap_waitgroup * wg), (wg))                                                     \
    F(ap_waitgroup_result, ap_waitgroup_add, (ap_waitgroup * wg, int64_t n, int64_t *seen), (wg, n, seen))           \
    F(bool, ap_waitgroup_enter, (ap_waitgroup * wg, uint64_t *ticket), (wg, ticket))                                 \
    F(bool, ap_waitgroup_wait, (ap_waitgroup * wg, int64_t deadline), (wg, deadline))                                \
    P(ap_waitgroup_leave, (ap_waitgroup * wg, uint64_t ticket), (wg, ticket))                                        \
    P(ap_shards_init, (ap_shards * c, int64_t value), (c, value))                                                    \
    P(ap_shards_destroy, (ap_shards * c), (c))                                                                       \
    F(ap_wide, ap_shards_load_slow, (ap_shards * c), (c))                                                            \
    F(bool, ap_shards_drain, (ap_shards * c, ap_wide * sum), (c, sum))                                               \
    F(size_t, ap_shards_cells, (ap_shards * c), (c))                                                                 \
    F(ap_shard_cell *, ap_shards_find_for, (ap_shards * c, ap_shard_self_address self), (c, self))                   \
    P(ap_shards_spill, (ap_shard_cell * cell, int64_t n, bool subtract), (cell, n, subtract))                        \
    P(ap_channel_init, (ap_channel * ch, uint64_t capacity), (ch, capacity))                                         \
    P(ap_channel_lock_slow, (ap_channel * ch), (ch))                                                                 \
    P(ap_channel_destroy, (ap_channel * ch), (ch))                                                                   \
    F(ap_channel_result, ap_channel_try_send_slow, (ap_channel * ch, void *value), (ch, value))                      \
    F(ap_channel_result, ap_channel_try_receive_slow, (ap_channel * ch, void **value), (ch, value))                  \
    F(bool, ap_channel_close, (ap_channel * ch), (ch))                                                               \
    F(bool, ap_channel_fire, (ap_channel * ch, int64_t due, int64_t now, void *value), (ch, due, now, value))        \
    F(void *, ap_channel_remove_waiter, (ap_channel * ch, void **value), (ch, value))                                \
    F(int, ap_channel_visit, (ap_channel * ch, ap_channel_visitor visit, void *context), (ch, visit, context))       \
    F(ap_select *, ap_select_new, (const ap_case *cases, size_t n), (cases, n))                                      \
    F(ap_case *, ap_select_case, (ap_select * s, size_t index), (s, index))                                          \
    P(ap_select_free, (ap_select * s), (s))                                                                          \
    F(int64_t, ap_select_wait, (ap_select * s, int64_t deadline, const ap_runtime *runtime), (s, deadline, runtime)) \
    F(uint32_t, ap_random_below, (uint32_t n), (n))                                                                  \
    F(ap_channel_result, ap_case_start, (ap_case * c), (c))                                                          \
    F(bool, ap_case_withdraw, (ap_case * c), (c))

#define AP_CORE_RESULT(result, name, parameters, arguments) result(*name) parameters;
#define AP_CORE_NO_RESULT(name, parameters, arguments) void(*name) parameters;

typedef struct {
    size_t size;                 /* sizeof(ap_core): another size is a table of another build */
    const uint64_t *owner_forks; /* the value of ap_owner_forks */
    ap_u32 *waiters_in;          /* the value of ap_waiters_in */
    AP_CORE_FUNCTIONS(AP_CORE_RESULT, AP_CORE_NO_RESULT)
} ap_core;

/* Fill in the table. After ap_core_init(). */
void ap_core_describe(ap_core *table);

#endif /* AP_CORE_H */
