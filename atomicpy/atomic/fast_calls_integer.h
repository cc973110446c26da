/* SPDX-License-Identifier: MIT
 *
 * fast_calls_integer.h: the fast calls of AtomicInt and AtomicUInt; see fast_calls.h. Before the include the module
 * defines AP_NUMBER, AP_BOX and AP_IS_PLAIN. The last is true for a small int that is in the range of the type.
 */
#ifndef AP_FAST_CALLS_INTEGER_H
#define AP_FAST_CALLS_INTEGER_H

#include "_runtime/fast_calls.h"

AP_FAST_NEW(false, nargs == 0 || AP_IS_PLAIN(args[0]),
            nargs == 0 ? ap_do_init(self, ap_default_zero()) : ap_do_init(self, args[0]))

AP_FAST_LOAD
AP_FAST_INT

AP_FAST_STEP(add, AP_IS_PLAIN)
AP_FAST_STEP(sub, AP_IS_PLAIN)
AP_FAST_STEP(fetch_add, AP_IS_PLAIN)
AP_FAST_STEP(fetch_sub, AP_IS_PLAIN)

#define AP_FAST_SWAP(name) AP_FAST_ONE(name, AP_IS_PLAIN(argument), ap_do_##name(self, argument, &result))
AP_FAST_SWAP(exchange)
AP_FAST_SWAP(fetch_and)
AP_FAST_SWAP(fetch_or)
AP_FAST_SWAP(fetch_xor)
AP_FAST_SWAP(fetch_max)
AP_FAST_SWAP(fetch_min)

AP_FAST_CALL(compare_exchange, 2, 2, AP_IS_PLAIN(args[0]) && AP_IS_PLAIN(args[1]),
             ap_truth_or_error(ap_do_compare_exchange(self, args[0], args[1])))

AP_FAST_CALL(wait, 1, 1, AP_IS_PLAIN(args[0]) && ap_do_differs(self, args[0]), ap_truth(true))
AP_FAST_NOARGS(notify_all, PyLong_FromSize_t(ap_do_notify_all(self)))
AP_FAST_CALL(notify, 0, 1, nargs == 0 || ap_is_natural(args[0]),
             PyLong_FromSize_t(ap_do_notify(self, nargs == 0 ? ap_default_one() : args[0])))

static const ap_fast_call ap_fast_calls[] = {
    AP_OVERRIDE_NOARGS(load),
    AP_OVERRIDE(add),
    AP_OVERRIDE(sub),
    AP_OVERRIDE(fetch_add),
    AP_OVERRIDE(fetch_sub),
    AP_OVERRIDE_ONE(exchange),
    AP_OVERRIDE_ONE(fetch_and),
    AP_OVERRIDE_ONE(fetch_or),
    AP_OVERRIDE_ONE(fetch_xor),
    AP_OVERRIDE_ONE(fetch_max),
    AP_OVERRIDE_ONE(fetch_min),
    AP_OVERRIDE(compare_exchange),
    AP_OVERRIDE(wait),
    AP_OVERRIDE(notify),
    AP_OVERRIDE_NOARGS(notify_all),
    AP_OVERRIDE_END,
};

#endif /* AP_FAST_CALLS_INTEGER_H */
