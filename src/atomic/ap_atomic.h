/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/atomic-values.md
 *
 * ap_atomic.h: atomic values of one word. The one header to include; each type has a file.
 *
 * One struct with one _Atomic field per type: ap_i64, ap_u64, ap_bool, ap_f64, ap_u32. A function is named
 * ap_<operation>_<type>; the operations are those of C11, 7.17.7. Without a suffix it is sequentially consistent; a
 * suffix (_relaxed, _acquire, _release) names a weaker order. Arithmetic wraps modulo 2**64, signed types included
 * (C11, 7.17.7.5). The *_checked functions return false instead.
 *
 * What the weaker orders promise (C11, 7.17.3):
 *
 *     _relaxed    one indivisible step, and nothing about other variables: a statistic, read when its writers are done
 *     _release    an acquire that reads this write makes the thread's earlier writes visible: publishing
 *     _acquire    the writes before the release that this step reads are visible after it: receiving
 *
 * A step that changes nothing is a load: a compare_exchange that finds another value, a fetch_max or fetch_min that
 * finds one beyond its own. Such a load is an acquire under _acquire, and relaxed under _release and _relaxed. It
 * cannot be a release, because it writes no value that another thread could read.
 */
#ifndef AP_ATOMIC_H
#define AP_ATOMIC_H

#include "ap_bool.h"
#include "ap_f64.h"
#include "ap_i64.h"
#include "ap_u32.h"
#include "ap_u64.h"

#endif /* AP_ATOMIC_H */
