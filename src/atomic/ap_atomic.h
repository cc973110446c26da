/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/atomic-values.md
 *
 * ap_atomic.h: atomic values of one word. The one header to include; each type has a file.
 *
 * One struct with one _Atomic field per type: ap_i64, ap_u64, ap_bool, ap_f64, ap_u32. A function is named
 * ap_<operation>_<type>; the operations are those of C11, 7.17.7. Without a suffix it is sequentially consistent; a
 * suffix (_relaxed, _acquire, _release) names a weaker order. Arithmetic wraps modulo 2**64, as C11 says of atomic
 * types (7.17.7.5), signed ones included; the *_checked functions refuse instead.
 *
 * What the weaker orders promise (C11, 7.17.3):
 *
 *     _relaxed    one indivisible step, and nothing about other variables: a statistic, read when its writers are done
 *     _release    what this thread wrote before is seen by who sees this write by an acquire: publishing
 *     _acquire    what was written before the release that this read sees is seen after it: receiving
 *
 * A step that changes nothing is a load: compare_exchange that finds another value, fetch_max and fetch_min that
 * find one beyond theirs. Such a load is an acquire under _acquire and relaxed under _release and _relaxed. There is
 * nothing to release with it: it leaves no value by which another thread could tell that it has been.
 */
#ifndef AP_ATOMIC_H
#define AP_ATOMIC_H

#include "ap_bool.h"
#include "ap_f64.h"
#include "ap_i64.h"
#include "ap_u32.h"
#include "ap_u64.h"

#endif /* AP_ATOMIC_H */
